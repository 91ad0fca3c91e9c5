// The 16-bit storage types against their definitions: every value, and every way to round.
#include "harness/core/storage.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

namespace normbench {
namespace {

template <class T>
struct Format;
template <>
struct Format<Bf16> {
  static constexpr int kFraction = 7, kBias = 127;
};
template <>
struct Format<F16> {
  static constexpr int kFraction = 10, kBias = 15;
};

template <class T>
T from_bits(std::uint32_t bits) {
  T value;
  value.bits = static_cast<std::uint16_t>(bits);
  return value;
}

// What IEEE 754 says that the bits mean.
template <class T>
double meaning(std::uint32_t bits) {
  constexpr int kFraction = Format<T>::kFraction;
  const double sign = (bits & 0x8000U) != 0 ? -1 : 1;
  const int exponent = static_cast<int>((bits & 0x7FFFU) >> kFraction);
  const auto fraction = static_cast<double>(bits & ((1U << kFraction) - 1U));
  if (exponent == 2 * Format<T>::kBias + 1) {
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  }
  const double size = exponent == 0 ? fraction : fraction + (1U << kFraction);
  return sign * std::ldexp(size, std::max(exponent, 1) - Format<T>::kBias - kFraction);
}

template <class T>
class SixteenBits : public testing::Test {};

struct Names {
  template <class T>
  static std::string GetName(int) {
    return std::is_same_v<T, Bf16> ? "bf16" : "f16";
  }
};
using Types = testing::Types<Bf16, F16>;
TYPED_TEST_SUITE(SixteenBits, Types, Names);

TYPED_TEST(SixteenBits, EveryValueIsReadAndWrittenExactly) {
  for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
    const float value = from_bits<TypeParam>(bits);
    const double expected = meaning<TypeParam>(bits);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value)) << bits;
      EXPECT_TRUE(std::isnan(static_cast<float>(TypeParam(value)))) << bits;
      continue;
    }
    EXPECT_EQ(value, expected) << bits;
    EXPECT_EQ(std::signbit(value), std::signbit(expected)) << bits;
    EXPECT_EQ(TypeParam(value).bits, bits);
  }
}

// Between each two neighbors: just below the middle, the middle, and just above.
TYPED_TEST(SixteenBits, RoundsToTheNearestAndTiesToEven) {
  constexpr std::uint32_t kInfinity = ((2U * Format<TypeParam>::kBias) + 1U)
                                      << Format<TypeParam>::kFraction;
  for (std::uint32_t bits = 0; bits + 1 < kInfinity; ++bits) {
    const double low = meaning<TypeParam>(bits);
    const double high = meaning<TypeParam>(bits + 1);
    const auto middle = static_cast<float>((low + high) / 2);
    const std::uint32_t even = bits % 2 == 0 ? bits : bits + 1;
    EXPECT_EQ(TypeParam(middle).bits, even) << bits;
    EXPECT_EQ(TypeParam(-middle).bits, even | 0x8000U) << bits;
    EXPECT_EQ(TypeParam(std::nextafter(middle, 0.0F)).bits, bits);
    EXPECT_EQ(TypeParam(std::nextafter(middle, HUGE_VALF)).bits, bits + 1);
  }
}

TEST(F16, OverflowsFromHalfwayBeyondItsLargest) {
  EXPECT_EQ(F16(65504.0F).bits, 0x7BFFU);
  EXPECT_EQ(F16(65519.996F).bits, 0x7BFFU);
  EXPECT_EQ(F16(65520.0F).bits, 0x7C00U);
  EXPECT_EQ(F16(-1e30F).bits, 0xFC00U);
}

TEST(Bf16, OverflowsFromHalfwayBeyondItsLargest) {
  EXPECT_EQ(Bf16(std::numeric_limits<float>::max()).bits, 0x7F80U);
  EXPECT_EQ(Bf16(-std::numeric_limits<float>::infinity()).bits, 0xFF80U);
}

TEST(WithStorage, GivesTheTypeOfTheDType) {
  const auto size = [](DType dtype) {
    return with_storage(dtype, []<class T>(T) { return sizeof(T) + sizeof(Parameter<T>); });
  };
  EXPECT_EQ(size(DType::kF32), 8U);
  EXPECT_EQ(size(DType::kF64), 16U);
  EXPECT_EQ(size(DType::kBf16), 6U);
  EXPECT_EQ(size(DType::kF16), 6U);
}

}  // namespace
}  // namespace normbench
