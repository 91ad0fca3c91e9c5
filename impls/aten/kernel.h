// What the kernels of all norms share: threads, memory, and how results are returned.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/ones.h>
#include <c10/core/InferenceMode.h>
#include <malloc.h>
#include <omp.h>

#include <array>
#include <climits>
#include <cstdint>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "harness/core/backend.h"
#include "impls/aten/buffers.h"

namespace aten {

using normbench::Pass;

// Sets the number of threads of OpenMP, which libtorch follows, and restores the caller's.
// at::set_num_threads also restarts the threads of another pool, which takes milliseconds.
class ThreadCount {
 public:
  explicit ThreadCount(int threads) : before_(omp_get_max_threads()) {
    omp_set_num_threads(threads);
  }
  ~ThreadCount() { omp_set_num_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

// Process-wide settings, made once.
inline void initialize() {
  static std::once_flag once;
  std::call_once(once, [] {
    // Operators allocate their results. By default the C library requests a large block from the
    // system each time, and page faults take most of the time. M_MMAP_THRESHOLD has no effect
    // beyond 32 MB.
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    // Otherwise the first operator sets the number of OpenMP threads to a choice of its own.
    at::set_num_threads(omp_get_max_threads());
    at::get_num_threads();
  });
}

// What an operator allocates and returns: y, mean and rstd, or in backward dx, dgamma and dbeta. A
// tensor is undefined if its result is in the caller's buffer already.
using Results = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

class AtenKernel : public normbench::Kernel {
 public:
  AtenKernel(const Problem& problem, const Arguments& arguments, int threads)
      : problem_(problem), threads_(threads) {
    initialize();
    const ThreadCount limit(threads_);
    // A libtorch with its own OpenMP runtime does not follow ThreadCount.
    if (at::get_num_threads() != threads_) at::set_num_threads(threads_);
    const c10::InferenceMode no_autograd;
    for (std::int64_t i = 0; i < problem_.mini_batches(); ++i) {
      buffers_.push_back(view(problem_, normbench::mini_batch(problem_, arguments, i)));
      if (wants_ones(problem_)) buffers_.back().gamma = ones(problem_);
    }
    results_.resize(buffers_.size());
  }

  void run() final {
    const ThreadCount limit(threads_);
    const c10::InferenceMode no_autograd;
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      results_[i] = {};  // freed first, so that the next results reuse the memory
      results_[i] = problem_.backward() ? backward(buffers_[i]) : forward(buffers_[i]);
    }
  }

  void collect() final {
    const ThreadCount limit(threads_);
    const c10::InferenceMode no_autograd;
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      const Buffers& b = buffers_[i];
      const auto& [large, first, second] = results_[i];
      hand_back(large, problem_.backward() ? b.dx : b.y);
      hand_back(first, problem_.backward() ? b.dgamma : b.mean);
      hand_back(second, problem_.backward() ? b.dbeta : b.rstd);
      if (problem_.pass == Pass::kForwardTraining && b.mean.defined()) fill_variance(b);
    }
  }

  std::string detail() const override {
    std::string text = copied_to_ncl(problem_) ? "copied to ncl and back" : "contiguous";
    if (channels_last(problem_)) text = "channels last";
    return wants_ones(problem_) ? text + ", gamma of ones" : text;
  }

 protected:
  virtual Results forward(const Buffers& b) = 0;
  virtual Results backward(const Buffers& b) = 0;

  const Problem& problem() const { return problem_; }

  // Which of dx, dgamma and dbeta are wanted.
  std::array<bool, 3> wanted() const { return {true, problem_.affine, problem_.affine}; }

  // Copies y or dx of an operator that takes ncl only into an nlc buffer, and returns undefined.
  // Returns a result that is in the layout of the buffer.
  static at::Tensor deliver(const at::Tensor& result, const at::Tensor& buffer) {
    if (buffer.is_contiguous()) return result;
    buffer.copy_(result.view(buffer.sizes()));
    return {};
  }

 private:
  static at::Tensor ones(const Problem& p) {
    return at::ones({p.norm == Norm::kLayer ? p.c * p.l : p.c}, at::kFloat);
  }

  static void hand_back(const at::Tensor& result, const at::Tensor& buffer) {
    if (result.defined() && buffer.defined()) buffer.copy_(result.view(buffer.sizes()));
  }

  // No operator returns the variance. 1 / rstd^2 - eps is too inaccurate for input whose sums are
  // exact. So the variance is computed here, in double, from x and the saved mean. What the library
  // used is checked as rstd, and as running_var.
  void fill_variance(const Buffers& b) const {
    const bool batch = problem_.norm == Norm::kBatch;
    const at::Tensor x = (batch ? b.x.transpose(0, 1) : b.x).to(at::kDouble);
    const at::Tensor deviations =
        x.reshape({b.mean.numel(), -1}).sub(b.mean.to(at::kDouble).unsqueeze(1));
    b.variance.copy_(deviations.square().mean(1));
  }

  Problem problem_;
  int threads_;
  std::vector<Buffers> buffers_;  // one per mini-batch
  std::vector<Results> results_;
};

}  // namespace aten
