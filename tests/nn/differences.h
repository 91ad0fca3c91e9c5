// Gradients of modules against differences of their outputs, in f64.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "harness/nn/module.h"
#include "tests/nn/arrays.h"

namespace normbench::nn {

// The largest error of a gradient, in units of its bound, and where it is.
struct Difference {
  double worst = 0;
  std::string where = "nowhere";
};

// For the loss sum(dy * y), the gradients by x and by all parameters against
//   D(h) = (loss(v + h) - loss(v - h)) / 2h,
// which is off by h^2 / 6 of the third derivative, of which D(2h) - D(h) has three times as much,
// and by the rounding of the loss, R / h. R is sum |dy| times what a y may be off: (terms + 20) u
// (1 + |y|), for sums of at most so many terms, of numbers around 1, and 20 roundings beside.
inline Difference compare_with_differences(Module& module, Array& x, const Array& dy,
                                           std::int64_t terms) {
  const auto loss = [&] {
    const Array& y = module.forward(x);
    long double sum = 0;
    for (std::int64_t at = 0; at < y.size(); ++at) {
      sum += static_cast<long double>(dy.get(at)) * y.get(at);
    }
    return sum;
  };
  const Array y = module.forward(x);
  module.backward(dy);
  double off = 0;
  for (std::int64_t at = 0; at < y.size(); ++at) {
    off += std::abs(dy.get(at)) * (1 + std::abs(y.get(at)));
  }
  off *= static_cast<double>(terms + 20) * 0x1p-53;

  Difference result;
  const auto look_at = [&](const std::string& what, Array& values, const Array& gradients) {
    for (std::int64_t at = 0; at < values.size(); ++at) {
      const double value = values.get(at);
      const auto slope = [&](double h) {
        values.set(at, value + h);
        const long double above = loss();
        values.set(at, value - h);
        const long double below = loss();
        values.set(at, value);
        return static_cast<double>((above - below) / (2 * h));
      };
      constexpr double kStep = 0x1p-13;
      const double fine = slope(kStep);
      const double bound = std::abs(slope(2 * kStep) - fine) + off / kStep;
      const double error = std::abs(gradients.get(at) - fine) / bound;
      if (!(error <= result.worst)) result = {error, what + " " + std::to_string(at)};
    }
  };
  // The gradients of the first call: further ones would be of other points.
  const Array dx = module.backward(dy);
  std::vector<Array> gradients;
  for (const Slot& slot : module.parameters()) gradients.push_back(*slot.gradient);
  look_at("x", x, dx);
  const std::vector<Slot> parameters = module.parameters();
  for (std::size_t at = 0; at < parameters.size(); ++at) {
    look_at(parameters[at].name, *parameters[at].value, gradients[at]);
  }
  return result;
}

}  // namespace normbench::nn
