// The kernel for batch norm, and for other norms whose runs are long or whose tiles have several
// rows.
//
// Each thread has units of its own. If there are too few units, or a tile is too large for the
// cache of one core, all threads share each unit and reduce their sums.
#pragma once

#include <omp.h>

#include <string>
#include <vector>

#include "harness/core/backend.h"
#include "impls/simd/band.h"
#include "impls/simd/layout.h"
#include "impls/simd/overflow.h"
#include "impls/simd/units.h"

namespace simd {

template <class T>
class CellsKernel : public normbench::Kernel {
  using Real = normbench::Parameter<T>;

 public:
  CellsKernel(const normbench::Problem& problem, const normbench::Arguments& arguments,
              const CellLayout& layout, const Settings& settings)
      : problem_(problem),
        arguments_(arguments),
        layout_(layout),
        table_(functions<T>(settings.target)),
        functions_(layout.cell == 1 ? table_.columns : table_.runs),
        exchange_(layout.shared ? layout.threads : 1, layout.tiles_of_unit * layout.cells_of_tile) {
    const Index cells = layout.tiles_of_unit * layout.cells_of_tile;
    for (int i = 0; i < layout.threads; ++i) {
      bands_.emplace_back(cells, collects() ? layout.tiles.parameters() : 0);
      spare_.emplace_back(layout.cells_of_tile, 0);
    }
    const auto constants = static_cast<std::size_t>(layout.tiles.parameters());
    ones_.assign(arguments.gamma.present() ? 0 : constants, 1);
    zeros_.assign(arguments.beta.present() ? 0 : constants, 0);
  }

  void run() override {
    if (layout_.threads == 1) return work(0, 1);
#pragma omp parallel num_threads(layout_.threads)
    work(omp_get_thread_num(), omp_get_num_threads());
  }

  std::string detail() const override { return table_.target + (", " + layout_.detail()); }

 private:
  // Whether several tiles contribute to the gradient of a parameter. The gradients are then
  // accumulated over a mini-batch.
  bool collects() const {
    return problem_.backward() && problem_.affine && problem_.norm != normbench::Norm::kBatch;
  }
  bool trains() const { return problem_.pass == normbench::Pass::kForwardTraining; }
  bool updates() const { return trains() && arguments_.running_mean.present(); }
  // Running statistics are updated in the order of mini-batches. If threads work on different ones,
  // this waits until all are done.
  bool updates_at_the_end() const {
    return layout_.threads > 1 && !layout_.shared && layout_.bands > 1;
  }
  // Whether this thread stores the results: of the threads that share a unit, only the first does.
  bool speaks(const Unit& u) const { return !layout_.shared || u.thread == 0; }

  void work(int thread, int team) {
    const Index parts = collects() ? problem_.mini_batches() : 1;
    const Index bands = layout_.bands / parts;
    const Index units = bands * layout_.units_across();
    Band<Real>& band = bands_[static_cast<std::size_t>(thread)];
    for (Index part = 0; part < parts; ++part) {
      if (collects()) band.clear_gradients();
      const Range mine = layout_.shared ? Range{0, units} : share_of(units, thread, team);
      Unit next = unit_of(layout_, part * units + mine.first, thread, team);
      for (Index i = 1; i <= mine.size; ++i) {
        Unit u = next;
        if (i < mine.size) {
          next = unit_of(layout_, part * units + mine.first + i, thread, team);
          u.next = next.offset - u.offset;
        }
        process(band, u);
      }
      if (collects()) add_up_gradients(part, thread, team);
    }
    if (updates() && updates_at_the_end()) {
#pragma omp barrier
      const Range channels = share_of(layout_.tiles.across(), thread, team, 16);
      for (Index i = 0; i < layout_.bands; ++i) update_running(i, channels);
    }
  }

  void process(Band<Real>& band, const Unit& u) {
    if (problem_.uses_running_statistics()) {
      load_running(band, u);
    } else if (problem_.backward()) {
      load_saved(band, u);
    } else {
      find_statistics(band, u);
      if (trains() && speaks(u)) save_statistics(band, u);
    }
    if (layout_.one_read) return apply(band, u);
    const Real* mean = spread(band.mean, band.spread_mean, u);
    const Real* scale = find_scale(band, u);
    if (problem_.backward()) return backward(band, u, mean, scale);
    const Real* beta = parameters(arguments_.beta, zeros_, band.beta, u);
    functions_.normalize(data<T>(arguments_.x, u.offset), data<T>(arguments_.y, u.offset),
                         region_for_writing(layout_, u), mean, scale, beta, layout_.streaming);
    if (updates() && !updates_at_the_end() && speaks(u)) {
      update_running(u.band, {u.first_tile, u.tiles});
    }
  }

  // Batch norm in inference, folded: y = x * scale + bias.
  void apply(Band<Real>& band, const Unit& u) const {
    Real* scale = band.scale.data();
    Real* shift = band.constant.data();
    table_.statistics.multiply(u.tiles, band.rstd.data(), numbers(arguments_.gamma, ones_, u),
                               scale);
    table_.statistics.fold(u.tiles, band.mean.data(), scale, numbers(arguments_.beta, zeros_, u),
                           shift);
    functions_.apply(data<T>(arguments_.x, u.offset), data<T>(arguments_.y, u.offset),
                     region_for_writing(layout_, u), spread(band.scale, band.spread_scale, u),
                     spread(band.constant, band.spread_constant, u), layout_.streaming);
  }

  // Broadcasts the values of tiles to their cells.
  const Real* spread(const Numbers<Real>& of_tiles, Numbers<Real>& of_cells, const Unit& u) const {
    if (u.cells_of_tile == 1) return of_tiles.data();
    return spread(of_tiles.data(), of_cells, u);
  }
  const Real* spread(const Real* of_tiles, Numbers<Real>& of_cells, const Unit& u) const {
    if (layout_.folded == 1) {
      table_.statistics.spread(u.tiles, u.cells_of_tile, of_tiles, of_cells.data());
    } else {
      for (Index i = 0; i < u.cells; i += u.tiles) std::copy_n(of_tiles, u.tiles, &of_cells[at(i)]);
    }
    return of_cells.data();
  }

  // gamma or beta of the unit: an element per cell if cells_are_parameters(), else per tile.
  const Real* numbers(const normbench::Tensor& tensor, const Numbers<Real>& absent,
                      const Unit& u) const {
    const Real* all = tensor.present() ? data<Real>(tensor) : absent.data();
    return all + (layout_.cells_are_parameters() ? u.first_cell : u.first_tile);
  }

  // The same, broadcast to an element per cell.
  const Real* parameters(const normbench::Tensor& tensor, const Numbers<Real>& absent,
                         Numbers<Real>& of_cells, const Unit& u) const {
    const Real* own = numbers(tensor, absent, u);
    return layout_.cells_are_parameters() ? own : spread(own, of_cells, u);
  }

  // rstd * gamma per cell.
  const Real* find_scale(Band<Real>& band, const Unit& u) const {
    const Real* gamma = numbers(arguments_.gamma, ones_, u);
    if (layout_.cells_are_parameters()) {
      const Real* rstd = spread(band.rstd, band.spread_rstd, u);
      table_.statistics.multiply(u.cells, rstd, gamma, band.scale.data());
      return band.scale.data();
    }
    table_.statistics.multiply(u.tiles, band.rstd.data(), gamma, band.scale.data());
    return spread(band.scale, band.spread_scale, u);
  }

  void load_running(Band<Real>& band, const Unit& u) const {
    const auto tiles = static_cast<std::size_t>(u.tiles);
    std::copy_n(data<Real>(arguments_.running_mean, u.first_tile), tiles, band.mean.begin());
    table_.statistics.rstd(u.tiles, data<Real>(arguments_.running_var, u.first_tile), problem_.eps,
                           band.rstd.data());
  }

  Index statistic(const Unit& u) const { return u.band * layout_.tiles.across() + u.first_tile; }

  void load_saved(Band<Real>& band, const Unit& u) const {
    const auto tiles = static_cast<std::size_t>(u.tiles);
    std::copy_n(data<Real>(arguments_.mean, statistic(u)), tiles, band.mean.begin());
    std::copy_n(data<Real>(arguments_.rstd, statistic(u)), tiles, band.rstd.begin());
  }

  void save_statistics(const Band<Real>& band, const Unit& u) const {
    const auto tiles = static_cast<std::size_t>(u.tiles);
    std::copy_n(band.mean.begin(), tiles, data<Real>(arguments_.mean, statistic(u)));
    std::copy_n(band.variance.begin(), tiles, data<Real>(arguments_.variance, statistic(u)));
    std::copy_n(band.rstd.begin(), tiles, data<Real>(arguments_.rstd, statistic(u)));
  }

  void update_running(Index band, Range channels) const {
    const Index first = band * layout_.tiles.across() + channels.first;
    const auto n = static_cast<double>(layout_.tiles.values());
    table_.statistics.update(channels.size, data<Real>(arguments_.mean, first),
                             data<Real>(arguments_.variance, first), problem_.momentum, n / (n - 1),
                             data<Real>(arguments_.running_mean, channels.first),
                             data<Real>(arguments_.running_var, channels.first));
  }

  void find_statistics(Band<Real>& band, const Unit& u) {
    find_shift(band, u);
    if (sum_and_conclude(band, u)) return;
    for (Index i = 0; i < u.tiles; ++i) find_anew(band, u, i);
  }

  // Each thread samples the whole unit, so threads that share a unit find the same shift.
  void find_shift(Band<Real>& band, const Unit& u) {
    constexpr Index kEnoughValues = 8;
    const T* x = data<T>(arguments_.x, offset_of_whole(layout_, u));
    if (layout_.tiles.run >= kEnoughValues && layout_.tiles.run == layout_.tiles.tile_columns) {
      table_.runs.find_shift(x, region_of_tiles(layout_, u), band.shift.data());
    } else if (layout_.folded > 1 || u.cells_of_tile == 1) {
      functions_.find_shift(x, region_of_whole(layout_, u), band.shift.data());
    } else {
      functions_.find_shift(x, region_of_whole(layout_, u), band.spread_mean.data());
      functions_.join_shifts(u.tiles, u.cells_of_tile, band.spread_mean.data(), band.shift.data());
    }
  }

  // Returns what conclude() returns: whether the statistics are good.
  bool sum_and_conclude(Band<Real>& band, const Unit& u) {
    functions_.sum_forward(data<T>(arguments_.x, u.offset), region_for_sums(layout_, u),
                           spread(band.shift, band.spread_mean, u), band.a.data(), band.ab.data());
    add_up_tiles(band, u);
    exchange_.add_up(band, u.tiles, u.thread, u.team, table_.statistics);
    return table_.statistics.conclude(u.tiles, band.a.data(), band.ab.data(), band.shift.data(),
                                      layout_.count(), problem_.eps, band.mean.data(),
                                      band.variance.data(), band.rstd.data());
  }

  // Sums a tile again if its shift was too far off, with its mean as the shift, or if its squares
  // overflowed, in double.
  void find_anew(Band<Real>& band, const Unit& u, Index tile) {
    const double off = static_cast<double>(band.mean[at(tile)] - band.shift[at(tile)]);
    const bool too_large = overflows(band.mean[at(tile)], band.variance[at(tile)]);
    if (!too_large && !(off * off > static_cast<double>(band.variance[at(tile)]))) return;
    Unit one = u;
    one.tiles = 1;
    one.region.rows *= layout_.folded;
    one.region.row_stride /= layout_.folded;
    one.cells_of_tile /= layout_.folded;
    one.cells = one.region.cells = one.cells_of_tile;
    one.offset += tile * layout_.tiles.tile_columns;
    Band<Real>& spare = spare_[static_cast<std::size_t>(u.thread)];
    spare.exchanges = band.exchanges;
    spare.shift[0] = band.mean[at(tile)];
    if (too_large) {
      find_in_doubles(is_centered(problem_), layout_.count(), problem_.eps, spare.mean[0],
                      spare.variance[0], spare.rstd[0], [&](double shift, double& a, double& ab) {
                        sum_in_doubles(data<T>(arguments_.x, one.offset), one.region, shift,
                                       spare.a[0], spare.ab[0]);
                        exchange_.add_up(spare, 1, one.thread, one.team, table_.statistics);
                        a = spare.a[0];
                        ab = spare.ab[0];
                      });
    } else {
      sum_and_conclude(spare, one);
    }
    band.exchanges = spare.exchanges;
    band.mean[at(tile)] = spare.mean[0];
    band.variance[at(tile)] = spare.variance[0];
    band.rstd[at(tile)] = spare.rstd[0];
  }

  // Reduces the sums of cells to sums of tiles.
  void add_up_tiles(Band<Real>& band, const Unit& u) const {
    if (u.cells_of_tile == 1) return;
    for (auto* sums : {&band.a, &band.ab}) {
      if (layout_.folded == 1) {
        table_.statistics.add_up(u.tiles, u.cells_of_tile, sums->data());
      } else {
        for (Index i = u.tiles; i < u.cells; i += u.tiles) {
          table_.statistics.add(u.tiles, &(*sums)[at(i)], sums->data());
        }
      }
    }
  }

  void backward(Band<Real>& band, const Unit& u, const Real* mean, const Real* scale) {
    const T* x = data<T>(arguments_.x, u.offset);
    const T* dy = data<T>(arguments_.dy, u.offset);
    functions_.sum_backward(x, dy, region_for_sums(layout_, u), mean, band.a.data(),
                            band.ab.data());
    take_gradients(band, u);
    T* dx = data<T>(arguments_.dx, u.offset);
    if (problem_.uses_running_statistics()) {
      return functions_.rescale(dy, dx, region_for_writing(layout_, u), scale, layout_.streaming);
    }
    table_.statistics.slopes(u.tiles, band.a.data(), band.ab.data(), band.rstd.data(),
                             layout_.count(), band.constant.data(), band.slope.data());
    functions_.differentiate(x, dy, dx, region_for_writing(layout_, u), mean, scale,
                             spread(band.constant, band.spread_constant, u),
                             spread(band.slope, band.spread_slope, u), layout_.streaming);
  }

  // Stores (or accumulates) dgamma and dbeta, from the sums of dy and dy * (x - mean) per cell.
  // Leaves the sums of g and g * (x - mean) per tile, where g = dy * gamma.
  void take_gradients(Band<Real>& band, const Unit& u) {
    const bool by_cell = layout_.cells_are_parameters();
    if (!by_cell) add_up_tiles(band, u);
    const Index size = by_cell ? u.cells : u.tiles;
    exchange_.add_up(band, size, u.thread, u.team, table_.statistics);
    const Index first = by_cell ? u.first_cell : u.first_tile;
    const Real* rstd =
        by_cell && layout_.cells_of_tile > 1 ? band.spread_rstd.data() : band.rstd.data();
    const bool saves = arguments_.dgamma.present() && speaks(u);
    if (collects()) {
      if (saves) band.collect(first, size, rstd);
    } else if (saves) {
      const Index at = u.band * layout_.tiles.parameters() + first;
      table_.statistics.gradients(size, band.a.data(), band.ab.data(), rstd,
                                  data<Real>(arguments_.dbeta, at),
                                  data<Real>(arguments_.dgamma, at));
    }
    if (arguments_.gamma.present()) {
      table_.statistics.weigh(size, numbers(arguments_.gamma, ones_, u), band.a.data(),
                              band.ab.data());
    }
    if (by_cell) add_up_tiles(band, u);
  }

  // Collective. Reduces what the threads accumulated in a mini-batch into dgamma and dbeta.
  void add_up_gradients(Index part, int thread, int team) {
#pragma omp barrier
    const Index all = layout_.tiles.parameters();
    const Range mine = share_of(all, thread, team, 16);
    Real* dbeta = data<Real>(arguments_.dbeta, part * all);
    Real* dgamma = data<Real>(arguments_.dgamma, part * all);
    for (Index i = mine.first; i < mine.first + mine.size; ++i) {
      double sum = 0;
      double weighted = 0;
      for (int k = 0; k < team; ++k) {
        sum += bands_[static_cast<std::size_t>(k)].dbeta[at(i)];
        weighted += bands_[static_cast<std::size_t>(k)].dgamma[at(i)];
      }
      dbeta[i] = static_cast<Real>(sum);
      dgamma[i] = static_cast<Real>(weighted);
    }
#pragma omp barrier
  }

  static std::size_t at(Index index) { return static_cast<std::size_t>(index); }

  normbench::Problem problem_;
  normbench::Arguments arguments_;
  CellLayout layout_;
  const Functions<T>& table_;
  const CellFunctions<T>& functions_;
  Exchange exchange_;
  std::vector<Band<Real>> bands_, spare_;  // per thread
  Numbers<Real> ones_, zeros_;             // in place of absent parameters
};

}  // namespace simd
