// Which word was meant.
#include "harness/bench/spelling.h"

#include <gtest/gtest.h>

#include <array>

namespace normbench {
namespace {

constexpr std::array<std::string_view, 4> kKnown = {"run", "rank", "repro", "N"};

TEST(Nearest, IsOneSlipForThreeLettersAway) {
  EXPECT_EQ(nearest("rnu", kKnown), "run");
  EXPECT_EQ(nearest("ru", kKnown), "run");
  EXPECT_EQ(nearest("runs", kKnown), "run");
  EXPECT_EQ(nearest("rnak", kKnown), "rank");
  EXPECT_EQ(nearest("rpero", kKnown), "repro");
  EXPECT_EQ(nearest("RUN", kKnown), "run");
  EXPECT_EQ(nearest("n", kKnown), "N");
}

TEST(Nearest, IsNothingFurtherAway) {
  EXPECT_EQ(nearest("nur", kKnown), std::nullopt);
  EXPECT_EQ(nearest("x", kKnown), std::nullopt);
  EXPECT_EQ(nearest("zebra", kKnown), std::nullopt);
  EXPECT_EQ(nearest("", kKnown), std::nullopt);
  EXPECT_EQ(nearest("run", {}), std::nullopt);
}

}  // namespace
}  // namespace normbench
