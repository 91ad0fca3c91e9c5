// Tiles of at most two vectors, transposed so that a vector holds one value of each of `lanes`
// tiles.

// Include guard (still compiled once per target).
#if defined(NORMBENCH_IMPLS_SIMD_TRANSPOSED_ROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMBENCH_IMPLS_SIMD_TRANSPOSED_ROW_INL_H_
#undef NORMBENCH_IMPLS_SIMD_TRANSPOSED_ROW_INL_H_
#else
#define NORMBENCH_IMPLS_SIMD_TRANSPOSED_ROW_INL_H_
#endif

#include <limits>

#include "impls/simd/overflow.h"
#include "impls/simd/row-inl.h"
#include "impls/simd/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// Vectors of tiles in flight, to overlap the latency of their statistics.
inline constexpr Index kVectorsOfBlock = 2;
template <class T>
inline constexpr Index kTilesOfBlock = kVectorsOfBlock* lanes<T>();

// `lanes` tiles: vector j holds value j of each.
template <class T>
struct Transposed {
  HWY_ALIGN Parameter<T> of[static_cast<std::size_t>(lanes<T>() * kLongestShort<T>)];

  HWY_INLINE Vec<T> operator[](Index value) const {
    return hn::Load(Tag<T>(), of + value * lanes<T>());
  }
  HWY_INLINE void set(Index value, Vec<T> numbers) {
    hn::Store(numbers, Tag<T>(), of + value * lanes<T>());
  }
};

// Sums up add(j, sum) over all values j: 16 values in four accumulators, and then the sums of
// those. A value of 32 is rounded at most six times.
template <class T, class Add>
HWY_INLINE Vec<T> sum_values(Index length, const Add& add) {
  constexpr Index kTogether = 16;
  auto total = hn::Zero(Tag<T>());
  for (Index first = 0; first < length; first += kTogether) {
    const Index last = std::min(first + kTogether, length);
    auto a = hn::Zero(Tag<T>());
    auto b = a, c = a, e = a;
    Index j = first;
    for (; j + 4 <= last; j += 4) {
      a = add(j, a), b = add(j + 1, b), c = add(j + 2, c), e = add(j + 3, e);
    }
    if (j < last) a = add(j++, a);
    if (j < last) b = add(j++, b);
    if (j < last) c = add(j++, c);
    total = hn::Add(total, hn::Add(hn::Add(a, b), hn::Add(c, e)));
  }
  return total;
}

// Calls body(j, end, place) for each parameter of a tile: that of the values from j up to end,
// whose row of parameters has those of the block at `place`.
template <class T, class Body>
HWY_INLINE void for_parameters(const RowArguments<T>& arguments, Index place, const Body& body) {
  for (Index j = 0; j < arguments.length; j += arguments.run, place += arguments.stride) {
    body(j, j + arguments.run, place);
  }
}

// The slow path for those of the first `count` tiles of a vector, contiguous at x, whose squares
// overflowed.
template <class T>
HWY_NOINLINE void find_transposed_in_doubles(const T* x, const RowArguments<T>& arguments,
                                             Index count, Vec<T>& mean, Vec<T>& variance,
                                             Vec<T>& rstd) {
  using Real = Parameter<T>;
  const Tag<T> d;
  HWY_ALIGN Real means[static_cast<std::size_t>(lanes<T>())];
  HWY_ALIGN Real variances[static_cast<std::size_t>(lanes<T>())];
  HWY_ALIGN Real rstds[static_cast<std::size_t>(lanes<T>())];
  hn::Store(mean, d, means);
  hn::Store(variance, d, variances);
  hn::Store(rstd, d, rstds);
  for (Index i = 0; i < count; ++i) {
    if (!overflows(means[i], variances[i])) continue;
    find_in_doubles(x + i * arguments.length, row_of(arguments.length), arguments.centered,
                    arguments.eps, Statistics<Real>{means + i, variances + i, rstds + i});
  }
  mean = hn::Load(d, means);
  variance = hn::Load(d, variances);
  rstd = hn::Load(d, rstds);
}

template <class T>
void normalize_transposed(const RowArguments<T>& shared) {
  using Real = Parameter<T>;
  constexpr Index kLanes = lanes<T>();
  const Tag<T> d;
  const RowArguments<T> arguments = shared;  // a copy, which stores of vectors cannot alias
  const Index length = arguments.length;
  const TransposedBlocks<T> blocks(length, arguments.tiles,
                                   arguments.streaming && until_aligned(arguments.out) == 0);
  const auto n = hn::Set(d, static_cast<Real>(length));
  const auto inverse = hn::Div(hn::Set(d, Real{1}), n);
  // Division is slow, and the inverse of a power of two is exact.
  const bool is_power = (length & (length - 1)) == 0;
  const auto over_n = [&](Vec<T> sum)
                          HWY_ATTR { return is_power ? hn::Mul(sum, inverse) : hn::Div(sum, n); };
  const auto eps = hn::Set(d, static_cast<Real>(arguments.eps));
  Transposed<T> block[kVectorsOfBlock];
  HWY_ALIGN Real start[static_cast<std::size_t>(kTilesOfBlock<T>)];
  Vec<T> mean[kVectorsOfBlock], rstd[kVectorsOfBlock];
  Index place = arguments.first;  // of the block, in a row of parameters
  for (Index tile = 0; tile < arguments.tiles; tile += kTilesOfBlock<T>) {
    const Index some = std::min(kTilesOfBlock<T>, arguments.tiles - tile);
    const Index vectors = (some + kLanes - 1) / kLanes;
    for (Index k = 0; k < vectors; ++k) {
      const Transposed<T>& own = block[k];
      mean[k] = hn::Zero(d);
      // The first value of a tile is its pivot. Differences from it are about as small as from the
      // mean.
      blocks.load(arguments.x, tile + k * kLanes, block[k].of,
                  arguments.centered ? start + k * kLanes : nullptr);
      if (!arguments.centered) continue;
      mean[k] = over_n(sum_values<T>(
          length, [&](Index j, Vec<T> sum) HWY_ATTR { return hn::Add(sum, own[j]); }));
    }
    for (Index k = 0; k < vectors; ++k) {
      const Transposed<T>& own = block[k];
      const auto off = mean[k];
      auto variance = over_n(sum_values<T>(length, [&](Index j, Vec<T> sum) HWY_ATTR {
        const auto deviation = hn::Sub(own[j], off);
        return hn::MulAdd(deviation, deviation, sum);
      }));
      rstd[k] = hn::Div(hn::Set(d, Real{1}), hn::Sqrt(hn::Add(variance, eps)));
      const Index at = tile + k * kLanes;
      const Index count = std::min(kLanes, arguments.tiles - at);
      const auto pivot = arguments.centered ? hn::Load(d, start + k * kLanes) : hn::Zero(d);
      auto saved = hn::Add(pivot, mean[k]);
      const auto largest = hn::Set(d, std::numeric_limits<Real>::max());
      if (HWY_UNLIKELY(!hn::AllTrue(d, hn::Le(variance, largest)))) {
        find_transposed_in_doubles<T>(arguments.x + at * length, arguments, count, saved, variance,
                                      rstd[k]);
        mean[k] = hn::Sub(saved, pivot);
      }
      const auto hand_out = [&](Vec<T> value, Real* all) HWY_ATTR {
        if (all == nullptr) return;
        count == kLanes ? store<Real>(value, all + at) : store<Real>(value, all + at, First{count});
      };
      hand_out(saved, arguments.statistics.mean);
      hand_out(variance, arguments.statistics.variance);
      hand_out(rstd[k], arguments.statistics.rstd);
    }
    for (Index k = 0; k < vectors; ++k) {
      Transposed<T>& own = block[k];
      for_parameters(arguments, place + k * kLanes, [&](Index j, Index end, Index at) HWY_ATTR {
        const auto scale = hn::Mul(rstd[k], load(arguments.gamma + at));
        const auto bias = load(arguments.beta + at);
        for (; j < end; ++j) own.set(j, hn::MulAdd(hn::Sub(own[j], mean[k]), scale, bias));
      });
      blocks.store(own.of, arguments.out, tile + k * kLanes);
    }
    place = (place + kTilesOfBlock<T>) % arguments.across;
  }
  if (arguments.streaming) hwy::FlushStream();
}

// Coefficients of dx, one tile per lane.
template <class T>
struct TransposedTerms {
  Vec<T> rstd, constant, slope;
};

// Replaces x by x - mean. Adds to the sums of dy and dy * (x - mean) * rstd, at the place of their
// parameter.
template <class T>
HWY_INLINE TransposedTerms<T> sum_transposed(const RowArguments<T>& arguments, Vec<T> mean,
                                             Vec<T> rstd, Index place, Transposed<T>& deviations,
                                             const Transposed<T>& gradients, Parameter<T>* dbeta,
                                             Parameter<T>* dgamma) {
  using Real = Parameter<T>;
  const Tag<T> d;
  auto all = hn::Zero(d);  // over g = dy * gamma
  auto a = all, ab = all, all_weighted = all;
  Index additions = 0;
  for_parameters(arguments, place, [&](Index j, Index end, Index at) HWY_ATTR {
    const auto factor = load(arguments.gamma + at);
    while (j < end) {
      auto sum = hn::Zero(d);
      auto products = sum;
      for (const Index last = std::min(j + kAdditions, end); j < last; ++j) {
        const auto off = hn::Sub(deviations[j], mean);
        deviations.set(j, off);
        sum = hn::Add(sum, gradients[j]);
        products = hn::MulAdd(gradients[j], off, products);
      }
      hn::StoreU(hn::Add(hn::LoadU(d, dbeta + at), sum), d, dbeta + at);
      hn::StoreU(hn::MulAdd(products, rstd, hn::LoadU(d, dgamma + at)), d, dgamma + at);
      a = hn::MulAdd(factor, sum, a);
      ab = hn::MulAdd(factor, products, ab);
      if (++additions < kAdditions) continue;
      all = hn::Add(all, a), all_weighted = hn::Add(all_weighted, ab);
      a = ab = hn::Zero(d);
      additions = 0;
    }
  });
  const auto over_n = hn::Mul(rstd, hn::Set(d, 1 / static_cast<Real>(arguments.length)));
  const auto constant = arguments.centered ? hn::Mul(hn::Add(all, a), over_n) : hn::Zero(d);
  const auto slope = hn::Mul(hn::Mul(hn::Add(all_weighted, ab), over_n), hn::Mul(rstd, rstd));
  return {rstd, constant, slope};
}

template <class T>
void differentiate_transposed(const RowArguments<T>& shared) {
  using Real = Parameter<T>;
  constexpr Index kLanes = lanes<T>();
  const Tag<T> d;
  const RowArguments<T> arguments = shared;  // as above
  const Index length = arguments.length;
  const Index parameters = length / arguments.run * arguments.stride;
  Real* dbeta = arguments.scratch;
  Real* dgamma = arguments.scratch + parameters;
  const TransposedBlocks<T> blocks(length, arguments.tiles,
                                   arguments.streaming && until_aligned(arguments.out) == 0);
  const Index pieces = (arguments.run + kAdditions - 1) / kAdditions;
  Transposed<T> deviations[kVectorsOfBlock], gradients[kVectorsOfBlock];
  TransposedTerms<T> terms[kVectorsOfBlock];
  Index place = arguments.first;  // as above
  Index additions = 0;
  for (Index tile = 0; tile < arguments.tiles; tile += kTilesOfBlock<T>) {
    const Index some = std::min(kTilesOfBlock<T>, arguments.tiles - tile);
    const Index vectors = (some + kLanes - 1) / kLanes;
    for (Index k = 0; k < vectors; ++k) {
      const Index at = tile + k * kLanes;
      const Index count = std::min(kLanes, arguments.tiles - at);
      // x, mean and rstd are zero in the lanes beyond the last tile.
      const auto load_tiles = [&](const Real* of_tiles) HWY_ATTR {
        return count == kLanes ? load(of_tiles + at) : load(of_tiles + at, First{count});
      };
      blocks.load(arguments.x, at, deviations[k].of);
      blocks.load(arguments.dy, at, gradients[k].of);
      const auto mean = arguments.centered ? load_tiles(arguments.statistics.mean) : hn::Zero(d);
      terms[k] = sum_transposed(arguments, mean, load_tiles(arguments.statistics.rstd),
                                place + k * kLanes, deviations[k], gradients[k], dbeta, dgamma);
    }
    for (Index k = 0; k < vectors; ++k) {
      const Transposed<T>& deviation = deviations[k];
      Transposed<T>& gradient = gradients[k];
      const TransposedTerms<T> own = terms[k];
      for_parameters(arguments, place + k * kLanes, [&](Index j, Index end, Index at) HWY_ATTR {
        const auto scale = hn::Mul(own.rstd, load(arguments.gamma + at));
        for (; j < end; ++j) {
          const auto rest = hn::MulAdd(deviation[j], own.slope, own.constant);
          gradient.set(j, hn::MulSub(gradient[j], scale, rest));
        }
      });
      blocks.store(gradient.of, arguments.out, tile + k * kLanes);
    }
    // Around the end of a row, an accumulator receives a second tile.
    place += kTilesOfBlock<T>;
    if (place >= arguments.across) additions += pieces;
    place %= arguments.across;
    const bool is_last = tile + kTilesOfBlock<T> >= arguments.tiles;
    if (!is_last && additions + pieces <= kAdditions) continue;
    move_to_doubles(dbeta, parameters, arguments.dbeta);
    move_to_doubles(dgamma, parameters, arguments.dgamma);
    additions = 0;
  }
  if (arguments.streaming) hwy::FlushStream();
}

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();

#endif  // include guard
