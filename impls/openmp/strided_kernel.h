// The kernel for tiles of several rows, or of long segments: batch norm, and others where they are
// not short.
//
// Threads take blocks of adjacent tiles whose values fit in the L2, which they read twice: once for
// both sums, once to normalize. Where there are too few blocks to share, all threads work on each,
// on rows or positions of their own, and add up their sums. Either way, each thread finds the
// coefficients that it needs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "harness/core/backend.h"
#include "harness/core/tiles.h"
#include "impls/openmp/segments.h"

namespace normbench::openmp {

template <class T>
class StridedKernel : public Kernel {
  using Real = Parameter<T>;

 public:
  StridedKernel(const Problem& problem, const Tiles& tiles, const Arguments& arguments, int threads)
      : problem_(problem),
        arguments_(arguments),
        matrix_(tiles.tile_rows, tiles.parameters(), tiles.run),
        segments_per_tile_(tiles.tile_columns / tiles.run),
        row_blocks_(tiles.batch_rows / tiles.tile_rows),
        count_(static_cast<double>(tiles.values())),
        threads_(useful_threads(problem, threads)) {
    if (!problem.uses_running_statistics()) {
      rounds_ = problem.backward() ? 1 : kForwardRounds<T>;
    } else {
      rounds_ = problem.backward() && problem.affine ? 1 : 0;
    }
    choose_blocks();
    scratch_.assign(static_cast<std::size_t>(threads_),
                    Scratch(block_, block_ * matrix_.width * matrix_.packed));
    if (problem.backward() && row_blocks_ > 1) {
      const int all = shares_blocks_ ? 1 : threads_;
      gradients_.assign(static_cast<std::size_t>(all), SumArrays(matrix_.segments));
    }
    ones_.assign(static_cast<std::size_t>(block_), 1);
    zeros_.assign(static_cast<std::size_t>(block_), 0);
  }

  void run() override {
    on_each_thread(threads_, [this](Index thread, Index team) {
      for (Index i = 0; i < problem_.mini_batches(); ++i) {
        run(mini_batch(problem_, arguments_, i), thread, team);
      }
    });
  }

  std::string detail() const override {
    if (threads_ == 1) return "1 thread";
    const char* part = matrix_.rows >= threads_ ? "rows" : "positions";
    return std::to_string(threads_) + " threads share " + (shares_blocks_ ? part : "blocks");
  }

 private:
  // A block is read twice, the second time from an L2 of common size.
  static constexpr Index kBlockBytes = 512 * 1024;
  // The accumulators and coefficients of a block must stay in the L1.
  static constexpr Index kMostColumns = 1024;
  // Strided access costs more the shorter the contiguous pieces are, and shorter ones than
  // kMostColumns more than a block that exceeds the L2. Where there is nothing else to share,
  // threads still take pieces of kFewestColumns.
  static constexpr Index kFewestColumns = 64;

  // Of one thread, for one block.
  struct Scratch {
    Scratch(Index segments, Index all_columns)
        : columns(all_columns), partial(segments), total(segments) {
      for (auto* values : {&pivot, &rstd}) values->resize(static_cast<std::size_t>(segments));
      for (auto* values : {&mean, &scale, &offset, &slope}) {
        values->resize(static_cast<std::size_t>(all_columns));
      }
    }

    SumArrays columns;                        // per accumulator
    SumArrays partial, total;                 // per segment: of one thread, and of all
    Buffer<Real> pivot, rstd;                 // per segment
    Buffer<Real> mean, scale, offset, slope;  // coefficients, per accumulator
  };

  static Index quotient_up(Index all, Index size) { return (all + size - 1) / size; }

  void choose_blocks() {
    const bool has_rows = matrix_.rows >= threads_;
    const Index bytes = matrix_.rows * matrix_.length * static_cast<Index>(sizeof(T));
    const Index least = has_rows || matrix_.packed > 1 ? kMostColumns : kFewestColumns;
    Index most = std::max<Index>(kMostColumns / matrix_.width, 1);
    if (rounds_ > 0) most = std::clamp<Index>(kBlockBytes / bytes, 1, most);
    // Without sums, what is shared is rows, in the order of memory.
    const bool cuts = !is_balanced(row_blocks_, threads_) && (rounds_ > 0 || !has_rows);
    const Index share = cuts ? quotient_up(matrix_.segments, threads_) : matrix_.segments;
    block_ = quotient_up(share, quotient_up(share, most));
    if (!matrix_.is_long) block_ = std::max(block_, quotient_up(least, matrix_.width));
    block_ = quotient_up(block_, segments_per_tile_) * segments_per_tile_;
    block_ = std::min(block_, matrix_.segments);
    blocks_ = quotient_up(matrix_.segments, block_);
    const bool balanced = is_balanced(row_blocks_ * blocks_, threads_);
    const bool takes_blocks = balanced && (rounds_ > 0 || !has_rows);
    shares_blocks_ = !takes_blocks && (has_rows || matrix_.is_long);
  }

  void run(const Arguments& a, Index thread, Index team) {
    Range blocks{0, row_blocks_ * blocks_};
    Range rows{0, matrix_.rows};
    Range positions{0, matrix_.length};
    if (shares_blocks_) {
      Range& own = matrix_.rows >= threads_ ? rows : positions;
      own = share_of(own.size, thread, team);
    } else {
      blocks = share_of(blocks.size, thread, team);
    }
    SumArrays* gradients = nullptr;  // of the thread that has to add to them
    if (!gradients_.empty() && (thread == 0 || !shares_blocks_)) {
      gradients = &gradients_[static_cast<std::size_t>(thread)];
      for (auto* sums : {&gradients->first, &gradients->second}) {
        std::fill(sums->begin(), sums->end(), 0.0);
      }
    }
    for (Index block = blocks.first; block < blocks.end(); ++block) {
      const Index row_block = block / blocks_;
      const Index first = block % blocks_ * block_;
      const Range segments{first, std::min(block_, matrix_.segments - first)};
      work_on(a, {row_block * matrix_.rows * matrix_.columns, segments, rows, positions},
              (row_block * matrix_.segments + first) / segments_per_tile_, thread, gradients);
    }
    if (!gradients_.empty()) save_gradients(a, thread, team);
  }

  // The whole pass for one block, whose first statistic is number `first_tile`.
  void work_on(const Arguments& a, const Part& part, Index first_tile, Index thread,
               SumArrays* gradients) {
    Scratch& own = scratch_[static_cast<std::size_t>(thread)];
    const bool saves = !shares_blocks_ || thread == 0;
    load_statistics(a, part, first_tile, own);
    for (int round = 0; round < rounds_; ++round) {
      if (round > 0) {
        if (shares_blocks_) barrier();
        set_pivots(part, own);
      }
      take_sums(a, part, own);
      if (shares_blocks_) add_up_threads(part.segments.size, own.total);
      if (problem_.backward()) {
        conclude_backward(a, part, own, saves, gradients);
      } else {
        conclude_forward(part, own);
      }
    }
    find_coefficients(a, part, own);
    // All threads have read the sums of the others; and gamma and beta, which may be in the memory
    // of the running statistics.
    if (shares_blocks_ && rounds_ > 0) barrier();
    if (saves && problem_.pass == Pass::kForwardTraining) save(a, part, first_tile, own);
    apply(a, part, own);
  }

  static void store(const double* sums, Index size, Real* target) {
    if (target == nullptr) return;
#pragma omp simd
    for (Index k = 0; k < size; ++k) target[k] = static_cast<Real>(sums[k]);
  }
  static void add(const double* sums, Index size, double* target) {
#pragma omp simd
    for (Index k = 0; k < size; ++k) target[k] += sums[k];
  }

  bool centered() const { return problem_.norm != Norm::kRms; }
  Index tiles_of(const Part& part) const { return part.segments.size / segments_per_tile_; }

  // Mean and rstd that are given; else the pivots.
  void load_statistics(const Arguments& a, const Part& part, Index first_tile, Scratch& own) const {
    const Index tiles = tiles_of(part);
    const bool running = problem_.uses_running_statistics();
    if (!running && !problem_.backward()) {
      const Index columns_of_tile = segments_per_tile_ * matrix_.length;
      const T* x = data<T>(a.x, part.base + part.segments.first * matrix_.length);
      for (Index k = 0; centered() && k < tiles; ++k) {
        own.mean.data()[k] = static_cast<Real>(x[k * columns_of_tile]);
      }
      broadcast(own.mean.data(), tiles, segments_per_tile_);
      return set_pivots(part, own);
    }
    const Real* means = data<Real>(running ? a.running_mean : a.mean, first_tile);
    const Real* scales = data<Real>(running ? a.running_var : a.rstd, first_tile);
    Real* rstd = own.rstd.data();
    const double eps = problem_.eps;
    if (means != nullptr) std::copy_n(means, tiles, own.mean.data());
    if (running) {
#pragma omp simd
      for (Index k = 0; k < tiles; ++k) rstd[k] = static_cast<Real>(rstd_of(scales[k], eps));
    } else {
      std::copy_n(scales, tiles, rstd);
    }
    broadcast(rstd, tiles, segments_per_tile_);
    broadcast(own.mean.data(), tiles, segments_per_tile_);
    broadcast_to_columns(matrix_, part.segments.size, own.mean);
  }

  // Makes the means the pivots, which take their place.
  void set_pivots(const Part& part, Scratch& own) const {
    const Index size = part.segments.size;
    Real* mean = own.mean.data();
    // Those of rms stay zero.
    if (centered()) std::transform(mean, mean + size, own.pivot.data(), as_pivot<Real>);
    std::copy_n(own.pivot.data(), size, mean);
    broadcast_to_columns(matrix_, size, own.mean);
  }

  void take_sums(const Arguments& a, const Part& part, Scratch& own) const {
    SumArrays& sums = shares_blocks_ ? own.partial : own.total;
    const T* x = data<T>(a.x);
    const T* dy = data<T>(a.dy);
    const Real* mean = own.mean.data();
    if (problem_.backward()) {
      const auto terms = [=](Index at, Index k) {
        const double g = static_cast<Real>(dy[at]);
        return Sums{g, g * (static_cast<Real>(x[at]) - mean[k])};
      };
      return sum_segments(matrix_, part, terms, own.columns, sums);
    }
    const auto terms = [=](Index at, Index k) {
      const double value = static_cast<double>(static_cast<Real>(x[at])) - mean[k];
      return Sums{value, value * value};
    };
    sum_segments(matrix_, part, terms, own.columns, sums);
  }

  void add_up_threads(Index size, SumArrays& total) {
    barrier();
    for (const auto sums : {&SumArrays::first, &SumArrays::second}) {
      double* target = (total.*sums).data();
      std::fill_n(target, size, 0.0);
      for (const Scratch& one : scratch_) add((one.partial.*sums).data(), size, target);
    }
  }

  // Makes the sums of each segment those of its tile.
  void add_up_tiles(const Part& part, SumArrays& sums) const {
    if (segments_per_tile_ == 1) return;
    for (auto* all : {&sums.first, &sums.second}) {
      for (Index k = 0; k < part.segments.size; k += segments_per_tile_) {
        double* own = all->data() + k;
        double sum = 0;
        for (Index i = 0; i < segments_per_tile_; ++i) sum += own[i];
        std::fill_n(own, segments_per_tile_, sum);
      }
    }
  }

  // Replaces the sums by mean and variance.
  void conclude_forward(const Part& part, Scratch& own) const {
    add_up_tiles(part, own.total);
    double* first = own.total.first.data();
    double* second = own.total.second.data();
    const Real* pivot = own.pivot.data();
    Real* mean = own.mean.data();
    Real* rstd = own.rstd.data();
    const double count = count_;
    const double eps = problem_.eps;
    const bool is_centered = centered();
#pragma omp simd
    for (Index k = 0; k < part.segments.size; ++k) {
      const Moments moments = moments_of({first[k], second[k]}, pivot[k], count, is_centered);
      first[k] = moments.mean;
      second[k] = moments.variance;
      mean[k] = static_cast<Real>(moments.mean);
      rstd[k] = static_cast<Real>(rstd_of(moments.variance, eps));
    }
  }

  // Takes the gradients from the sums, and offset and slope from both.
  void conclude_backward(const Arguments& a, const Part& part, Scratch& own, bool saves,
                         SumArrays* gradients) const {
    double* first = own.total.first.data();
    double* second = own.total.second.data();
    const Real* rstd = own.rstd.data();
    const Index size = part.segments.size;
#pragma omp simd
    for (Index k = 0; k < size; ++k) second[k] *= rstd[k];
    if (saves && gradients == nullptr) {
      store(first, size, data<Real>(a.dbeta, part.segments.first));
      store(second, size, data<Real>(a.dgamma, part.segments.first));
    } else if (saves) {
      add(first, size, gradients->first.data() + part.segments.first);
      add(second, size, gradients->second.data() + part.segments.first);
    }
    if (problem_.uses_running_statistics()) return;
    const Real* gamma = gamma_of(a, part);
#pragma omp simd
    for (Index k = 0; k < size; ++k) {
      first[k] *= gamma[k];
      second[k] *= gamma[k];
    }
    add_up_tiles(part, own.total);
    Real* offset = own.offset.data();
    Real* slope = own.slope.data();
    const double count = count_;
    const bool is_centered = centered();
#pragma omp simd
    for (Index k = 0; k < size; ++k) {
      const Gradient gradient = gradient_of({first[k], second[k]}, rstd[k], count, is_centered);
      offset[k] = static_cast<Real>(gradient.offset);
      slope[k] = static_cast<Real>(gradient.slope);
    }
  }

  const Real* gamma_of(const Arguments& a, const Part& part) const {
    return a.gamma.present() ? data<Real>(a.gamma, part.segments.first) : ones_.data();
  }

  void find_coefficients(const Arguments& a, const Part& part, Scratch& own) const {
    const Real* gamma = gamma_of(a, part);
    const Real* rstd = own.rstd.data();
    Real* scale = own.scale.data();
#pragma omp simd
    for (Index k = 0; k < part.segments.size; ++k) scale[k] = gamma[k] * rstd[k];
    broadcast_to_columns(matrix_, part.segments.size, own.scale);
    if (problem_.backward()) {
      broadcast_to_columns(matrix_, part.segments.size, own.slope);
    } else {
      const Real* beta = a.beta.present() ? data<Real>(a.beta, part.segments.first) : zeros_.data();
      std::copy_n(beta, part.segments.size, own.offset.data());
      if (rounds_ > 0) broadcast_to_columns(matrix_, part.segments.size, own.mean);
    }
    broadcast_to_columns(matrix_, part.segments.size, own.offset);
  }

  // Stores the statistics, and updates those that run.
  void save(const Arguments& a, const Part& part, Index first_tile, const Scratch& own) const {
    Real* means = data<Real>(a.mean, first_tile);
    Real* variances = data<Real>(a.variance, first_tile);
    Real* rstds = data<Real>(a.rstd, first_tile);
    const double* mean = own.total.first.data();
    const double* variance = own.total.second.data();
    const Index step = segments_per_tile_;
    for (Index i = 0; i < tiles_of(part); ++i) {
      if (means != nullptr) means[i] = static_cast<Real>(mean[i * step]);
      variances[i] = static_cast<Real>(variance[i * step]);
      rstds[i] = own.rstd.data()[i * step];
    }
    if (problem_.norm != Norm::kBatch) return;
    Real* running_mean = data<Real>(a.running_mean, first_tile);
    Real* running_var = data<Real>(a.running_var, first_tile);
    const double m = problem_.momentum;
    const double unbiased = m * (count_ / (count_ - 1));
#pragma omp simd
    for (Index k = 0; k < part.segments.size; ++k) {
      running_mean[k] = static_cast<Real>((1 - m) * running_mean[k] + m * mean[k]);
      running_var[k] = static_cast<Real>((1 - m) * running_var[k] + unbiased * variance[k]);
    }
  }

  // Adds up the gradients of all threads, which share the parameters.
  void save_gradients(const Arguments& a, Index thread, Index team) {
    barrier();
    const Range range = share_of(matrix_.segments, thread, team);
    const auto save = [&](Buffer<double> SumArrays::*sums, Real* target) {
      double* total = (gradients_[0].*sums).data() + range.first;
      for (std::size_t i = 1; i < gradients_.size(); ++i) {
        add((gradients_[i].*sums).data() + range.first, range.size, total);
      }
      store(total, range.size, target);
    };
    save(&SumArrays::first, data<Real>(a.dbeta, range.first));
    save(&SumArrays::second, data<Real>(a.dgamma, range.first));
    barrier();
  }

  void apply(const Arguments& a, const Part& part, const Scratch& own) const {
    const T* x = data<T>(a.x);
    const T* dy = data<T>(a.dy);
    T* dx = data<T>(a.dx);
    T* y = data<T>(a.y);
    const Real* mean = own.mean.data();
    const Real* scale = own.scale.data();
    const Real* offset = own.offset.data();
    const Real* slope = own.slope.data();
    if (!problem_.backward()) {
      for_each_value(matrix_, part, [=](Index at, Index k) {
        y[at] = static_cast<T>((static_cast<Real>(x[at]) - mean[k]) * scale[k] + offset[k]);
      });
    } else if (problem_.uses_running_statistics()) {
      for_each_value(matrix_, part, [=](Index at, Index k) {
        dx[at] = static_cast<T>(static_cast<Real>(dy[at]) * scale[k]);
      });
    } else {
      for_each_value(matrix_, part, [=](Index at, Index k) {
        dx[at] = static_cast<T>(static_cast<Real>(dy[at]) * scale[k] - offset[k] -
                                (static_cast<Real>(x[at]) - mean[k]) * slope[k]);
      });
    }
  }

  Problem problem_;
  Arguments arguments_;
  Segments matrix_;  // one block of rows, as high as a tile
  Index segments_per_tile_, row_blocks_;
  double count_;
  int threads_;
  int rounds_ = 0;                    // how many times sums are taken
  Index block_ = 1, blocks_ = 1;      // segments of a block; blocks of a row block
  bool shares_blocks_ = false;        // all threads work on each block
  std::vector<Scratch> scratch_;      // per thread
  std::vector<SumArrays> gradients_;  // per thread that adds to them: first is dbeta, second dgamma
  Buffer<Real> ones_, zeros_;         // in place of absent parameters
};

}  // namespace normbench::openmp
