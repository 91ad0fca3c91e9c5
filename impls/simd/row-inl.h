// Tiles that are a row, or a piece of one, and fill vectors of their own.

// Include guard (still compiled once per target).
#if defined(NORMBENCH_IMPLS_SIMD_ROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMBENCH_IMPLS_SIMD_ROW_INL_H_
#undef NORMBENCH_IMPLS_SIMD_ROW_INL_H_
#else
#define NORMBENCH_IMPLS_SIMD_ROW_INL_H_
#endif

#include "impls/simd/elementwise-inl.h"
#include "impls/simd/overflow.h"
#include "impls/simd/statistics-inl.h"
#include "impls/simd/sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// The statistics of up to kMostTogether tiles, found together to overlap their latency.
template <class T>
class TogetherStatistics {
  using Real = Parameter<T>;

 public:
  Real mean[kMostTogether], variance[kMostTogether], rstd[kMostTogether];

  HWY_INLINE void find(const T* x, Index count, const RowArguments<T>& arguments) {
    const Index length = arguments.length;
    std::fill_n(pivot_, count, Real{0});
    if (arguments.centered) {
      const Region tiles = {.rows = 1,
                            .row_stride = 0,
                            .segments = count,
                            .segment_stride = length,
                            .length = length};
      find_pivots_of_runs<T>(x, tiles, pivot_);
    }
    if (HWY_LIKELY(sum(x, 0, count, arguments))) return;
    for (Index i = 0; i < count; ++i) {
      if (overflows(mean[i], variance[i])) {
        find_in_doubles(x + i * length, row_of(length), arguments.centered, arguments.eps,
                        Statistics<Real>{mean + i, variance + i, rstd + i});
      } else if (is_too_far(pivot_[i], mean[i], variance[i], static_cast<double>(length))) {
        pivot_[i] = mean[i];
        sum(x, i, 1, arguments);
      }
    }
  }

 private:
  // Returns what find_statistics() returns: whether the statistics are good.
  HWY_INLINE bool sum(const T* x, Index first, Index count, const RowArguments<T>& arguments) {
    double a[kMostTogether], ab[kMostTogether];
    for (Index i = 0; i < count; ++i) {
      const T* tile = x + (first + i) * arguments.length;
      SegmentSums<T> sums;
      sums.add_row(Terms<T, false>{tile, nullptr, hn::Set(Tag<T>(), pivot_[first + i])}, 0,
                   arguments.length);
      sums.finish(a[i], ab[i]);
      if (!arguments.centered) a[i] = 0;
    }
    return find_statistics<Real>(count, {a, ab}, pivot_ + first,
                                 static_cast<double>(arguments.length), arguments.eps,
                                 {mean + first, variance + first, rstd + first});
  }

  Real pivot_[kMostTogether];
};

// y = (x - mean) * rstd * gamma + beta
template <bool kStreams, class T>
HWY_INLINE void normalize_row(const T* x, T* y, Index length, const Parameter<T>* gamma,
                              const Parameter<T>* beta, Vec<T> mean, Vec<T> rstd) {
  write_row<kStreams>(y, length, [&](Index column, auto lanes) HWY_ATTR {
    const auto normal = hn::Mul(hn::Sub(load(x + column, lanes), mean), rstd);
    return hn::MulAdd(normal, load(gamma + column, lanes), load(beta + column, lanes));
  });
}

template <class T>
void normalize_rows(const RowArguments<T>& shared) {
  const RowArguments<T> arguments = shared;  // a copy, which stores of vectors cannot alias
  const Tag<T> d;
  with_stores(arguments.streaming, [&](auto streams) HWY_ATTR {
    const Index length = arguments.length;
    TogetherStatistics<T> of;
    Index column = 0;
    for (Index first = 0; first < arguments.tiles; first += arguments.together) {
      const Index count = std::min(arguments.together, arguments.tiles - first);
      const T* x = arguments.x + first * length;
      T* y = arguments.out + first * length;
      of.find(x, count, arguments);
      const auto& to = arguments.statistics;
      if (to.mean != nullptr) std::copy_n(of.mean, count, to.mean + first);
      if (to.variance != nullptr) std::copy_n(of.variance, count, to.variance + first);
      if (to.rstd != nullptr) std::copy_n(of.rstd, count, to.rstd + first);
      for (Index i = 0; i < count; ++i, x += length, y += length) {
        normalize_row<streams()>(x, y, length, arguments.gamma + column, arguments.beta + column,
                                 hn::Set(d, of.mean[i]), hn::Set(d, of.rstd[i]));
        column += length;
        if (column == arguments.across * length) column = 0;
      }
    }
  });
}

// The terms of the sums over g = dy * gamma: a = g, b = x - mean.
template <class T>
struct WeightedTerms {
  const T* x;
  const T* dy;
  const Parameter<T>* gamma;
  Vec<T> mean;

  template <class Lanes>
  HWY_INLINE Pair<T> operator()(Index at, Lanes lanes) const {
    return {hn::Mul(load(dy + at, lanes), load(gamma + at, lanes)),
            hn::Sub(load(x + at, lanes), mean)};
  }
};

// dx = dy * gamma * rstd - constant - (x - mean) * slope
template <class T>
struct TileOfBackward {
  Vec<T> mean, rstd, constant, slope;
};

template <class T>
HWY_INLINE TileOfBackward<T> tile_of_backward(const RowArguments<T>& arguments, const T* x,
                                              const T* dy, const Parameter<T>* gamma, Index tile) {
  using Real = Parameter<T>;
  const Tag<T> d;
  const Real mean = arguments.centered ? arguments.statistics.mean[tile] : Real{0};
  const Real rstd = arguments.statistics.rstd[tile];
  double a = 0;
  double ab = 0;
  SegmentSums<T> sums;
  sums.add_row(WeightedTerms<T>{x, dy, gamma, hn::Set(d, mean)}, 0, arguments.length);
  sums.finish(a, ab);
  if (!arguments.centered) a = 0;
  Real constant, slope;
  find_slopes<Real>(1, {&a, &ab}, &rstd, static_cast<double>(arguments.length), &constant, &slope);
  return {hn::Set(d, mean), hn::Set(d, rstd), hn::Set(d, constant), hn::Set(d, slope)};
}

// Rows whose gradients are accumulated in one pass over the columns.
inline constexpr Index kRowsTogether = 4;

// dx of up to kRowsTogether tiles, one below the other and `stride` apart. Adds to the sums of dy
// and of dy * xh, where xh = (x - mean) * rstd.
template <bool kStreams, class T>
HWY_INLINE void differentiate_together(const T* x, const T* dy, T* dx, Index stride, Index rows,
                                       const TileOfBackward<T>* tiles, Index length,
                                       const Parameter<T>* gamma, Parameter<T>* dbeta,
                                       Parameter<T>* dgamma) {
  for_vectors<T>(length, [&](Index column, auto lanes) HWY_ATTR {
    auto sum = load(dbeta + column, lanes);
    auto weighted = load(dgamma + column, lanes);
    const auto factor = load(gamma + column, lanes);
    const auto one = [&](Index i) HWY_ATTR {
      const TileOfBackward<T>& t = tiles[i];
      const Index at = i * stride + column;
      const auto deviation = hn::Sub(load(x + at, lanes), t.mean);
      const auto gradient = load(dy + at, lanes);
      sum = hn::Add(sum, gradient);
      weighted = hn::MulAdd(gradient, hn::Mul(deviation, t.rstd), weighted);
      const auto rest = hn::MulAdd(deviation, t.slope, t.constant);
      const auto value = hn::MulSub(hn::Mul(gradient, factor), t.rstd, rest);
      if constexpr (std::is_same_v<decltype(lanes), All>) {
        put<kStreams>(value, dx + at);
      } else {
        store(value, dx + at, lanes);
      }
    };
    if (rows == kRowsTogether) {
      one(0), one(1), one(2), one(3);
    } else {
      for (Index i = 0; i < rows; ++i) one(i);
    }
    store(sum, dbeta + column, lanes);
    store(weighted, dgamma + column, lanes);
  });
}

// Adds `sums` to `doubles` and clears them.
template <class Real>
HWY_INLINE void move_to_doubles(Real* sums, Index size, double* doubles) {
  for (Index i = 0; i < size; ++i) {
    doubles[i] += static_cast<double>(sums[i]);
    sums[i] = 0;
  }
}

template <class T>
void differentiate_rows(const RowArguments<T>& shared) {
  using Real = Parameter<T>;
  const RowArguments<T> arguments = shared;  // as above
  const Index length = arguments.length;
  const Index columns = arguments.across * length;
  const Index rows = arguments.tiles / arguments.across;
  Real* dbeta = arguments.scratch;
  Real* dgamma = arguments.scratch + columns;
  // All tiles are aligned if the first one is, and their length is a multiple of a vector.
  const bool can_stream = until_aligned(arguments.out) == 0 && length % lanes<T>() == 0;
  with_stores(arguments.streaming && can_stream, [&](auto streams) HWY_ATTR {
    Index additions = 0;
    for (Index row = 0; row < rows; row += kRowsTogether) {
      const Index some = std::min(kRowsTogether, rows - row);
      for (Index i = 0; i < arguments.across; ++i) {
        const Index column = i * length;
        const Index first = row * columns + column;
        const Real* gamma = arguments.gamma + column;
        TileOfBackward<T> tiles[kRowsTogether];
        for (Index k = 0; k < some; ++k) {
          const Index at = first + k * columns;
          tiles[k] = tile_of_backward<T>(arguments, arguments.x + at, arguments.dy + at, gamma,
                                         (row + k) * arguments.across + i);
        }
        differentiate_together<streams()>(arguments.x + first, arguments.dy + first,
                                          arguments.out + first, columns, some, tiles, length,
                                          gamma, dbeta + column, dgamma + column);
      }
      additions += some;
      if (additions + kRowsTogether > kAdditions || row + some >= rows) {
        move_to_doubles(dbeta, columns, arguments.dbeta);
        move_to_doubles(dgamma, columns, arguments.dgamma);
        additions = 0;
      }
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();

#endif  // include guard
