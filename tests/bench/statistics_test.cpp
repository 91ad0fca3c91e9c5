// Medians, sign-test intervals and the noise floor.
#include "harness/bench/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace normbench {
namespace {

TEST(Median, IsTheMiddle) {
  EXPECT_EQ(median(std::vector<double>{3}), 3);
  EXPECT_EQ(median(std::vector<double>{9, 1, 5}), 5);
  EXPECT_EQ(median(std::vector<double>{4, 1, 9, 2}), 3);
}

// Rounds, and which order statistic (1 is the smallest) a 95% interval starts at: from the binomial
// table, the largest k with P(X < k) <= 0.025.
class SignTest : public testing::TestWithParam<std::pair<int, int>> {};

TEST_P(SignTest, TakesTheOrderStatisticOfTheTable) {
  const auto [rounds, k] = GetParam();
  std::vector<double> a;
  for (int i = 1; i <= rounds; ++i) a.push_back(std::exp2(i));
  std::shuffle(a.begin(), a.end(), std::mt19937(1));
  const std::vector<double> b(a.size(), 1);
  const Ratio ratio = paired_ratio(a, b);
  EXPECT_NEAR(std::log2(ratio.value), (rounds + 1) / 2.0, 1e-9);
  EXPECT_NEAR(std::log2(ratio.low), k, 1e-9);
  EXPECT_NEAR(std::log2(ratio.high), rounds + 1 - k, 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Table, SignTest,
                         testing::Values(std::pair{6, 1}, std::pair{8, 1}, std::pair{9, 2},
                                         std::pair{10, 2}, std::pair{12, 3}, std::pair{15, 4},
                                         std::pair{20, 6}, std::pair{30, 10}));

TEST(PairedRatio, ClaimsNothingBelowSixRounds) {
  const std::vector<double> a{2, 2, 2, 2, 2};
  const std::vector<double> b{1, 1, 1, 1, 1};
  const Ratio ratio = paired_ratio(a, b);
  EXPECT_DOUBLE_EQ(ratio.value, 2);
  EXPECT_EQ(ratio.low, 0);
  EXPECT_TRUE(std::isinf(ratio.high));
}

TEST(PairedRatio, ComparesWithinRounds) {
  // Both drift by the same factor from round to round: the ratio does not.
  std::vector<double> a;
  std::vector<double> b;
  for (int round = 0; round < 12; ++round) {
    b.push_back(std::pow(1.5, round));
    a.push_back(1.1 * b.back());
  }
  const Ratio ratio = paired_ratio(a, b);
  EXPECT_NEAR(ratio.low, 1.1, 1e-12);
  EXPECT_NEAR(ratio.high, 1.1, 1e-12);
}

TEST(NoiseFloor, IsTheSpreadOfNearlyAllCasesInEitherDirection) {
  EXPECT_EQ(noise_floor({}), 1);
  std::vector<Ratio> twins(99, Ratio{1.001, 1, 1});
  twins[3].value = 1 / 1.5;
  EXPECT_DOUBLE_EQ(noise_floor(twins), 1.001);
  for (std::size_t i = 10; i < 20; ++i) twins[i].value = 1 / 1.25;
  EXPECT_DOUBLE_EQ(noise_floor(twins), 1.25);
}

}  // namespace
}  // namespace normbench
