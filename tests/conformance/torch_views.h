// libtorch, and its tensors on the buffers of a workspace.
#pragma once

// The functional form first: the module does not include it (libtorch 1.13).
#include <torch/nn/functional/instancenorm.h>
//
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/instancenorm.h>
#include <torch/nn/modules/normalization.h>

#include <cstdint>
#include <vector>

#include "tests/conformance/torch_side.h"

namespace normbench::conformance {

inline at::ScalarType scalar_type(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      break;
    case DType::kF64:
      return at::kDouble;
    case DType::kBf16:
      return at::kBFloat16;
    case DType::kF16:
      return at::kHalf;
  }
  return at::kFloat;
}

inline at::Tensor view(const Tensor& tensor, const std::vector<std::int64_t>& sizes,
                       const std::vector<std::int64_t>& strides) {
  return at::from_blob(tensor.data, sizes, strides, at::TensorOptions(scalar_type(tensor.dtype)));
}

// A vector, whatever its shape in the harness. Undefined when absent.
inline at::Tensor vector_view(const Tensor& tensor) {
  return tensor.present() ? view(tensor, {tensor.size()}, {1}) : at::Tensor();
}

// One sample, (C, positions...), in the layout of the data: gamma of layer norm. Undefined when
// absent.
inline at::Tensor sample_view(const Spelled& spelled, const Tensor& tensor) {
  if (!tensor.present()) return {};
  const bool ncl = tensor.layout == Layout::kNcl;
  std::vector<std::int64_t> sizes = {tensor.c};
  std::vector<std::int64_t> strides = {ncl ? tensor.l : 1};
  std::int64_t left = tensor.l;
  for (const std::int64_t positions : spelled.positions) {
    left /= positions;
    sizes.push_back(positions);
    strides.push_back(ncl ? left : left * tensor.c);
  }
  return view(tensor, sizes, strides);
}

// All samples, (N, C, positions...), or (C, positions...) of the only one when unbatched.
inline at::Tensor data_view(const Spelled& spelled, const Tensor& tensor) {
  const at::Tensor sample = sample_view(spelled, tensor);
  if (spelled.unbatched || !tensor.present()) return sample;
  std::vector<std::int64_t> sizes = sample.sizes().vec();
  std::vector<std::int64_t> strides = sample.strides().vec();
  sizes.insert(sizes.begin(), tensor.n);
  strides.insert(strides.begin(), tensor.c * tensor.l);
  return view(tensor, sizes, strides);
}

}  // namespace normbench::conformance
