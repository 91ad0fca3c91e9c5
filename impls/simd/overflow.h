// The slow path for values whose squares, or sums of squares, overflow a float: statistics in
// scalar double arithmetic. Kernels take it if a variance is not finite, so for NaN and infinities
// among the values too.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "harness/core/storage.h"
#include "impls/simd/functions.h"

namespace simd {

// Whether a statistic may have overflowed. For f64 there is no wider type, but a sum without a
// pivot keeps the mean of infinite values infinite.
template <class Real>
bool overflows(Real mean, Real variance) {
  if constexpr (std::is_same_v<Real, double>) return !std::isfinite(mean);
  return !(variance <= std::numeric_limits<Real>::max());
}

// a = sum(x - pivot) and ab = sum((x - pivot)^2), over all segments of the region.
template <class T>
void sum_in_doubles(const T* x, const Region& region, double pivot, double& a, double& ab) {
  a = ab = 0;
  for (Index row = 0; row < region.rows; ++row) {
    for (Index segment = 0; segment < region.segments; ++segment) {
      const T* values = x + row * region.row_stride + segment * region.segment_stride;
      for (Index j = 0; j < region.length; ++j) {
        const double value = static_cast<double>(static_cast<normbench::Parameter<T>>(values[j]));
        a += value - pivot;
        ab += (value - pivot) * (value - pivot);
      }
    }
  }
}

// Mean, biased variance and rstd of one tile. sum(pivot, a, ab) gives the sums over all of its n
// values. The mean of infinite values is infinite.
template <class Real, class Sum>
void find_in_doubles(bool centered, double n, double eps, Real& mean, Real& variance, Real& rstd,
                     const Sum& sum) {
  double center = 0;
  double a = 0;
  double ab = 0;
  if (centered) {
    sum(0.0, a, ab);
    center = a / n;
  }
  sum(center, a, ab);
  const double exact = ab / n;
  mean = static_cast<Real>(center);
  variance = static_cast<Real>(exact);
  rstd = static_cast<Real>(1 / std::sqrt(exact + eps));
}

// The same for a tile of `length` contiguous values.
template <class T, class Real>
void find_in_doubles(const T* x, Index length, bool centered, double eps, Real& mean,
                     Real& variance, Real& rstd) {
  const Region region = {.rows = 1,
                         .row_stride = 0,
                         .segments = 1,
                         .segment_stride = 0,
                         .length = length,
                         .ahead = 0,
                         .reversed = false};
  find_in_doubles(
      centered, static_cast<double>(length), eps, mean, variance, rstd,
      [&](double pivot, double& a, double& ab) { sum_in_doubles(x, region, pivot, a, ab); });
}

}  // namespace simd
