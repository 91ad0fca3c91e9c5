// ggml, the tensor library under llama.cpp: layer, group and RMS norm in inference.
//
// A graph of operators is made once for each problem, over the caller's buffers, and computed in
// each run: the norm, then a product with gamma and a sum with beta, in place, as its own allocator
// would arrange it. Its threads wait for the next graph in a pool, of which each problem has one.
#include <ggml-cpu.h>
#include <ggml.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/backend.h"
#include "harness/core/empty_kernel.h"

namespace {

using normbench::Accuracy;
using normbench::Arguments;
using normbench::Backend;
using normbench::DType;
using normbench::Kernel;
using normbench::Layout;
using normbench::Norm;
using normbench::Pass;
using normbench::Problem;
using normbench::Support;
using normbench::Tensor;

struct Free {
  void operator()(ggml_context* context) const { ggml_free(context); }
  void operator()(ggml_threadpool* pool) const { ggml_threadpool_free(pool); }
};

std::unique_ptr<ggml_context, Free> make_context() {
  static std::once_flag once;
  std::call_once(once, ggml_cpu_init);
  // The memory of descriptions alone: data is the caller's.
  constexpr std::size_t kTensors = 16;
  return std::unique_ptr<ggml_context, Free>(
      ggml_init({.mem_size = kTensors * ggml_tensor_overhead() + ggml_graph_overhead(),
                 .mem_buffer = nullptr,
                 .no_alloc = true}));
}

std::unique_ptr<ggml_threadpool, Free> make_pool(int threads) {
  ggml_threadpool_params parameters = ggml_threadpool_params_default(threads);
  return std::unique_ptr<ggml_threadpool, Free>(ggml_threadpool_new(&parameters));
}

class GgmlKernel : public Kernel {
 public:
  GgmlKernel(const Problem& p, const Arguments& a, int threads)
      : context_(make_context()), pool_(make_pool(threads)) {
    if (context_ == nullptr || pool_ == nullptr) throw std::runtime_error("ggml is out of memory");
    const auto eps = static_cast<float>(p.eps);
    // Sizes from the innermost on. Group norm has channels in the third place.
    const bool grouped = p.norm == Norm::kGroup;
    ggml_tensor* const x = grouped ? over(a.x, {p.l, 1, p.c, p.n}) : over(a.x, {p.c * p.l, p.n});
    ggml_tensor* y = nullptr;
    if (grouped) {
      y = ggml_group_norm(context_.get(), x, static_cast<int>(p.groups), eps);
    } else if (p.norm == Norm::kRms) {
      y = ggml_rms_norm(context_.get(), x, eps);
    } else {
      y = ggml_norm(context_.get(), x, eps);
    }
    y->data = a.y.data;
    const auto parameter = [&](const Tensor& tensor) {
      return grouped ? over(tensor, {1, 1, p.c, 1}) : over(tensor, {p.c * p.l, 1});
    };
    if (a.gamma.present()) {
      y = ggml_mul(context_.get(), y, parameter(a.gamma));
      y->data = a.y.data;
    }
    if (a.beta.present()) {
      y = ggml_add(context_.get(), y, parameter(a.beta));
      y->data = a.y.data;
    }
    graph_ = ggml_new_graph(context_.get());
    ggml_build_forward_expand(graph_, y);
    plan_ = ggml_graph_plan(graph_, threads, pool_.get());
    work_.resize(plan_.work_size);
    plan_.work_data = work_.data();
  }

  void run() override {
    if (ggml_graph_compute(graph_, &plan_) != GGML_STATUS_SUCCESS) {
      throw std::runtime_error("ggml could not compute the graph");
    }
  }

  std::string detail() const override {
    return "graph of " + std::to_string(ggml_graph_n_nodes(graph_)) + " operators";
  }

 private:
  ggml_tensor* over(const Tensor& tensor, std::vector<std::int64_t> sizes) {
    ggml_tensor* const made = ggml_new_tensor(context_.get(), GGML_TYPE_F32,
                                              static_cast<int>(sizes.size()), sizes.data());
    made->data = tensor.data;
    return made;
  }

  std::unique_ptr<ggml_context, Free> context_;
  std::unique_ptr<ggml_threadpool, Free> pool_;
  ggml_cgraph* graph_ = nullptr;
  ggml_cplan plan_{};
  std::vector<std::uint8_t> work_;
};

class Ggml : public Backend {
 public:
  std::string_view name() const override { return "ggml"; }
  std::string version() const override { return ggml_version(); }

  Support supports(const Problem& p) const override {
    if (Support support = Support::if_valid(p); !support.supported) return support;
    if (p.norm == Norm::kBatch || p.norm == Norm::kNone) {
      return Support::no("ggml has no " + std::string(normbench::name(p.norm)) + " norm");
    }
    if (p.norm == Norm::kInstance) {
      return Support::no("ggml has no instance norm but as group norm of one channel each");
    }
    if (p.backward()) return Support::no("ggml has gradients of RMS norm's x alone");
    if (p.pass == Pass::kForwardTraining) {
      return Support::no("ggml keeps no statistics for a backward pass");
    }
    if (p.dtype != DType::kF32) return Support::no("ggml normalizes f32");
    if (p.norm == Norm::kGroup && p.layout == Layout::kNlc && p.l != 1 && p.c != 1) {
      return Support::no("ggml's group norm is ncl");
    }
    return Support::yes();
  }

  // Sums are in float or double, and the variance is of deviations.
  Accuracy accuracy(const Problem& p) const override {
    const std::int64_t channels = p.norm == Norm::kGroup ? p.c / p.groups : p.c;
    return Accuracy::sequential(channels * p.l);
  }

  std::unique_ptr<Kernel> prepare(const Problem& p, const Arguments& arguments,
                                  int threads) const override {
    if (p.elements() == 0) return std::make_unique<normbench::EmptyKernel>(arguments);
    return std::make_unique<GgmlKernel>(p, arguments, threads);
  }
};

}  // namespace

std::unique_ptr<Backend> make_ggml() { return std::make_unique<Ggml>(); }
