// Layer, RMS and group norm: one problem each, and PyTorch's words.
#include "harness/nn/sample_norms.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "harness/nn/norm_parts.h"
#include "harness/nn/text.h"

namespace normbench::nn {

SampleNorm::SampleNorm(Norm norm, const Sizes& normalized_shape, const LayerNormOptions& options,
                       const On& on)
    : norm_(norm), shape_(normalized_shape), dtype_(options.dtype), normalizer_(on) {
  if (shape_.empty()) {
    throw std::runtime_error(
        "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
        "element, but got normalized_shape = []");
  }
  if (shape_.size() > 2) {
    throw std::invalid_argument("normalized_shape must be (C) or (C, L), but is " +
                                list_text(shape_));
  }
  for (const std::int64_t size : shape_) require_positive("normalized_shape", size);
  require_parameter_dtype(dtype_);
  if (!options.affine) return;
  weight = parameter(shape_, dtype_, 1);
  weight_gradient_ = parameter(shape_, dtype_, 0);
  if (options.bias) bias = bias_gradient_ = parameter(shape_, dtype_, 0);
}

std::vector<Slot> SampleNorm::slots() {
  std::vector<Slot> all;
  add_slot(all, "weight", weight, &weight_gradient_);
  add_slot(all, "bias", bias, &bias_gradient_);
  return all;
}

void SampleNorm::check(const Array& x) const {
  const auto check_parameter = [&](std::string_view which, const std::optional<Array>& array) {
    if (!array || array->sizes() == shape_) return;
    throw std::runtime_error("Expected " + std::string(which) +
                             " to be of same shape as normalized_shape, but got " +
                             std::string(which) + " of shape " + list_text(array->sizes()) +
                             " and normalized_shape = " + list_text(shape_));
  };
  check_parameter("weight", weight);
  check_parameter("bias", bias);
  const Sizes& sizes = x.sizes();
  if (sizes.size() < shape_.size() || !std::equal(shape_.rbegin(), shape_.rend(), sizes.rbegin())) {
    throw std::runtime_error("Given normalized_shape=" + list_text(shape_) +
                             ", expected input with shape [*, " + list_text(shape_).substr(1) +
                             ", but got input of size" + list_text(sizes));
  }
  if (x.layout() == Layout::kNlc && shape_.size() != 2) {
    throw std::invalid_argument(std::string(name()) +
                                ": in the layout nlc the positions of a channel are no sample: "
                                "normalized_shape must be (C, L), but is " +
                                list_text(shape_));
  }
  require_data_type(name(), x, dtype_);
  require_type("weight", weight, element_type(dtype_));
  require_type("bias", bias, element_type(dtype_));
}

// Backends want the parameters of a sample in the order of its values.
NormState SampleNorm::in_layout(Layout layout) {
  if (layout == Layout::kNcl) return {.gamma = pointer(weight), .beta = pointer(bias)};
  const auto transpose = [&](const std::optional<Array>& from, Array& to) -> const Array* {
    if (!from) return nullptr;
    to.resize({1, shape_[0], shape_[1]}, from->type(), Layout::kNlc);
    for (std::int64_t at = 0; at < to.size(); ++at) {
      to.set(at % shape_[1] * shape_[0] + at / shape_[1], from->get(at));
    }
    return &to;
  };
  return {.gamma = transpose(weight, weight_nlc_), .beta = transpose(bias, bias_nlc_)};
}

const Array& SampleNorm::run_forward(const Array& x) {
  check(x);
  const std::int64_t length = shape_.size() == 2 ? shape_[1] : 1;
  const Problem problem = {.norm = norm_,
                           .pass = Pass::kForwardTraining,
                           .n = x.size() / (shape_[0] * length),
                           .c = shape_[0],
                           .l = length,
                           .eps = eps_for(x)};
  return normalizer_.forward(name(), problem, x, in_layout(x.layout()));
}

const Array& SampleNorm::run_backward(const Array& x, const Array& dy) {
  const NormState state = in_layout(x.layout());
  if (x.layout() == Layout::kNcl) {
    return normalizer_.backward(
        name(), x, dy, state,
        {.gamma = weight ? &weight_gradient_ : nullptr, .beta = bias ? &bias_gradient_ : nullptr});
  }
  for (Array* gradient : {&weight_gradient_nlc_, &bias_gradient_nlc_}) {
    gradient->resize({1, shape_[0], shape_[1]}, element_type(dtype_), Layout::kNlc);
  }
  const Array& dx = normalizer_.backward(name(), x, dy, state,
                                         {.gamma = weight ? &weight_gradient_nlc_ : nullptr,
                                          .beta = bias ? &bias_gradient_nlc_ : nullptr});
  const auto transpose = [&](const Array& from, Array& to) {
    for (std::int64_t at = 0; at < to.size(); ++at) {
      to.set(at, from.get(at % shape_[1] * shape_[0] + at / shape_[1]));
    }
  };
  if (weight) transpose(weight_gradient_nlc_, weight_gradient_);
  if (bias) transpose(bias_gradient_nlc_, bias_gradient_);
  return dx;
}

Denormalized SampleNorm::denormalize(const Array& y) {
  return normalizer_.denormalize(name(), y, in_layout(y.layout()));
}

double RMSNorm::eps_for(const Array& x) const {
  if (eps) return *eps;
  switch (x.type()) {
    case ElementType::kF64:
      return 0x1p-52;
    case ElementType::kBf16:
      return 0x1p-7;
    case ElementType::kF16:
      return 0x1p-10;
    default:
      return 0x1p-23;
  }
}

GroupNorm::GroupNorm(std::int64_t num_groups, std::int64_t num_channels,
                     const GroupNormOptions& options, const On& on)
    : eps(options.eps), groups_(num_groups), dtype_(options.dtype), normalizer_(on) {
  require_positive("num_groups", num_groups);
  require_positive("num_channels", num_channels);
  if (num_channels % num_groups != 0) {
    throw std::invalid_argument("num_channels (" + std::to_string(num_channels) +
                                ") must be divisible by num_groups (" + std::to_string(num_groups) +
                                ")");
  }
  require_parameter_dtype(dtype_);
  if (!options.affine) return;
  weight = parameter({num_channels}, dtype_, 1);
  bias = parameter({num_channels}, dtype_, 0);
  weight_gradient_ = bias_gradient_ = parameter({num_channels}, dtype_, 0);
}

std::vector<Slot> GroupNorm::slots() {
  std::vector<Slot> all;
  add_slot(all, "weight", weight, &weight_gradient_);
  add_slot(all, "bias", bias, &bias_gradient_);
  return all;
}

void GroupNorm::check(const Array& x) const {
  const Sizes& sizes = x.sizes();
  if (sizes.size() < 2) {
    throw std::runtime_error("Expected at least 2 dimensions for input tensor but received " +
                             std::to_string(sizes.size()));
  }
  if (sizes.size() > 3) throw rank_error(x, "2D or 3D");
  const std::int64_t rows = sizes[0] * sizes[1] / groups_;
  Sizes grouped = {rows, groups_};
  grouped.insert(grouped.end(), sizes.begin() + 2, sizes.end());
  if (rows * (sizes.size() == 3 ? sizes[2] : 1) == 1) {
    throw std::invalid_argument(
        "Expected more than 1 value per channel when training, got input size " +
        list_text(grouped));
  }
  if (sizes[1] % groups_ != 0) {
    throw std::runtime_error(
        "Expected number of channels in input to be divisible by num_groups, but got input of "
        "shape " +
        list_text(sizes) + " and num_groups=" + std::to_string(groups_));
  }
  const auto check_parameter = [&](std::string_view which, const std::optional<Array>& array) {
    if (!array || array->sizes() == Sizes{sizes[1]}) return;
    throw std::runtime_error("Expected " + std::string(which) +
                             " to be a vector of size equal to the number of channels in input, "
                             "but got " +
                             std::string(which) + " of shape " + list_text(array->sizes()) +
                             " and input of shape " + list_text(sizes));
  };
  check_parameter("weight", weight);
  check_parameter("bias", bias);
  require_data_type(name(), x, dtype_);
  require_type("weight", weight, element_type(dtype_));
  require_type("bias", bias, element_type(dtype_));
}

const Array& GroupNorm::run_forward(const Array& x) {
  check(x);
  const Problem problem = {.norm = Norm::kGroup,
                           .pass = Pass::kForwardTraining,
                           .n = x.sizes()[0],
                           .c = x.sizes()[1],
                           .l = x.sizes().size() == 3 ? x.sizes()[2] : 1,
                           .groups = groups_,
                           .eps = eps};
  return normalizer_.forward(name(), problem, x, {.gamma = pointer(weight), .beta = pointer(bias)});
}

const Array& GroupNorm::run_backward(const Array& x, const Array& dy) {
  return normalizer_.backward(
      name(), x, dy, {.gamma = pointer(weight), .beta = pointer(bias)},
      {.gamma = weight ? &weight_gradient_ : nullptr, .beta = bias ? &bias_gradient_ : nullptr});
}

Denormalized GroupNorm::denormalize(const Array& y) {
  return normalizer_.denormalize(name(), y, {.gamma = pointer(weight), .beta = pointer(bias)});
}

}  // namespace normbench::nn
