// The functions of ShortFunctions: a vector has one value of each of as many tiles. No include
// guard, as in vectors-inl.h.

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// First, second, ... values of all tiles of a block.
template <class T>
struct Turned {
  HWY_ALIGN Parameter<T> of[static_cast<std::size_t>(lanes<T>() * kLongestShort<T>)];

  HWY_INLINE Vec<T> operator[](Index value) const {
    return hn::Load(Tag<T>(), of + value * lanes<T>());
  }
  HWY_INLINE void set(Index value, Vec<T> numbers) {
    hn::Store(numbers, Tag<T>(), of + value * lanes<T>());
  }
};

// Where the numbers of the tiles of a block begin in a row.
class PlaceAcross {
 public:
  HWY_INLINE PlaceAcross(const ShortTiles& tiles, Index block)
      : place_(tiles.first), across_(tiles.across), block_(block), step_(block % tiles.across) {}

  HWY_INLINE Index operator()() const { return place_; }
  // To the next block. Whether that begins anew: until then, each number is of one tile at most.
  HWY_INLINE bool advance() {
    const bool around = place_ + block_ >= across_;
    place_ += step_;
    if (place_ >= across_) place_ -= across_;
    return around;
  }

 private:
  Index place_, across_, block_, step_;
};

// Adds up add(j, sum) over all values j. 32 of them round six times: four chains of four values are
// added up, and then the two.
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

template <class T>
void normalize_short(const T* x, T* y, const ShortTiles& shared, const Parameter<T>* gamma,
                     const Parameter<T>* beta, Parameter<T>* means, Parameter<T>* variances,
                     Parameter<T>* rstds, bool streaming) {
  using Real = Parameter<T>;
  constexpr Index kBlock = kTilesOfBlock<T>;
  const Tag<T> d;
  const ShortTiles tiles = shared;
  const Index length = tiles.length;
  const Blocks<T> blocks(length, tiles.count, y, streaming);
  const auto n = hn::Set(d, static_cast<Real>(length));
  const auto eps = hn::Set(d, static_cast<Real>(tiles.eps));
  Turned<T> block;
  PlaceAcross place(tiles, kBlock);
  for (Index tile = 0; tile < tiles.count; tile += kBlock, place.advance()) {
    const Index some = std::min(kBlock, tiles.count - tile);
    blocks.load(x, tile, block.of);
    // Differences from a value of the tile are about as small as those from its mean.
    const auto start = tiles.centered ? block[0] : hn::Zero(d);
    auto mean = hn::Zero(d);
    if (tiles.centered) {
      const auto sum = sum_values<T>(length, [&](Index j, Vec<T> sum) HWY_ATTR {
        const auto off = hn::Sub(block[j], start);
        block.set(j, off);
        return hn::Add(sum, off);
      });
      mean = hn::Div(sum, n);
    }
    const auto squares = sum_values<T>(length, [&](Index j, Vec<T> sum) HWY_ATTR {
      const auto deviation = hn::Sub(block[j], mean);
      return hn::MulAdd(deviation, deviation, sum);
    });
    const auto variance = hn::Div(squares, n);
    const auto rstd = hn::Div(hn::Set(d, Real{1}), hn::Sqrt(hn::Add(variance, eps)));
    const auto hand_out = [&](Vec<T> value, Real* all) HWY_ATTR {
      if (all == nullptr) return;
      some == kBlock ? store<Real>(value, all + tile) : store_some<Real>(value, all + tile, some);
    };
    hand_out(hn::Add(start, mean), means);
    hand_out(variance, variances);
    hand_out(rstd, rstds);
    Index row = place();
    for (Index j = 0; j < length; row += tiles.stride) {
      const auto scale = hn::Mul(rstd, load(gamma + row));
      const auto bias = load(beta + row);
      for (const Index end = j + tiles.run; j < end; ++j) {
        block.set(j, hn::MulAdd(hn::Sub(block[j], mean), scale, bias));
      }
    }
    blocks.store(block.of, y, tile);
  }
}

template <class T>
void differentiate_short(const T* x, const T* dy, T* dx, const ShortTiles& shared,
                         const Parameter<T>* gamma, const Parameter<T>* means,
                         const Parameter<T>* rstds, double* dgamma, double* dbeta,
                         Parameter<T>* scratch, bool streaming) {
  using Real = Parameter<T>;
  constexpr Index kBlock = kTilesOfBlock<T>;
  const Tag<T> d;
  const ShortTiles tiles = shared;
  const Index length = tiles.length;
  const Index numbers = length / tiles.run * tiles.stride;
  Real* sums = scratch;
  Real* weighted = scratch + numbers;
  const Blocks<T> blocks(length, tiles.count, dx, streaming);
  const auto inverse = hn::Set(d, 1 / static_cast<Real>(length));
  Turned<T> off, block;
  PlaceAcross place(tiles, kBlock);
  Index additions = 0;
  const Index pieces = (tiles.run + kAdditions - 1) / kAdditions;
  for (Index tile = 0; tile < tiles.count; tile += kBlock) {
    const Index some = std::min(kBlock, tiles.count - tile);
    blocks.load(x, tile, off.of);
    blocks.load(dy, tile, block.of);
    // Tiles that there are not have neither values nor a deviation.
    const auto mean = means == nullptr ? hn::Zero(d) : load_first(means + tile, some);
    const auto rstd = load_first(rstds + tile, some);
    auto all = hn::Zero(d);
    auto all_weighted = all;
    Index row = place();
    Index chained = 0;
    auto a = all, ab = all;
    for (Index j = 0; j < length; row += tiles.stride) {
      const auto factor = load(gamma + row);
      for (const Index end = j + tiles.run; j < end;) {
        auto sum = hn::Zero(d);
        auto products = sum;
        for (const Index last = std::min(j + kAdditions, end); j < last; ++j) {
          const auto deviation = hn::Sub(off[j], mean);
          off.set(j, deviation);
          sum = hn::Add(sum, block[j]);
          products = hn::MulAdd(block[j], deviation, products);
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
    const auto constant = tiles.centered ? hn::Mul(hn::Add(all, a), over_n) : hn::Zero(d);
    const auto slope = hn::Mul(hn::Mul(hn::Add(all_weighted, ab), over_n), hn::Mul(rstd, rstd));
    row = place();
    for (Index j = 0; j < length; row += tiles.stride) {
      const auto scale = hn::Mul(rstd, load(gamma + row));
      for (const Index end = j + tiles.run; j < end; ++j) {
        block.set(j, hn::MulSub(block[j], scale, hn::MulAdd(off[j], slope, constant)));
      }
    }
    blocks.store(block.of, dx, tile);
    const bool last = tile + kBlock >= tiles.count;
    if (place.advance()) additions += pieces;
    if (!last && additions + pieces <= kAdditions) continue;
    move_to_doubles(sums, numbers, dbeta);
    move_to_doubles(weighted, numbers, dgamma);
    additions = 0;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();
