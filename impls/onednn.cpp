// oneDNN, the library of neural network primitives, version 2 or 3.
//
// Its batch normalization makes two passes over x in float, mean first and then the mean of squared
// deviations, and a third that writes y = (x - mean) * (gamma / sqrt(variance + eps)) + beta.
// `onednn` runs it on the caller's buffers; `onednn-blocked` on copies in the library's own layout,
// 16 or 8 channels side by side, for which it has more vectorized kernels.
#include <omp.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "harness/core/backend.h"

namespace {

using dnnl::memory;
using dnnl::normalization_flags;
using dnnl::prop_kind;
using normbench::Accuracy;
using normbench::Arguments;
using normbench::Backend;
using normbench::Kernel;
using normbench::Pass;
using normbench::Problem;
using normbench::Support;
using normbench::Tensor;

using ForwardDescriptor = dnnl::batch_normalization_forward::primitive_desc;
using BackwardDescriptor = dnnl::batch_normalization_backward::primitive_desc;
using PrimitiveArguments = std::unordered_map<int, memory>;

enum class Storage { kPlain, kBlocked };

// oneDNN asks OpenMP how many threads to use, and that setting belongs to the caller.
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

// A batch normalization before it is a primitive. Version 2 of the library wants its parameters in
// a descriptor of their own. The scratchpad is ours, so that no call allocates one.
struct Operation {
  dnnl::engine engine;
  memory::desc data;  // x, y, dy and dx of one mini-batch
  float eps;
  normalization_flags flags;
  dnnl::primitive_attr attributes = user_scratchpad();

#if DNNL_VERSION_MAJOR >= 3
  ForwardDescriptor forward(prop_kind kind) const {
    return {engine, kind, data, data, eps, flags, attributes};
  }
  BackwardDescriptor backward(prop_kind kind, const ForwardDescriptor& hint) const {
    return {engine, kind, data, data, data, eps, flags, hint, attributes};
  }
#else
  ForwardDescriptor forward(prop_kind kind) const {
    return {{kind, data, eps, flags}, attributes, engine};
  }
  BackwardDescriptor backward(prop_kind kind, const ForwardDescriptor& hint) const {
    return {{kind, data, data, eps, flags}, attributes, engine, hint};
  }
#endif

  static dnnl::primitive_attr user_scratchpad() {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return attributes;
  }
};

// Neither version reads the shift in a backward pass, but 2 refuses to run without it, and 3 with.
constexpr bool kBackwardWantsShift = DNNL_VERSION_MAJOR < 3;

// `samples` rows of x, y, dy or dx. The shape is given four dimensions because version 2 has only
// its slow reference implementation for three.
memory::desc describe(const Problem& p, std::int64_t samples, memory::format_tag tag) {
  return {{samples, p.c, 1, p.l}, memory::data_type::f32, tag};
}

// The layout of the caller's buffers. With l = 1 two tags name the same bytes, and only channels
// last reaches a vectorized kernel. It has to be that one for every problem of a process: the
// library's cache of primitives cannot tell the two apart, and returns whichever came first.
memory::format_tag plain_tag(const Problem& p) {
  return p.l == 1 ? memory::format_tag::acdb : memory::format_tag::abcd;
}

// A primitive for one mini-batch, and what it takes to run it.
struct Plan {
  memory::format_tag tag = memory::format_tag::undef;
  memory::desc data;
  memory::desc scratchpad;
  dnnl::primitive primitive;
  std::string implementation;

  bool vectorized() const { return implementation.find("jit") != std::string::npos; }
};

Plan make_plan(const dnnl::engine& engine, const Problem& p, memory::format_tag tag) {
  Operation operation{engine, describe(p, p.batch, tag), static_cast<float>(p.eps),
                      p.affine ? normalization_flags::use_scale | normalization_flags::use_shift
                               : normalization_flags::none};
  const auto plan_of = [&](const dnnl::primitive_desc& descriptor) {
    return Plan{tag, operation.data, descriptor.scratchpad_desc(), dnnl::primitive(descriptor),
                descriptor.impl_info_str()};
  };
  if (p.pass == Pass::kForwardInference) {
    operation.flags |= normalization_flags::use_global_stats;
    return plan_of(operation.forward(prop_kind::forward_inference));
  }
  const ForwardDescriptor training = operation.forward(prop_kind::forward_training);
  if (p.pass == Pass::kForwardTraining) return plan_of(training);
  const prop_kind kind = p.affine ? prop_kind::backward : prop_kind::backward_data;
  return plan_of(operation.backward(kind, training));
}

// Which width of blocks has a vectorized kernel depends on the machine, so the library is asked.
Plan make_plan(const dnnl::engine& engine, const Problem& p, Storage storage) {
  if (storage == Storage::kPlain) return make_plan(engine, p, plain_tag(p));
  Plan wide = make_plan(engine, p, memory::format_tag::aBcd16b);
  if (wide.vectorized()) return wide;
  Plan narrow = make_plan(engine, p, memory::format_tag::aBcd8b);
  return narrow.vectorized() ? narrow : wide;
}

// running = keep * running + add * statistic, in double: one rounding.
void blend(std::span<float> running, std::span<const float> statistic, double keep, double add) {
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
      if (problem_.pass == Pass::kForwardTraining) update_running_statistics(i);
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

  // Everything that run() passes on is made here, once for each mini-batch.
  void bind() {
    std::byte* const x = place(arguments_.x, true);
    std::byte* const dy = place(arguments_.dy, true);
    std::byte* const y = place(arguments_.y, false);
    std::byte* const dx = place(arguments_.dx, false);
    const bool inference = problem_.pass == Pass::kForwardInference;
    const bool shift = !problem_.backward() || kBackwardWantsShift;
    const memory scratchpad(plan_.scratchpad, engine_);
    for (std::int64_t i = 0; i < problem_.mini_batches(); ++i) {
      const Arguments part = normbench::mini_batch(problem_, arguments_, i);
      PrimitiveArguments& all = mini_batches_.emplace_back();
      all.emplace(DNNL_ARG_SCRATCHPAD, scratchpad);
      add_rows(all, DNNL_ARG_SRC, x, i);
      add_rows(all, DNNL_ARG_DST, y, i);
      add_rows(all, DNNL_ARG_DIFF_DST, dy, i);
      add_rows(all, DNNL_ARG_DIFF_SRC, dx, i);
      add_vector(all, DNNL_ARG_MEAN, inference ? part.running_mean : part.mean);
      add_vector(all, DNNL_ARG_VARIANCE, inference ? part.running_var : part.variance);
      add_vector(all, DNNL_ARG_SCALE, part.gamma);
      if (shift) add_vector(all, DNNL_ARG_SHIFT, problem_.backward() ? part.gamma : part.beta);
      add_vector(all, DNNL_ARG_DIFF_SCALE, part.dgamma);
      add_vector(all, DNNL_ARG_DIFF_SHIFT, part.dbeta);
    }
  }

  // Where the primitive finds the rows of a tensor: at the caller's, or in a copy that load() or
  // collect() converts. nullptr when the pass has no such tensor.
  std::byte* place(const Tensor& tensor, bool input) {
    const memory::format_tag tag = plain_tag(problem_);
    if (!tensor.present() || plan_.tag == tag) return static_cast<std::byte*>(tensor.data);
    const memory plain(describe(problem_, problem_.n, tag), engine_, tensor.data);
    const memory own(describe(problem_, problem_.n, plan_.tag), engine_);
    const memory& from = input ? plain : own;
    const memory& to = input ? own : plain;
    (input ? on_load_ : on_collect_).push_back({from, to, dnnl::reorder(from, to)});
    return static_cast<std::byte*>(own.get_data_handle());
  }

  // Samples are outermost in every layout, so mini-batches lie one behind the other.
  void add_rows(PrimitiveArguments& all, int name, std::byte* rows, std::int64_t index) const {
    if (rows == nullptr) return;
    std::byte* const first = rows + static_cast<std::size_t>(index) * plan_.data.get_size();
    all.emplace(name, memory(plan_.data, engine_, first));
  }

  void add_vector(PrimitiveArguments& all, int name, const Tensor& vector) const {
    if (!vector.present()) return;
    const memory::desc description({vector.c}, memory::data_type::f32, memory::format_tag::a);
    all.emplace(name, memory(description, engine_, vector.data));
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

class OneDnn : public Backend {
 public:
  explicit OneDnn(Storage storage) : storage_(storage) {}

  std::string_view name() const override {
    return storage_ == Storage::kPlain ? "onednn" : "onednn-blocked";
  }
  std::string version() const override {
    const dnnl_version_t& v = *dnnl_version();
    return std::to_string(v.major) + "." + std::to_string(v.minor) + "." + std::to_string(v.patch);
  }
  Support supports(const Problem& problem) const override {
    return normbench::batch_norm_f32_ncl(problem);
  }

  // Every kernel sums in float and divides once. How the values are spread over threads, registers
  // and vector lanes differs, but no way to add up n values takes any of them through more than
  // n - 1 additions. The vectorized backward kernels do take that many on one thread.
  Accuracy accuracy(const Problem& problem) const override {
    if (problem.pass == Pass::kForwardInference) return {normbench::Grade::kA, 0};
    return {normbench::Grade::kA, static_cast<double>(problem.values_per_channel() - 1)};
  }

  bool native_layout() const override { return storage_ == Storage::kBlocked; }

  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int threads) const override {
    return std::make_unique<OneDnnKernel>(problem, arguments, threads, storage_);
  }

 private:
  Storage storage_;
};

}  // namespace

std::unique_ptr<Backend> make_onednn() { return std::make_unique<OneDnn>(Storage::kPlain); }
std::unique_ptr<Backend> make_onednn_blocked() {
  return std::make_unique<OneDnn>(Storage::kBlocked);
}
