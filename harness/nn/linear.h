// torch.nn.Linear and torch.nn.Conv1d.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "harness/nn/module.h"

namespace normbench::nn {

// What Linear and Conv1d share. Data in f64 goes with parameters in f64, all other with f32, in
// which products and sums then are. Products are by harness/nn/products.h.
class Weighted : public Module {
 public:
  std::vector<Slot> slots() override;

  Array weight;               // (out, in), of a Conv1d (out, in, kernel_size)
  std::optional<Array> bias;  // (out)
  bool relu = false;          // whether the output is max(0, sum), in the same sweep as the bias

  int threads() const { return threads_; }
  DType dtype() const { return dtype_; }

 protected:
  // Both drawn as in PyTorch, evenly from within 1 / sqrt(terms of a sum), by the seed.
  Weighted(const Sizes& weight_sizes, bool has_bias, DType dtype, std::uint64_t seed, int threads);

  // Looks at data and parameters, which anybody may have replaced, and gives the gradients their
  // sizes.
  void check_types(const Array& x);
  // `array` in the type of the parameters: itself, or a copy in `room`.
  const Array& widened(const Array& array, Array& room) const;
  // What forward ends with: adds the bias to sums of this many channels, which are `inner` apart,
  // and applies relu; gives them in the type of `like`.
  const Array& finish(Array& sums, std::int64_t inner, ElementType type);
  // What backward begins with: the gradient by the sums, and the one of the bias.
  const Array& start(const Array& dy, std::int64_t inner);

  Array weight_gradient_, bias_gradient_;
  Array sums_;  // of the last forward()
  Array dx_wide_;

 private:
  DType dtype_;
  int threads_;
  Array y_, dy_wide_;
};

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

struct Conv1dOptions {
  std::int64_t stride = 1;
  std::int64_t padding = 0;  // zeros on each side
  bool bias = true;
  DType dtype = DType::kF32;  // of parameters: f32 or f64
  std::uint64_t seed = 0;
};

// y (N, out, M) for x (N, in, L), in either layout, with M = (L + 2 padding - kernel_size) / stride
// + 1; unbatched (in, L) gives (out, M). Each sample is a product of matrices. forward() throws
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
  void fill_columns(const Dimensions& d, const Real* sample);

  std::int64_t stride_, padding_;
  Array x_wide_, columns_, dx_;
};

}  // namespace normbench::nn
