// torch.nn.BatchNorm1d on any backend.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "harness/nn/running_norm.h"

namespace normbench::nn {

// The defaults of torch.nn.BatchNorm1d.
struct BatchNormOptions {
  double eps = kDefaultEps;
  // Running statistics are (1 - momentum) * old + momentum * new; without one, the average over all
  // batches so far.
  std::optional<double> momentum = kDefaultMomentum;
  bool affine = true;  // whether there is a weight
  bool bias = true;    // and, beside it, a bias
  bool track_running_stats = true;
  DType dtype =
      DType::kF32;  // of parameters and buffers: f32, for data in f32, bf16 or f16; or f64
};

// Normalizes (N, C) and (N, C, L) input per channel, in either layout, and follows PyTorch in all
// else (torch/nn/modules/batchnorm.py, functional.py and aten/src/ATen/native/Normalization.cpp, of
// 2.10 with pull request 175508 for eps). Whenever it is
//
//   in training               with statistics of the batch; the buffers that it has are updated
//                             while track_running_stats, with the unbiased variance
//   in evaluation             with its buffers, also when track_running_stats was set to false
//   in evaluation, without    with statistics of the batch
//
// forward() in training with track_running_stats counts in num_batches_tracked first, and so also
// a batch that is then refused, or that is empty; an empty one changes nothing else, and is empty
// afterwards, whatever its channels.
//
// forward() throws std::invalid_argument (in PyTorch a ValueError):
//   expected 2D or 3D input (got 4D input)
//   Expected more than 1 value per channel when training, got input size torch.Size([1, 10, 1])
//   batch_norm eps must be positive during training, but got 0.0
//   batch_norm eps must be non-negative, but got -1.0
// and std::runtime_error (a RuntimeError), each for the first that it meets of running_mean,
// running_var, weight and bias:
//   running_mean should contain 3 elements not 5        (3 channels, in a module for 5)
//   running_mean must be defined in evaluation mode     (where only running_var is)
// beside what Runner throws, and std::invalid_argument for data whose type does not go with that of
// the parameters.
class BatchNorm1d : public RunningNorm {
 public:
  // weight 1, bias 0, running mean 0 and variance 1, no batches. Throws std::invalid_argument when
  // num_features are below 1, or dtype is neither f32 nor f64, and as Runner.
  explicit BatchNorm1d(std::int64_t num_features, const BatchNormOptions& options = {},
                       const On& on = {});

  std::string_view name() const override { return "BatchNorm1d"; }

 private:
  const Array& run_forward(const Array& x) override;
  void check(const Array& x, bool by_batch, bool uses_buffers) const;
  void average_in(double factor, bool uses_buffers);
};

}  // namespace normbench::nn
