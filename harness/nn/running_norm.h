// What BatchNorm1d and InstanceNorm1d have in common, as _NormBase of
// torch/nn/modules/batchnorm.py.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "harness/nn/denormalize.h"
#include "harness/nn/module.h"
#include "harness/nn/normalizer.h"

namespace normbench::nn {

// A norm with a number of each kind per channel, and running statistics.
class RunningNorm : public Module {
 public:
  std::vector<Slot> slots() override;
  std::int64_t num_features() const { return num_features_; }
  DType dtype() const { return dtype_; }

  // The x that was normalized to `y` by the last forward(): of the sizes and type of y, which must
  // be those of its output. See denormalize.h.
  Denormalized denormalize(const Array& y);

  // As in PyTorch these may be changed at any time, and parameters and buffers taken away.
  double eps;
  std::optional<double> momentum;
  bool track_running_stats;
  std::optional<Array> weight, bias;               // (C)
  std::optional<Array> running_mean, running_var;  // (C)
  std::optional<Array> num_batches_tracked;        // i64, one number

 protected:
  struct Options {
    double eps;
    std::optional<double> momentum;
    bool weight, bias;
    bool track_running_stats;
    DType dtype;
  };
  // weight 1, bias 0, running mean 0 and variance 1, no batches. Throws std::invalid_argument when
  // num_features are below 1, or dtype is neither f32 nor f64, and as Runner.
  RunningNorm(std::int64_t num_features, const Options& options, const On& on);

  NormState state();
  // Throws std::invalid_argument where somebody replaced a vector by one of another type.
  void require_types() const;

  std::int64_t num_features_;
  DType dtype_;
  Normalizer normalizer_;

 private:
  const Array& run_backward(const Array& x, const Array& dy) override;

  Array weight_gradient_, bias_gradient_;
};

}  // namespace normbench::nn
