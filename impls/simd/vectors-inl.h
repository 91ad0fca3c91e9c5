// Loads, stores and conversions: every storage type as vectors of its arithmetic type. No include
// guard: functions-inl.h includes this once per target.

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using normbench::Bf16;
using normbench::F16;
using normbench::Parameter;

template <class T>
using Tag = hn::ScalableTag<Parameter<T>>;
template <class T>
using Vec = hn::Vec<Tag<T>>;

template <class T>
constexpr Index lanes() {
  return static_cast<Index>(hn::MaxLanes(Tag<T>()));
}

// Whether the target has masked loads and stores for T, which do not touch the inactive lanes.
template <class T>
inline constexpr bool kMasks = HWY_ARCH_X86 && (HWY_TARGET <= HWY_AVX3 ||
                                                (HWY_TARGET == HWY_AVX2 && sizeof(T) >= 4));
// Whether the target converts f16. Highway's emulation on older targets does not round.
inline constexpr bool kHasHalves = !HWY_ARCH_X86 || HWY_TARGET <= HWY_AVX2;

// The type of T's bits in memory.
template <class T>
struct Bits {
  using Type = T;
};
template <>
struct Bits<Bf16> {
  using Type = std::uint16_t;
};
template <>
struct Bits<F16> {
  using Type = std::uint16_t;
};
template <class T>
using StoredTag = hn::Rebind<typename Bits<T>::Type, Tag<T>>;

template <class T>
HWY_INLINE Vec<T> widen(hn::Vec<StoredTag<T>> stored) {
  const Tag<T> d;
  if constexpr (std::is_same_v<T, Bf16>) {
    const hn::RebindToUnsigned<Tag<T>> integers;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(integers, stored)));
  } else if constexpr (std::is_same_v<T, F16> && kHasHalves) {
    const hn::Rebind<hwy::float16_t, Tag<T>> halves;
    return hn::PromoteTo(d, hn::BitCast(halves, stored));
  } else if constexpr (std::is_same_v<T, F16>) {
    HWY_ALIGN std::array<F16, hn::MaxLanes(Tag<T>())> from;
    HWY_ALIGN std::array<float, hn::MaxLanes(Tag<T>())> to;
    hn::StoreU(stored, StoredTag<T>(), &from[0].bits);
    std::copy(from.begin(), from.end(), to.begin());
    return hn::Load(d, to.data());
  } else {
    return stored;
  }
}

// To the storage type, rounded to nearest, ties to even.
template <class T>
HWY_INLINE hn::Vec<StoredTag<T>> narrow(Vec<T> value) {
  const StoredTag<T> stored;
  if constexpr (std::is_same_v<T, Bf16>) {
    const hn::RebindToUnsigned<Tag<T>> integers;
    const hn::RebindToSigned<Tag<T>> numbers;
    const auto whole = hn::BitCast(integers, value);
    const auto odd = hn::And(hn::ShiftRight<16>(whole), hn::Set(integers, 1));
    const auto rounded = hn::Add(whole, hn::Add(odd, hn::Set(integers, 0x7FFF)));
    const auto not_a_number = hn::Or(whole, hn::Set(integers, 0x400000));
    const auto result =
        hn::IfThenElse(hn::RebindMask(integers, hn::IsNaN(value)), not_a_number, rounded);
    return hn::DemoteTo(stored, hn::BitCast(numbers, hn::ShiftRight<16>(result)));
  } else if constexpr (std::is_same_v<T, F16> && kHasHalves) {
    const hn::Rebind<hwy::float16_t, Tag<T>> halves;
    return hn::BitCast(stored, hn::DemoteTo(halves, value));
  } else if constexpr (std::is_same_v<T, F16>) {
    HWY_ALIGN std::array<float, hn::MaxLanes(Tag<T>())> from;
    HWY_ALIGN std::array<F16, hn::MaxLanes(Tag<T>())> to;
    hn::Store(value, Tag<T>(), from.data());
    for (std::size_t i = 0; i < from.size(); ++i) to[i] = F16(from[i]);
    return hn::LoadU(stored, &to[0].bits);
  } else {
    return value;
  }
}

template <class T>
HWY_INLINE auto* bits(T* values) {
  using Type = typename Bits<std::remove_const_t<T>>::Type;
  return reinterpret_cast<std::conditional_t<std::is_const_v<T>, const Type, Type>*>(values);
}

template <class T>
HWY_INLINE Vec<T> load(const T* from) {
  return widen<T>(hn::LoadU(StoredTag<T>(), bits(from)));
}

// The first `count` lanes, fewer than a vector has; the others are zero.
template <class T>
HWY_INLINE Vec<T> load_some(const T* from, Index count) {
  const StoredTag<T> d;
  if constexpr (kMasks<T>) {
    return widen<T>(hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, bits(from)));
  } else {
    HWY_ALIGN std::array<typename Bits<T>::Type, hn::MaxLanes(Tag<T>())> some{};
    std::memcpy(some.data(), bits(from), static_cast<std::size_t>(count) * sizeof(T));
    return widen<T>(hn::LoadU(d, some.data()));
  }
}

// `count` lanes, or all.
template <class T>
HWY_INLINE Vec<T> load_first(const T* from, Index count) {
  return count == lanes<T>() ? load(from) : load_some(from, count);
}

// A non-temporal store if kStreaming; then `to` must be aligned to a vector.
template <class T, bool kStreaming = false>
HWY_INLINE void store(Vec<T> value, T* to) {
  if constexpr (kStreaming) {
    hn::Stream(narrow<T>(value), StoredTag<T>(), bits(to));
  } else {
    hn::StoreU(narrow<T>(value), StoredTag<T>(), bits(to));
  }
}

template <class T>
HWY_INLINE void store_some(Vec<T> value, T* to, Index count) {
  const StoredTag<T> d;
  if constexpr (kMasks<T>) {
    hn::BlendedStore(narrow<T>(value), hn::FirstN(d, static_cast<std::size_t>(count)), d, bits(to));
  } else {
    HWY_ALIGN std::array<typename Bits<T>::Type, hn::MaxLanes(Tag<T>())> some;
    hn::StoreU(narrow<T>(value), d, some.data());
    std::memcpy(static_cast<void*>(to), some.data(), static_cast<std::size_t>(count) * sizeof(T));
  }
}

// `count` lanes, or all.
template <class T>
HWY_INLINE void store_first(Vec<T> value, T* to, Index count) {
  count == lanes<T>() ? store<T>(value, to) : store_some<T>(value, to, count);
}

template <class T>
HWY_INLINE Vec<T> only_first(Vec<T> value, Index count) {
  return hn::IfThenElseZero(hn::FirstN(Tag<T>(), static_cast<std::size_t>(count)), value);
}

// Prefetches the cache line at `from`.
template <class T>
HWY_INLINE void prefetch(const T* from) {
  hwy::Prefetch(from);
}

// How values are written, as a type: with non-temporal stores or plain ones, with prefetching or
// without.
template <bool kStreams, bool kFetches>
struct Manner {
  static constexpr bool kStreaming = kStreams;
  static constexpr bool kFetching = kFetches;
};

// Calls function(Manner<...>()), followed by a fence if stores are non-temporal.
template <class Function>
HWY_INLINE void in_manner(bool streaming, bool fetching, const Function& function) {
  if (streaming && fetching) {
    function(Manner<true, true>());
  } else if (streaming) {
    function(Manner<true, false>());
  } else if (fetching) {
    function(Manner<false, true>());
  } else {
    function(Manner<false, false>());
  }
  if (streaming) hwy::FlushStream();
}

// Writes `size` values, from to[row] on. of(at, column) forms a vector of them, and of.some(at,
// column, count) a part of one. If fetching, of.fetch(at + ahead) is called for each vector.
// Non-temporal stores start at the first aligned address.
template <class T, class M, class Of>
HWY_INLINE void write(M, T* to, Index row, Index size, Index ahead, const Of& of) {
  constexpr Index kLanes = lanes<T>();
  constexpr std::uintptr_t kAligned = static_cast<std::uintptr_t>(kLanes) * sizeof(T);
  Index column = 0;
  to += row;
  if constexpr (M::kStreaming) {
    const std::uintptr_t over = reinterpret_cast<std::uintptr_t>(to) % kAligned;
    if (over != 0) {
      column = std::min(size, static_cast<Index>((kAligned - over) / sizeof(T)));
      store_some<T>(of.some(row, 0, column), to, column);
    }
  }
  for (; column + 2 * kLanes <= size; column += 2 * kLanes) {
    const Index at = row + column;
    if constexpr (M::kFetching) of.fetch(at + ahead), of.fetch(at + kLanes + ahead);
    const auto first = of(at, column);
    const auto second = of(at + kLanes, column + kLanes);
    store<T, M::kStreaming>(first, to + column);
    store<T, M::kStreaming>(second, to + column + kLanes);
  }
  if (column + kLanes <= size) {
    if constexpr (M::kFetching) of.fetch(row + column + ahead);
    store<T, M::kStreaming>(of(row + column, column), to + column);
    column += kLanes;
  }
  if (column < size) {
    const Index count = size - column;
    store_some<T>(of.some(row + column, column, count), to + column, count);
  }
}

// The same for `rows` rows, `stride` apart. If paired, two rows at a time use the coefficients
// while those are in registers. More rows would be too many write streams.
template <class T, class M, class Of>
HWY_INLINE void write_rows(M manner, T* to, Index rows, Index stride, Index size, Index ahead,
                           bool paired, const Of& of) {
  constexpr Index kLanes = lanes<T>();
  constexpr std::uintptr_t kAligned = static_cast<std::uintptr_t>(kLanes) * sizeof(T);
  const bool aligned = reinterpret_cast<std::uintptr_t>(to) % kAligned == 0 && stride % kLanes == 0;
  Index row = 0;
  for (; paired && row + 2 <= rows && (aligned || !M::kStreaming); row += 2) {
    const Index first = row * stride;
    const Index second = first + stride;
    Index column = 0;
    for (; column + kLanes <= size; column += kLanes) {
      const auto own = of.of(column);
      if constexpr (M::kFetching) {
        of.fetch(first + column + ahead), of.fetch(second + column + ahead);
      }
      const auto value = own(first + column, 0);
      const auto below = own(second + column, 0);
      store<T, M::kStreaming>(value, to + first + column);
      store<T, M::kStreaming>(below, to + second + column);
    }
    if (column == size) continue;
    const Index count = size - column;
    store_some<T>(of.some(first + column, column, count), to + first + column, count);
    store_some<T>(of.some(second + column, column, count), to + second + column, count);
  }
  for (; row < rows; ++row) write(manner, to, row * stride, size, ahead, of);
}

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();
