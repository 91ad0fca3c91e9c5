// A primitive of oneDNN, bound to the buffers of a problem.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/core/backend.h"
#include "impls/onednn/plan.h"

namespace onednn {

using normbench::Arguments;
using normbench::Kernel;
using normbench::Tensor;

using PrimitiveArguments = std::unordered_map<int, memory>;

// Sets the number of threads of OpenMP, which oneDNN follows, and restores the caller's.
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

// running = keep * running + add * statistic, in double: one rounding.
inline void blend(std::span<float> running, std::span<const float> statistic, double keep,
                  double add) {
  for (std::size_t k = 0; k < running.size(); ++k) {
    running[k] = static_cast<float>(keep * running[k] + add * statistic[k]);
  }
}

class OneDnnKernel : public Kernel {
 public:
  OneDnnKernel(const Problem& problem, const Arguments& arguments, int threads, Storage storage)
      : problem_(problem), arguments_(arguments), threads_(threads) {
    const ThreadCount limit(threads_);
    plan_ = make_plan(engine_, problem_, storage);
    bind();
  }

  void load() override { convert(on_load_); }

  void run() override {
    const ThreadCount limit(threads_);
    for (std::size_t i = 0; i < mini_batches_.size(); ++i) {
      plan_.primitive.execute(stream_, mini_batches_[i]);
      stream_.wait();  // returns at once, except in builds of the library that queue their work
      if (arguments_.running_mean.present() && problem_.pass == Pass::kForwardTraining) {
        update_running_statistics(i);
      }
    }
  }

  void collect() override {
    convert(on_collect_);
    if (problem_.pass != Pass::kForwardTraining) return;
    const auto variance = arguments_.variance.as<float>();
    const auto rstd = arguments_.rstd.as<float>();
    for (std::size_t k = 0; k < rstd.size(); ++k) {
      rstd[k] = static_cast<float>(1 / std::sqrt(variance[k] + problem_.eps));
    }
  }

  std::string detail() const override { return plan_.implementation; }

 private:
  struct Conversion {
    memory from;
    memory to;
    dnnl::reorder reorder;
  };

  // Makes the arguments of the primitive for each mini-batch, so that run() does not.
  void bind() {
    const bool copies_dy = problem_.norm == Norm::kNone && problem_.backward();
    std::byte* const x = place(copies_dy ? arguments_.dy : arguments_.x, true);
    std::byte* const y = place(copies_dy ? arguments_.dx : arguments_.y, false);
    std::byte* const dy = place(copies_dy ? Tensor{} : arguments_.dy, true);
    std::byte* const dx = place(copies_dy ? Tensor{} : arguments_.dx, false);
    const memory scratchpad(plan_.scratchpad, engine_);
    for (std::int64_t i = 0; i < problem_.mini_batches(); ++i) {
      PrimitiveArguments& all = mini_batches_.emplace_back();
      all.emplace(DNNL_ARG_SCRATCHPAD, scratchpad);
      add_rows(all, DNNL_ARG_SRC, x, i);
      add_rows(all, DNNL_ARG_DST, y, i);
      add_rows(all, DNNL_ARG_DIFF_DST, dy, i);
      add_rows(all, DNNL_ARG_DIFF_SRC, dx, i);
      add_vectors(all, normbench::mini_batch(problem_, arguments_, i));
    }
  }

  // The data of a tensor, as the primitive reads or writes it: the caller's buffer, or a copy that
  // load() or collect() converts. nullptr if the pass has no such tensor.
  std::byte* place(const Tensor& tensor, bool input) {
    const memory::format_tag tag = plain_tag(problem_);
    if (!tensor.present() || plan_.tag == tag) return static_cast<std::byte*>(tensor.data);
    const memory plain(describe_data(problem_, problem_.n, tag), engine_, tensor.data);
    const memory own(describe_data(problem_, problem_.n, plan_.tag), engine_);
    const memory& from = input ? plain : own;
    const memory& to = input ? own : plain;
    (input ? on_load_ : on_collect_).push_back({from, to, dnnl::reorder(from, to)});
    return static_cast<std::byte*>(own.get_data_handle());
  }

  // Samples are the outermost dimension of every layout, so mini-batches are contiguous.
  void add_rows(PrimitiveArguments& all, int name, std::byte* rows, std::int64_t index) const {
    if (rows == nullptr) return;
    std::byte* const first = rows + static_cast<std::size_t>(index) * plan_.data.get_size();
    all.emplace(name, memory(plan_.data, engine_, first));
  }

  void add_vectors(PrimitiveArguments& all, const Arguments& part) const {
    const bool running = problem_.uses_running_statistics();
    add_statistics(all, DNNL_ARG_MEAN, running ? part.running_mean : part.mean);
    add_statistics(all, DNNL_ARG_VARIANCE, running ? part.running_var : part.variance);
    add_parameters(all, DNNL_ARG_SCALE, part.gamma);
    if (!problem_.backward()) {
      add_parameters(all, DNNL_ARG_SHIFT, part.beta);
    } else if (backward_wants_shift(problem_.norm)) {
      add_parameters(all, DNNL_ARG_SHIFT, part.gamma);
    }
    add_parameters(all, DNNL_ARG_DIFF_SCALE, part.dgamma);
    add_parameters(all, DNNL_ARG_DIFF_SHIFT, part.dbeta);
  }

  void add_statistics(PrimitiveArguments& all, int name, const Tensor& tensor) const {
    if (!tensor.present()) return;
    all.emplace(name, memory(describe_statistics(problem_), engine_, tensor.data));
  }

  void add_parameters(PrimitiveArguments& all, int name, const Tensor& tensor) const {
    if (!tensor.present()) return;
    const memory::desc vector({tensor.size()}, memory::data_type::f32, memory::format_tag::a);
    all.emplace(name, memory(vector, engine_, tensor.data));
  }

  void convert(std::vector<Conversion>& conversions) {
    const ThreadCount limit(threads_);
    for (Conversion& step : conversions) step.reorder.execute(stream_, step.from, step.to);
    stream_.wait();
  }

  // The library has neither running statistics nor the unbiased variance.
  void update_running_statistics(std::size_t index) const {
    const auto c = static_cast<std::size_t>(problem_.c);
    const auto mean = arguments_.mean.as<float>().subspan(index * c, c);
    const auto variance = arguments_.variance.as<float>().subspan(index * c, c);
    const auto n = static_cast<double>(problem_.values_per_channel());
    const double m = problem_.momentum;
    blend(arguments_.running_mean.as<float>(), mean, 1 - m, m);
    blend(arguments_.running_var.as<float>(), variance, 1 - m, m * n / (n - 1));
  }

  Problem problem_;
  Arguments arguments_;
  int threads_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  Plan plan_;
  std::vector<Conversion> on_load_;
  std::vector<Conversion> on_collect_;
  std::vector<PrimitiveArguments> mini_batches_;
};

}  // namespace onednn
