// Loads and stores of blocks of short tiles, transposed so that a vector holds one value of each
// tile.

// Include guard (still compiled once per target).
#if defined(NORMBENCH_IMPLS_SIMD_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMBENCH_IMPLS_SIMD_TRANSPOSE_INL_H_
#undef NORMBENCH_IMPLS_SIMD_TRANSPOSE_INL_H_
#else
#define NORMBENCH_IMPLS_SIMD_TRANSPOSE_INL_H_
#endif

#include <bit>

#include "impls/simd/ops.h"
#include "impls/simd/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// The most values of a short tile.
template <class T>
inline constexpr Index kLongestShort = kShortVectors* lanes<T>();

// Pads tiles that are shorter than a vector, several of them in one vector. In memory tiles are
// packed. To be transposed, each is padded to a power of two lanes.
template <class T>
class Padding {
  using Integer = hn::TFromD<hn::RebindToSigned<Tag<T>>>;
  using Indices = decltype(hn::SetTableIndices(Tag<T>(), static_cast<const Integer*>(nullptr)));
  static constexpr Index kLanes = lanes<T>();

 public:
  HWY_INLINE Padding(Index length, Index width)
      : pad_(move(length, width)), pack_(move(width, length)), is_needed_(length != width) {}

  HWY_INLINE Vec<T> pad(Vec<T> packed) const {
    return is_needed_ ? hn::TableLookupLanes(packed, pad_) : packed;
  }
  HWY_INLINE Vec<T> pack(Vec<T> padded) const {
    return is_needed_ ? hn::TableLookupLanes(padded, pack_) : padded;
  }

 private:
  // Moves tiles from every `from` lanes to every `to` lanes. Padding gets arbitrary values.
  static HWY_INLINE Indices move(Index from, Index to) {
    HWY_ALIGN std::array<Integer, static_cast<std::size_t>(kLanes)> lanes_from;
    for (Index lane = 0; lane < kLanes; ++lane) {
      lanes_from[static_cast<std::size_t>(lane)] =
          static_cast<Integer>((lane / to * from + lane % to) % kLanes);
    }
    return hn::SetTableIndices(Tag<T>(), lanes_from.data());
  }

  Indices pad_, pack_;
  bool is_needed_;
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

// Loads and transposes `lanes` tiles of `length` values, at most kWidth. May read up to a vector
// beyond the last tile. If `first` is not null, it gets the first value of each tile, and the block
// has the differences from it.
template <class T, Index kWidth>
void load_transposed(const T* from, Index length, const Padding<T>& padding, Parameter<T>* block,
                     Parameter<T>* first) {
  const Tag<T> d;
  Vec<T> vectors[kWidth];
#pragma GCC unroll 32
  for (Index i = 0; i < kWidth; ++i) {
    vectors[i] = load(from + begin_of<T, kWidth>(i, length));
    if constexpr (kWidth < lanes<T>()) vectors[i] = padding.pad(vectors[i]);
  }
  rotate<T, kWidth>(vectors, kWidth);
  auto start = hn::Zero(d);
  if (first != nullptr) {
    start = vectors[0];
    hn::Store(start, d, first);
  }
#pragma GCC unroll 32
  for (Index i = 0; i < kWidth; ++i) {
    hn::Store(hn::Sub(vectors[i], start), d, block + i * lanes<T>());
  }
}

// Transposes back and stores. May write up to a vector beyond the last tile.
template <class T, Index kWidth>
void store_transposed(const Parameter<T>* block, Index length, const Padding<T>& padding, T* to) {
  Vec<T> vectors[kWidth];
#pragma GCC unroll 32
  for (Index i = 0; i < kWidth; ++i) vectors[i] = hn::Load(Tag<T>(), block + i * lanes<T>());
  rotate<T, kWidth>(vectors, lanes<T>());
#pragma GCC unroll 32
  for (Index i = 0; i < kWidth; ++i) {
    if constexpr (kWidth < lanes<T>()) vectors[i] = padding.pack(vectors[i]);
    store<T>(vectors[i], to + begin_of<T, kWidth>(i, length));
  }
}

// Loads and stores blocks of `lanes` tiles, of `count` contiguous ones of `length` values, without
// accesses beyond them: the last blocks go through a copy.
template <class T>
class TransposedBlocks {
  using Real = Parameter<T>;
  static constexpr Index kLanes = lanes<T>();
  static constexpr Index kMostValues = kLanes * kLongestShort<T> + kLanes;

 public:
  HWY_INLINE TransposedBlocks(Index length, Index count, bool streaming)
      : length_(length),
        values_(length * count),
        streaming_(streaming),
        padding_(length, width_of(length)) {
    choose<1>();
  }

  HWY_INLINE void load(const T* all, Index tile, Real* block, Real* first = nullptr) const {
    const Index at = tile * length_;
    if (is_inside(at)) return load_(all + at, length_, padding_, block, first);
    HWY_ALIGN T copy[kMostValues];
    const Index some = std::min(values_ - at, kLanes * length_);
    std::memcpy(bits(copy), bits(all + at), static_cast<std::size_t>(some) * sizeof(T));
    std::memset(bits(copy + some), 0, static_cast<std::size_t>(kMostValues - some) * sizeof(T));
    load_(copy, length_, padding_, block, first);
  }

  // Non-temporal stores if streaming: `all` is then aligned to a vector.
  HWY_INLINE void store(const Real* block, T* all, Index tile) const {
    const Index at = tile * length_;
    const bool inside = is_inside(at);
    if (inside && !streaming_) return store_(block, length_, padding_, all + at);
    HWY_ALIGN T copy[kMostValues];
    store_(block, length_, padding_, copy);
    const Index some = std::min(values_ - at, kLanes * length_);
    if (!inside) {
      std::memcpy(bits(all + at), bits(copy), static_cast<std::size_t>(some) * sizeof(T));
      return;
    }
    const StoredTag<T> d;
    for (Index i = 0; i < some; i += kLanes) {
      stream<T>(hn::LoadU(d, bits(copy + i)), all + at + i);
    }
  }

 private:
  static Index width_of(Index length) {
    return static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>(length)));
  }

  template <Index kWidth>
  HWY_INLINE void choose() {
    load_ = load_transposed<T, kWidth>;
    store_ = store_transposed<T, kWidth>;
    if constexpr (kWidth < kLongestShort<T>) {
      if (length_ > kWidth) choose<2 * kWidth>();
    }
  }

  // Whether the block from here on, and one more vector, lie within the tiles.
  HWY_INLINE bool is_inside(Index at) const { return at + kLanes * length_ + kLanes <= values_; }

  Index length_, values_;
  bool streaming_;
  Padding<T> padding_;
  void (*load_)(const T* from, Index length, const Padding<T>&, Real* block, Real* first);
  void (*store_)(const Real* block, Index length, const Padding<T>&, T* to);
};

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();

#endif  // include guard
