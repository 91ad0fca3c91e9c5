// From sums to statistics and coefficients, for one tile. Branch-free, so that loops over many
// tiles are vectorized.
#pragma once

#include <cmath>
#include <new>
#include <type_traits>
#include <vector>

#include "harness/core/tensor.h"
#include "impls/openmp/threads.h"

namespace normbench::openmp {

// A pointer to element `first` of a tensor; null if the tensor is absent.
template <class Value>
Value* data(const Tensor& tensor, Index first = 0) {
  return tensor.present() ? static_cast<Value*>(tensor.data) + first : nullptr;
}

// Memory that begins at a cache line, so that no vector straddles two.
template <class Value>
struct CacheAligned {
  using value_type = Value;

  CacheAligned() = default;
  template <class Other>
  explicit CacheAligned(const CacheAligned<Other>&) {}
  Value* allocate(std::size_t size) {
    return static_cast<Value*>(::operator new (size * sizeof(Value), std::align_val_t{64}));
  }
  void deallocate(Value* values, std::size_t) { ::operator delete (values, std::align_val_t{64}); }
  bool operator==(const CacheAligned&) const = default;
};

template <class Value>
using Buffer = std::vector<Value, CacheAligned<Value>>;

// Forward: of x - pivot and of its square. Backward: of dy, and of dy * (x - mean).
struct Sums {
  double first = 0, second = 0;
};

// The first value of a tile is subtracted before values are squared, against cancellation. Never an
// infinite one: the mean of infinite values would be NaN.
template <class Real>
Real as_pivot(Real value) {
  return std::isfinite(value) ? value : Real{0};
}

// How many times the sums of a forward pass are taken. In double those of f64 round, so their
// second pivot is the mean.
template <class T>
inline constexpr int kForwardRounds = std::is_same_v<T, double> ? 2 : 1;

struct Moments {
  double mean, variance;
};

// For rms, which is not centered, the mean is the pivot, and the variance the mean square.
inline Moments moments_of(Sums sums, double pivot, double count, bool centered) {
  const double sum = centered ? sums.first : 0;
  const double offset = sum / count;
  const double squares = sums.second - sum * offset;
  return {pivot + offset, (squares < 0 ? 0 : squares) / count};  // keeps NaN
}

inline double rstd_of(double variance, double eps) { return 1 / std::sqrt(variance + eps); }

// dx = dy * gamma * rstd - offset - (x - mean) * slope, from the sums of g and g * xh over the
// tile, where g = dy * gamma and xh = (x - mean) * rstd.
struct Gradient {
  double offset, slope;
};

inline Gradient gradient_of(Sums sums, double rstd, double count, bool centered) {
  const double sum = centered ? sums.first : 0;
  // In this order, since rstd^2 may overflow.
  return {sum * rstd / count, sums.second * rstd * rstd / count};
}

}  // namespace normbench::openmp
