// What the numbers of a storage type look like.
#pragma once

#include <algorithm>
#include <cmath>

#include "harness/core/problem.h"

namespace normbench {

struct NumberFormat {
  int digits;  // with the first one, which is not stored
  int smallest_exponent;
  int largest_exponent;

  // The relative error of one rounding.
  double unit() const { return std::ldexp(1.0, -digits); }
  // The distance between neighbors at `value`, which is 0 or more.
  double spacing(double value) const {
    const int exponent =
        value > 0 ? std::max(std::ilogb(value), smallest_exponent) : smallest_exponent;
    return std::ldexp(1.0, exponent - digits + 1);
  }
  double smallest_normal() const { return std::ldexp(1.0, smallest_exponent); }
  double largest() const { return std::ldexp(2 - std::ldexp(2.0, -digits), largest_exponent); }
  // From here on numbers are rounded to infinity: half a spacing above the largest one. Infinity
  // for f64: the number is not a double.
  double overflow() const { return std::ldexp(2 - std::ldexp(1.0, -digits), largest_exponent); }
};

constexpr NumberFormat format_of(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return {53, -1022, 1023};
    case DType::kBf16:
      return {8, -126, 127};
    case DType::kF16:
      return {11, -14, 15};
    case DType::kF32:
      break;
  }
  return {24, -126, 127};
}

}  // namespace normbench
