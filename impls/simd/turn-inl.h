// Loads and stores of blocks of short tiles, transposed so that a vector holds one value of each
// tile. No include guard, as in vectors-inl.h.

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// The most values of a short tile.
template <class T>
inline constexpr Index kLongestShort = 2 * lanes<T>();

// Pads tiles that are shorter than a vector, several of them in one vector. In memory tiles are
// packed (`together`). To be transposed, each is padded to a power of two lanes (`apart`).
template <class T>
class Spacing {
  using Integer = hn::TFromD<hn::RebindToSigned<Tag<T>>>;
  using Places = decltype(hn::SetTableIndices(Tag<T>(), static_cast<const Integer*>(nullptr)));
  static constexpr Index kLanes = lanes<T>();

 public:
  HWY_INLINE Spacing(Index length, Index width) : length(length), fills(length == width) {
    apart_ = places(width, length);
    together_ = places(length, width);
  }

  HWY_INLINE Vec<T> apart(Vec<T> together) const {
    return fills ? together : hn::TableLookupLanes(together, apart_);
  }
  HWY_INLINE Vec<T> together(Vec<T> apart) const {
    return fills ? apart : hn::TableLookupLanes(apart, together_);
  }

  const Index length;
  const bool fills;

 private:
  // Indices of the lanes that move tiles from every `from` lanes to every `to` lanes. Padding gets
  // arbitrary values.
  static HWY_INLINE Places places(Index to, Index from) {
    HWY_ALIGN std::array<Integer, static_cast<std::size_t>(kLanes)> all;
    Index first = 0;
    Index value = 0;
    for (Integer& place : all) {
      place = static_cast<Integer>((first + value) % kLanes);
      if (++value == to) value = 0, first += from;
    }
    return hn::SetTableIndices(Tag<T>(), all.data());
  }

  Places apart_, together_;
};

// One stage of an in-register transpose: even lanes to the first half, odd lanes to the second
// (index bits rotate by one).
template <class T, Index kVectors>
HWY_INLINE void unzip(Vec<T>* vectors) {
#if HWY_TARGET != HWY_SCALAR  // has one lane
  const Tag<T> d;
  Vec<T> turned[kVectors];
#pragma GCC unroll 32
  for (Index i = 0; i < kVectors / 2; ++i) {
    turned[i] = hn::ConcatEven(d, vectors[2 * i + 1], vectors[2 * i]);
    turned[i + kVectors / 2] = hn::ConcatOdd(d, vectors[2 * i + 1], vectors[2 * i]);
  }
#pragma GCC unroll 32
  for (Index i = 0; i < kVectors; ++i) vectors[i] = turned[i];
#else
  static_cast<void>(vectors);
#endif
}

// log2(times) stages.
template <class T, Index kVectors>
HWY_INLINE void rotate(Vec<T>* vectors, Index times) {
  if constexpr (kVectors > 1) {
#pragma GCC unroll 8
    for (Index i = 1; i < times; i *= 2) unzip<T, kVectors>(vectors);
  }
}

// The offset in memory of vector i, which holds several tiles, or a piece of one.
template <class T, Index kWidth>
HWY_INLINE Index begin_of(Index i, Index length) {
  constexpr Index kTilesOfVector = std::max<Index>(1, lanes<T>() / kWidth);
  constexpr Index kVectorsOfTile = std::max<Index>(1, kWidth / lanes<T>());
  return i / kVectorsOfTile * kTilesOfVector * length + i % kVectorsOfTile * lanes<T>();
}

// Loads and transposes a block of `lanes` tiles. May read up to a vector beyond the last tile. If
// `first` is not null, it gets the first value of each tile, and the block has the differences from
// it.
template <class T, Index kWidth>
void load_turned(const T* from, const Spacing<T>& spacing, Parameter<T>* block,
                 Parameter<T>* first) {
  const Tag<T> d;
  constexpr Index kLanes = lanes<T>();
  Vec<T> vectors[kWidth];
#pragma GCC unroll 32
  for (Index i = 0; i < kWidth; ++i) {
    vectors[i] = load(from + begin_of<T, kWidth>(i, spacing.length));
    if constexpr (kWidth < kLanes) vectors[i] = spacing.apart(vectors[i]);
  }
  rotate<T, kWidth>(vectors, kWidth);
  auto start = hn::Zero(d);
  if (first != nullptr) {
    start = vectors[0];
    hn::Store(start, d, first);
  }
#pragma GCC unroll 32
  for (Index i = 0; i < kWidth; ++i) {
    hn::Store(hn::Sub(vectors[i], start), d, block + i * kLanes);
  }
}

// Transposes back and stores. May write up to a vector beyond the last tile. Non-temporal stores
// need tiles as long as their padded width.
template <class T, Index kWidth>
void store_turned(const Parameter<T>* block, const Spacing<T>& spacing, T* to, bool streaming) {
  constexpr Index kLanes = lanes<T>();
  Vec<T> vectors[kWidth];
#pragma GCC unroll 32
  for (Index i = 0; i < kWidth; ++i) vectors[i] = hn::Load(Tag<T>(), block + i * kLanes);
  rotate<T, kWidth>(vectors, kLanes);
  if (streaming) {
#pragma GCC unroll 32
    for (Index i = 0; i < kWidth; ++i) store<T, true>(vectors[i], to + i * kLanes);
    return;
  }
#pragma GCC unroll 32
  for (Index i = 0; i < kWidth; ++i) {
    if constexpr (kWidth < kLanes) vectors[i] = spacing.together(vectors[i]);
    store<T>(vectors[i], to + begin_of<T, kWidth>(i, spacing.length));
  }
}

// The two functions for one padded width.
template <class T>
struct Turn {
  void (*load)(const T* from, const Spacing<T>&, Parameter<T>* block, Parameter<T>* first);
  void (*store)(const Parameter<T>* block, const Spacing<T>&, T* to, bool streaming);
};

template <class T, Index kWidth = 1>
Turn<T> turn_for(Index width) {
  if constexpr (kWidth < kLongestShort<T>) {
    if (width > kWidth) return turn_for<T, 2 * kWidth>(width);
  }
  return {load_turned<T, kWidth>, store_turned<T, kWidth>};
}

// Loads and stores blocks of `count` contiguous tiles, without accesses beyond them: the last
// blocks go through a copy.
template <class T>
class Blocks {
  using Real = Parameter<T>;
  static constexpr Index kLanes = lanes<T>();
  static constexpr Index kValues = kLanes * kLongestShort<T>;

 public:
  HWY_INLINE Blocks(Index length, Index count, const T* to, bool streaming, bool fetching)
      : width_(static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>(length)))),
        spacing_(length, width_),
        turn_(turn_for<T>(width_)),
        values_(length * count),
        streaming_(streaming && is_aligned(to)),
        fetching_(fetching) {}
  HWY_INLINE ~Blocks() {
    if (streaming_) hwy::FlushStream();
  }

  HWY_INLINE void load(const T* all, Index tile, Real* block, Real* first = nullptr) const {
    const Index at = tile * spacing_.length;
    if (is_inside(at)) {
      if (fetching_) fetch(all + at);
      return turn_.load(all + at, spacing_, block, first);
    }
    HWY_ALIGN T copy[kValues + kLanes];
    const Index some = std::min(values_ - at, kLanes * spacing_.length);
    std::memcpy(bits(copy), bits(all + at), static_cast<std::size_t>(some) * sizeof(T));
    std::memset(bits(copy + some), 0,
                static_cast<std::size_t>(kValues + kLanes - some) * sizeof(T));
    turn_.load(copy, spacing_, block, first);
  }

  HWY_INLINE void store(const Real* block, T* all, Index tile) const {
    const Index at = tile * spacing_.length;
    const bool inside = is_inside(at);
    if (inside && (spacing_.fills || !streaming_)) {
      return turn_.store(block, spacing_, all + at, streaming_);
    }
    HWY_ALIGN T copy[kValues + kLanes];
    turn_.store(block, spacing_, copy, false);
    if (!inside) {
      const Index some = std::min(values_ - at, kLanes * spacing_.length);
      std::memcpy(bits(all + at), bits(copy), static_cast<std::size_t>(some) * sizeof(T));
      return;
    }
    const StoredTag<T> d;
    for (Index i = 0; i < kLanes * spacing_.length; i += kLanes) {
      hn::Stream(hn::Load(d, bits(copy + i)), d, bits(all + at + i));
    }
  }

 private:
  HWY_INLINE void fetch(const T* from) const {
    constexpr Index kLine = 64 / static_cast<Index>(sizeof(T));
    constexpr Index kAhead = 64 * kLine;
    for (Index i = 0; i < kLanes * spacing_.length; i += kLine) prefetch(from + kAhead + i);
  }
  static HWY_INLINE bool is_aligned(const T* to) {
    constexpr std::uintptr_t kAligned = static_cast<std::uintptr_t>(kLanes) * sizeof(T);
    return reinterpret_cast<std::uintptr_t>(to) % kAligned == 0;
  }
  // Whether the block from here on, and one more vector, lie within the tiles.
  HWY_INLINE bool is_inside(Index at) const {
    return at + kLanes * spacing_.length + kLanes <= values_;
  }

  Index width_;
  Spacing<T> spacing_;
  Turn<T> turn_;
  Index values_;
  bool streaming_, fetching_;
};

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();
