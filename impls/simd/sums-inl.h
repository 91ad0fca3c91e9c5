// Sums of a region, in accumulators of the arithmetic type that are moved into doubles after at
// most eight additions.

// Include guard (still compiled once per target).
#if defined(NORMBENCH_IMPLS_SIMD_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMBENCH_IMPLS_SIMD_SUMS_INL_H_
#undef NORMBENCH_IMPLS_SIMD_SUMS_INL_H_
#else
#define NORMBENCH_IMPLS_SIMD_SUMS_INL_H_
#endif

#include "impls/simd/ops.h"
#include "impls/simd/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// Most additions to a lane before it is moved into a double.
inline constexpr Index kAdditions = 8;

using DoubleTag = hn::ScalableTag<double>;
using Doubles = hn::Vec<DoubleTag>;

// Adds the lanes of a vector to two vectors of doubles, or to one if the lanes are doubles.
HWY_INLINE void add_wide(hn::Vec<hn::ScalableTag<float>> value, Doubles& low, Doubles& high) {
  const DoubleTag wide;
#if HWY_TARGET == HWY_SCALAR  // has one lane of either
  low = hn::Add(low, hn::PromoteTo(wide, value));
  static_cast<void>(high);
#else
  const hn::Half<hn::ScalableTag<float>> half;
  low = hn::Add(low, hn::PromoteTo(wide, hn::LowerHalf(half, value)));
  high = hn::Add(high, hn::PromoteTo(wide, hn::UpperHalf(half, value)));
#endif
}
HWY_INLINE void add_wide(Doubles value, Doubles& low, Doubles&) { low = hn::Add(low, value); }

// The terms of one vector. Lanes that are not used have a = 0.
template <class T>
struct Pair {
  Vec<T> a, b;
};

template <class T, bool kBackward>
struct Terms {
  const T* x;
  const T* dy;
  Vec<T> center;

  template <class Lanes>
  HWY_INLINE Pair<T> operator()(Index at, Lanes lanes) const {
    const auto deviation = hn::Sub(load(x + at, lanes), center);
    if constexpr (kBackward) return {load(dy + at, lanes), deviation};
    const auto used = only<T>(deviation, lanes);
    return {used, used};
  }
};

template <class T>
HWY_INLINE void accumulate(const Pair<T>& terms, Vec<T>& a, Vec<T>& ab) {
  a = hn::Add(a, terms.a);
  ab = hn::MulAdd(terms.a, terms.b, ab);
}

// The two sums of one segment, in four independent accumulators each, to hide the latency of
// additions.
template <class T>
class SegmentSums {
 public:
  // Explicit: an implicit constructor would lack this target's attribute and could not be inlined.
  HWY_INLINE SegmentSums() {}

  // Adds four vectors, `gap` values apart, one to each accumulator.
  template <class Terms, class Lanes>
  HWY_INLINE void add(const Terms& terms, Index first, Index gap, Lanes lanes) {
    accumulate<T>(terms(first, lanes), a0_, b0_);
    accumulate<T>(terms(first + gap, lanes), a1_, b1_);
    accumulate<T>(terms(first + 2 * gap, lanes), a2_, b2_);
    accumulate<T>(terms(first + 3 * gap, lanes), a3_, b3_);
    if (++additions_ == kAdditions) flush();
  }

  template <class Terms>
  HWY_INLINE void add_row(const Terms& terms, Index at, Index size) {
    constexpr Index kLanes = lanes<T>();
    const Index end = at + size;
    for (; at + 4 * kLanes <= end; at += 4 * kLanes) add(terms, at, kLanes, All());
    if (at == end) return;
    if (at + kLanes <= end) accumulate<T>(terms(at, All()), a0_, b0_), at += kLanes;
    if (at + kLanes <= end) accumulate<T>(terms(at, All()), a1_, b1_), at += kLanes;
    if (at + kLanes <= end) accumulate<T>(terms(at, All()), a2_, b2_), at += kLanes;
    if (at < end) accumulate<T>(terms(at, First{end - at}), a3_, b3_);
    if (++additions_ == kAdditions) flush();
  }

  HWY_INLINE void finish(double& a, double& ab) {
    flush();
    const DoubleTag d;
    a = hn::GetLane(hn::SumOfLanes(d, hn::Add(a_low_, a_high_)));
    ab = hn::GetLane(hn::SumOfLanes(d, hn::Add(b_low_, b_high_)));
  }

 private:
  HWY_INLINE void flush() {
    add_wide(hn::Add(hn::Add(a0_, a1_), hn::Add(a2_, a3_)), a_low_, a_high_);
    add_wide(hn::Add(hn::Add(b0_, b1_), hn::Add(b2_, b3_)), b_low_, b_high_);
    a0_ = a1_ = a2_ = a3_ = b0_ = b1_ = b2_ = b3_ = hn::Zero(Tag<T>());
    additions_ = 0;
  }

  Vec<T> a0_ = hn::Zero(Tag<T>()), a1_ = a0_, a2_ = a0_, a3_ = a0_;
  Vec<T> b0_ = a0_, b1_ = a0_, b2_ = a0_, b3_ = a0_;
  Doubles a_low_ = hn::Zero(DoubleTag()), a_high_ = a_low_, b_low_ = a_low_, b_high_ = a_low_;
  Index additions_ = 0;
};

template <class T, bool kBackward>
void sum_runs(const SumArguments<T>& arguments) {
  constexpr Index kShort = 16 * lanes<T>();
  const Region region = arguments.region;
  for (Index segment = 0; segment < region.segments; ++segment) {
    const Terms<T, kBackward> terms{arguments.x, arguments.dy,
                                    hn::Set(Tag<T>(), arguments.center[segment])};
    Index at = segment * region.segment_stride;
    SegmentSums<T> sums;
    Index row = 0;
    // A short row does not fill four accumulators, so each takes a row of its own.
    for (; region.length < kShort && row + 4 <= region.rows;
         row += 4, at += 4 * region.row_stride) {
      for_vectors<T>(region.length, [&](Index column, auto lanes) HWY_ATTR {
        sums.add(terms, at + column, region.row_stride, lanes);
      });
    }
    for (; row < region.rows; ++row, at += region.row_stride)
      sums.add_row(terms, at, region.length);
    sums.finish(arguments.sums.a[segment], arguments.sums.ab[segment]);
  }
}

// Adds the lanes of a vector to doubles in memory, or stores them there if `set`.
template <class T>
HWY_INLINE void add_to(Vec<T> value, double* sums, bool set) {
  constexpr bool kHasHigh = lanes<T>() > lanes<double>();
  const DoubleTag d;
  auto low = hn::Zero(d);
  auto high = low;
  if (!set) {
    low = hn::LoadU(d, sums);
    if constexpr (kHasHigh) high = hn::LoadU(d, sums + lanes<double>());
  }
  add_wide(value, low, high);
  hn::StoreU(low, d, sums);
  if constexpr (kHasHigh) hn::StoreU(high, d, sums + lanes<double>());
}

// Adds `rows` rows, at most kAdditions, of kVectors adjacent vectors of columns.
template <class T, bool kBackward, Index kVectors, class Lanes>
HWY_INLINE void sum_strip(const SumArguments<T>& arguments, Index row, Index rows, Index column,
                          Lanes lanes_used) {
  constexpr Index kLanes = lanes<T>();
  const Index stride = arguments.region.row_stride;
  const T* x = arguments.x + row * stride + column;
  const T* dy = kBackward ? arguments.dy + row * stride + column : nullptr;
  Vec<T> center[kVectors], a[kVectors], ab[kVectors];
#pragma GCC unroll 4
  for (Index i = 0; i < kVectors; ++i) {
    center[i] = load(arguments.center + column + i * kLanes);
    a[i] = ab[i] = hn::Zero(Tag<T>());
  }
  for (Index k = 0; k < rows; ++k) {
#pragma GCC unroll 4
    for (Index i = 0; i < kVectors; ++i) {
      const Terms<T, kBackward> terms{x, dy, center[i]};
      accumulate<T>(terms(k * stride + i * kLanes, lanes_used), a[i], ab[i]);
    }
  }
  const bool set = row == 0;
#pragma GCC unroll 4
  for (Index i = 0; i < kVectors; ++i) {
    add_to<T>(a[i], arguments.sums.a + column + i * kLanes, set);
    add_to<T>(ab[i], arguments.sums.ab + column + i * kLanes, set);
  }
}

// kAdditions rows at a time, so that memory is read row by row.
template <class T, bool kBackward>
void sum_columns(const SumArguments<T>& shared) {
  constexpr Index kLanes = lanes<T>();
  constexpr Index kVectors = 2;
  const SumArguments<T> arguments = shared;  // a copy, which stores of vectors cannot alias
  const Index columns = arguments.region.segments;
  // Without any rows, for a thread that has none, sums are zero.
  Index row = 0;
  do {
    const Index rows = std::min(kAdditions, arguments.region.rows - row);
    Index column = 0;
    for (; column + kVectors * kLanes <= columns; column += kVectors * kLanes) {
      sum_strip<T, kBackward, kVectors>(arguments, row, rows, column, All());
    }
    for (; column + kLanes <= columns; column += kLanes) {
      sum_strip<T, kBackward, 1>(arguments, row, rows, column, All());
    }
    if (column < columns) {
      sum_strip<T, kBackward, 1>(arguments, row, rows, column, First{columns - column});
    }
    row += kAdditions;
  } while (row < arguments.region.rows);
}

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();

#endif  // include guard
