// Pivots of a region, and what is written: every element from its input and the coefficients of its
// segment.

// Include guard (still compiled once per target).
#if defined(NORMBENCH_IMPLS_SIMD_ELEMENTWISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMBENCH_IMPLS_SIMD_ELEMENTWISE_INL_H_
#undef NORMBENCH_IMPLS_SIMD_ELEMENTWISE_INL_H_
#else
#define NORMBENCH_IMPLS_SIMD_ELEMENTWISE_INL_H_
#endif

#include <limits>

#include "impls/simd/ops.h"
#include "impls/simd/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// Rounds to a multiple of a quarter of the largest power of two that is at most `spread`. A pivot
// that is a value of the input plus such a multiple has few digits if the input has, so that sums
// that can be exact are exact.
template <class T>
HWY_INLINE Vec<T> round_coarsely(Vec<T> value, Vec<T> spread) {
  const Tag<T> d;
  const hn::RebindToUnsigned<Tag<T>> integers;
  using Integer = hn::TFromD<decltype(integers)>;
  constexpr int kDigits = std::numeric_limits<Parameter<T>>::digits - 1;
  const auto exponent =
      hn::Set(integers, std::numeric_limits<Integer>::max() >> 1 >> kDigits << kDigits);
  const auto power = hn::BitCast(d, hn::And(hn::BitCast(integers, spread), exponent));
  // Adding so large a number rounds away all lower digits; subtracting it restores the others.
  const auto large =
      hn::Mul(power, hn::Set(d, static_cast<Parameter<T>>(Integer{3} << (kDigits - 3))));
  return hn::Sub(hn::Add(value, large), large);
}

// Values of a segment that are sampled, at most.
inline constexpr Index kSamples = 32;

// Samples 32 values of each segment, in pieces of at most a vector.
template <class T, class Lanes>
HWY_INLINE void find_pivots_in_pieces(const T* x, const Region& region, Index count, Lanes used,
                                      Parameter<T>* pivots) {
  const Tag<T> d;
  const Index pieces = (kSamples - 1 + count) / count;
  const auto inverse = hn::Set(d, 1 / static_cast<Parameter<T>>(pieces * count));
  for (Index segment = 0; segment < region.segments; ++segment) {
    const T* own = x + segment * region.segment_stride;
    const auto start = hn::Set(d, static_cast<Parameter<T>>(own[0]));
    auto sum = hn::Zero(d);
    auto spread = sum;
    for (Index i = 1; i < 2 * pieces; i += 2) {
      const T* from = own + region.rows * i / (2 * pieces) * region.row_stride +
                      (region.length - count) * i / (2 * pieces);
      const auto off = only<T>(hn::Sub(load(from, used), start), used);
      sum = hn::Add(sum, off);
      spread = hn::Max(spread, hn::Abs(off));
    }
    const auto off = hn::Mul(hn::SumOfLanes(d, sum), inverse);
    pivots[segment] =
        hn::GetLane(hn::Add(start, round_coarsely<T>(off, hn::MaxOfLanes(d, spread))));
  }
}
template <class T>
void find_pivots_of_runs(const T* x, const Region& region, Parameter<T>* pivots) {
  if (region.length >= lanes<T>()) {
    find_pivots_in_pieces(x, region, lanes<T>(), All(), pivots);
  } else {
    find_pivots_in_pieces(x, region, region.length, First{region.length}, pivots);
  }
}

// Samples 8 rows, or up to 32 if there are many. The mean of 8 values of a normal distribution is
// too far off in one of 40,000 columns, which is then summed again.
template <class T>
void find_pivots_of_columns(const T* x, const Region& region, Parameter<T>* pivots) {
  const Tag<T> d;
  const Index rows = std::min(region.rows, std::clamp<Index>(region.rows / 16, 8, kSamples));
  // Row i of those that are sampled is region.rows * i / rows. A division for each would take
  // longer than all else here.
  Index offsets[kSamples];
  const Index step = region.rows / rows;
  const Index rest = region.rows % rows;
  for (Index i = 0, row = 0, over = 0; i < rows; ++i, row += step, over += rest) {
    if (over >= rows) ++row, over -= rows;
    offsets[i] = row * region.row_stride;
  }
  const auto inverse = hn::Set(d, 1 / static_cast<Parameter<T>>(rows));
  for_vectors<T>(region.segments, [&](Index at, auto lanes) HWY_ATTR {
    const auto start = load(x + at, lanes);
    auto sum = hn::Zero(d);
    auto spread = sum;
    for (Index i = 1; i < rows; ++i) {
      const auto off = hn::Sub(load(x + offsets[i] + at, lanes), start);
      sum = hn::Add(sum, off);
      spread = hn::Max(spread, hn::Abs(off));
    }
    const auto found = hn::Add(start, round_coarsely<T>(hn::Mul(sum, inverse), spread));
    store<Parameter<T>>(found, pivots + at);
  });
}

template <class Real>
void join_pivots(Index tiles, Index segments, const Real* of_segments, Real* of_tiles) {
  constexpr Index kLanes = lanes<Real>();
  HWY_ALIGN Real off[static_cast<std::size_t>(kLanes)];
  HWY_ALIGN Real spread[static_cast<std::size_t>(kLanes)];
  const Real inverse = 1 / static_cast<Real>(segments);
  for (Index first = 0; first < tiles; first += kLanes, of_segments += kLanes * segments) {
    const Index count = std::min(kLanes, tiles - first);
    std::fill_n(spread, kLanes, Real{0});
    for (Index i = 0; i < count; ++i) {
      const Real* own = of_segments + i * segments;
      Real sum = 0;
      for (Index k = 1; k < segments; ++k) {
        sum += own[k] - own[0];
        spread[i] = std::max(spread[i], std::abs(own[k] - own[0]));
      }
      off[i] = sum * inverse;
      of_tiles[first + i] = own[0];
    }
    const First some{count};
    const auto coarse = round_coarsely<Real>(load(off, some), load(spread, some));
    store(hn::Add(load(of_tiles + first, some), coarse), of_tiles + first, some);
  }
}

// A coefficient of all columns of a segment,
template <class T>
struct Same {
  Vec<T> value;
  HWY_INLINE Vec<T> operator()(Index) const { return value; }
};
// or one of each column.
template <class T>
struct PerColumn {
  const Parameter<T>* values;
  HWY_INLINE Vec<T> operator()(Index column) const { return load(values + column); }
};

template <class Number>
struct FormulaOf {
  Number mean, scale, constant, slope;
};

// The vector at offset `at` of what is written. Coefficients are those of the columns from `column`
// on.
template <Formula kFormula, class T, class Number, class Lanes>
HWY_INLINE Vec<T> form(const WriteArguments<T>& from, Index at, const FormulaOf<Number>& of,
                       Index column, Lanes lanes) {
  if constexpr (kFormula == Formula::kNormalize) {
    return hn::MulAdd(hn::Sub(load(from.x + at, lanes), of.mean(column)), of.scale(column),
                      of.constant(column));
  } else if constexpr (kFormula == Formula::kApply) {
    return hn::MulAdd(load(from.x + at, lanes), of.scale(column), of.constant(column));
  } else if constexpr (kFormula == Formula::kDifferentiate) {
    const auto deviation = hn::Sub(load(from.x + at, lanes), of.mean(column));
    const auto rest = hn::MulAdd(deviation, of.slope(column), of.constant(column));
    return hn::MulSub(load(from.dy + at, lanes), of.scale(column), rest);
  } else {
    return hn::Mul(load(from.dy + at, lanes), of.scale(column));
  }
}

// The coefficients of segment k that a formula has.
template <Formula kFormula, class T>
HWY_INLINE FormulaOf<Same<T>> of_segment(const Coefficients<Parameter<T>>& all, Index k) {
  constexpr bool kCenters = kFormula == Formula::kNormalize || kFormula == Formula::kDifferentiate;
  const auto same = [k](bool used, const Parameter<T>* numbers) HWY_ATTR {
    return Same<T>{used ? hn::Set(Tag<T>(), numbers[k]) : hn::Zero(Tag<T>())};
  };
  return {same(kCenters, all.mean), same(true, all.scale),
          same(kFormula != Formula::kRescale, all.constant),
          same(kFormula == Formula::kDifferentiate, all.slope)};
}

// Those of a vector whose first lanes belong to one segment, and the others to the next one.
template <class T>
HWY_INLINE FormulaOf<Same<T>> both(First first, const FormulaOf<Same<T>>& left,
                                   const FormulaOf<Same<T>>& right) {
  const auto mask = hn::FirstN(Tag<T>(), static_cast<std::size_t>(first.count));
  const auto blend = [mask](Same<T> a, Same<T> b)
                         HWY_ATTR { return Same<T>{hn::IfThenElse(mask, a.value, b.value)}; };
  return {blend(left.mean, right.mean), blend(left.scale, right.scale),
          blend(left.constant, right.constant), blend(left.slope, right.slope)};
}

// What of a row is written, from its start at `out`: see WriteArguments.
struct Span {
  Index begin, end;
};
template <class T>
HWY_INLINE Span span_of(const WriteArguments<T>& arguments, const T* out, Index size) {
  return {arguments.skips_first_line ? until_line(out) : 0,
          size - (arguments.skips_last_line ? since_line(out + size) : 0)};
}

// A row of adjacent segments that are no shorter than a vector. It is written from end to end: a
// vector may have the end of a segment and the start of the next one.
template <Formula kFormula, bool kStreams, class T>
HWY_INLINE void write_runs(const WriteArguments<T>& arguments, Index row) {
  constexpr Index kLanes = lanes<T>();
  const Index length = arguments.region.length;
  T* out = arguments.out + row;
  const Span span = span_of(arguments, out, arguments.region.segments * length);
  Index at = span.begin;
  Index k = 0;  // `at` lies in the segment that ends at `next`
  Index next = length;
  auto of = of_segment<kFormula, T>(arguments.coefficients, 0);
  const auto go_on = [&]() HWY_ATTR {
    next += length;
    of = of_segment<kFormula, T>(arguments.coefficients, ++k);
  };
  // In part: at most a vector of a segment at a time.
  const auto write_until = [&](Index end) HWY_ATTR {
    while (at < end) {
      while (next <= at) go_on();
      const First some{std::min({kLanes, next - at, end - at})};
      store(form<kFormula>(arguments, row + at, of, 0, some), out + at, some);
      at += some.count;
    }
  };
  if (aligns<kStreams, T>(span.end - at)) {
    write_until(std::min(span.end, at + until_aligned(out + at)));
  }
  while (at + kLanes <= span.end) {
#pragma GCC unroll 2
    for (const Index last = std::min(next, span.end) - kLanes; at <= last; at += kLanes) {
      put<kStreams>(form<kFormula>(arguments, row + at, of, 0, All()), out + at);
    }
    if (at + kLanes > span.end) break;
    const FormulaOf<Same<T>> left = of;
    const First rest{next - at};
    go_on();
    if (rest.count == 0) continue;
    put<kStreams>(form<kFormula>(arguments, row + at, both<T>(rest, left, of), 0, All()), out + at);
    at += kLanes;
  }
  write_until(span.end);
}

// Columns of a segment each have coefficients of their own if kColumns: a row is then written from
// end to end.
template <Formula kFormula, bool kStreams, bool kColumns, class T>
HWY_INLINE void write_as(const WriteArguments<T>& shared) {
  const WriteArguments<T> arguments = shared;  // a copy, which stores of vectors cannot alias
  const Region& region = arguments.region;
  const auto& numbers = arguments.coefficients;
  // A piece of a row.
  const auto write = [&](Index at, Span span, const auto& of) HWY_ATTR {
    write_row<kStreams>(arguments.out + at + span.begin, span.end - span.begin,
                        [&](Index column, auto lanes) HWY_ATTR {
                          return form<kFormula>(arguments, at + span.begin + column, of,
                                                span.begin + column, lanes);
                        });
  };
  const bool is_contiguous = region.segment_stride == region.length;
  const bool skips = arguments.skips_first_line || arguments.skips_last_line;
  for (Index i = 0; i < region.rows; ++i) {
    const Index at = (region.reversed ? region.rows - 1 - i : i) * region.row_stride;
    if constexpr (kColumns) {
      write(at, span_of(arguments, arguments.out + at, region.segments),
            FormulaOf<PerColumn<T>>{
                {numbers.mean}, {numbers.scale}, {numbers.constant}, {numbers.slope}});
    } else if (!kStreams && !skips && region.length == lanes<T>()) {
      // A vector each: all loops but this one would take longer than the work.
      for (Index k = 0; k < region.segments; ++k) {
        const Index from = at + k * region.segment_stride;
        store(form<kFormula>(arguments, from, of_segment<kFormula, T>(numbers, k), 0, All()),
              arguments.out + from);
      }
    } else if (is_contiguous && region.length >= lanes<T>()) {
      write_runs<kFormula, kStreams>(arguments, at);
    } else {
      for (Index k = 0; k < region.segments; ++k) {
        write(at + k * region.segment_stride, {0, region.length},
              of_segment<kFormula, T>(numbers, k));
      }
    }
  }
}

// Calls body(std::integral_constant<Formula, formula>).
template <class Body>
HWY_INLINE void with_formula(Formula formula, const Body& body) {
  switch (formula) {
    case Formula::kNormalize:
      return body(std::integral_constant<Formula, Formula::kNormalize>());
    case Formula::kApply:
      return body(std::integral_constant<Formula, Formula::kApply>());
    case Formula::kDifferentiate:
      return body(std::integral_constant<Formula, Formula::kDifferentiate>());
    case Formula::kRescale:
      return body(std::integral_constant<Formula, Formula::kRescale>());
  }
}

template <bool kColumns, class T>
void write(Formula formula, const WriteArguments<T>& arguments) {
  with_formula(formula, [&](auto kind) HWY_ATTR {
    with_stores(arguments.streaming,
                [&](auto streams) HWY_ATTR { write_as<kind(), streams(), kColumns>(arguments); });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();

#endif  // include guard
