// The rules of PyTorch, in its order.
#include "harness/nn/batch_norm.h"

#include <stdexcept>
#include <utility>

#include "harness/nn/norm_parts.h"
#include "harness/nn/text.h"

namespace normbench::nn {

BatchNorm1d::BatchNorm1d(std::int64_t num_features, const BatchNormOptions& options, const On& on)
    : RunningNorm(num_features,
                  {.eps = options.eps,
                   .momentum = options.momentum,
                   .weight = options.affine,
                   .bias = options.affine && options.bias,
                   .track_running_stats = options.track_running_stats,
                   .dtype = options.dtype},
                  on) {}

// The order of all of this is PyTorch's.
const Array& BatchNorm1d::run_forward(const Array& x) {
  if (x.sizes().size() != 2 && x.sizes().size() != 3) throw rank_error(x, "2D or 3D");
  require_type("num_batches_tracked", num_batches_tracked, ElementType::kI64);
  double factor = momentum.value_or(0);
  if (training() && track_running_stats && num_batches_tracked) {
    const std::int64_t count = ++num_batches_tracked->as<std::int64_t>()[0];
    if (!momentum) factor = 1 / static_cast<double>(count);
  }
  const bool by_batch = training() || (!running_mean && !running_var);
  const bool uses_buffers = !training() || track_running_stats;
  check(x, by_batch, uses_buffers);

  // A kernel is prepared for one momentum. The average has another one for each batch, so it is
  // formed here, as is what needs one buffer only.
  const bool averages = by_batch && (!momentum || !uses_buffers || !running_mean || !running_var);
  Problem problem = {.norm = Norm::kBatch,
                     .pass = by_batch ? Pass::kForwardTraining : Pass::kForwardInference,
                     .n = x.sizes()[0],
                     .c = x.sizes()[1],
                     .l = x.sizes().size() == 3 ? x.sizes()[2] : 1,
                     .eps = eps,
                     .momentum = !by_batch  ? kDefaultMomentum
                                 : averages ? 1
                                            : factor};
  NormState all = state();
  if (averages) all.running_mean = all.running_var = nullptr;
  const Array& y = normalizer_.forward(name(), problem, x, all);
  if (averages && x.size() != 0) average_in(factor, uses_buffers);
  return y;
}

void BatchNorm1d::check(const Array& x, bool by_batch, bool uses_buffers) const {
  const Sizes& sizes = x.sizes();
  if (by_batch && sizes[0] * (sizes.size() == 3 ? sizes[2] : 1) == 1) throw one_value_error(x);
  if (by_batch && !(eps > 0)) {
    throw std::invalid_argument("batch_norm eps must be positive during training, but got " +
                                python_number(eps));
  }
  if (!(eps >= 0)) {
    throw std::invalid_argument("batch_norm eps must be non-negative, but got " +
                                python_number(eps));
  }
  require_data_type(name(), x, dtype_);
  require_types();
  if (x.size() == 0) return;
  const std::int64_t channels = sizes[1];
  const auto check_one = [&](std::string_view which, const std::optional<Array>& array) {
    if (array) require_elements(which, *array, channels);
  };
  const auto check_buffer = [&](std::string_view which, const std::optional<Array>& buffer) {
    if (!buffer && !by_batch) {
      throw std::runtime_error(std::string(which) + " must be defined in evaluation mode");
    }
    if (uses_buffers) check_one(which, buffer);
  };
  check_buffer("running_mean", running_mean);
  check_buffer("running_var", running_var);
  check_one("weight", weight);
  check_one("bias", bias);
}

void BatchNorm1d::average_in(double factor, bool uses_buffers) {
  if (!uses_buffers) return;
  const auto update = [&](std::optional<Array>& running, const Array& batch) {
    if (running) blend(*running, batch, factor);
  };
  update(running_mean, normalizer_.batch_mean());
  update(running_var, normalizer_.batch_var());
}

}  // namespace normbench::nn
