// Statistics of each sample, and their mean for the running ones.
#include "harness/nn/instance_norm.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "harness/nn/norm_parts.h"

namespace normbench::nn {

InstanceNorm1d::InstanceNorm1d(std::int64_t num_features, const InstanceNormOptions& options,
                               const On& on)
    : RunningNorm(num_features,
                  {.eps = options.eps,
                   .momentum = options.momentum,
                   .weight = options.affine,
                   .bias = options.affine,
                   .track_running_stats = options.track_running_stats,
                   .dtype = options.dtype},
                  on) {}

const Array& InstanceNorm1d::run_forward(const Array& x) {
  const Sizes& sizes = x.sizes();
  if (sizes.size() != 2 && sizes.size() != 3) throw rank_error(x, "2D or 3D");
  const bool unbatched = sizes.size() == 2;
  const bool by_input = training() || !track_running_stats;
  // With given statistics it is the batch norm of inference.
  const Problem problem = {.norm = by_input ? Norm::kInstance : Norm::kBatch,
                           .pass = by_input ? Pass::kForwardTraining : Pass::kForwardInference,
                           .n = unbatched ? 1 : sizes[0],
                           .c = unbatched ? sizes[0] : sizes[1],
                           .l = sizes.back(),
                           .eps = eps};
  check(x, problem);
  const Array& y = normalizer_.forward(name(), problem, x, state());
  if (by_input && x.size() != 0) update(problem);
  return y;
}

void InstanceNorm1d::check(const Array& x, const Problem& problem) const {
  require_data_type(name(), x, dtype_);
  if (problem.c != num_features_ && weight) {
    throw std::invalid_argument(
        "expected input's size at dim=" + std::to_string(x.sizes().size() - 2) +
        " to match num_features (" + std::to_string(num_features_) +
        "), but got: " + std::to_string(problem.c) + ".");
  }
  const bool by_input = problem.norm == Norm::kInstance;
  if (by_input && problem.l == 1) {
    throw std::invalid_argument(
        "Expected more than 1 spatial element when training, got input size " +
        size_text({problem.n, problem.c, problem.l}));
  }
  if (!by_input && (!running_mean || !running_var)) {
    throw std::runtime_error(
        "Expected running_mean and running_var to be defined when use_input_stats is false");
  }
  require_types();
  if (x.size() == 0) return;
  // PyTorch takes all samples side by side, each with its own copy of the vectors.
  const auto check_one = [&](std::string_view which, const std::optional<Array>& array) {
    if (!array || array->size() == problem.c) return;
    throw std::runtime_error(std::string(which) + " should contain " +
                             std::to_string(problem.n * problem.c) + " elements not " +
                             std::to_string(problem.n * array->size()));
  };
  check_one("running_mean", running_mean);
  check_one("running_var", running_var);
  check_one("weight", weight);
  check_one("bias", bias);
}

void InstanceNorm1d::update(const Problem& problem) {
  const auto length = static_cast<double>(problem.l);
  const auto update_one = [&](std::optional<Array>& running, const Array& statistics,
                              double factor) {
    if (!running) return;
    for (std::int64_t k = 0; k < problem.c; ++k) {
      double sum = 0;
      for (std::int64_t i = 0; i < problem.n; ++i) sum += statistics.get(i * problem.c + k);
      const double mean = factor * sum / static_cast<double>(problem.n);
      const double m = momentum.value_or(0);
      running->set(k, (1 - m) * running->get(k) + m * mean);
    }
  };
  update_one(running_mean, normalizer_.mean(), 1);
  update_one(running_var, normalizer_.variance(), length / (length - 1));
}

}  // namespace normbench::nn
