// torch.nn.LayerNorm, RMSNorm and GroupNorm on any backend. They have no running statistics, and do
// the same in training and in evaluation.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "harness/nn/module.h"
#include "harness/nn/normalizer.h"

namespace normbench::nn {

struct LayerNormOptions {
  double eps = kDefaultEps;
  bool affine = true;
  bool bias = true;           // beside the weight
  DType dtype = DType::kF32;  // of parameters: f32, for data in f32, bf16 or f16; or f64
};

// What LayerNorm and RMSNorm share: each sample is normalized over its last dimensions, which must
// be `normalized_shape`, one or two of them. Before these there may be any. In the layout nlc the
// two last dimensions of an (N, C, L) array are a sample; one alone is not.
class SampleNorm : public Module {
 public:
  std::vector<Slot> slots() override;
  // See denormalize.h; throws std::invalid_argument where y is not like the output.
  Denormalized denormalize(const Array& y);

  std::optional<Array> weight, bias;  // of normalized_shape

 protected:
  SampleNorm(Norm norm, const Sizes& normalized_shape, const LayerNormOptions& options,
             const On& on);

 private:
  const Array& run_forward(const Array& x) override;
  const Array& run_backward(const Array& x, const Array& dy) override;
  virtual double eps_for(const Array& x) const = 0;
  void check(const Array& x) const;
  NormState in_layout(Layout layout);

  Norm norm_;
  Sizes shape_;
  DType dtype_;
  Array weight_gradient_, bias_gradient_;
  Array weight_nlc_, bias_nlc_, weight_gradient_nlc_, bias_gradient_nlc_;
  Normalizer normalizer_;
};

// (torch/nn/modules/normalization.py and aten/src/ATen/native/layer_norm.cpp.) forward() throws
// std::runtime_error, as PyTorch does:
//   Given normalized_shape=[2, 2], expected input with shape [*, 2, 2], but got input of size[2, 3]
//   Expected weight to be of same shape as normalized_shape, but got weight of shape [4] and
//       normalized_shape = [3]                                                      (and so for
//       bias)
class LayerNorm : public SampleNorm {
 public:
  // weight 1, bias 0. Throws std::runtime_error where normalized_shape is empty, in PyTorch's
  // words, and std::invalid_argument where it has more than two dimensions or one below 1.
  explicit LayerNorm(const Sizes& normalized_shape, const LayerNormOptions& options = {},
                     const On& on = {})
      : SampleNorm(Norm::kLayer, normalized_shape, options, on), eps(options.eps) {}
  std::string_view name() const override { return "LayerNorm"; }

  double eps;

 private:
  double eps_for(const Array&) const override { return eps; }
};

struct RMSNormOptions {
  // Without one it is the distance from 1 to the next number of x's type.
  std::optional<double> eps = std::nullopt;
  bool affine = true;
  DType dtype = DType::kF32;
};

// x / sqrt(mean x^2 + eps) * weight. Throws as LayerNorm.
class RMSNorm : public SampleNorm {
 public:
  explicit RMSNorm(const Sizes& normalized_shape, const RMSNormOptions& options = {},
                   const On& on = {})
      : SampleNorm(Norm::kRms, normalized_shape,
                   {.affine = options.affine, .bias = false, .dtype = options.dtype}, on),
        eps(options.eps) {}
  std::string_view name() const override { return "RMSNorm"; }

  std::optional<double> eps;

 private:
  double eps_for(const Array& x) const override;
};

struct GroupNormOptions {
  double eps = kDefaultEps;
  bool affine = true;
  DType dtype = DType::kF32;
};

// Normalizes (N, C) and (N, C, L) input over the channels of a group and L, for each sample
// (torch/nn/functional.py and aten/src/ATen/native/group_norm.cpp). forward() throws
// std::invalid_argument (in PyTorch a ValueError):
//   Expected more than 1 value per channel when training, got input size [1, 6, 1]
// where the size is (N * C / groups, groups, L), and std::runtime_error (a RuntimeError):
//   Expected at least 2 dimensions for input tensor but received 1
//   Expected number of channels in input to be divisible by num_groups, but got input of shape
//       [2, 7, 4] and num_groups=2
//   Expected weight to be a vector of size equal to the number of channels in input, but got weight
//       of shape [6] and input of shape [2, 4, 4]                                 (and so for bias)
class GroupNorm : public Module {
 public:
  // Throws std::invalid_argument: num_channels (10) must be divisible by num_groups (3); and where
  // one of them is below 1.
  GroupNorm(std::int64_t num_groups, std::int64_t num_channels,
            const GroupNormOptions& options = {}, const On& on = {});

  std::string_view name() const override { return "GroupNorm"; }
  std::vector<Slot> slots() override;
  Denormalized denormalize(const Array& y);

  double eps;
  std::optional<Array> weight, bias;  // (C)

 private:
  const Array& run_forward(const Array& x) override;
  const Array& run_backward(const Array& x, const Array& dy) override;
  void check(const Array& x) const;

  std::int64_t groups_;
  DType dtype_;
  Array weight_gradient_, bias_gradient_;
  Normalizer normalizer_;
};

}  // namespace normbench::nn
