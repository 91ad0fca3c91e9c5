// From sums to statistics, coefficients and gradients, in double arithmetic.

// Include guard (still compiled once per target).
#if defined(NORMBENCH_IMPLS_SIMD_STATISTICS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMBENCH_IMPLS_SIMD_STATISTICS_INL_H_
#undef NORMBENCH_IMPLS_SIMD_STATISTICS_INL_H_
#else
#define NORMBENCH_IMPLS_SIMD_STATISTICS_INL_H_
#endif

#include <bit>
#include <limits>

#include "impls/simd/ops.h"
#include "impls/simd/sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// Whether doubles, and as many floats, have masked loads and stores.
inline constexpr bool kMasksDoubles = kMasks<float> && kMasks<double>;

// Calls body(tag, i, lanes) for each whole vector of doubles, and for the rest with First or, on
// targets without masks, element by element.
template <class Body>
HWY_INLINE void for_doubles(Index size, const Body& body) {
  constexpr Index kLanes = lanes<double>();
  Index i = 0;
  for (; i + kLanes <= size; i += kLanes) body(DoubleTag(), i, All());
  if constexpr (kMasksDoubles) {
    if (i < size) body(DoubleTag(), i, First{size - i});
  } else {
    for (; i < size; ++i) body(hn::CappedTag<double, 1>(), i, All());
  }
}

template <class D>
HWY_INLINE hn::Mask<D> mask_of(D d, First first) {
  return hn::FirstN(d, static_cast<std::size_t>(first.count));
}

template <class D>
HWY_INLINE hn::Vec<D> get(D d, const float* from, All) {
  return hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, D>(), from));
}
template <class D>
HWY_INLINE hn::Vec<D> get(D d, const double* from, All) {
  return hn::LoadU(d, from);
}
template <class D>
HWY_INLINE hn::Vec<D> get(D d, const float* from, First first) {
  const hn::Rebind<float, D> floats;
  return hn::PromoteTo(d, hn::MaskedLoad(mask_of(floats, first), floats, from));
}
template <class D>
HWY_INLINE hn::Vec<D> get(D d, const double* from, First first) {
  return hn::MaskedLoad(mask_of(d, first), d, from);
}

template <class D>
HWY_INLINE void put(D, hn::Vec<D> value, float* to, All) {
#if HWY_TARGET == HWY_SCALAR  // converts infinity to the largest float
  *to = static_cast<float>(hn::GetLane(value));
#else
  const hn::Rebind<float, D> floats;
  hn::StoreU(hn::DemoteTo(floats, value), floats, to);
#endif
}
template <class D>
HWY_INLINE void put(D d, hn::Vec<D> value, double* to, All) {
  hn::StoreU(value, d, to);
}
template <class D>
HWY_INLINE void put(D, hn::Vec<D> value, float* to, First first) {
  const hn::Rebind<float, D> floats;
  hn::BlendedStore(hn::DemoteTo(floats, value), mask_of(floats, first), floats, to);
}
template <class D>
HWY_INLINE void put(D d, hn::Vec<D> value, double* to, First first) {
  hn::BlendedStore(value, mask_of(d, first), d, to);
}

// 1 / sqrt(value) for a result in Real. Square root and division in double would take most of the
// time of short columns. So floats use float ones, and a step of Newton's method in double: it
// reduces the relative error from 2^-23 to 2^-45.
template <class Real, class D>
HWY_INLINE hn::Vec<D> inverse_root(D d, hn::Vec<D> value) {
  const auto one = hn::Set(d, 1.0);
  if constexpr (std::is_same_v<Real, float>) {
    const auto fits = hn::And(hn::Gt(value, hn::Set(d, 1e-30)), hn::Lt(value, hn::Set(d, 1e30)));
    if (HWY_LIKELY(hn::AllTrue(d, fits))) {
      const hn::Rebind<float, D> floats;
      const auto root = hn::Sqrt(hn::DemoteTo(floats, value));
      const auto start = hn::PromoteTo(d, hn::Div(hn::Set(floats, 1.0F), root));
      const auto half = hn::Mul(hn::Mul(value, hn::Set(d, 0.5)), start);
      return hn::Mul(start, hn::NegMulAdd(half, start, hn::Set(d, 1.5)));
    }
  }
  return hn::Div(one, hn::Sqrt(value));
}

// sum / n
template <class Real, class D>
HWY_INLINE hn::Vec<D> over(D d, hn::Vec<D> sum, double n) {
  // Rounds twice, which a float result does not show.
  if constexpr (std::is_same_v<Real, float>) return hn::Mul(sum, hn::Set(d, 1 / n));
  return hn::Div(sum, hn::Set(d, n));
}

template <class Real>
bool find_statistics(Index size, Sums sums, const Real* pivots, double n, double eps,
                     Statistics<Real> found) {
  bool fine = true;
  for_doubles(size, [&](auto d, Index i, auto lanes) HWY_ATTR {
    const auto sum = get(d, sums.a + i, lanes);
    const auto off = over<Real>(d, sum, n);
    const auto squares = hn::NegMulAdd(sum, off, get(d, sums.ab + i, lanes));
    const auto about_mean = over<Real>(d, squares, n);
    // Keeps NaN.
    const auto zero = hn::Zero(d);
    const auto positive = hn::IfThenElse(hn::Lt(about_mean, zero), zero, about_mean);
    const auto largest = hn::Set(d, static_cast<double>(std::numeric_limits<Real>::max()));
    const auto most = hn::Mul(positive, hn::Set(d, most_off<Real>(n) * most_off<Real>(n)));
    const auto is_near = hn::Le(hn::Mul(off, off), most);
    fine &= hn::AllTrue(d, hn::And(is_near, hn::Le(positive, largest)));
    put(d, hn::Add(get(d, pivots + i, lanes), off), found.mean + i, lanes);
    put(d, positive, found.variance + i, lanes);
    put(d, inverse_root<Real>(d, hn::Add(positive, hn::Set(d, eps))), found.rstd + i, lanes);
  });
  return fine;
}

template <class Real>
void find_rstd(Index size, const Real* variance, double eps, Real* rstd) {
  for_doubles(size, [&](auto d, Index i, auto lanes) HWY_ATTR {
    put(d, inverse_root<Real>(d, hn::Add(get(d, variance + i, lanes), hn::Set(d, eps))), rstd + i,
        lanes);
  });
}

template <class Real>
void update(Index size, const Real* statistic, double factor, double momentum, Real* running) {
  for_doubles(size, [&](auto d, Index i, auto lanes) HWY_ATTR {
    const auto value = hn::Mul(hn::Set(d, factor), get(d, statistic + i, lanes));
    const auto moved = hn::Mul(hn::Set(d, momentum), value);
    put(d, hn::MulAdd(hn::Set(d, 1 - momentum), get(d, running + i, lanes), moved), running + i,
        lanes);
  });
}

template <class Real>
void fold(Index size, const Real* mean, const Real* scale, const Real* beta, Real* bias) {
  for_doubles(size, [&](auto d, Index i, auto lanes) HWY_ATTR {
    put(d,
        hn::NegMulAdd(get(d, mean + i, lanes), get(d, scale + i, lanes), get(d, beta + i, lanes)),
        bias + i, lanes);
  });
}

template <class Real>
void find_slopes(Index size, Sums sums, const Real* rstd, double n, Real* constant, Real* slope) {
  for_doubles(size, [&](auto d, Index i, auto lanes) HWY_ATTR {
    const auto r = get(d, rstd + i, lanes);
    const auto over_n = hn::Mul(r, hn::Set(d, 1 / n));
    put(d, hn::Mul(get(d, sums.a + i, lanes), over_n), constant + i, lanes);
    put(d, hn::Mul(hn::Mul(get(d, sums.ab + i, lanes), over_n), hn::Mul(r, r)), slope + i, lanes);
  });
}

template <class Real>
void find_gradients(Index size, Sums sums, const Real* rstd, Real* dbeta, Real* dgamma) {
  for_doubles(size, [&](auto d, Index i, auto lanes) HWY_ATTR {
    put(d, get(d, sums.a + i, lanes), dbeta + i, lanes);
    put(d, hn::Mul(get(d, sums.ab + i, lanes), get(d, rstd + i, lanes)), dgamma + i, lanes);
  });
}

template <class Real>
void weigh(Index size, const Real* gamma, Sums sums) {
  for_doubles(size, [&](auto d, Index i, auto lanes) HWY_ATTR {
    const auto factor = get(d, gamma + i, lanes);
    put(d, hn::Mul(get(d, sums.a + i, lanes), factor), sums.a + i, lanes);
    put(d, hn::Mul(get(d, sums.ab + i, lanes), factor), sums.ab + i, lanes);
  });
}

template <class Real>
void multiply(Index size, const Real* left, const Real* right, Real* product) {
  for_vectors<Real>(size, [&](Index i, auto lanes) HWY_ATTR {
    store(hn::Mul(load(left + i, lanes), load(right + i, lanes)), product + i, lanes);
  });
}

// sums[i] = sums[2 * i] + sums[2 * i + 1], in place
inline void add_neighbors(Index size, double* sums) {
  Index i = 0;
#if HWY_TARGET != HWY_SCALAR  // has one lane
  constexpr Index kLanes = lanes<double>();
  const DoubleTag d;
  for (; i + kLanes <= size; i += kLanes) {
    const auto low = hn::LoadU(d, sums + 2 * i);
    const auto high = hn::LoadU(d, sums + 2 * i + kLanes);
    hn::StoreU(hn::Add(hn::ConcatEven(d, high, low), hn::ConcatOdd(d, high, low)), d, sums + i);
  }
#endif
  for (; i < size; ++i) sums[i] = sums[2 * i] + sums[2 * i + 1];
}

inline void add_up(Index tiles, Index segments, double* sums) {
  while (segments % 2 == 0) add_neighbors(tiles * (segments /= 2), sums);
  if (segments == 1) return;
  for (Index i = 0; i < tiles; ++i) {
    double sum = 0;
    for (Index k = 0; k < segments; ++k) sum += sums[i * segments + k];
    sums[i] = sum;
  }
}

// numbers[2 * i] = numbers[2 * i + 1] = numbers[i], in place
template <class Real>
void repeat_neighbors(Index size, Real* numbers) {
  const hn::ScalableTag<Real> d;
  const hn::RebindToSigned<decltype(d)> integers;
  constexpr Index kLanes = lanes<Real>();
  const auto half = hn::ShiftRight<1>(hn::Iota(integers, 0));
  const auto low = hn::IndicesFromVec(d, half);
  const auto high = hn::IndicesFromVec(d, hn::Add(half, hn::Set(integers, kLanes / 2)));
  // From the end, since numbers are overwritten. The rest of the last vector is spare.
  for (Index i = (size - 1) / kLanes * kLanes; i >= 0; i -= kLanes) {
    const auto some = hn::LoadU(d, numbers + i);
    if (2 * i + kLanes < 2 * size) {
      hn::StoreU(hn::TableLookupLanes(some, high), d, numbers + 2 * i + kLanes);
    }
    hn::StoreU(hn::TableLookupLanes(some, low), d, numbers + 2 * i);
  }
}

template <class Real>
void broadcast(Index tiles, Index segments, const Real* of_tiles, Real* of_segments) {
  const hn::ScalableTag<Real> d;
  const Index odd = segments >> std::countr_zero(static_cast<std::uint64_t>(segments));
  if (odd == 1) std::copy_n(of_tiles, tiles, of_segments);
  for (Index tile = 0; odd > 1 && tile < tiles; ++tile) {
    const auto number = hn::Set(d, of_tiles[tile]);
    // Beyond the last segment, where the next tile writes.
    for (Index k = 0; k < odd; k += lanes<Real>()) {
      hn::StoreU(number, d, of_segments + tile * odd + k);
    }
  }
  for (Index k = odd; k < segments; k *= 2) repeat_neighbors(tiles * k, of_segments);
}

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();

#endif  // include guard
