// The slow path for values whose squares, or sums of squares, overflow a float: statistics in
// scalar double arithmetic. Taken if a variance is not finite, so for NaN and infinities among the
// values too.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "impls/simd/ops.h"

namespace simd {

// Whether a statistic may have overflowed. For f64 there is no wider type, but a sum without a
// pivot keeps the mean of infinite values infinite.
template <class Real>
bool overflows(Real mean, Real variance) {
  if constexpr (std::is_same_v<Real, double>) return !std::isfinite(mean);
  return !(variance <= std::numeric_limits<Real>::max());
}

// The statistics of one tile: all segments of the region. The mean of infinite values is infinite.
template <class T, class Real>
void find_in_doubles(const T* x, const Region& tile, bool centered, double eps,
                     const Statistics<Real>& found) {
  const auto sum = [&](auto of) {
    double total = 0;
    for (Index row = 0; row < tile.rows; ++row) {
      for (Index segment = 0; segment < tile.segments; ++segment) {
        const T* values = x + row * tile.row_stride + segment * tile.segment_stride;
        for (Index j = 0; j < tile.length; ++j) {
          total += of(static_cast<double>(static_cast<Real>(values[j])));
        }
      }
    }
    return total;
  };
  const auto n = static_cast<double>(tile.rows * tile.segments * tile.length);
  const double mean = centered ? sum([](double value) { return value; }) / n : 0;
  const double variance = sum([mean](double value) { return (value - mean) * (value - mean); }) / n;
  *found.mean = static_cast<Real>(mean);
  *found.variance = static_cast<Real>(variance);
  *found.rstd = static_cast<Real>(1 / std::sqrt(variance + eps));
}

}  // namespace simd
