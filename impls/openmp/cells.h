// The kernel for tiles that are made of cells: values, in several rows or in a long run, that share
// a statistic and a parameter.
//
// Values are read once for both sums of a cell, in double and relative to the first value of the
// tile (for f64 a second time, relative to the mean), and once more to be normalized. The second
// read is from the L2, since threads work on blocks of cells that fit there. If there are too few
// bands and blocks, threads split rows or positions instead, and reduce their sums.
#pragma once

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "harness/core/backend.h"
#include "harness/core/tiles.h"
#include "impls/openmp/band.h"
#include "impls/openmp/grid.h"

namespace openmp {

template <class T>
class CellsKernel : public normbench::Kernel {
  using Real = normbench::Parameter<T>;

 public:
  // tiles.tile_columns must be a multiple of tiles.run.
  CellsKernel(const normbench::Problem& problem, const normbench::Tiles& tiles,
              const normbench::Arguments& arguments, int threads)
      : problem_(problem),
        arguments_(arguments),
        grid_(tiles.tile_rows, tiles.parameters(), tiles.run),
        cells_per_tile_(tiles.tile_columns / tiles.run),
        bands_(tiles.batch_rows / tiles.tile_rows),
        threads_(useful_threads(problem, threads)) {
    choose_shares();
    const Index parts = sharing_ == Sharing::kBlocks ? 1 : threads_;
    bands_of_.assign(static_cast<std::size_t>(parts),
                     Band<Real>(problem, grid_.cells, cells_per_tile_, tiles.values()));
  }

  void run() override {
    for (Index i = 0; i < problem_.mini_batches(); ++i) {
      part_ = mini_batch(problem_, arguments_, i);
      if (sharing_ == Sharing::kBands) share_bands();
      if (sharing_ == Sharing::kBlocks) share_blocks();
      if (sharing_ != Sharing::kRows) continue;
      for (Index band = 0; band < bands_; ++band) share_rows(band);
      finish(bands_of_[0], {0, grid_.cells});
    }
  }

  std::string detail() const override {
    if (threads_ == 1) return "1 thread";
    const bool by_samples = sharing_ == Sharing::kBands || bands_ == 1;
    const char* rest = by_samples ? "samples" : "positions";
    const char* shared = sharing_ == Sharing::kBlocks ? "channels" : rest;
    return std::to_string(threads_) + " threads share " + shared;
  }

 private:
  enum class Sharing { kBands, kBlocks, kRows };

  bool reduces() const {
    if (!problem_.uses_running_statistics()) return true;
    return problem_.backward() && problem_.affine;
  }

  void choose_shares() {
    const Index length = grid_.run;
    const Index cell_bytes = grid_.rows * length * static_cast<Index>(sizeof(T));
    const bool has_rows = grid_.rows >= threads_;
    const Index lanes = has_rows || grid_.fold > 1 ? kBlockLanes : kLeastLanes;
    const Index least = grid_.long_runs ? 1 : (lanes + length - 1) / length;
    const Index in_cache = std::max<Index>(kBlockBytes / std::max<Index>(cell_bytes, 1), 1);
    const Index share = (grid_.cells + 4 * threads_ - 1) / (4 * threads_);
    const auto whole_tiles = [this](Index cells) {
      return (cells + cells_per_tile_ - 1) / cells_per_tile_ * cells_per_tile_;
    };
    const bool share_bands = bands_ % threads_ == 0 || bands_ >= 4 * threads_;
    const Index most = threads_ == 1 || share_bands ? in_cache : std::min(in_cache, share);
    block_ = whole_tiles(std::clamp<Index>(most, least, grid_.most_cells()));
    const Index blocks = (grid_.cells + block_ - 1) / block_;
    const bool balanced = blocks % threads_ == 0 || blocks >= 4 * threads_;
    // Inference reads everything once: the order of memory is best.
    const bool blocks_are_best =
        (balanced && (reduces() || !has_rows)) || (!grid_.long_runs && !has_rows);
    sharing_ = Sharing::kRows;
    if (threads_ == 1 || blocks_are_best) sharing_ = Sharing::kBlocks;
    if (threads_ > 1 && bands_ > 1 && share_bands) sharing_ = Sharing::kBands;
  }

  void share_bands() {
    each_part(threads_, [this](Index part) {
      Band<Real>& band = bands_of_[static_cast<std::size_t>(part)];
      const Range range = share_of(bands_, part, threads_);
      for (Index i = range.first; i < range.first + range.size; ++i) {
        for (Index first = 0; first < grid_.cells; first += block_) {
          finish_block(band, i, first, i == range.first);
        }
      }
    });
    Band<Real>& total = bands_of_[0];
    for (std::size_t part = 1; part < bands_of_.size(); ++part) {
      for (std::size_t k = 0; k < total.dbeta.size(); ++k) {
        total.dbeta[k] += bands_of_[part].dbeta[k];
        total.dgamma[k] += bands_of_[part].dgamma[k];
      }
    }
    finish(total, {0, grid_.cells});
  }

  void share_blocks() {
    const auto finish_blocks = [this](Index first) {
      for (Index i = 0; i < bands_; ++i) finish_block(bands_of_[0], i, first, i == 0);
      finish(bands_of_[0], block_at(first));
    };
    if (threads_ == 1) {
      for (Index first = 0; first < grid_.cells; first += block_) finish_blocks(first);
      return;
    }
#pragma omp parallel for schedule(dynamic) num_threads(threads_)
    for (Index first = 0; first < grid_.cells; first += block_) finish_blocks(first);
  }

  Range block_at(Index first) const { return {first, std::min(block_, grid_.cells - first)}; }

  // The whole pass for one block of cells of a band.
  void finish_block(Band<Real>& band, Index number, Index first, bool is_first) {
    const Range cells = block_at(first);
    const auto each_slab = [&](auto visit) {
      this->each_slab(number, cells, {0, grid_.rows}, {0, grid_.run}, visit);
    };
    load_band(band, number, cells);
    for (int round = 0; round < rounds(); ++round) {
      each_slab([&](const Slab& slab) { reduce(band, slab, band); });
      conclude(band, number, cells, round, is_first);
    }
    each_slab([&](const Slab& slab) { apply(band, slab); });
  }

  void share_rows(Index number) {
    Band<Real>& total = bands_of_[0];
    const Range all{0, grid_.cells};
    load_band(total, number, all);
    for (int round = 0; round < rounds(); ++round) {
      each_share(number, [&](const Slab& slab, Index part) {
        reduce(total, slab, bands_of_[static_cast<std::size_t>(part)]);
      });
      for (std::size_t part = 1; part < bands_of_.size(); ++part) {
        for (std::size_t k = 0; k < total.first.size(); ++k) {
          total.first[k] += bands_of_[part].first[k];
          total.second[k] += bands_of_[part].second[k];
        }
      }
      conclude(total, number, all, round, number == 0);
    }
    each_share(number, [&](const Slab& slab, Index) { apply(total, slab); });
  }

  // Calls visit(slab, part) for all slabs of a band, which the threads split by rows or positions.
  template <class Visit>
  void each_share(Index number, Visit visit) {
    const bool by_rows = grid_.rows >= threads_;
    each_part(threads_, [&](Index part) {
      const Range share = share_of(by_rows ? grid_.rows : grid_.run, part, threads_);
      for (Index first = 0; first < grid_.cells; first += block_) {
        each_slab(number, block_at(first), by_rows ? share : Range{0, grid_.rows},
                  by_rows ? Range{0, grid_.run} : share,
                  [&](const Slab& slab) { visit(slab, part); });
      }
    });
  }

  template <class Visit>
  void each_slab(Index number, Range cells, Range rows, Range positions, Visit visit) const {
    const Index last = cells.first + cells.size;
    for (Index first = cells.first; first < last; first += grid_.most_cells()) {
      visit(Slab{number * grid_.size(), first, std::min(grid_.most_cells(), last - first),
                 rows.first, rows.size, positions.first, positions.size});
    }
  }

  // How many times the sums are taken. Twice for f64 forward: there double sums round, so the shift
  // must be near the mean.
  int rounds() const {
    if (!reduces()) return 0;
    return std::is_same_v<T, double> && !problem_.backward() ? 2 : 1;
  }

  Index first_tile(Index number) const { return number * (grid_.cells / cells_per_tile_); }

  void load_band(Band<Real>& band, Index number, Range cells) {
    if (problem_.uses_running_statistics()) {
      band.load_running(part_, cells);
    } else if (problem_.backward()) {
      band.load(part_, first_tile(number), cells);
    } else {
      band.shift_by(data<T>(part_.x, number * grid_.size()), grid_.run, cells);
    }
  }

  void conclude(Band<Real>& band, Index number, Range cells, int round, bool is_first) {
    if (problem_.backward()) return band.conclude_backward(gamma(band), is_first, cells);
    band.conclude_forward(cells);
    const auto first = static_cast<std::ptrdiff_t>(cells.first);
    if (round + 1 < rounds()) {
      std::transform(band.mean.begin() + first, band.mean.begin() + first + cells.size,
                     band.shift.begin() + first, as_shift<Real>);
    } else if (problem_.pass == normbench::Pass::kForwardTraining) {
      band.save(part_, first_tile(number), cells);
    }
  }

  // After the last band: stores the gradients, or updates the running statistics.
  void finish(Band<Real>& band, Range cells) {
    if (problem_.backward()) return band.save_gradients(part_, cells);
    const bool is_batch = problem_.norm == normbench::Norm::kBatch;
    if (is_batch && problem_.pass == normbench::Pass::kForwardTraining) {
      band.update_running(part_, cells);
    }
  }

  const Real* gamma(const Band<Real>& band) const {
    return part_.gamma.present() ? data<Real>(part_.gamma) : band.ones.data();
  }

  // Forward: the sums of x - shift and of its square. Backward: those of dy and of dy * (x - mean).
  void reduce(const Band<Real>& band, const Slab& slab, Band<Real>& sums) const {
    const T* x = data<T>(part_.x);
    double* first = sums.first.data() + slab.first_cell;
    double* second = sums.second.data() + slab.first_cell;
    Lanes<Real> own;
    if (problem_.backward()) {
      const T* dy = data<T>(part_.dy);
      const Real* means = band.mean.data();
      const Real* mean = grid_.spread(slab, own, [=](Index k) { return means[k]; });
      const auto terms = [=](Index at, Index lane) {
        const double g = static_cast<Real>(dy[at]);
        return Terms{g, g * (static_cast<Real>(x[at]) - mean[lane])};
      };
      return grid_.sum(slab, terms, first, second);
    }
    const Real* shifts = band.shift.data();
    const Real* shift = grid_.spread(slab, own, [=](Index k) { return shifts[k]; });
    const auto terms = [=](Index at, Index lane) {
      const double value = static_cast<double>(static_cast<Real>(x[at])) - shift[lane];
      return Terms{value, value * value};
    };
    grid_.sum(slab, terms, first, second);
  }

  void apply(const Band<Real>& band, const Slab& slab) const {
    const Real* means = band.mean.data();
    const Real* rstds = band.rstd.data();
    const Real* gammas = gamma(band);
    std::array<Lanes<Real>, 4> own;
    const Real* scale = grid_.spread(slab, own[0], [=](Index k) { return gammas[k] * rstds[k]; });
    const T* x = data<T>(part_.x);
    const T* dy = data<T>(part_.dy);
    T* dx = data<T>(part_.dx);
    if (problem_.backward() && problem_.uses_running_statistics()) {
      return grid_.for_each(slab, [=](Index at, Index lane) {
        dx[at] = static_cast<T>(static_cast<Real>(dy[at]) * scale[lane]);
      });
    }
    const Real* mean = grid_.spread(slab, own[1], [=](Index k) { return means[k]; });
    if (problem_.backward()) {
      const Real* constants = band.constant.data();
      const Real* slopes = band.slope.data();
      const Real* constant = grid_.spread(slab, own[2], [=](Index k) { return constants[k]; });
      const Real* slope = grid_.spread(slab, own[3], [=](Index k) { return slopes[k]; });
      return grid_.for_each(slab, [=](Index at, Index lane) {
        const Real deviation = static_cast<Real>(x[at]) - mean[lane];
        dx[at] = static_cast<T>(static_cast<Real>(dy[at]) * scale[lane] - constant[lane] -
                                deviation * slope[lane]);
      });
    }
    const Real* betas = part_.beta.present() ? data<Real>(part_.beta) : band.zeros.data();
    const Real* beta = grid_.spread(slab, own[2], [=](Index k) { return betas[k]; });
    T* y = data<T>(part_.y);
    grid_.for_each(slab, [=](Index at, Index lane) {
      y[at] = static_cast<T>((static_cast<Real>(x[at]) - mean[lane]) * scale[lane] + beta[lane]);
    });
  }

  normbench::Problem problem_;
  normbench::Arguments arguments_, part_;
  Grid grid_;
  Index cells_per_tile_, bands_;
  int threads_;
  Index block_ = 1;
  Sharing sharing_ = Sharing::kBlocks;
  std::vector<Band<Real>> bands_of_;  // per thread, or one for all
};

}  // namespace openmp
