// Arrays: types, memory, layouts.
#include "harness/nn/array.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "harness/nn/text.h"
#include "tests/nn/arrays.h"

namespace normbench::nn {
namespace {

TEST(Array, BeginsAsZerosAndRoundsToItsType) {
  Array array({2, 2}, ElementType::kBf16);
  EXPECT_EQ(array.values(), std::vector<double>(4, 0));
  array.set(1, 1 + 0x1p-9);  // half of the distance to the next number, to even
  array.set(2, 1 + 0x1.8p-8);
  EXPECT_EQ(array.values(), (std::vector<double>{0, 1, 1 + 0x1p-6 - 0x1p-7, 0}));
}

TEST(Array, KeepsItsMemoryWhereItSuffices) {
  Array array({4, 5});
  const auto* before = array.bytes().data();
  array.resize({2, 3}, ElementType::kF64);
  array.resize({20}, ElementType::kF32);
  EXPECT_EQ(array.bytes().data(), before);
  array.resize({21}, ElementType::kF32);
  EXPECT_EQ(array.size(), 21);
}

TEST(Array, IsCopiedAndMoved) {
  Array array = of({3}, {1, 2, 3});
  Array copy = array;
  copy.set(0, 9);
  EXPECT_EQ(array.get(0), 1);
  const auto* place = copy.bytes().data();
  Array moved = std::move(copy);
  EXPECT_EQ(moved.bytes().data(), place);
  copy = array;
  EXPECT_EQ(copy, array);
}

TEST(Array, HasAddressesWithoutElements) { EXPECT_NE(Array({0, 3}).tensor(0, 3, 1).data, nullptr); }

TEST(Array, RefusesWhatCannotBe) {
  expect_error<std::invalid_argument>([] { Array({2, -1}); }, "negative dimension -1");
  expect_error<std::invalid_argument>(
      [] {
        Array({std::int64_t{1} << 40, std::int64_t{1} << 40});
      },
      "torch.Size([1099511627776, 1099511627776]) is too large to address");
  expect_error<std::invalid_argument>(
      [] {
        Array({2, 2}, ElementType::kF32, Layout::kNlc);
      },
      "the layout nlc is one of (N, C, L) arrays, but the size is torch.Size([2, 2])");
  expect_error<std::invalid_argument>(
      [] {
        of({2, 2}, {1, 2, 3});
      },
      "torch.Size([2, 2]) has 4 elements, but there are 3 values");
}

TEST(Array, IsLaidOutAnew) {
  const Array ncl = of({1, 2, 3}, {0, 1, 2, 10, 11, 12});
  const Array nlc = laid_out(ncl, Layout::kNlc);
  EXPECT_EQ(nlc.values(), (std::vector<double>{0, 10, 1, 11, 2, 12}));
  EXPECT_EQ(laid_out(nlc, Layout::kNcl), ncl);
}

TEST(Text, NumbersAreThoseOfPython) {
  EXPECT_EQ(python_number(0), "0.0");
  EXPECT_EQ(python_number(-1), "-1.0");
  EXPECT_EQ(python_number(1e-5), "1e-05");
  EXPECT_EQ(python_number(0.001), "0.001");
  EXPECT_EQ(python_number(-100000), "-100000.0");
  EXPECT_EQ(python_number(std::numeric_limits<double>::quiet_NaN()), "nan");
  EXPECT_EQ(size_text({}), "torch.Size([])");
}

}  // namespace
}  // namespace normbench::nn
