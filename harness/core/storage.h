// The 16-bit storage types: brain float and IEEE half, as plain integers with conversions.
//
// No language type serves both compilers in C++20. The conversions have no branches, and assignment
// is that of an integer, because g++ 12 vectorizes no loop that copies a struct. Conversions round
// to nearest, ties to even, and keep infinity and NaN.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "harness/core/problem.h"

namespace normbench {

// The upper half of a float: 8 digits.
struct Bf16 {
  std::uint16_t bits;

  Bf16() = default;
  Bf16(const Bf16&) = default;
  Bf16& operator=(const Bf16& other) {
    bits = other.bits;
    return *this;
  }
  explicit Bf16(float value) {
    const auto whole = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t rounded = whole + 0x7FFFU + ((whole >> 16) & 1U);
    const std::uint32_t not_a_number = whole | 0x400000U;
    const bool is_number = (whole & 0x7FFFFFFFU) <= 0x7F800000U;
    bits = static_cast<std::uint16_t>((is_number ? rounded : not_a_number) >> 16);
  }
  explicit Bf16(double value) : Bf16(static_cast<float>(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): it is a number in arithmetic.
  operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

// IEEE 754 binary16: 11 digits, at most 65504.
struct F16 {
  std::uint16_t bits;

  F16() = default;
  F16(const F16&) = default;
  F16& operator=(const F16& other) {
    bits = other.bits;
    return *this;
  }
  // Inlined in every case: g++ 12 takes it for too large, and vectorizes no loop that calls.
  [[gnu::always_inline]] explicit F16(float value) {
    const auto whole = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t size = whole & 0x7FFFFFFFU;
    // Adding 0.5 lets the adder round to a multiple of 2^-24, the smallest subnormal.
    const float shifted = std::bit_cast<float>(size) + 0.5F;
    const std::uint32_t subnormal = std::bit_cast<std::uint32_t>(shifted) - kHalf;
    // The exponent moves from a bias of 127 to one of 15.
    const std::uint32_t normal = (size - (112U << 23) + 0xFFFU + ((size >> 13) & 1U)) >> 13;
    const std::uint32_t special = size > kInfinity ? 0x7E00U : 0x7C00U;
    const std::uint32_t small = size < kSmallestNormal ? subnormal : normal;
    const std::uint32_t result = size >= kTooLarge ? special : small;
    bits = static_cast<std::uint16_t>(result | ((whole >> 16) & 0x8000U));
  }
  explicit F16(double value) : F16(static_cast<float>(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): it is a number in arithmetic.
  [[gnu::always_inline]] operator float() const {
    const std::uint32_t size = (bits & 0x7FFFU) << 13;
    const std::uint32_t exponent = size & (0x1FU << 23);
    const std::uint32_t normal = size + (112U << 23);
    const std::uint32_t special = size + (224U << 23);
    // 2^-14 * (1 + fraction), less the 1.
    const float shifted = std::bit_cast<float>(size + kSmallestNormal);
    const auto subnormal =
        std::bit_cast<std::uint32_t>(shifted - std::bit_cast<float>(kSmallestNormal));
    const std::uint32_t small = exponent == 0 ? subnormal : normal;
    const std::uint32_t result = exponent == (0x1FU << 23) ? special : small;
    return std::bit_cast<float>(result | (static_cast<std::uint32_t>(bits & 0x8000U) << 16));
  }

 private:
  static constexpr std::uint32_t kHalf = 126U << 23;
  static constexpr std::uint32_t kSmallestNormal = 113U << 23;  // 2^-14
  static constexpr std::uint32_t kTooLarge = 143U << 23;        // 2^16
  static constexpr std::uint32_t kInfinity = 255U << 23;
};

template <class T>
inline constexpr bool kIsStorage = std::is_same_v<T, float> || std::is_same_v<T, double> ||
                                   std::is_same_v<T, Bf16> || std::is_same_v<T, F16>;

// The type of statistics, parameters and arithmetic for data stored as T: double for double, else
// float.
template <class T>
using Parameter = std::conditional_t<std::is_same_v<T, double>, double, float>;

// Calls function(T{}), T being the C++ type of dtype.
template <class Function>
decltype(auto) with_storage(DType dtype, Function function) {
  switch (dtype) {
    case DType::kF64:
      return function(double{});
    case DType::kBf16:
      return function(Bf16{});
    case DType::kF16:
      return function(F16{});
    case DType::kF32:
      break;
  }
  return function(float{});
}

}  // namespace normbench
