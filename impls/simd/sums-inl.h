// Accumulators in the arithmetic type, which are moved into doubles after at most eight additions.
// No include guard, as in vectors-inl.h.

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

// The two sums of one segment, in four independent accumulators each, to hide the latency of
// additions.
template <class T>
class SegmentSums {
 public:
  // Explicit: an implicit constructor would lack this target's attribute and could not be inlined.
  HWY_INLINE SegmentSums() {}

  // Adds `count` vectors to each accumulator. Those of accumulator k begin at first + k * gap, in
  // steps of `step`.
  template <class Terms>
  HWY_INLINE void add_chains(const Terms& terms, Index first, Index gap, Index step, Index count) {
    while (count > 0) {
      const Index some = std::min(count, kAdditions - additions_);
      auto a0 = a0_, a1 = a1_, a2 = a2_, a3 = a3_, b0 = b0_, b1 = b1_, b2 = b2_, b3 = b3_;
      for (Index i = 0; i < some; ++i, first += step) {
        add(terms(first), a0, b0);
        add(terms(first + gap), a1, b1);
        add(terms(first + 2 * gap), a2, b2);
        add(terms(first + 3 * gap), a3, b3);
      }
      a0_ = a0, a1_ = a1, a2_ = a2, a3_ = a3, b0_ = b0, b1_ = b1, b2_ = b2, b3_ = b3;
      count -= some;
      count_additions(some);
    }
  }

  // Adds the first `count` lanes of four vectors, `gap` apart, one to each accumulator.
  template <class Terms>
  HWY_INLINE void add_ends(const Terms& terms, Index first, Index gap, Index count) {
    add(terms.some(first, count), a0_, b0_);
    add(terms.some(first + gap, count), a1_, b1_);
    add(terms.some(first + 2 * gap, count), a2_, b2_);
    add(terms.some(first + 3 * gap, count), a3_, b3_);
    count_additions(1);
  }

  template <class Terms>
  HWY_INLINE void add_row(const Terms& terms, Index first, Index size) {
    constexpr Index kLanes = lanes<T>();
    const Index chains = size / (4 * kLanes);
    add_chains(terms, first, kLanes, 4 * kLanes, chains);
    Index at = first + chains * 4 * kLanes;
    const Index last = first + size;
    if (at == last) return;
    if (at + kLanes <= last) add(terms(at), a0_, b0_), at += kLanes;
    if (at + kLanes <= last) add(terms(at), a1_, b1_), at += kLanes;
    if (at + kLanes <= last) add(terms(at), a2_, b2_), at += kLanes;
    if (at < last) add(terms.some(at, last - at), a3_, b3_);
    count_additions(1);
  }

  HWY_INLINE void finish(double& a, double& ab) {
    flush();
    const DoubleTag wide;
    a = hn::GetLane(hn::SumOfLanes(wide, hn::Add(a_low_, a_high_)));
    ab = hn::GetLane(hn::SumOfLanes(wide, hn::Add(b_low_, b_high_)));
  }

 private:
  static HWY_INLINE void add(Pair<T> terms, Vec<T>& a, Vec<T>& b) {
    a = hn::Add(a, terms.a);
    b = hn::MulAdd(terms.a, terms.b, b);
  }
  HWY_INLINE void count_additions(Index some) {
    additions_ += some;
    if (additions_ >= kAdditions) flush();
  }
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

// Sums of segments that are runs. terms_of(segment) are the terms of a segment; offsets count from
// the first segment.
template <class T, class TermsOf>
HWY_INLINE void sum_runs(const Region& shared, const TermsOf& terms_of, double* a, double* ab) {
  const Region region = shared;
  constexpr Index kLanes = lanes<T>();
  const Index whole = region.length / kLanes;
  const Index end = region.length % kLanes;
  // A row of few vectors does not fill four accumulators, so each takes a row of its own.
  const Index chained = region.length < 16 * kLanes ? region.rows / 4 * 4 : 0;
  for (Index segment = 0; segment < region.segments; ++segment) {
    const auto terms = terms_of(segment);
    const Index start = segment * region.segment_stride;
    SegmentSums<T> sums;
    for (Index row = 0; row < chained; row += 4) {
      const Index first = row * region.row_stride + start;
      sums.add_chains(terms, first, region.row_stride, kLanes, whole);
      if (end != 0) sums.add_ends(terms, first + whole * kLanes, region.row_stride, end);
    }
    for (Index row = chained; row < region.rows; ++row) {
      sums.add_row(terms, row * region.row_stride + start, region.length);
    }
    sums.finish(a[segment], ab[segment]);
  }
}

// Adds a vector to doubles in memory, or stores it there if `set`.
HWY_INLINE void add_to(hn::Vec<hn::ScalableTag<float>> value, double* sums, bool set) {
  constexpr bool kHasHigh = lanes<float>() > lanes<double>();
  const DoubleTag wide;
  double* high_sums = sums + lanes<double>();
  Doubles low = hn::Zero(wide);
  Doubles high = low;
  if (!set) {
    low = hn::LoadU(wide, sums);
    if constexpr (kHasHigh) high = hn::LoadU(wide, high_sums);
  }
  add_wide(value, low, high);
  hn::StoreU(low, wide, sums);
  if constexpr (kHasHigh) hn::StoreU(high, wide, high_sums);
}
HWY_INLINE void add_to(Doubles value, double* sums, bool set) {
  const DoubleTag wide;
  if (!set) value = hn::Add(value, hn::LoadU(wide, sums));
  hn::StoreU(value, wide, sums);
}

// Accumulates two adjacent vectors of columns over `rows` rows, at most kAdditions.
template <class T, bool kFetching, class Terms>
HWY_INLINE void sum_two_vectors(const Terms& left, const Terms& right, Index first,
                                const Region& region, Index rows, double* a, double* ab, bool set) {
  const auto zero = hn::Zero(Tag<T>());
  auto a0 = zero, a1 = zero, b0 = zero, b1 = zero;
  for (Index row = 0; row < rows; ++row, first += region.row_stride) {
    if constexpr (kFetching) left.fetch(first + region.ahead), right.fetch(first + region.ahead);
    const Pair<T> p0 = left(first), p1 = right(first);
    a0 = hn::Add(a0, p0.a), b0 = hn::MulAdd(p0.a, p0.b, b0);
    a1 = hn::Add(a1, p1.a), b1 = hn::MulAdd(p1.a, p1.b, b1);
  }
  add_to(a0, a, set);
  add_to(b0, ab, set);
  add_to(a1, a + lanes<T>(), set);
  add_to(b1, ab + lanes<T>(), set);
}

// The same for the first `count` columns of one vector.
template <class T, class Terms>
HWY_INLINE void sum_vector(const Terms& terms, Index first, Index stride, Index rows, Index count,
                           double* a, double* ab, bool set) {
  auto a0 = hn::Zero(Tag<T>()), b0 = a0;
  const bool whole = count == lanes<T>();
  for (Index row = 0; row < rows; ++row, first += stride) {
    const Pair<T> pair = whole ? terms(first) : terms.some(first, count);
    a0 = hn::Add(a0, pair.a), b0 = hn::MulAdd(pair.a, pair.b, b0);
  }
  HWY_ALIGN std::array<double, static_cast<std::size_t>(lanes<T>())> some;
  const auto add_some = [&](Vec<T> value, double* sums) {
    if (whole) return add_to(value, sums, set);
    add_to(value, some.data(), true);
    for (Index i = 0; i < count; ++i) {
      const double sum = some[static_cast<std::size_t>(i)];
      sums[i] = set ? sum : sums[i] + sum;
    }
  };
  add_some(a0, a);
  add_some(b0, ab);
}

// Accumulates all columns over kAdditions rows, from `row` on.
template <class T, bool kFetching, class TermsOf>
HWY_INLINE void sum_block(const Region& region, Index row, const TermsOf& terms_of, double* a,
                          double* ab) {
  constexpr Index kLanes = lanes<T>();
  const Index rows = std::min(kAdditions, region.rows - row);
  const Index first = row * region.row_stride;
  Index at = 0;
  for (; at + 2 * kLanes <= region.segments; at += 2 * kLanes) {
    sum_two_vectors<T, kFetching>(terms_of(at, kLanes), terms_of(at + kLanes, kLanes), first,
                                  region, rows, a + at, ab + at, row == 0);
  }
  for (; at < region.segments; at += kLanes) {
    const Index count = std::min(kLanes, region.segments - at);
    sum_vector<T>(terms_of(at, count), first, region.row_stride, rows, count, a + at, ab + at,
                  row == 0);
  }
}

// Sums of segments that are columns, kAdditions rows at a time, so that memory is read row by row.
// terms_of(at, count) are the terms of the columns from `at` on; offsets count from the first of
// them.
template <class T, class TermsOf>
HWY_INLINE void sum_columns(const Region& shared, const TermsOf& terms_of, double* a, double* ab) {
  const Region region = shared;
  for (Index row = 0; row < region.rows; row += kAdditions) {
    if (region.ahead != 0) {
      sum_block<T, true>(region, row, terms_of, a, ab);
    } else {
      sum_block<T, false>(region, row, terms_of, a, ab);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();
