// The functions of ShortFunctions: tiles are transposed, so that a vector holds one value of each
// of `lanes` tiles. No include guard, as in vectors-inl.h.

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// Vectors that are worked on alternately, to overlap the latency of their statistics.
inline constexpr Index kVectorsOfBlock = 2;
template <class T>
inline constexpr Index kTilesOfBlock = kVectorsOfBlock* lanes<T>();

// A transposed block of `lanes` tiles: vector j holds value j of each.
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

// Where the parameters of a block of tiles begin in a row of parameters.
class PlaceAcross {
 public:
  HWY_INLINE PlaceAcross(const ShortTiles& tiles, Index block)
      : place_(tiles.first), across_(tiles.across), block_(block), step_(block % tiles.across) {}

  HWY_INLINE Index operator()() const { return place_; }
  // Advances to the next block. Returns true on wrap-around, after which an accumulator receives a
  // second tile.
  HWY_INLINE bool advance() {
    const bool around = place_ + block_ >= across_;
    place_ += step_;
    if (place_ >= across_) place_ -= across_;
    return around;
  }

 private:
  Index place_, across_, block_, step_;
};

// Sums up add(j, sum) over all values j: 16 values in four accumulators, and then the sums of
// those. A value of 32 is rounded at most six times.
template <class T, class Add>
HWY_INLINE Vec<T> sum_values(Index length, const Add& add) {
  constexpr Index kTogether = 16;
  const Tag<T> d;
  auto total = hn::Zero(d);
  for (Index first = 0; first < length; first += kTogether) {
    const Index last = std::min(first + kTogether, length);
    auto a = hn::Zero(d);
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

// Replaces x - start by y.
template <class T>
HWY_INLINE void normalize_transposed(Transposed<T>& block, const ShortTiles& tiles, Vec<T> mean,
                                     Vec<T> rstd, const Parameter<T>* gamma,
                                     const Parameter<T>* beta) {
  const Index length = tiles.length;
  const Index run = tiles.run;
  const auto normalize = [&](Index j, Vec<T> scale, Vec<T> bias) HWY_ATTR {
    block.set(j, hn::MulAdd(hn::Sub(block[j], mean), scale, bias));
  };
  if (run == 1) {
    for (Index j = 0; j < length; ++j, gamma += tiles.stride, beta += tiles.stride) {
      normalize(j, hn::Mul(rstd, load(gamma)), load(beta));
    }
    return;
  }
  for (Index j = 0; j < length; gamma += tiles.stride, beta += tiles.stride) {
    const auto scale = hn::Mul(rstd, load(gamma));
    const auto bias = load(beta);
    for (const Index end = j + run; j < end; ++j) normalize(j, scale, bias);
  }
}

// The slow path of overflow.h for those of the first `count` tiles of a vector, contiguous at x,
// whose squares overflowed. If tiles are centered, `mean` is relative to `start`.
template <class T>
HWY_NOINLINE void find_short_in_doubles(const T* x, const ShortTiles& tiles, Index count,
                                        const Parameter<T>* start, Vec<T>& mean, Vec<T>& variance,
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
    find_in_doubles(x + i * tiles.length, tiles.length, tiles.centered, tiles.eps, means[i],
                    variances[i], rstds[i]);
    if (tiles.centered) means[i] -= start[i];
  }
  mean = hn::Load(d, means);
  variance = hn::Load(d, variances);
  rstd = hn::Load(d, rstds);
}

template <class T>
void normalize_short(const T* x, T* y, const ShortTiles& shared, const Parameter<T>* gamma,
                     const Parameter<T>* beta, Parameter<T>* means, Parameter<T>* variances,
                     Parameter<T>* rstds, bool streaming) {
  using Real = Parameter<T>;
  constexpr Index kLanes = lanes<T>();
  const Tag<T> d;
  const ShortTiles tiles = shared;
  const Index length = tiles.length;
  const Blocks<T> blocks(length, tiles.count, y, streaming, tiles.ahead);
  const auto n = hn::Set(d, static_cast<Real>(length));
  const auto inverse = hn::Div(hn::Set(d, Real{1}), n);
  // Division is slow, and the inverse of a power of two is exact.
  const bool is_power = (length & (length - 1)) == 0;
  const auto over_n = [&](Vec<T> sum)
                          HWY_ATTR { return is_power ? hn::Mul(sum, inverse) : hn::Div(sum, n); };
  const auto eps = hn::Set(d, static_cast<Real>(tiles.eps));
  Transposed<T> block[kVectorsOfBlock];
  HWY_ALIGN Real start[static_cast<std::size_t>(kTilesOfBlock<T>)];
  Vec<T> mean[kVectorsOfBlock], rstd[kVectorsOfBlock];
  PlaceAcross place(tiles, kTilesOfBlock<T>);
  for (Index tile = 0; tile < tiles.count; tile += kTilesOfBlock<T>, place.advance()) {
    const Index some = std::min(kTilesOfBlock<T>, tiles.count - tile);
    const Index vectors = (some + kLanes - 1) / kLanes;
    for (Index k = 0; k < vectors; ++k) {
      Transposed<T>& own = block[k];
      Real* own_start = start + k * kLanes;
      mean[k] = hn::Zero(d);
      // The first value of a tile is its pivot. Differences from it are about as small as from the
      // mean.
      blocks.load(x, tile + k * kLanes, own.of, tiles.centered ? own_start : nullptr);
      if (!tiles.centered) continue;
      const auto sum =
          sum_values<T>(length, [&](Index j, Vec<T> sum) HWY_ATTR { return hn::Add(sum, own[j]); });
      mean[k] = over_n(sum);
    }
    for (Index k = 0; k < vectors; ++k) {
      const Transposed<T>& own = block[k];
      const auto off = mean[k];
      const auto squares = sum_values<T>(length, [&](Index j, Vec<T> sum) HWY_ATTR {
        const auto deviation = hn::Sub(own[j], off);
        return hn::MulAdd(deviation, deviation, sum);
      });
      auto variance = over_n(squares);
      rstd[k] = hn::Div(hn::Set(d, Real{1}), hn::Sqrt(hn::Add(variance, eps)));
      const Index at = tile + k * kLanes;
      const Index count = std::min(kLanes, tiles.count - at);
      const auto largest = hn::Set(d, std::numeric_limits<Real>::max());
      if (HWY_UNLIKELY(!hn::AllTrue(d, hn::Le(variance, largest)))) {
        find_short_in_doubles<T>(x + at * length, tiles, count, start + k * kLanes, mean[k],
                                 variance, rstd[k]);
      }
      const auto hand_out = [&](Vec<T> value, Real* all) HWY_ATTR {
        if (all != nullptr) store_first<Real>(value, all + at, count);
      };
      hand_out(hn::Add(hn::Load(d, start + k * kLanes), mean[k]), means);
      hand_out(variance, variances);
      hand_out(rstd[k], rstds);
    }
    for (Index k = 0; k < vectors; ++k) {
      normalize_transposed<T>(block[k], tiles, mean[k], rstd[k], gamma + place() + k * kLanes,
                              beta + place() + k * kLanes);
      blocks.store(block[k].of, y, tile + k * kLanes);
    }
  }
}

// Coefficients of dx, one tile per lane.
template <class T>
struct ShortTerms {
  Vec<T> rstd, constant, slope;
};

template <class T>
void differentiate_short(const T* x, const T* dy, T* dx, const ShortTiles& shared,
                         const Parameter<T>* gamma, const Parameter<T>* means,
                         const Parameter<T>* rstds, double* dgamma, double* dbeta,
                         Parameter<T>* scratch, bool streaming) {
  using Real = Parameter<T>;
  constexpr Index kLanes = lanes<T>();
  const Tag<T> d;
  const ShortTiles tiles = shared;
  const Index length = tiles.length;
  const Index numbers = length / tiles.run * tiles.stride;
  Real* sums = scratch;
  Real* weighted = scratch + numbers;
  const Blocks<T> blocks(length, tiles.count, dx, streaming, tiles.ahead);
  const auto inverse = hn::Set(d, 1 / static_cast<Real>(length));
  const Index pieces = (tiles.run + kAdditions - 1) / kAdditions;
  Transposed<T> deviations[kVectorsOfBlock], gradients[kVectorsOfBlock];
  ShortTerms<T> terms[kVectorsOfBlock];
  PlaceAcross place(tiles, kTilesOfBlock<T>);
  Index additions = 0;
  for (Index tile = 0; tile < tiles.count; tile += kTilesOfBlock<T>) {
    const Index some = std::min(kTilesOfBlock<T>, tiles.count - tile);
    const Index vectors = (some + kLanes - 1) / kLanes;
    for (Index k = 0; k < vectors; ++k) {
      Transposed<T>& deviation = deviations[k];
      Transposed<T>& gradient = gradients[k];
      const Index at = tile + k * kLanes;
      const Index count = std::min(kLanes, tiles.count - at);
      blocks.load(x, at, deviation.of);
      blocks.load(dy, at, gradient.of);
      // x, mean and rstd are zero in the lanes beyond the last tile.
      const auto mean = means == nullptr ? hn::Zero(d) : load_first(means + at, count);
      const auto rstd = load_first(rstds + at, count);
      auto all = hn::Zero(d);
      auto a = all, ab = all, all_weighted = all;
      Index chained = 0;
      Index row = place() + k * kLanes;
      for (Index j = 0; j < length; row += tiles.stride) {
        const auto factor = load(gamma + row);
        for (const Index end = j + tiles.run; j < end;) {
          auto sum = hn::Zero(d);
          auto products = sum;
          for (const Index last = std::min(j + kAdditions, end); j < last; ++j) {
            const auto off = hn::Sub(deviation[j], mean);
            deviation.set(j, off);
            sum = hn::Add(sum, gradient[j]);
            products = hn::MulAdd(gradient[j], off, products);
          }
          hn::StoreU(hn::Add(hn::LoadU(d, sums + row), sum), d, sums + row);
          hn::StoreU(hn::MulAdd(products, rstd, hn::LoadU(d, weighted + row)), d, weighted + row);
          a = hn::MulAdd(factor, sum, a);
          ab = hn::MulAdd(factor, products, ab);
          if (++chained < kAdditions) continue;
          all = hn::Add(all, a), all_weighted = hn::Add(all_weighted, ab);
          a = ab = hn::Zero(d);
          chained = 0;
        }
      }
      const auto over_n = hn::Mul(rstd, inverse);
      terms[k].rstd = rstd;
      terms[k].constant = tiles.centered ? hn::Mul(hn::Add(all, a), over_n) : hn::Zero(d);
      terms[k].slope = hn::Mul(hn::Mul(hn::Add(all_weighted, ab), over_n), hn::Mul(rstd, rstd));
    }
    for (Index k = 0; k < vectors; ++k) {
      const Transposed<T>& deviation = deviations[k];
      Transposed<T>& gradient = gradients[k];
      const ShortTerms<T> own = terms[k];
      Index row = place() + k * kLanes;
      for (Index j = 0; j < length; row += tiles.stride) {
        const auto scale = hn::Mul(own.rstd, load(gamma + row));
        for (const Index end = j + tiles.run; j < end; ++j) {
          const auto rest = hn::MulAdd(deviation[j], own.slope, own.constant);
          gradient.set(j, hn::MulSub(gradient[j], scale, rest));
        }
      }
      blocks.store(gradient.of, dx, tile + k * kLanes);
    }
    if (place.advance()) additions += pieces;
    const bool last = tile + kTilesOfBlock<T> >= tiles.count;
    if (!last && additions + pieces <= kAdditions) continue;
    move_to_doubles(sums, numbers, dbeta);
    move_to_doubles(weighted, numbers, dgamma);
    additions = 0;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();
