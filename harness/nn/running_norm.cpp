// State, and what is the same whatever statistics are of.
#include "harness/nn/running_norm.h"

#include <utility>

#include "harness/nn/norm_parts.h"

namespace normbench::nn {

RunningNorm::RunningNorm(std::int64_t num_features, const Options& options, const On& on)
    : eps(options.eps),
      momentum(options.momentum),
      track_running_stats(options.track_running_stats),
      num_features_(num_features),
      dtype_(options.dtype),
      normalizer_(on) {
  require_positive("num_features", num_features);
  require_parameter_dtype(options.dtype);
  const Sizes channels = {num_features};
  if (options.weight) {
    weight = parameter(channels, dtype_, 1);
    weight_gradient_ = parameter(channels, dtype_, 0);
  }
  if (options.bias) bias = bias_gradient_ = parameter(channels, dtype_, 0);
  if (options.track_running_stats) {
    running_mean = parameter(channels, dtype_, 0);
    running_var = parameter(channels, dtype_, 1);
    num_batches_tracked = Array({}, ElementType::kI64);
  }
}

std::vector<Slot> RunningNorm::slots() {
  std::vector<Slot> all;
  add_slot(all, "weight", weight, &weight_gradient_);
  add_slot(all, "bias", bias, &bias_gradient_);
  add_slot(all, "running_mean", running_mean);
  add_slot(all, "running_var", running_var);
  add_slot(all, "num_batches_tracked", num_batches_tracked);
  return all;
}

NormState RunningNorm::state() {
  return {.gamma = pointer(weight),
          .beta = pointer(bias),
          .running_mean = pointer(running_mean),
          .running_var = pointer(running_var)};
}

void RunningNorm::require_types() const {
  for (const auto& [which, array] : {std::pair{"running_mean", &running_mean},
                                     {"running_var", &running_var},
                                     {"weight", &weight},
                                     {"bias", &bias}}) {
    require_type(which, *array, element_type(dtype_));
  }
}

Denormalized RunningNorm::denormalize(const Array& y) {
  return normalizer_.denormalize(name(), y, state());
}

const Array& RunningNorm::run_backward(const Array& x, const Array& dy) {
  return normalizer_.backward(
      name(), x, dy, state(),
      {.gamma = weight ? &weight_gradient_ : nullptr, .beta = bias ? &bias_gradient_ : nullptr});
}

}  // namespace normbench::nn
