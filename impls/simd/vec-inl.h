// Loads, stores and conversions: every storage type as vectors of its arithmetic type.

// Include guard (still compiled once per target).
#if defined(NORMBENCH_IMPLS_SIMD_VEC_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMBENCH_IMPLS_SIMD_VEC_INL_H_
#undef NORMBENCH_IMPLS_SIMD_VEC_INL_H_
#else
#define NORMBENCH_IMPLS_SIMD_VEC_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "harness/core/storage.h"
#include "impls/simd/data.h"

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

// Which lanes of a vector are used: all of them,
struct All {};
// or the first `count`. The others are loaded as zero, and are not stored.
struct First {
  Index count;
};

// Whether the target has masked loads and stores for T, which do not touch the inactive lanes.
template <class T>
inline constexpr bool kMasks = HWY_ARCH_X86 && (HWY_TARGET <= HWY_AVX3 ||
                                                (HWY_TARGET == HWY_AVX2 && sizeof(T) >= 4));
// Whether the target converts f16. Highway's emulation on older targets does not round.
inline constexpr bool kHasHalves = !HWY_ARCH_X86 || HWY_TARGET <= HWY_AVX2;

// The type of T's bits in memory.
template <class T>
using Bits = std::conditional_t<sizeof(T) == 2, std::uint16_t, T>;
template <class T>
using StoredTag = hn::Rebind<Bits<T>, Tag<T>>;

template <class T>
HWY_INLINE Bits<T>* bits(T* values) {
  return reinterpret_cast<Bits<T>*>(values);
}
template <class T>
HWY_INLINE const Bits<T>* bits(const T* values) {
  return reinterpret_cast<const Bits<T>*>(values);
}

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
HWY_INLINE Vec<T> load(const T* from, All = {}) {
  return widen<T>(hn::LoadU(StoredTag<T>(), bits(from)));
}

template <class T>
HWY_INLINE Vec<T> load(const T* from, First first) {
  const StoredTag<T> d;
  const auto count = static_cast<std::size_t>(first.count);
  if constexpr (kMasks<T>) {
    return widen<T>(hn::MaskedLoad(hn::FirstN(d, count), d, bits(from)));
  } else {
    HWY_ALIGN std::array<Bits<T>, hn::MaxLanes(Tag<T>())> some{};
    std::memcpy(some.data(), from, count * sizeof(T));
    return widen<T>(hn::LoadU(d, some.data()));
  }
}

template <class T>
HWY_INLINE void store(Vec<T> value, T* to, All = {}) {
  hn::StoreU(narrow<T>(value), StoredTag<T>(), bits(to));
}

template <class T>
HWY_INLINE void store(Vec<T> value, T* to, First first) {
  const StoredTag<T> d;
  const auto count = static_cast<std::size_t>(first.count);
  if constexpr (kMasks<T>) {
    hn::BlendedStore(narrow<T>(value), hn::FirstN(d, count), d, bits(to));
  } else {
    HWY_ALIGN std::array<Bits<T>, hn::MaxLanes(Tag<T>())> some;
    hn::StoreU(narrow<T>(value), d, some.data());
    std::memcpy(static_cast<void*>(to), some.data(), count * sizeof(T));
  }
}

// A non-temporal store to an address that is aligned to a vector. A plain one where vectors have
// fewer than 16 bytes: Highway 1.0.3 would store 16 of them.
template <class T>
HWY_INLINE void stream(hn::Vec<StoredTag<T>> stored, T* to) {
  constexpr bool kIsWide = static_cast<std::size_t>(lanes<T>()) * sizeof(T) >= 16;
  if constexpr (kIsWide) {
    hn::Stream(stored, StoredTag<T>(), bits(to));
  } else {
    hn::StoreU(stored, StoredTag<T>(), bits(to));
  }
}

// A store of all lanes: non-temporal if kStreams, and then `to` is aligned to a vector.
template <bool kStreams, class T>
HWY_INLINE void put(Vec<T> value, T* to) {
  if constexpr (kStreams) {
    stream<T>(narrow<T>(value), to);
  } else {
    store<T>(value, to);
  }
}

// Values from an address to the next one that is aligned to a vector; 0 if it is aligned itself.
template <class T>
HWY_INLINE Index until_aligned(const T* values) {
  return values_until(values, lanes<T>() * Index{sizeof(T)});
}

// The value with zeros in the lanes that are not used.
template <class T>
HWY_INLINE Vec<T> only(Vec<T> value, All) {
  return value;
}
template <class T>
HWY_INLINE Vec<T> only(Vec<T> value, First first) {
  return hn::IfThenElseZero(hn::FirstN(Tag<T>(), static_cast<std::size_t>(first.count)), value);
}

// Calls body(at, lanes) for each vector of `size` values: with All, and for the rest with First.
template <class T, class Body>
HWY_INLINE void for_vectors(Index size, const Body& body) {
  constexpr Index kLanes = lanes<T>();
  Index at = 0;
  for (; at + kLanes <= size; at += kLanes) body(at, All());
  if (at < size) body(at, First{size - at});
}

// Whether whole vectors of a row begin at the first aligned address.
template <bool kStreams, class T>
HWY_INLINE bool aligns(Index size) {
  return kStreams || (kMasks<T> && size >= 4 * lanes<T>());
}

// Writes `size` values: form(column, lanes) is the vector of those from `column` on. Whole vectors
// begin at the first aligned address, as non-temporal stores must. A store across two lines takes
// both of them from other cores, even if its mask has nothing of the second one. (Loads of sums are
// not aligned: results should not depend on addresses.)
template <bool kStreams, class T, class Form>
HWY_INLINE void write_row(T* out, Index size, const Form& form) {
  constexpr Index kLanes = lanes<T>();
  Index column = 0;
  const First before{aligns<kStreams, T>(size) ? std::min(size, until_aligned(out)) : 0};
  if (before.count > 0) {
    store(form(0, before), out, before);
    column = before.count;
  }
#pragma GCC unroll 2
  for (; column + kLanes <= size; column += kLanes)
    put<kStreams>(form(column, All()), out + column);
  if (column == size) return;
  const First rest{size - column};
  store(form(column, rest), out + column, rest);
}

// Calls body(std::true_type) or body(std::false_type), followed by a fence for non-temporal stores.
template <class Body>
HWY_INLINE void with_stores(bool streaming, const Body& body) {
  if (!streaming) return body(std::false_type());
  body(std::true_type());
  hwy::FlushStream();
}

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();

#endif  // include guard
