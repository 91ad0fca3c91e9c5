// The functions of RowFunctions. No include guard, as in vectors-inl.h.

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// A pivot near the mean of a contiguous tile.
template <class T>
HWY_INLINE Parameter<T> near_mean(const T* x, Index length) {
  Parameter<T> pivot;
  find_pivot_of_runs<T>(x, {1, 0, 1, 0, length, 0, false}, &pivot);
  return pivot;
}

// The statistics of up to kMostTilesTogether contiguous tiles, found together to overlap their
// latency.
template <class T>
struct TogetherStatistics {
  using Real = Parameter<T>;
  std::array<Real, kMostTilesTogether> pivot, mean, variance, rstd;

  HWY_INLINE void find(const T* x, Index count, const typename RowFunctions<T>::Tiles& tiles) {
    for (Index i = 0; i < count; ++i) {
      pivot[at(i)] = tiles.centered ? near_mean(x + i * tiles.length, tiles.length) : Real{0};
    }
    if (HWY_LIKELY(sum(x, 0, count, tiles))) return;
    for (Index i = 0; i < count; ++i) {
      if (overflows(mean[at(i)], variance[at(i)])) {
        find_in_doubles(x + i * tiles.length, tiles.length, tiles.centered, tiles.eps, mean[at(i)],
                        variance[at(i)], rstd[at(i)]);
        continue;
      }
      const double off = static_cast<double>(mean[at(i)] - pivot[at(i)]);
      if (!(off * off > static_cast<double>(variance[at(i)]))) continue;
      pivot[at(i)] = mean[at(i)];
      sum(x, i, 1, tiles);
    }
  }

 private:
  static HWY_INLINE std::size_t at(Index i) { return static_cast<std::size_t>(i); }

  // Returns what conclude() returns: whether the statistics are good.
  HWY_INLINE bool sum(const T* x, Index first, Index count,
                      const typename RowFunctions<T>::Tiles& tiles) {
    std::array<double, kMostTilesTogether> a, ab;
    for (Index i = 0; i < count; ++i) {
      SegmentSums<T> sums;
      sums.add_row(
          ForwardTerms<T>{x + (first + i) * tiles.length, hn::Set(Tag<T>(), pivot[at(first + i)])},
          0, tiles.length);
      sums.finish(a[at(i)], ab[at(i)]);
      if (!tiles.centered) a[at(i)] = 0;
    }
    return conclude<Real>(count, a.data(), ab.data(), &pivot[at(first)],
                          static_cast<double>(tiles.length), tiles.eps, &mean[at(first)],
                          &variance[at(first)], &rstd[at(first)]);
  }
};

template <class T>
void normalize_rows(const T* x, T* y, const typename RowFunctions<T>::Tiles& tiles,
                    const Parameter<T>* gamma, const Parameter<T>* beta, Parameter<T>* means,
                    Parameter<T>* variances, Parameter<T>* rstds, bool streaming) {
  in_manner(streaming, tiles.ahead != 0, [&](auto manner) {
    TogetherStatistics<T> statistics;
    for (Index first = 0; first < tiles.count; first += tiles.together) {
      const Index count = std::min(tiles.together, tiles.count - first);
      statistics.find(x, count, tiles);
      if (means != nullptr) std::copy_n(statistics.mean.data(), count, means + first);
      if (variances != nullptr) std::copy_n(statistics.variance.data(), count, variances + first);
      if (rstds != nullptr) std::copy_n(statistics.rstd.data(), count, rstds + first);
      for (Index i = 0; i < count; ++i, x += tiles.length, y += tiles.length) {
        const Index column = (first + i) % tiles.across * tiles.length;
        const auto k = static_cast<std::size_t>(i);
        write(manner, y, 0, tiles.length, tiles.ahead,
              Weighted<T>{x,
                          Constant<T>(statistics.mean[k]),
                          Constant<T>(statistics.rstd[k]),
                          {gamma + column},
                          {beta + column}});
      }
    }
  });
}

// Rows whose gradients are accumulated in one pass over the columns.
inline constexpr Index kRowsTogether = 4;

// Coefficients of a tile: dx = dy * gamma * rstd - constant - (x - mean) * slope
template <class T>
struct TileTerms {
  Vec<T> mean, rstd, constant, slope;
};

template <class T>
HWY_INLINE TileTerms<T> terms_of_tile(const T* x, const T* dy, const Parameter<T>* gamma,
                                      Index length, Parameter<T> mean, Parameter<T> rstd,
                                      bool centered) {
  using Real = Parameter<T>;
  const Tag<T> d;
  double a = 0;
  double ab = 0;
  SegmentSums<T> sums;
  sums.add_row(WeightedTerms<T>{x, dy, gamma, hn::Set(d, mean)}, 0, length);
  sums.finish(a, ab);
  if (!centered) a = 0;
  Real constant, slope;
  find_slopes<Real>(1, &a, &ab, &rstd, static_cast<double>(length), &constant, &slope);
  return {hn::Set(d, mean), hn::Set(d, rstd), hn::Set(d, constant), hn::Set(d, slope)};
}

// dx of one vector of a tile. Adds to the sums of dy and dy * xh, where xh = (x - mean) * rstd.
template <class T, class Load>
HWY_INLINE Vec<T> differentiate_vector(const TileTerms<T>& t, Vec<T> gamma, const Load& load_at,
                                       const T* x, const T* dy, Vec<T>& dbeta, Vec<T>& dgamma) {
  const auto deviation = hn::Sub(load_at(x), t.mean);
  const auto gradient = load_at(dy);
  dbeta = hn::Add(dbeta, gradient);
  dgamma = hn::MulAdd(gradient, hn::Mul(deviation, t.rstd), dgamma);
  return hn::MulSub(hn::Mul(gradient, gamma), t.rstd, hn::MulAdd(deviation, t.slope, t.constant));
}

// The same for all columns of `rows` tiles, `stride` apart and at most kRowsTogether.
template <class T>
HWY_INLINE void differentiate_together(const T* x, const T* dy, T* dx, Index stride, Index rows,
                                       const TileTerms<T>* terms, const Parameter<T>* gamma,
                                       Parameter<T>* dbeta, Parameter<T>* dgamma, Index length,
                                       bool streaming) {
  using Real = Parameter<T>;
  const auto add_up = [&](Index at, const auto& load_at, const auto& load_real,
                          const auto& store_at, const auto& store_real) {
    auto sum = load_real(dbeta + at);
    auto weighted = load_real(dgamma + at);
    const auto own_gamma = load_real(gamma + at);
    const auto one = [&](Index i) {
      const Index offset = i * stride + at;
      store_at(differentiate_vector<T>(terms[i], own_gamma, load_at, x + offset, dy + offset, sum,
                                       weighted),
               dx + offset);
    };
    if (rows == kRowsTogether) {
      one(0), one(1), one(2), one(3);
    } else {
      for (Index i = 0; i < rows; ++i) one(i);
    }
    store_real(sum, dbeta + at);
    store_real(weighted, dgamma + at);
  };
  const auto load_all = [](const auto* from) { return load(from); };
  const auto store_real = [](Vec<T> value, Real* to) { store<Real>(value, to); };
  constexpr Index kLanes = lanes<T>();
  const auto some = [&](Index at, Index count) {
    const auto load_part = [=](const auto* from) { return load_some(from, count); };
    add_up(
        at, load_part, load_part, [=](Vec<T> value, T* to) { store_some<T>(value, to, count); },
        [=](Vec<T> value, Real* to) { store_some<Real>(value, to, count); });
  };
  Index at = 0;
  if (streaming) {
    for (; at + kLanes <= length; at += kLanes) {
      add_up(
          at, load_all, load_all, [](Vec<T> value, T* to) { store<T, true>(value, to); },
          store_real);
    }
  } else {
    for (; at + kLanes <= length; at += kLanes) {
      add_up(
          at, load_all, load_all, [](Vec<T> value, T* to) { store<T>(value, to); }, store_real);
    }
  }
  if (at < length) some(at, length - at);
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
void differentiate_rows(const T* x, const T* dy, T* dx,
                        const typename RowFunctions<T>::Tiles& tiles, const Parameter<T>* gamma,
                        const Parameter<T>* mean, const Parameter<T>* rstd, double* dgamma,
                        double* dbeta, Parameter<T>* scratch, bool streaming) {
  using Real = Parameter<T>;
  const Index columns = tiles.across * tiles.length;
  const Index rows = tiles.count / tiles.across;
  Real* sums = scratch;
  Real* weighted = scratch + columns;
  std::fill_n(scratch, 2 * columns, Real{0});
  // All tiles are aligned if the first one is, and their length is a multiple of a vector.
  constexpr std::uintptr_t kAligned = static_cast<std::uintptr_t>(lanes<T>()) * sizeof(T);
  const bool aligned = reinterpret_cast<std::uintptr_t>(dx) % kAligned == 0 &&
                       static_cast<std::uintptr_t>(tiles.length) * sizeof(T) % kAligned == 0;
  Index additions = 0;
  for (Index row = 0; row < rows; row += kRowsTogether) {
    const Index some = std::min(kRowsTogether, rows - row);
    for (Index i = 0; i < tiles.across; ++i) {
      const Index column = i * tiles.length;
      const Index first = row * columns + column;
      TileTerms<T> terms[kRowsTogether];
      for (Index k = 0; k < some; ++k) {
        const Index tile = (row + k) * tiles.across + i;
        const Index at = first + k * columns;
        terms[k] =
            terms_of_tile<T>(x + at, dy + at, gamma + column, tiles.length,
                             mean == nullptr ? Real{0} : mean[tile], rstd[tile], tiles.centered);
      }
      differentiate_together<T>(x + first, dy + first, dx + first, columns, some, terms,
                                gamma + column, sums + column, weighted + column, tiles.length,
                                streaming && aligned);
    }
    additions += some;
    if (additions + kRowsTogether > kAdditions || row + some >= rows) {
      move_to_doubles(sums, columns, dbeta);
      move_to_doubles(weighted, columns, dgamma);
      additions = 0;
    }
  }
  if (streaming) hwy::FlushStream();
}

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();
