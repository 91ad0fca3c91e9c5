// Parameters, bias and ReLU of Linear and Conv1d.
#include "harness/nn/weighted.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <string>

#include "harness/nn/channels.h"
#include "harness/nn/norm_parts.h"

namespace normbench::nn {

Weighted::Weighted(const Sizes& weight_sizes, bool has_bias, DType dtype, std::uint64_t seed,
                   int threads)
    : weight(weight_sizes, element_type(dtype)),
      weight_gradient_(weight_sizes, element_type(dtype)),
      dtype_(dtype),
      threads_(threads) {
  require_positive("threads", threads);
  const Sizes outputs = {weight_sizes[0]};
  if (has_bias) bias = bias_gradient_ = Array(outputs, element_type(dtype));
  const std::int64_t terms = weight.size() / weight_sizes[0];
  std::mt19937_64 random(seed);
  const auto draw = [&](Array& array) {
    for (std::int64_t at = 0; at < array.size(); ++at) {
      const double part = static_cast<double>(random() >> 11) * 0x1p-52 - 1;  // from -1 to 1
      array.set(at, part / std::sqrt(static_cast<double>(terms)));
    }
  };
  draw(weight);
  if (bias) draw(*bias);
}

std::vector<Slot> Weighted::slots() {
  std::vector<Slot> all = {{"weight", &weight, &weight_gradient_}};
  add_slot(all, "bias", bias, &bias_gradient_);
  return all;
}

void Weighted::check_types(const Array& x) {
  require_data_type(name(), x, dtype_);
  require_type("weight", weight, element_type(dtype_));
  require_type("bias", bias, element_type(dtype_));
  if (bias) require_elements("bias", *bias, weight.sizes()[0]);
  weight_gradient_.resize(weight.sizes(), weight.type());
  if (bias) bias_gradient_.resize(bias->sizes(), bias->type());
}

const Array& Weighted::widened(const Array& array, Array& room) const {
  if (array.type() == element_type(dtype_)) return array;
  room.resize(array.sizes(), element_type(dtype_), array.layout());
  convert(array, room);
  return room;
}

// Rows of all channels with `inner` values each.
std::int64_t Weighted::rows_of(const Array& sums, std::int64_t inner) const {
  return inner == 0 ? 0 : sums.size() / (inner * weight.sizes()[0]);
}

const Array& Weighted::finish(Array& sums, std::int64_t inner, ElementType type) {
  with_parameter(dtype_, [&]<class Real>(Real) {
    Real* values = sums.as<Real>().data();
    const Real* shift = bias ? bias->as<Real>().data() : nullptr;
    const bool rectify = relu;
    const std::int64_t channels = weight.sizes()[0];
    for_each_value(rows_of(sums, inner), channels, inner, threads_,
                   [=](std::int64_t at, std::int64_t k) {
                     const Real value = values[at] + (shift != nullptr ? shift[k] : Real{0});
                     values[at] = rectify && value < 0 ? Real{0} : value;
                   });
  });
  if (sums.type() == type) return sums;
  y_.resize(sums.sizes(), type, sums.layout());
  convert(sums, y_);
  return y_;
}

const Array& Weighted::start(const Array& dy, std::int64_t inner) {
  if (!relu && !bias && dy.type() == element_type(dtype_)) return dy;
  dy_wide_.resize(dy.sizes(), element_type(dtype_), dy.layout());
  convert(dy, dy_wide_);
  with_parameter(dtype_, [&]<class Real>(Real) {
    Real* values = dy_wide_.as<Real>().data();
    if (relu) {
      const Real* y = sums_.as<Real>().data();
      for (std::int64_t at = 0; at < dy.size(); ++at) {
        if (y[at] <= 0) values[at] = 0;
      }
    }
    if (!bias) return;
    const std::int64_t channels = weight.sizes()[0];
    std::vector<double> all(static_cast<std::size_t>(channels), 0.0);
    double* sums = all.data();
    for_each_value(rows_of(dy, inner), channels, inner, 1,
                   [=](std::int64_t at, std::int64_t k) { sums[k] += values[at]; });
    for (std::int64_t k = 0; k < channels; ++k) {
      bias_gradient_.set(k, all[static_cast<std::size_t>(k)]);
    }
  });
  return dy_wide_;
}

void require_rank(std::string_view which, const Array& array, std::size_t rank) {
  if (array.sizes().size() == rank) return;
  throw std::invalid_argument(std::string(which) + " must have " + std::to_string(rank) +
                              " dimensions, but is " + size_text(array.sizes()));
}

}  // namespace normbench::nn
