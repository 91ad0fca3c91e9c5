// torch.nn.Linear.
#pragma once

#include <cstdint>
#include <string_view>

#include "harness/nn/weighted.h"

namespace normbench::nn {

struct LinearOptions {
  bool bias = true;
  DType dtype = DType::kF32;  // of parameters: f32 or f64
  std::uint64_t seed = 0;
};

// y = x * weight^T + bias, for x (*, in_features) in the layout ncl. forward() throws
// std::runtime_error, as PyTorch does:
//   mat1 and mat2 shapes cannot be multiplied (2x4 and 3x2)
// and std::invalid_argument for another layout, or data whose type does not go with the parameters.
class Linear : public Weighted {
 public:
  // Throws std::invalid_argument where a number is below 1 or dtype neither f32 nor f64.
  Linear(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options = {},
         int threads = 1);
  std::string_view name() const override { return "Linear"; }

 private:
  const Array& run_forward(const Array& x) override;
  const Array& run_backward(const Array& x, const Array& dy) override;

  Array x_wide_, dx_;
};

}  // namespace normbench::nn
