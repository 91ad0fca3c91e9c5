// torch.nn.InstanceNorm1d on any backend.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "harness/nn/running_norm.h"

namespace normbench::nn {

// The defaults of torch.nn.InstanceNorm1d.
struct InstanceNormOptions {
  double eps = kDefaultEps;
  // Without one it is 0: running statistics stay as they are.
  std::optional<double> momentum = kDefaultMomentum;
  bool affine = false;
  bool track_running_stats = false;
  DType dtype =
      DType::kF32;  // of parameters and buffers: f32, for data in f32, bf16 or f16; or f64
};

// Normalizes (N, C, L) input, in either layout, and unbatched (C, L), per sample and channel, with
// the semantics of PyTorch (torch/nn/modules/instancenorm.py, functional.py and
// aten/src/ATen/native/Normalization.cpp). In evaluation with track_running_stats it uses the
// running statistics, else those of the input. Whenever it uses those of the input, buffers that it
// has are updated, in evaluation too: with the mean over the samples of the mean and of the
// variance, which is unbiased over L. num_batches_tracked never changes.
//
// Where there are no samples PyTorch makes NaN of the buffers; here they stay as they are.
//
// forward() throws std::invalid_argument (in PyTorch a ValueError):
//   expected 2D or 3D input (got 4D input)
//   expected input's size at dim=1 to match num_features (5), but got: 3.      (where it is affine)
//   Expected more than 1 spatial element when training, got input size torch.Size([4, 6, 1])
// and std::runtime_error (a RuntimeError):
//   Expected running_mean and running_var to be defined when use_input_stats is false
//   running_mean should contain 6 elements not 10       (two samples of 3 channels, a module for 5)
// beside what Runner throws, and std::invalid_argument for data whose type does not go with that of
// the parameters.
class InstanceNorm1d : public RunningNorm {
 public:
  // weight 1, bias 0, running mean 0 and variance 1. Throws as BatchNorm1d.
  explicit InstanceNorm1d(std::int64_t num_features, const InstanceNormOptions& options = {},
                          const On& on = {});

  std::string_view name() const override { return "InstanceNorm1d"; }

 private:
  const Array& run_forward(const Array& x) override;
  void check(const Array& x, const Problem& problem) const;
  void update(const Problem& problem);
};

}  // namespace normbench::nn
