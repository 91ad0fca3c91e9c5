// The kernel for batch norm, and for instance and group norm whose runs are long or whose tiles
// have several rows.
//
// Each thread has blocks of its own. If there are too few blocks, or a tile is too large for the
// caches of one core, all threads share each block and reduce their sums.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "harness/core/backend.h"
#include "impls/simd/borders.h"
#include "impls/simd/ops.h"
#include "impls/simd/overflow.h"
#include "impls/simd/plan.h"
#include "impls/simd/threads.h"

namespace simd {

template <class T>
class StridedKernel : public normbench::Kernel {
  using Real = normbench::Parameter<T>;

 public:
  StridedKernel(const normbench::Problem& problem, const normbench::Arguments& arguments,
                const Plan& plan, const Ops<T>& ops)
      : problem_(problem),
        arguments_(arguments),
        plan_(plan),
        ops_(ops),
        strided_(plan.segment == 1 ? ops.columns : ops.runs),
        formula_(formula_of(problem)),
        across_(plan.tiles.across()),
        block_rows_(plan.block_rows / plan.packed_rows),
        batches_(accumulates() ? problem.mini_batches() : 1),
        tiles_(plan.blocks_down / batches_ * across_),
        by_segment_(plan.segments_are_parameters()),
        all_reduce_(plan.shared ? plan.threads : 1, plan.block_tiles * plan.segments_of_tile),
        gradients_(accumulates() ? plan.threads : 0, plan.tiles.parameters(), 0),
        borders_(plan.borders ? plan.threads : 0),
        scratch_(at(plan.threads), Scratch(at(plan.block_tiles * plan.segments_of_tile))),
        ones_(at(arguments.gamma.present() ? 0 : plan.tiles.parameters()), 1),
        zeros_(at(arguments.beta.present() ? 0 : plan.tiles.parameters()), 0) {}

  void run() override {
    on_threads(plan_.threads, [this](int thread, int team) { work(thread, team); });
  }

  std::string detail() const override { return ops_.target + (", " + plan_.detail()); }
  std::string measured() const override { return plan_.measured; }

 private:
  // Scratch of a thread, for one block.
  struct Scratch {
    explicit Scratch(std::size_t segments) : a(segments), ab(segments) {
      for (auto* numbers :
           {&pivot, &mean, &variance, &rstd, &scale, &constant, &slope, &mean_of_segments,
            &rstd_of_segments, &scale_of_segments, &constant_of_segments, &slope_of_segments}) {
        numbers->resize(segments);
      }
    }
    Sums sums() { return {a.data(), ab.data()}; }
    Statistics<Real> statistics(Index tile = 0) {
      return {mean.data() + tile, variance.data() + tile, rstd.data() + tile};
    }

    Numbers<double> a, ab;                      // per segment, then per tile
    Numbers<Real> pivot, mean, variance, rstd;  // per tile
    Numbers<Real> scale, constant, slope;       // per tile or, if it has a parameter, per segment
    Numbers<Real> mean_of_segments, rstd_of_segments, scale_of_segments, constant_of_segments,
        slope_of_segments;
  };

  // A block, as one thread sees it. Tiles and segments are numbered across the matrix.
  struct Block {
    Index down;  // its number, from the top
    Index first_tile, tiles;
    Index segments;
    Index offset;   // of the thread's first value in the tensor
    Region region;  // the thread's piece of the block
    int thread, team;
    bool is_first, is_last;  // in the thread's part of a row
  };

  static std::size_t at(Index index) { return static_cast<std::size_t>(index); }

  static Formula formula_of(const normbench::Problem& problem) {
    if (!problem.backward()) return reads_once(problem) ? Formula::kApply : Formula::kNormalize;
    return problem.uses_running_statistics() ? Formula::kRescale : Formula::kDifferentiate;
  }

  // Whether several tiles contribute to the gradient of a parameter. The gradients are then
  // accumulated over a mini-batch.
  bool accumulates() const {
    return problem_.backward() && problem_.affine && problem_.norm != normbench::Norm::kBatch;
  }
  bool trains() const { return problem_.pass == normbench::Pass::kForwardTraining; }
  bool updates() const { return trains() && arguments_.running_mean.present(); }
  // Running statistics are updated in the order of mini-batches. If threads work on different ones,
  // this waits until all are done.
  bool updates_at_the_end() const {
    return plan_.threads > 1 && !plan_.shared && plan_.blocks_down > 1;
  }
  // Whether this thread stores the results: of the threads that share a block, only the first does.
  bool is_leader(const Block& b) const { return !plan_.shared || b.thread == 0; }

  void work(int thread, int team) {
    Scratch& scratch = scratch_[at(thread)];
    for (Index batch = 0; batch < batches_; ++batch) {
      if (accumulates()) gradients_.cleared(thread);
      const Range mine =
          plan_.shared ? Range{0, tiles_} : share_of(tiles_, thread, team, plan_.unit_tiles);
      const Index first = batch * tiles_ + mine.first;
      Index down = plan_.blocks_down == 1 ? 0 : first / across_;
      Index tile = first - down * across_;  // from the left
      for (Index done = 0; done < mine.size;) {
        const Index left = std::min(mine.size - done, across_ - tile);
        Block b = block_of(down, tile, plan_.next_block(left), thread, team);
        b.is_first = done == 0;
        done += b.tiles;
        b.is_last = done == mine.size;
        process(scratch, b);
        tile += b.tiles;
        if (tile == across_) tile = 0, ++down;
      }
      if (plan_.borders) {
        barrier_.wait(team);
        write_border(thread, mine.first + mine.size);
      }
      if (!accumulates()) continue;
      const Index parameters = plan_.tiles.parameters();
      gradients_.add_up(
          parameters,
          [](Index i) {
            return Places{i, i + 1, 1};
          },
          thread, team, data<Real>(arguments_.dgamma, batch * parameters),
          data<Real>(arguments_.dbeta, batch * parameters));
    }
    if (updates() && updates_at_the_end()) {
      barrier_.wait(team);
      const Range channels = share_of(across_, thread, team, 16);
      for (Index i = 0; i < plan_.blocks_down; ++i) update_running(i, channels);
    }
  }

  Block block_of(Index down, Index tile, Index count, int thread, int team) const {
    const normbench::Tiles& tiles = plan_.tiles;
    Block b{};
    b.down = down;
    b.first_tile = tile;
    b.tiles = count;
    b.segments = b.tiles * plan_.segments_of_tile;
    b.thread = thread;
    b.team = team;
    const Index row_stride = tiles.columns * plan_.packed_rows;
    Range rows{0, block_rows_};
    Range columns{0, plan_.segment};
    if (plan_.shared && plan_.shares_rows) rows = share_of(rows.size, thread, team);
    if (plan_.shared && !plan_.shares_rows) columns = share_of(columns.size, thread, team, 16);
    b.region = {.rows = rows.size,
                .row_stride = row_stride,
                .segments = b.segments,
                .segment_stride = plan_.segment,
                .length = columns.size};
    b.offset = (b.down * block_rows_ + rows.first) * row_stride +
               b.first_tile * tiles.tile_columns + columns.first;
    return b;
  }

  // Tiles of a block, from number `tile` of it on: all of their rows, whatever is packed or shared.
  // Each tile is a segment.
  Region region_of_tiles(Index tiles) const {
    const Index width = plan_.tiles.tile_columns;
    return {.rows = plan_.block_rows,
            .row_stride = plan_.tiles.columns,
            .segments = tiles,
            .segment_stride = width,
            .length = width};
  }
  const T* input_of_tiles(const Block& b, Index tile = 0) const {
    const normbench::Tiles& tiles = plan_.tiles;
    return data<T>(arguments_.x, b.down * plan_.block_rows * tiles.columns +
                                     (b.first_tile + tile) * tiles.tile_columns);
  }

  void process(Scratch& scratch, const Block& b) {
    if (problem_.uses_running_statistics()) {
      load_running(scratch, b);
    } else if (problem_.backward()) {
      load_saved(scratch, b);
    } else {
      find_statistics(scratch, b);
      if (trains() && is_leader(b)) save_statistics(scratch, b);
    }
    if (problem_.backward()) find_gradients(scratch, b);
    write(scratch, b);
    if (updates() && !updates_at_the_end() && is_leader(b)) {
      update_running(b.down, {b.first_tile, b.tiles});
    }
  }

  // Broadcasts the number of each tile to its segments: in a pack they lie one row of it apart,
  // else side by side.
  const Real* per_segment(const Numbers<Real>& of_tiles, Numbers<Real>& of_segments,
                          const Block& b) const {
    if (b.segments == b.tiles) return of_tiles.data();
    if (plan_.packed_rows > 1) {
      for (Index i = 0; i < b.segments; i += b.tiles) {
        std::copy_n(of_tiles.data(), b.tiles, of_segments.data() + i);
      }
    } else {
      ops_.statistics.broadcast(b.tiles, plan_.segments_of_tile, of_tiles.data(),
                                of_segments.data());
    }
    return of_segments.data();
  }

  // Reduces the sums of segments to sums of tiles.
  void add_up_tiles(Scratch& scratch, const Block& b) const {
    if (b.segments == b.tiles) return;
    for (double* sums : {scratch.a.data(), scratch.ab.data()}) {
      if (plan_.packed_rows == 1) {
        ops_.statistics.add_up(b.tiles, plan_.segments_of_tile, sums);
        continue;
      }
      for (Index k = b.tiles; k < b.segments; k += b.tiles) {
        for (Index i = 0; i < b.tiles; ++i) sums[i] += sums[k + i];
      }
    }
  }

  // gamma or beta of the block: an element per segment if those are parameters, else per tile.
  const Real* parameters(const normbench::Tensor& tensor, const Numbers<Real>& absent,
                         const Block& b) const {
    const Real* all = tensor.present() ? data<Real>(tensor) : absent.data();
    return all + first_parameter(b);
  }
  Index first_parameter(const Block& b) const {
    return by_segment_ ? b.first_tile * plan_.segments_of_tile : b.first_tile;
  }
  Index parameters_of(const Block& b) const { return by_segment_ ? b.segments : b.tiles; }

  const Real* rstd_of_parameters(Scratch& scratch, const Block& b) const {
    return by_segment_ ? per_segment(scratch.rstd, scratch.rstd_of_segments, b)
                       : scratch.rstd.data();
  }

  void load_running(Scratch& scratch, const Block& b) const {
    std::copy_n(data<Real>(arguments_.running_mean, b.first_tile), b.tiles, scratch.mean.data());
    ops_.statistics.find_rstd(b.tiles, data<Real>(arguments_.running_var, b.first_tile),
                              problem_.eps, scratch.rstd.data());
  }

  Index first_statistic(const Block& b) const { return b.down * across_ + b.first_tile; }

  void load_saved(Scratch& scratch, const Block& b) const {
    const Index first = first_statistic(b);
    std::copy_n(data<Real>(arguments_.mean, first), b.tiles, scratch.mean.data());
    std::copy_n(data<Real>(arguments_.rstd, first), b.tiles, scratch.rstd.data());
  }

  void save_statistics(const Scratch& scratch, const Block& b) const {
    const Index first = first_statistic(b);
    std::copy_n(scratch.mean.data(), b.tiles, data<Real>(arguments_.mean, first));
    std::copy_n(scratch.variance.data(), b.tiles, data<Real>(arguments_.variance, first));
    std::copy_n(scratch.rstd.data(), b.tiles, data<Real>(arguments_.rstd, first));
  }

  void update_running(Index down, Range channels) const {
    const Index first = down * across_ + channels.first;
    const double n = plan_.count();
    const auto update = [&](const normbench::Tensor& statistic, double factor,
                            const normbench::Tensor& running) {
      ops_.statistics.update(channels.size, data<Real>(statistic, first), factor, problem_.momentum,
                             data<Real>(running, channels.first));
    };
    update(arguments_.mean, 1, arguments_.running_mean);
    update(arguments_.variance, n / (n - 1), arguments_.running_var);
  }

  void find_statistics(Scratch& scratch, const Block& b) {
    find_pivots(scratch, b);
    strided_.sum({.x = data<T>(arguments_.x, b.offset),
                  .dy = nullptr,
                  .center = per_segment(scratch.pivot, scratch.mean_of_segments, b),
                  .region = b.region,
                  .sums = scratch.sums()});
    add_up_tiles(scratch, b);
    all_reduce_.add_up(scratch.a.data(), scratch.ab.data(), b.tiles, b.thread, b.team);
    const bool fine = ops_.statistics.find(b.tiles, scratch.sums(), scratch.pivot.data(),
                                           plan_.count(), problem_.eps, scratch.statistics());
    for (Index i = 0; !fine && i < b.tiles; ++i) {
      const Real mean = scratch.mean[at(i)];
      const Real variance = scratch.variance[at(i)];
      if (overflows(mean, variance)) {
        find_in_doubles(input_of_tiles(b, i), region_of_tiles(1), true, problem_.eps,
                        scratch.statistics(i));
      } else if (is_too_far(scratch.pivot[at(i)], mean, variance, plan_.count())) {
        find_about(mean, scratch, b, i);
      }
    }
  }

  // Each thread samples the whole block, so threads that share a block find the same pivots.
  void find_pivots(Scratch& scratch, const Block& b) const {
    constexpr Index kEnoughValues = 8;
    const Index width = plan_.tiles.tile_columns;
    const T* x = input_of_tiles(b);
    const Region tiles = region_of_tiles(b.tiles);
    if (plan_.segment > 1 || width >= kEnoughValues) {
      return ops_.runs.find_pivots(x, tiles, scratch.pivot.data());
    }
    Region columns = tiles;
    columns.segments *= width;
    columns.segment_stride = columns.length = 1;
    if (width == 1) return ops_.columns.find_pivots(x, columns, scratch.pivot.data());
    ops_.columns.find_pivots(x, columns, scratch.mean_of_segments.data());
    ops_.statistics.join_pivots(b.tiles, width, scratch.mean_of_segments.data(),
                                scratch.pivot.data());
  }

  // Sums a tile again, about a better pivot. Of the threads that share a block each does it, with
  // the same result.
  void find_about(Real pivot, Scratch& scratch, const Block& b, Index tile) const {
    double a, ab;
    ops_.runs.sum({.x = input_of_tiles(b, tile),
                   .dy = nullptr,
                   .center = &pivot,
                   .region = region_of_tiles(1),
                   .sums = {&a, &ab}});
    ops_.statistics.find(1, {&a, &ab}, &pivot, plan_.count(), problem_.eps,
                         scratch.statistics(tile));
  }

  // Stores (or accumulates) dgamma and dbeta, from the sums of dy and dy * (x - mean). Leaves the
  // sums of g and g * (x - mean) per tile, where g = dy * gamma.
  void find_gradients(Scratch& scratch, const Block& b) {
    strided_.sum({.x = data<T>(arguments_.x, b.offset),
                  .dy = data<T>(arguments_.dy, b.offset),
                  .center = per_segment(scratch.mean, scratch.mean_of_segments, b),
                  .region = b.region,
                  .sums = scratch.sums()});
    if (!by_segment_) add_up_tiles(scratch, b);
    const Index size = parameters_of(b);
    all_reduce_.add_up(scratch.a.data(), scratch.ab.data(), size, b.thread, b.team);
    if (arguments_.dgamma.present() && is_leader(b)) {
      const Real* rstd = rstd_of_parameters(scratch, b);
      if (accumulates()) {
        accumulate(scratch, size, rstd, b);
      } else {
        const Index first = b.down * plan_.tiles.parameters() + first_parameter(b);
        ops_.statistics.find_gradients(size, scratch.sums(), rstd,
                                       data<Real>(arguments_.dbeta, first),
                                       data<Real>(arguments_.dgamma, first));
      }
    }
    if (arguments_.gamma.present()) {
      ops_.statistics.weigh(size, parameters(arguments_.gamma, ones_, b), scratch.sums());
    }
    if (by_segment_) add_up_tiles(scratch, b);
  }

  void accumulate(const Scratch& scratch, Index size, const Real* rstd, const Block& b) {
    auto& sums = gradients_.of(b.thread);
    double* dbeta = sums.dbeta.data() + first_parameter(b);
    double* dgamma = sums.dgamma.data() + first_parameter(b);
    for (Index i = 0; i < size; ++i) {
      dbeta[i] += scratch.a[at(i)];
      dgamma[i] += scratch.ab[at(i)] * static_cast<double>(rstd[i]);
    }
  }

  void write(Scratch& scratch, const Block& b) {
    const StatisticOps<Real>& statistics = ops_.statistics;
    Real* scale = scratch.scale.data();
    Real* constant = scratch.constant.data();
    statistics.multiply(parameters_of(b), rstd_of_parameters(scratch, b),
                        parameters(arguments_.gamma, ones_, b), scale);
    if (formula_ == Formula::kNormalize) {
      std::copy_n(parameters(arguments_.beta, zeros_, b), parameters_of(b), constant);
    } else if (formula_ == Formula::kApply) {
      statistics.fold(b.tiles, scratch.mean.data(), scale, parameters(arguments_.beta, zeros_, b),
                      constant);
    } else if (formula_ == Formula::kDifferentiate) {
      statistics.find_slopes(b.tiles, scratch.sums(), scratch.rstd.data(), plan_.count(), constant,
                             scratch.slope.data());
    }
    Coefficients<Real> of{};
    of.scale = by_segment_ ? scale : per_segment(scratch.scale, scratch.scale_of_segments, b);
    if (formula_ == Formula::kNormalize && by_segment_) {
      of.constant = constant;
    } else if (formula_ != Formula::kRescale) {
      of.constant = per_segment(scratch.constant, scratch.constant_of_segments, b);
    }
    if (formula_ == Formula::kNormalize || formula_ == Formula::kDifferentiate) {
      of.mean = per_segment(scratch.mean, scratch.mean_of_segments, b);
    }
    if (formula_ == Formula::kDifferentiate) {
      of.slope = per_segment(scratch.slope, scratch.slope_of_segments, b);
    }
    WriteArguments<T> arguments = {
        .x = data<T>(arguments_.x, b.offset),
        .dy = data<T>(arguments_.dy, b.offset),
        .out = data<T>(problem_.backward() ? arguments_.dx : arguments_.y, b.offset),
        .region = b.region,
        .coefficients = of,
        .streaming = plan_.streaming};
    // The last rows that were read may still be in a cache.
    arguments.region.reversed = !plan_.resident;
    if (plan_.borders) {
      const Index length = b.region.length;
      arguments.skips_first_line = b.is_first;
      arguments.skips_last_line = b.is_last;
      if (b.is_first) borders_.keep_first(b.thread, b.team, of, length);
      if (b.is_last) borders_.keep_last(b.thread, of, b.segments, length);
    }
    strided_.write(formula_, arguments);
  }

  // The lines that lie across the end of this thread's part of each row.
  void write_border(int thread, Index tiles) const {
    const Index columns = plan_.tiles.columns;
    const WriteArguments<T> matrix = {
        .x = data<T>(arguments_.x),
        .dy = data<T>(arguments_.dy),
        .out = data<T>(problem_.backward() ? arguments_.dx : arguments_.y),
        .region = {.rows = plan_.tiles.rows,
                   .row_stride = columns,
                   .segments = columns,
                   .segment_stride = 1,
                   .length = 1},
        .coefficients = {},
        .streaming = false};
    borders_.write(thread, tiles * plan_.tiles.tile_columns, formula_, matrix, ops_.columns);
  }

  normbench::Problem problem_;
  normbench::Arguments arguments_;
  Plan plan_;
  const Ops<T>& ops_;
  const StridedOps<T>& strided_;
  Formula formula_;
  // Found once, since divisions would take as long as a small problem.
  Index across_;           // tiles
  Index block_rows_;       // after packing
  Index batches_, tiles_;  // mini-batches that have gradients of their own, and tiles of each
  bool by_segment_;
  AllReduce all_reduce_;
  Gradients<Real> gradients_;
  Borders<T> borders_;
  Barrier barrier_;
  std::vector<Scratch> scratch_;  // per thread
  Numbers<Real> ones_, zeros_;    // in place of absent parameters
};

}  // namespace simd
