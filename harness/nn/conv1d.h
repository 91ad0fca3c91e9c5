// torch.nn.Conv1d.
#pragma once

#include <cstdint>
#include <string_view>

#include "harness/nn/weighted.h"

namespace normbench::nn {

struct Conv1dOptions {
  std::int64_t stride = 1;
  std::int64_t padding = 0;  // zeros on each side
  bool bias = true;
  DType dtype = DType::kF32;  // of parameters: f32 or f64
  std::uint64_t seed = 0;
};

// y (N, out, M) for x (N, in, L), in either layout, with M = (L + 2 padding - kernel_size) / stride
// + 1; unbatched (in, L) gives (out, M). Each sample is a product of matrices on
// one thread. forward() throws
// std::runtime_error, as PyTorch does:
//   Expected 2D (unbatched) or 3D (batched) input to conv1d, but got input of size: [5]
//   Given groups=1, weight of size [2, 3, 3], expected input[2, 4, 5] to have 3 channels, but got 4
//       channels instead
//   Calculated padded input size per channel: (2). Kernel size: (3). Kernel size can't be greater
//       than actual input size
// and std::invalid_argument for data whose type does not go with that of the parameters.
class Conv1d : public Weighted {
 public:
  // Throws as Linear; padding may be 0.
  Conv1d(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
         const Conv1dOptions& options = {}, int threads = 1);
  std::string_view name() const override { return "Conv1d"; }

  std::int64_t stride() const { return stride_; }
  std::int64_t padding() const { return padding_; }

 private:
  const Array& run_forward(const Array& x) override;
  const Array& run_backward(const Array& x, const Array& dy) override;
  template <class Real>
  void forward_in(const Array& x);
  template <class Real>
  void backward_in(const Array& x, const Array& dy);

  // The sizes of the present input and output.
  struct Dimensions {
    std::int64_t n, l, m;
    Layout layout;
  };
  Dimensions dimensions_of(const Array& x) const;
  template <class Visit>
  void for_each_run(const Dimensions& d, Visit visit) const;
  template <class Real>
  void fill_columns(const Dimensions& d, const Real* sample, Real* columns) const;
  std::int64_t columns_per_sample(const Dimensions& d) const;

  std::int64_t stride_, padding_;
  Array x_wide_, dx_;
  Array columns_, parts_;  // of each thread: a matrix of columns, and its part of the gradient
};

}  // namespace normbench::nn
