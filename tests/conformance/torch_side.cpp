// The modules of torch::nn, with the parameters and running statistics of a workspace.
#include "tests/conformance/torch_side.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "tests/conformance/torch_views.h"

namespace normbench::conformance {
namespace {

namespace nn = torch::nn;

// libtorch asks OpenMP how many threads to use, once it was told that this is wanted.
class ThreadCount {
 public:
  explicit ThreadCount(int threads) : before_(omp_get_max_threads()) {
    static const bool told = (at::set_num_threads(before_), true);
    static_cast<void>(told);
    omp_set_num_threads(threads);
  }
  ~ThreadCount() { omp_set_num_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

bool in_training(Pass pass) { return pass == Pass::kForwardTraining || pass == Pass::kBackward; }

// What a forward pass leaves: y, and the parameters that backward finds the gradients in.
struct Forward {
  at::Tensor y, weight, bias;
};

// Puts the module of type f32 or f64 on the parameters of the workspace. A backward pass has no
// beta, and needs none: there it stays zero.
template <class Module>
void bind_parameters(Module& module, const Problem& p, const at::Tensor& gamma,
                     const at::Tensor& beta) {
  module.to(scalar_type(parameter_dtype(p.dtype)));
  module.train(in_training(p.pass));
  if (gamma.defined()) module.weight.set_data(gamma);
  if (beta.defined()) module.bias.set_data(beta);
}

template <class Holder>
Forward batch_norm(const Spelled& spelled, const Arguments& a, const at::Tensor& x) {
  const Problem& p = spelled.problem;
  Holder module(nn::BatchNormOptions(p.c)
                    .eps(p.eps)
                    .momentum(p.momentum)
                    .affine(p.affine)
                    .track_running_stats(spelled.tracked));
  bind_parameters(*module, p, vector_view(a.gamma), vector_view(a.beta));
  if (spelled.tracked && a.running_mean.present()) {
    module->running_mean.set_data(vector_view(a.running_mean));
    module->running_var.set_data(vector_view(a.running_var));
  }
  if (torch_fills(spelled, "mean")) {
    // The operator under the module: the running statistics are those of its own.
    const auto running = [&] { return at::zeros({p.c}, scalar_type(a.mean.dtype)); };
    const auto [y, mean, rstd] = at::native_batch_norm(x, module->weight, module->bias, running(),
                                                       running(), true, p.momentum, p.eps);
    vector_view(a.mean).copy_(mean.detach());
    vector_view(a.rstd).copy_(rstd.detach());
  }
  return {module(x), module->weight, module->bias};
}

template <class Holder>
Forward instance_norm(const Problem& p, const Arguments& a, const at::Tensor& x) {
  Holder module(nn::InstanceNormOptions(p.c).eps(p.eps).affine(p.affine));
  bind_parameters(*module, p, vector_view(a.gamma), vector_view(a.beta));
  return {module(x), module->weight, module->bias};
}

Forward layer_norm(const Spelled& spelled, const Arguments& a, const at::Tensor& x) {
  const Problem& p = spelled.problem;
  const std::vector<std::int64_t> sample = x.sizes().slice(1).vec();
  nn::LayerNorm module(nn::LayerNormOptions(sample).eps(p.eps).elementwise_affine(p.affine));
  bind_parameters(*module, p, sample_view(spelled, a.gamma), sample_view(spelled, a.beta));
  if (torch_fills(spelled, "mean")) {
    const auto [y, mean, rstd] =
        at::native_layer_norm(x, sample, module->weight, module->bias, p.eps);
    vector_view(a.mean).copy_(mean.detach().flatten());
    vector_view(a.rstd).copy_(rstd.detach().flatten());
  }
  return {module(x), module->weight, module->bias};
}

Forward group_norm(const Spelled& spelled, const Arguments& a, const at::Tensor& x) {
  const Problem& p = spelled.problem;
  nn::GroupNorm module(nn::GroupNormOptions(p.groups, p.c).eps(p.eps).affine(p.affine));
  bind_parameters(*module, p, vector_view(a.gamma), vector_view(a.beta));
  if (torch_fills(spelled, "mean")) {
    const auto [y, mean, rstd] = at::native_group_norm(x.contiguous(), module->weight, module->bias,
                                                       p.n, p.c, p.l, p.groups, p.eps);
    vector_view(a.mean).copy_(mean.detach().flatten());
    vector_view(a.rstd).copy_(rstd.detach().flatten());
  }
  return {module(x), module->weight, module->bias};
}

// 1.13 has no RMSNorm: composed as later versions do it, 16-bit data widened first.
Forward rms_norm(const Spelled& spelled, const Arguments& a, const at::Tensor& x) {
  const Problem& p = spelled.problem;
  at::Tensor weight = sample_view(spelled, a.gamma);
  if (weight.defined()) weight.requires_grad_(true);
  std::vector<std::int64_t> dimensions;
  for (std::int64_t at = 1; at < x.dim(); ++at) dimensions.push_back(at);
  const at::Tensor wide = x.to(scalar_type(parameter_dtype(p.dtype)));
  at::Tensor y = wide * (wide.square().mean(dimensions, true) + p.eps).rsqrt();
  if (weight.defined()) y = y * weight;
  return {y.to(x.scalar_type()), weight, {}};
}

Forward forward(const Spelled& spelled, const Arguments& a, const at::Tensor& x) {
  const bool is_image = spelled.positions.size() == 2;
  switch (spelled.problem.norm) {
    case Norm::kLayer:
      return layer_norm(spelled, a, x);
    case Norm::kInstance:
      return is_image ? instance_norm<nn::InstanceNorm2d>(spelled.problem, a, x)
                      : instance_norm<nn::InstanceNorm1d>(spelled.problem, a, x);
    case Norm::kGroup:
      return group_norm(spelled, a, x);
    case Norm::kRms:
      return rms_norm(spelled, a, x);
    case Norm::kBatch:
    case Norm::kNone:
      break;
  }
  return is_image ? batch_norm<nn::BatchNorm2d>(spelled, a, x)
                  : batch_norm<nn::BatchNorm1d>(spelled, a, x);
}

}  // namespace

bool torch_supports(const Spelled& spelled) {
  const Problem& p = spelled.problem;
  // What is neither contiguous nor channels-last, for which torch wants an image.
  const bool strided =
      p.layout == Layout::kNlc && p.l != 1 && p.c != 1 && spelled.positions.size() != 2;
  switch (p.norm) {
    case Norm::kNone:
      return false;
    case Norm::kRms:
      return p.dtype != DType::kF16;
    case Norm::kLayer:
    case Norm::kGroup:
      // They take bf16 data with bf16 parameters only, and round statistics to bf16.
      return p.dtype == DType::kF32 || p.dtype == DType::kF64;
    case Norm::kBatch:
    case Norm::kInstance:
      break;
  }
  // "batch_norm" not implemented for 'Half'
  if (p.dtype == DType::kF16) return false;
  if (p.dtype != DType::kBf16) return true;
  // Backward, the sum of strided dy is rounded to bf16: dbeta is off by 2^-9, and dx with it.
  if (p.backward() && strided) return false;
  // Without any parameter in f32 the statistics are rounded to bf16.
  return p.affine || (p.norm == Norm::kBatch && spelled.tracked);
}

void run_torch(const Spelled& spelled, const Arguments& a, int threads) {
  const ThreadCount limit(threads);
  const bool backward = spelled.problem.backward();
  at::Tensor x = data_view(spelled, a.x);
  x.requires_grad_(backward);
  const Forward result = forward(spelled, a, x);
  if (!backward) {
    data_view(spelled, a.y).copy_(result.y.detach());
    return;
  }
  result.y.backward(data_view(spelled, a.dy));
  data_view(spelled, a.dx).copy_(x.grad());
  const auto hand_over = [&](const at::Tensor& parameter, const Tensor& gradient) {
    if (!gradient.present()) return;
    (parameter.dim() == 1 ? vector_view(gradient) : sample_view(spelled, gradient))
        .copy_(parameter.grad());
  };
  hand_over(result.weight, a.dgamma);
  hand_over(result.bias, a.dbeta);
}

bool torch_fills(const Spelled& spelled, std::string_view name) {
  const Problem& p = spelled.problem;
  if (name == "variance") return false;
  if (name == "mean" || name == "rstd") {
    const bool returned =
        p.norm == Norm::kBatch || p.norm == Norm::kLayer || p.norm == Norm::kGroup;
    return returned && p.pass == Pass::kForwardTraining;
  }
  if (name == "running_mean" || name == "running_var") {
    return spelled.tracked && p.pass == Pass::kForwardTraining;
  }
  return true;
}

Accuracy torch_accuracy(const Spelled& spelled) {
  const Problem& p = spelled.problem;
  const auto n = static_cast<double>(p.n);
  const auto l = static_cast<double>(p.l);
  const auto values = static_cast<double>(p.c / p.groups) * l;  // of a sample that share statistics
  // RowwiseMoments (moments_utils.h): an updating formula over 16 values of a lane, a tree of
  // merges, then one merge for each of 16 lanes, and the formula again over what fills no vector.
  const double updating = std::min(values, 47 + std::ceil(std::log2(std::max(1.0, values / 64))));
  // Batch norm of contiguous (N, C, L) in f32 sums in double; backward after a float sum over each
  // row. All others are at worst one sum after the other in the type of the parameters.
  const bool in_double =
      p.dtype == DType::kF32 && p.l != 1 && (p.layout == Layout::kNcl || p.c == 1);
  const double sum = n * l - 1;
  switch (p.norm) {
    case Norm::kBatch:
      if (in_double) return {p.backward() ? Grade::kA : Grade::kB, p.backward() ? l - 1 : 0};
      return {p.backward() ? Grade::kA : Grade::kB, sum};
    // Batch norm of (1, N * C, L); the gradients of the parameters are added up over the samples.
    case Norm::kInstance:
      if (p.backward()) return {Grade::kA, l - 1 + n};
      return {Grade::kB, p.dtype == DType::kF32 ? 0 : l - 1};
    case Norm::kLayer:
      if (p.backward()) return {Grade::kB, std::max(values - 1, n)};
      return {Grade::kB, updating, false};
    case Norm::kGroup:
      if (p.backward()) return {Grade::kB, values + n};
      return {p.affine ? Grade::kB : Grade::kA, updating, false};
    case Norm::kRms:
      return {Grade::kA, std::max(values - 1, n)};
    case Norm::kNone:
      break;
  }
  return {};
}

}  // namespace normbench::conformance
