// Where in a tensor the wrong elements are.
#include "harness/check/where.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace normbench {
namespace {

using Wrong = std::function<bool(std::int64_t i, std::int64_t k, std::int64_t j)>;

std::string where_of(Layout layout, const Wrong& is_wrong) {
  const Tensor tensor{.n = 6, .c = 20, .l = 9, .layout = layout};
  std::vector<bool> wrong(static_cast<std::size_t>(tensor.size()));
  for (std::int64_t i = 0; i < tensor.n; ++i) {
    for (std::int64_t k = 0; k < tensor.c; ++k) {
      for (std::int64_t j = 0; j < tensor.l; ++j) {
        const bool ncl = layout == Layout::kNcl;
        const std::int64_t rest = ncl ? k * tensor.l + j : j * tensor.c + k;
        wrong[static_cast<std::size_t>(i * tensor.c * tensor.l + rest)] = is_wrong(i, k, j);
      }
    }
  }
  return where(tensor, wrong, 2, "sample");
}

class Where : public testing::TestWithParam<Layout> {};

TEST_P(Where, IsAChannelAPositionOrASample) {
  EXPECT_EQ(where_of(GetParam(), [](auto, auto k, auto) { return k == 19; }),
            "in the last channel");
  EXPECT_EQ(where_of(GetParam(), [](auto, auto k, auto) { return k == 0; }),
            "in the first channel");
  EXPECT_EQ(where_of(GetParam(), [](auto, auto, auto j) { return j == 8; }),
            "in the last position");
  EXPECT_EQ(where_of(GetParam(), [](auto i, auto, auto) { return i == 5; }), "in the last sample");
}

TEST_P(Where, IsATail) {
  EXPECT_EQ(where_of(GetParam(), [](auto, auto k, auto) { return k >= 16; }),
            "behind the last whole 8 channels, from channel 16 on");
}

TEST_P(Where, IsAMiniBatch) {
  EXPECT_EQ(where_of(GetParam(), [](auto i, auto, auto) { return i >= 2; }),
            "after the first mini-batch");
  EXPECT_EQ(where_of(GetParam(), [](auto i, auto, auto) { return i % 2 == 1; }),
            "in the last sample of each mini-batch");
}

TEST_P(Where, IsTheSeamOfTwoThreads) {
  EXPECT_EQ(where_of(GetParam(), [](auto, auto k, auto) { return k == 9 || k == 10; }),
            "in the channels on both sides of the middle, where parts of two threads may meet");
}

TEST_P(Where, IsNowhereInParticular) {
  EXPECT_EQ(where_of(GetParam(), [](auto, auto, auto) { return true; }), "");
  EXPECT_EQ(where_of(GetParam(), [](auto, auto, auto) { return false; }), "");
  EXPECT_EQ(where_of(GetParam(), [](auto i, auto k, auto j) { return (i + k + j) % 3 == 0; }), "");
  // A part of which most is right is no place.
  EXPECT_EQ(where_of(GetParam(), [](auto i, auto k, auto j) { return i == 1 && k == 3 && j == 2; }),
            "");
}

INSTANTIATE_TEST_SUITE_P(, Where, testing::Values(Layout::kNcl, Layout::kNlc),
                         [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace normbench
