// The functions of RowFunctions for tiles that are no longer than a vector: a vector has several of
// them, each in lanes of its own, and sums go round within those lanes. No include guard, as in
// vectors-inl.h.

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// Tiles side by side in one vector. In memory they lie end to end, *together*; to be summed they
// are moved *apart*, each to the first of as many lanes as the next power of two, the others being
// zero.
template <class T>
class TilesOfVector {
  using Real = Parameter<T>;
  using Integer = hn::TFromD<hn::RebindToSigned<Tag<T>>>;
  using Places = decltype(hn::SetTableIndices(Tag<T>(), static_cast<const Integer*>(nullptr)));
  static constexpr Index kLanes = lanes<T>();

 public:
  explicit HWY_INLINE TilesOfVector(Index length) : length_(length) {
    while (width_ < length) width_ *= 2;
    apart_ = places([&](Index i) { return owner(i) * length + std::min(i % width_, length - 1); });
    together_ = places([&](Index i) { return i / length * width_ + i % length; });
    owners_ = places([&](Index i) { return owner(i); });
    starts_ = places([&](Index i) { return owner(i) * length; });
    heads_ = places([&](Index i) { return i * width_; });
    for (Index step = 1; step < width_; step *= 2) {
      partners_[static_cast<std::size_t>(steps_++)] = places([=](Index i) { return i ^ step; });
    }
    HWY_ALIGN std::array<Real, static_cast<std::size_t>(kLanes)> counts;
    for (Index i = 0; i < kLanes; ++i) counts[static_cast<std::size_t>(i)] = i % width_ < length;
    counts_ = hn::Load(Tag<T>(), counts.data());
  }

  HWY_INLINE Index tiles() const { return kLanes / width_; }
  HWY_INLINE bool fills_vector() const { return width_ == length_; }

  HWY_INLINE Vec<T> apart(Vec<T> together) const {
    if (fills_vector()) return together;
    return only_counting(hn::TableLookupLanes(together, apart_));
  }
  HWY_INLINE Vec<T> together(Vec<T> apart) const {
    return fills_vector() ? apart : hn::TableLookupLanes(apart, together_);
  }
  // The first value of each tile, in all lanes of the tile.
  HWY_INLINE Vec<T> starts(Vec<T> together) const {
    return only_counting(hn::TableLookupLanes(together, starts_));
  }
  // One number of each tile, which lie side by side, in all lanes of the tile; and back.
  HWY_INLINE Vec<T> for_lanes(Vec<T> of_tiles) const {
    return hn::TableLookupLanes(of_tiles, owners_);
  }
  HWY_INLINE Vec<T> of_tiles(Vec<T> lanes) const { return hn::TableLookupLanes(lanes, heads_); }
  HWY_INLINE Vec<T> only_counting(Vec<T> value) const {
    if (fills_vector()) return value;
    return hn::IfThenElseZero(hn::Ne(counts_, hn::Zero(Tag<T>())), value);
  }

  // The sum of each tile, in all of its lanes.
  HWY_INLINE Vec<T> sum(Vec<T> apart) const {
    for (Index i = 0; i < steps_; ++i) {
      apart = hn::Add(apart, hn::TableLookupLanes(apart, partners_[static_cast<std::size_t>(i)]));
    }
    return apart;
  }

 private:
  HWY_INLINE Index owner(Index lane) const { return lane / width_; }

  template <class Place>
  static HWY_INLINE Places places(const Place& place) {
    HWY_ALIGN std::array<Integer, static_cast<std::size_t>(kLanes)> all;
    for (Index i = 0; i < kLanes; ++i) {
      all[static_cast<std::size_t>(i)] = static_cast<Integer>(place(i) % kLanes);
    }
    return hn::SetTableIndices(Tag<T>(), all.data());
  }

  Index length_;
  Index width_ = 1;
  Index steps_ = 0;
  Places apart_, together_, owners_, starts_, heads_;
  Places partners_[6];
  Vec<T> counts_;
};

template <class T>
HWY_INLINE void store_first(Vec<T> value, T* to, Index count, bool streaming) {
  if (count != lanes<T>()) return store_some<T>(value, to, count);
  if (streaming) return store<T, true>(value, to);
  store<T>(value, to);
}

// Whether vectors of whole tiles, from `to` on, begin at aligned places.
template <class T>
HWY_INLINE bool may_stream(const T* to, const TilesOfVector<T>& vector) {
  constexpr std::uintptr_t kAligned = static_cast<std::uintptr_t>(lanes<T>()) * sizeof(T);
  return vector.fills_vector() && reinterpret_cast<std::uintptr_t>(to) % kAligned == 0;
}

// gamma and beta go on from the first column for another vector.
template <class T>
void normalize_short(const T* x, T* y, const typename RowFunctions<T>::Tiles& shared,
                     const Parameter<T>* gamma, const Parameter<T>* beta, Parameter<T>* means,
                     Parameter<T>* variances, Parameter<T>* rstds, bool streaming, bool) {
  using Real = Parameter<T>;
  const Tag<T> d;
  const auto tiles = shared;
  const TilesOfVector<T> vector(tiles.length);
  const bool streams = streaming && may_stream(y, vector);
  const auto length = hn::Set(d, static_cast<Real>(tiles.length));
  const auto inverse = hn::Div(hn::Set(d, Real{1}), length);
  // Division takes long, and the inverse of a power of two is exact.
  const auto over_length = [&](Vec<T> sum) HWY_ATTR {
    return vector.fills_vector() ? hn::Mul(sum, inverse) : hn::Div(sum, length);
  };
  const auto eps = hn::Set(d, static_cast<Real>(tiles.eps));
  const auto one = hn::Set(d, Real{1});
  const Index columns = tiles.across * tiles.length;
  Index column = 0;
  for (Index first = 0; first < tiles.count; first += vector.tiles()) {
    const Index some = std::min(vector.tiles(), tiles.count - first);
    const Index values = some * tiles.length;
    const auto own = load_first(x, values);
    // Differences from a value of the tile are about as small as those from its mean.
    const auto start = tiles.centered ? vector.starts(own) : hn::Zero(d);
    const auto off = hn::Sub(vector.apart(own), start);
    const auto mean = tiles.centered ? over_length(vector.sum(off)) : hn::Zero(d);
    const auto deviation = vector.only_counting(hn::Sub(off, mean));
    const auto variance = over_length(vector.sum(hn::Mul(deviation, deviation)));
    const auto rstd = hn::Div(one, hn::Sqrt(hn::Add(variance, eps)));
    const auto normal = vector.together(hn::Mul(deviation, rstd));
    store_first<T>(hn::MulAdd(normal, load(gamma + column), load(beta + column)), y, values,
                   streams);
    const auto hand_out = [&](Vec<T> value, Real* all) {
      if (all != nullptr) store_first<Real>(vector.of_tiles(value), all + first, some, false);
    };
    hand_out(hn::Add(start, mean), means);
    hand_out(variance, variances);
    hand_out(rstd, rstds);
    x += values, y += values, column += values;
    while (column >= columns) column -= columns;
  }
  if (streams) hwy::FlushStream();
}

// gamma goes on as above, and `scratch` has room for two floats for each of as many columns.
template <class T>
void differentiate_short(const T* x, const T* dy, T* dx,
                         const typename RowFunctions<T>::Tiles& shared, const Parameter<T>* gamma,
                         const Parameter<T>* means, const Parameter<T>* rstds, double* dgamma,
                         double* dbeta, Parameter<T>* scratch, bool streaming) {
  using Real = Parameter<T>;
  constexpr Index kLanes = lanes<T>();
  const Tag<T> d;
  const auto tiles = shared;
  const TilesOfVector<T> vector(tiles.length);
  const bool streams = streaming && may_stream(dx, vector);
  const auto inverse = hn::Set(d, 1 / static_cast<Real>(tiles.length));
  const Index columns = tiles.across * tiles.length;
  const Index places = columns + kLanes;
  Real* sums = scratch;
  Real* weighted = scratch + places;
  std::fill_n(scratch, 2 * places, Real{0});
  const auto flush = [&] {
    for (Index i = 0; i < places; ++i) {
      dbeta[i % columns] += static_cast<double>(sums[i]);
      dgamma[i % columns] += static_cast<double>(weighted[i]);
    }
    std::fill_n(scratch, 2 * places, Real{0});
  };
  Index column = 0;
  Index additions = 0;
  for (Index first = 0; first < tiles.count; first += vector.tiles()) {
    const Index some = std::min(vector.tiles(), tiles.count - first);
    const Index values = some * tiles.length;
    const auto gradient = load_first(dy, values);
    const auto mean =
        means == nullptr ? hn::Zero(d) : vector.for_lanes(load_first(means + first, some));
    const auto rstd = vector.for_lanes(load_first(rstds + first, some));
    const auto deviation = vector.only_counting(hn::Sub(vector.apart(load_first(x, values)), mean));
    const auto g = vector.apart(hn::Mul(gradient, load(gamma + column)));
    const auto over_n = hn::Mul(rstd, inverse);
    const auto constant = tiles.centered ? hn::Mul(vector.sum(g), over_n) : hn::Zero(d);
    const auto slope =
        hn::Mul(hn::Mul(vector.sum(hn::Mul(g, deviation)), over_n), hn::Mul(rstd, rstd));
    const auto result = hn::MulSub(g, rstd, hn::MulAdd(deviation, slope, constant));
    store_first<T>(vector.together(result), dx, values, streams);
    // Lanes that do not count have no gradient, but nothing times NaN would be NaN.
    auto normal = vector.together(hn::Mul(deviation, rstd));
    if (values != kLanes) normal = only_first<T>(normal, values);
    hn::StoreU(hn::Add(hn::LoadU(d, sums + column), gradient), d, sums + column);
    hn::StoreU(hn::MulAdd(gradient, normal, hn::LoadU(d, weighted + column)), d, weighted + column);
    x += values, dy += values, dx += values, column += values;
    if (column < columns) continue;
    while (column >= columns) column -= columns;
    if (++additions == kAdditions) flush(), additions = 0;
  }
  flush();
  if (streams) hwy::FlushStream();
}

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();
