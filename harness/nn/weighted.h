// What Linear and Conv1d share: weight and bias, and what is done to sums.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "harness/nn/module.h"

namespace normbench::nn {

// Data in f64 goes with parameters in f64, all other with f32, in
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
  std::int64_t rows_of(const Array& sums, std::int64_t inner) const;

  DType dtype_;
  int threads_;
  Array y_, dy_wide_;
};

// Calls function(double{}) or function(float{}), the type of parameters.
template <class Function>
void with_parameter(DType dtype, Function function) {
  if (dtype == DType::kF64) {
    function(double{});
  } else {
    function(float{});
  }
}

// Throws std::invalid_argument: "weight must have 2 dimensions, but is torch.Size([3])".
void require_rank(std::string_view which, const Array& array, std::size_t rank);

}  // namespace normbench::nn
