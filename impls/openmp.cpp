// Plain C++ that OpenMP vectorizes and spreads over threads.
//
// x is read once for both sums of a channel, in double and relative to its first value, and once
// more to be normalized: from the second-level cache, as threads work on blocks of channels that
// fit there. Where there are too few channels, threads share samples or positions instead and add
// up their sums.
#include <omp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/core/backend.h"

namespace {

using normbench::Accuracy;
using normbench::Arguments;
using normbench::Backend;
using normbench::Grade;
using normbench::Kernel;
using normbench::Pass;
using normbench::Problem;
using normbench::Support;
using normbench::Tensor;
using Index = std::int64_t;

// Rows of at least this many values are summed one by one; in shorter ones the C * L columns of a
// sample are summed side by side.
constexpr Index kLongRow = 64;
// With so few samples, what is prepared for each column pays off only in rows shorter than that.
constexpr Index kFewSamples = 4;
constexpr Index kShortRow = 8;
// Columns or channels of a block: what is kept for each stays in the first-level cache.
constexpr Index kMostLanes = 512;
constexpr Index kLeastLanes = 64;
// A block is read twice, the second time from a second-level cache of common size.
constexpr Index kBlockBytes = 512 * 1024;
// A parallel region costs some microseconds: less work than this for each thread is not worth it
// (measured: two threads break even between 128 and 256 KB in all).
constexpr Index kBytesPerThread = 96 * 1024;

// A lane is what has one mean and one scale: a channel when rows are long, else a column.
template <class T>
using Lanes = std::array<T, kMostLanes>;

// Some channels of some samples, at some positions, of one mini-batch.
struct Slab {
  Index first_channel, channels, first_sample, samples, first_position, positions;
};

class OpenMpKernel : public Kernel {
 public:
  OpenMpKernel(const Problem& problem, const Arguments& arguments, int threads)
      : problem_(problem),
        arguments_(arguments),
        samples_(problem.c == 1 ? 1 : problem.batch),
        length_(problem.c == 1 ? problem.batch * problem.l : problem.l),
        long_rows_(length_ >= kLongRow || (samples_ < kFewSamples && length_ >= kShortRow)),
        count_(static_cast<double>(problem.values_per_channel())),
        ones_(static_cast<std::size_t>(problem.c), 1.0F),
        zeros_(static_cast<std::size_t>(problem.c), 0.0F) {
    const Index bytes = normbench::compulsory_bytes(problem) / problem.mini_batches();
    threads_ = static_cast<int>(std::clamp<Index>(bytes / kBytesPerThread, 1, threads));
    lanes_per_channel_ = long_rows_ ? 1 : length_;
    const Index row = problem.c * length_;
    fold_ = !long_rows_ && row < kLeastLanes ? std::min(samples_, kLeastLanes / row) : 1;
    const Index channel_bytes = samples_ * length_ * static_cast<Index>(sizeof(float));
    const Index least = long_rows_ ? 1 : (kLeastLanes + length_ - 1) / length_;
    const Index fair_share =
        threads_ == 1 ? problem.c : (problem.c + 4 * threads_ - 1) / (4 * threads_);
    block_ = std::min(kBlockBytes / channel_bytes, fair_share);
    block_ = std::clamp<Index>(block_, least, kMostLanes / lanes_per_channel_);
    const Index blocks = (problem.c + block_ - 1) / block_;
    const bool balanced = blocks % threads_ == 0 || blocks >= 4 * threads_;
    // Nothing is read twice in inference: there the order of memory is best.
    const bool has_samples = samples_ >= threads_;
    shares_channels_ =
        threads_ == 1 || (balanced && (reduces() || !has_samples)) || (!long_rows_ && !has_samples);
    sums_.resize(static_cast<std::size_t>(2 * problem.c * threads_));
  }

  void run() override {
    for (Index i = 0; i < problem_.mini_batches(); ++i) {
      part_ = mini_batch(problem_, arguments_, i);
      if (shares_channels_) {
        share_channels();
      } else {
        share_samples();
      }
    }
  }

  std::string detail() const override {
    const std::string shared = shares_channels_ ? "channels" : "samples";
    return threads_ == 1 ? "1 thread" : std::to_string(threads_) + " threads share " + shared;
  }

 private:
  bool reduces() const { return problem_.pass != Pass::kForwardInference; }
  double* sums(Index part) { return sums_.data() + 2 * problem_.c * part; }

  void share_channels() {
    // Even a region of one thread costs more than the smallest problems.
    if (threads_ == 1) {
      for (Index first = 0; first < problem_.c; first += block_) finish_block(first);
      return;
    }
#pragma omp parallel for schedule(dynamic) num_threads(threads_)
    for (Index first = 0; first < problem_.c; first += block_) finish_block(first);
  }

  void finish_block(Index first) {
    const Index channels = std::min(block_, problem_.c - first);
    const Slab slab{first, channels, 0, samples_, 0, length_};
    if (reduces()) {
      reduce(slab, sums(0));
      conclude(first, channels);
    }
    apply(slab);
    update_running(first, channels);
  }

  void share_samples() {
    if (reduces()) {
      each_part([this](const Slab& slab, Index part) { reduce(slab, sums(part)); });
      for (Index part = 1; part < threads_; ++part) {
        for (Index at = 0; at < 2 * problem_.c; ++at) sums(0)[at] += sums(part)[at];
      }
      conclude(0, problem_.c);
    }
    each_part([this](const Slab& slab, Index) { apply(slab); });
    update_running(0, problem_.c);
  }

  // Calls visit(slab, part) for all blocks of each thread's part of the mini-batch.
  template <class Visit>
  void each_part(Visit visit) {
    const bool by_samples = samples_ >= threads_;
    const Index all = by_samples ? samples_ : length_;
#pragma omp parallel for schedule(static) num_threads(threads_)
    for (Index part = 0; part < threads_; ++part) {
      const Index from = all * part / threads_;
      const Index size = all * (part + 1) / threads_ - from;
      for (Index first = 0; first < problem_.c; first += block_) {
        const Index channels = std::min(block_, problem_.c - first);
        visit(by_samples ? Slab{first, channels, from, size, 0, length_}
                         : Slab{first, channels, 0, samples_, from, size},
              part);
      }
    }
  }

  Index start(Index sample, Index channel) const {
    return (sample * problem_.c + channel) * length_;
  }

  // value(channel) for each lane of the slab.
  template <class Value>
  const float* spread(const Slab& slab, Lanes<float>& lanes, Value value) const {
    float* lane = lanes.data();
    Lanes<float> channels;
    float* channel = lanes_per_channel_ == 1 ? lane : channels.data();
#pragma omp simd
    for (Index k = 0; k < slab.channels; ++k) channel[k] = value(slab.first_channel + k);
    if (lanes_per_channel_ > 1) {
      float* next = lane;
      for (Index k = 0; k < slab.channels; ++k) {
        for (Index j = 0; j < length_; ++j) *next++ = channel[k];
      }
    }
    const Index width = slab.channels * lanes_per_channel_;
    for (Index i = 1; i < fold_; ++i) std::copy_n(lane, width, lane + i * width);
    return lane;
  }

  // Calls visit(at, lane) for every value of the slab, in the order of memory.
  template <class Visit>
  void for_each(const Slab& slab, Visit visit) const {
    const Index last = slab.first_sample + slab.samples;
    for (Index i = slab.first_sample; i < last; i += fold_) {
      const Index row = start(i, slab.first_channel);
      if (!long_rows_) {
        const Index width = std::min(fold_, last - i) * slab.channels * length_;
#pragma omp simd
        for (Index lane = 0; lane < width; ++lane) visit(row + lane, lane);
        continue;
      }
      for (Index lane = 0; lane < slab.channels; ++lane) {
        const Index first = row + lane * length_ + slab.first_position;
#pragma omp simd
        for (Index j = 0; j < slab.positions; ++j) visit(first + j, lane);
      }
    }
  }

  // Adds the two terms(at, lane) of all values of the slab to the sums of their channels.
  template <class Terms>
  void add(const Slab& slab, Terms terms, double* sums) const {
    double* first_sum = sums + slab.first_channel;
    double* second_sum = first_sum + problem_.c;
    std::fill_n(first_sum, slab.channels, 0.0);
    std::fill_n(second_sum, slab.channels, 0.0);
    if (long_rows_) {
      add_long_rows(slab, terms, first_sum, second_sum);
    } else {
      add_short_rows(slab, terms, first_sum, second_sum);
    }
  }

  template <class Terms>
  void add_long_rows(const Slab& slab, Terms terms, double* first_sum, double* second_sum) const {
    for (Index i = slab.first_sample; i < slab.first_sample + slab.samples; ++i) {
      for (Index lane = 0; lane < slab.channels; ++lane) {
        const Index row = start(i, slab.first_channel + lane) + slab.first_position;
        double first = 0;
        double second = 0;
#pragma omp simd reduction(+ : first, second)
        for (Index j = 0; j < slab.positions; ++j) {
          const auto [one, two] = terms(row + j, lane);
          first += one;
          second += two;
        }
        first_sum[lane] += first;
        second_sum[lane] += second;
      }
    }
  }

  template <class Terms>
  void add_short_rows(const Slab& slab, Terms terms, double* first_sum, double* second_sum) const {
    Lanes<double> first;
    Lanes<double> second;
    const Index row = slab.channels * length_;
    std::fill_n(first.data(), fold_ * row, 0.0);
    std::fill_n(second.data(), fold_ * row, 0.0);
    // Several rows at a time, so that the sums are not loaded and stored for each.
    constexpr int kRows = 8;
    const Index last = slab.first_sample + slab.samples;
    Index i = slab.first_sample;
    for (; i + kRows * fold_ <= last; i += kRows * fold_) {
      add_rows<kRows>(start(i, slab.first_channel), fold_ * row, terms, first, second);
    }
    for (; i < last; i += fold_) {
      const Index width = std::min(fold_, last - i) * row;
      add_rows<1>(start(i, slab.first_channel), width, terms, first, second);
    }
    const double* one = first.data();
    const double* two = second.data();
    for (Index repeat = 0; repeat < fold_; ++repeat) {
      for (Index k = 0; k < slab.channels; ++k) {
        for (Index j = 0; j < length_; ++j) {
          first_sum[k] += *one++;
          second_sum[k] += *two++;
        }
      }
    }
  }
  template <int kRows, class Terms>
  void add_rows(Index row, Index width, Terms terms, Lanes<double>& first_sums,
                Lanes<double>& second_sums) const {
    const Index next = fold_ * problem_.c * length_;
    double* first_sum = first_sums.data();
    double* second_sum = second_sums.data();
#pragma omp simd
    for (Index lane = 0; lane < width; ++lane) {
      double first = first_sum[lane];
      double second = second_sum[lane];
      for (Index i = 0; i < kRows; ++i) {
        const auto [one, two] = terms(row + i * next + lane, lane);
        first += one;
        second += two;
      }
      first_sum[lane] = first;
      second_sum[lane] = second;
    }
  }

  struct Terms {
    double first, second;
  };

  // The sums over a slab: forward of x - shift and its square, where the shift is the channel's
  // first value, so that nothing cancels; backward of dy and dy * (x - mean).
  void reduce(const Slab& slab, double* sums) const {
    const float* x = data(part_.x);
    Lanes<float> own;
    if (problem_.backward()) {
      const float* dy = data(part_.dy);
      const float* means = data(part_.mean);
      const float* mean = spread(slab, own, [=](Index k) { return means[k]; });
      const auto terms = [=](Index at, Index lane) {
        const double g = dy[at];
        return Terms{g, g * (x[at] - mean[lane])};
      };
      return add(slab, terms, sums);
    }
    const float* shift = spread(slab, own, [=, this](Index k) { return x[start(0, k)]; });
    const auto terms = [=](Index at, Index lane) {
      const double value = static_cast<double>(x[at]) - shift[lane];
      return Terms{value, value * value};
    };
    add(slab, terms, sums);
  }

  // Turns the sums of channels into statistics, or into gradients of the parameters.
  void conclude(Index first_channel, Index channels) {
    const Index last = first_channel + channels;
    double* first = sums(0);
    double* second = first + problem_.c;
    float* rstd = data(part_.rstd);
    if (problem_.backward()) {
      for (Index k = first_channel; k < last; ++k) second[k] *= rstd[k];
      if (!problem_.affine) return;
      std::copy(first + first_channel, first + last, data(part_.dbeta) + first_channel);
      std::copy(second + first_channel, second + last, data(part_.dgamma) + first_channel);
      return;
    }
    const float* x = data(part_.x);
    float* mean = data(part_.mean);
    float* variance = data(part_.variance);
    const double count = count_;
    const double eps = problem_.eps;
#pragma omp simd
    for (Index k = first_channel; k < last; ++k) {
      const double squares = second[k] - first[k] * first[k] / count;
      second[k] = squares > 0 ? squares : 0;
      first[k] = x[start(0, k)] + first[k] / count;
      mean[k] = static_cast<float>(first[k]);
      variance[k] = static_cast<float>(second[k] / count);
      rstd[k] = static_cast<float>(1 / std::sqrt(second[k] / count + eps));
    }
  }

  void apply(const Slab& slab) {
    if (problem_.backward()) return apply_backward(slab);
    const bool inference = problem_.pass == Pass::kForwardInference;
    const float* x = data(part_.x);
    const float* means = data(inference ? part_.running_mean : part_.mean);
    const float* gamma = problem_.affine ? data(part_.gamma) : ones_.data();
    const float* beta = problem_.affine ? data(part_.beta) : zeros_.data();
    std::array<Lanes<float>, 3> own;
    const float* mean = spread(slab, own[0], [=](Index k) { return means[k]; });
    const float* offset = spread(slab, own[1], [=](Index k) { return beta[k]; });
    const float* scale = nullptr;
    if (inference) {
      const float* variance = data(part_.running_var);
      const double eps = problem_.eps;
      scale = spread(slab, own[2], [=](Index k) {
        return static_cast<float>(gamma[k] / std::sqrt(variance[k] + eps));
      });
    } else {
      const float* rstd = data(part_.rstd);
      scale = spread(slab, own[2], [=](Index k) { return gamma[k] * rstd[k]; });
    }
    float* y = data(part_.y);
    for_each(slab, [=](Index at, Index lane) {
      y[at] = (x[at] - mean[lane]) * scale[lane] + offset[lane];
    });
  }

  // dx = (dy - mean of dy - (x - mean) * slope) * scale, with slope = rstd * mean of dy * xh
  void apply_backward(const Slab& slab) {
    const double* dbeta = sums(0);
    const double* dgamma = dbeta + problem_.c;
    const float* rstd = data(part_.rstd);
    const float* means = data(part_.mean);
    const float* gamma = problem_.affine ? data(part_.gamma) : ones_.data();
    const double count = count_;
    std::array<Lanes<float>, 4> own;
    const float* mean = spread(slab, own[0], [=](Index k) { return means[k]; });
    const float* mean_dy =
        spread(slab, own[1], [=](Index k) { return static_cast<float>(dbeta[k] / count); });
    const float* slope = spread(
        slab, own[2], [=](Index k) { return static_cast<float>(dgamma[k] * rstd[k] / count); });
    const float* scale = spread(slab, own[3], [=](Index k) { return gamma[k] * rstd[k]; });
    const float* x = data(part_.x);
    const float* dy = data(part_.dy);
    float* dx = data(part_.dx);
    for_each(slab, [=](Index at, Index lane) {
      dx[at] = (dy[at] - mean_dy[lane] - (x[at] - mean[lane]) * slope[lane]) * scale[lane];
    });
  }

  void update_running(Index first_channel, Index channels) {
    if (problem_.pass != Pass::kForwardTraining) return;
    const double m = problem_.momentum;
    const double* means = sums(0);
    const double* squares = means + problem_.c;
    const auto update = [m](float& running, double statistic) {
      running = static_cast<float>((1 - m) * running + m * statistic);
    };
    for (Index k = first_channel; k < first_channel + channels; ++k) {
      update(data(part_.running_mean)[k], means[k]);
      update(data(part_.running_var)[k], squares[k] / (count_ - 1));
    }
  }

  static float* data(const Tensor& tensor) { return tensor.as<float>().data(); }

  Problem problem_;
  Arguments arguments_, part_;
  // One channel is a single row, whatever its samples.
  Index samples_, length_;
  bool long_rows_, shares_channels_;
  int threads_;
  Index lanes_per_channel_, block_;
  Index fold_;  // samples so short that several make one row of lanes
  double count_;
  std::vector<float> ones_, zeros_;
  std::vector<double> sums_;  // for each part two per channel; of the whole mini-batch in the first
};

class OpenMp : public Backend {
 public:
  std::string_view name() const override { return "openmp"; }
  std::string version() const override { return std::to_string(_OPENMP); }
  Support supports(const Problem& problem) const override {
    return normbench::batch_norm_f32_ncl(problem);
  }
  // All sums are in double.
  Accuracy accuracy(const Problem&) const override { return {Grade::kA, 0}; }
  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int threads) const override {
    return std::make_unique<OpenMpKernel>(problem, arguments, threads);
  }
};

}  // namespace

std::unique_ptr<Backend> make_openmp() { return std::make_unique<OpenMp>(); }
