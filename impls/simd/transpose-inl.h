// Loads and stores of blocks of short tiles, transposed so that a vector holds one value of each
// tile. No include guard, as in vectors-inl.h.

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// The most values of a short tile.
template <class T>
inline constexpr Index kLongestShort = 2 * lanes<T>();

// Pads tiles that are shorter than a vector, several of them in one vector. In memory tiles are
// packed. To be transposed, each is padded to a power of two lanes.
template <class T>
class Spacing {
  using Integer = hn::TFromD<hn::RebindToSigned<Tag<T>>>;
  using Places = decltype(hn::SetTableIndices(Tag<T>(), static_cast<const Integer*>(nullptr)));
  static constexpr Index kLanes = lanes<T>();

 public:
  HWY_INLINE Spacing(Index length, Index width) : length(length), fills(length == width) {
    pad_ = places(width, length);
    pack_ = places(length, width);
  }

  HWY_INLINE Vec<T> pad(Vec<T> packed) const {
    return fills ? packed : hn::TableLookupLanes(packed, pad_);
  }
  HWY_INLINE Vec<T> pack(Vec<T> padded) const {
    return fills ? padded : hn::TableLookupLanes(padded, pack_);
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

  Places pad_, pack_;
};

// One stage of an in-register transpose: even lanes to the first half, odd lanes to the second
// (index bits rotate by one).
template <class T, Index kVectors>
HWY_INLINE void unzip(Vec<T>* vectors) {
#if HWY_TARGET != HWY_SCALAR  // has one lane
  const Tag<T> d;
  Vec<T> unzipped[kVectors];
#pragma GCC unroll 32
  for (Index i = 0; i < kVectors / 2; ++i) {
    unzipped[i] = hn::ConcatEven(d, vectors[2 * i + 1], vectors[2 * i]);
    unzipped[i + kVectors / 2] = hn::ConcatOdd(d, vectors[2 * i + 1], vectors[2 * i]);
  }
#pragma GCC unroll 32
  for (Index i = 0; i < kVectors; ++i) vectors[i] = unzipped[i];
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
void load_transposed(const T* from, const Spacing<T>& spacing, Parameter<T>* block,
                     Parameter<T>* first) {
  const Tag<T> d;
  constexpr Index kLanes = lanes<T>();
  Vec<T> vectors[kWidth];
#pragma GCC unroll 32
  for (Index i = 0; i < kWidth; ++i) {
    vectors[i] = load(from + begin_of<T, kWidth>(i, spacing.length));
    if constexpr (kWidth < kLanes) vectors[i] = spacing.pad(vectors[i]);
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
void store_transposed(const Parameter<T>* block, const Spacing<T>& spacing, T* to, bool streaming) {
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
    if constexpr (kWidth < kLanes) vectors[i] = spacing.pack(vectors[i]);
    store<T>(vectors[i], to + begin_of<T, kWidth>(i, spacing.length));
  }
}

// The two functions for one padded width.
template <class T>
struct Transpose {
  void (*load)(const T* from, const Spacing<T>&, Parameter<T>* block, Parameter<T>* first);
  void (*store)(const Parameter<T>* block, const Spacing<T>&, T* to, bool streaming);
};

template <class T, Index kWidth = 1>
Transpose<T> transpose_for(Index width) {
  if constexpr (kWidth < kLongestShort<T>) {
    if (width > kWidth) return transpose_for<T, 2 * kWidth>(width);
  }
  return {load_transposed<T, kWidth>, store_transposed<T, kWidth>};
}

// Loads and stores blocks of `count` contiguous tiles, without accesses beyond them: the last
// blocks go through a copy. `ahead` is a prefetch distance in values; 0: no prefetch.
template <class T>
class Blocks {
  using Real = Parameter<T>;
  static constexpr Index kLanes = lanes<T>();
  static constexpr Index kValues = kLanes * kLongestShort<T>;

 public:
  HWY_INLINE Blocks(Index length, Index count, const T* to, bool streaming, Index ahead)
      : width_(static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>(length)))),
        spacing_(length, width_),
        transpose_(transpose_for<T>(width_)),
        values_(length * count),
        streaming_(streaming && is_aligned(to)),
        ahead_(ahead) {}
  HWY_INLINE ~Blocks() {
    if (streaming_) hwy::FlushStream();
  }

  HWY_INLINE void load(const T* all, Index tile, Real* block, Real* first = nullptr) const {
    const Index at = tile * spacing_.length;
    if (is_inside(at)) {
      if (ahead_ != 0) fetch(all + at);
      return transpose_.load(all + at, spacing_, block, first);
    }
    HWY_ALIGN T copy[kValues + kLanes];
    const Index some = std::min(values_ - at, kLanes * spacing_.length);
    std::memcpy(bits(copy), bits(all + at), static_cast<std::size_t>(some) * sizeof(T));
    std::memset(bits(copy + some), 0,
                static_cast<std::size_t>(kValues + kLanes - some) * sizeof(T));
    transpose_.load(copy, spacing_, block, first);
  }

  HWY_INLINE void store(const Real* block, T* all, Index tile) const {
    const Index at = tile * spacing_.length;
    const bool inside = is_inside(at);
    if (inside && (spacing_.fills || !streaming_)) {
      return transpose_.store(block, spacing_, all + at, streaming_);
    }
    HWY_ALIGN T copy[kValues + kLanes];
    transpose_.store(block, spacing_, copy, false);
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
    for (Index i = 0; i < kLanes * spacing_.length; i += kLine) prefetch(from + ahead_ + i);
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
  Transpose<T> transpose_;
  Index values_;
  bool streaming_;
  Index ahead_;
};

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();
