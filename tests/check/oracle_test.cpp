// The oracle against numbers that were worked out elsewhere, or by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/check/filled.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;

constexpr Accuracy kClaim{};
// Goldens are printed with 6 digits behind the point.
constexpr double kPrinted = 0.6e-6;

// The example of ONNX's BatchNormalization, with one sample of two channels.
void put_onnx_example(const Workspace& workspace) {
  const Arguments& a = workspace.arguments();
  put(a.x, {-1, 0, 1, 2, 3, 4});
  put(a.gamma, {1, 1.5});
  put(a.beta, {0, 1});
  put(a.running_mean, {0, 3});
  put(a.running_var, {1, 1.5});
}

void expect_y(const Oracle& oracle, const std::vector<double>& expected) {
  for (std::int64_t at = 0; at < 6; ++at) {
    EXPECT_NEAR(oracle.y(0, at / 3, at % 3, kClaim).value, expected[static_cast<std::size_t>(at)],
                kPrinted)
        << "at " << at;
  }
}

TEST(Golden, OnnxExampleInInference) {
  const Problem problem = batch_norm(Pass::kForwardInference, 1, 2, 3);
  const Workspace workspace(problem);
  put_onnx_example(workspace);
  const Oracle oracle(problem, workspace.arguments(), false);
  expect_y(oracle, {-0.999995, 0, 0.999995, -0.224741, 1, 2.224741});
}

TEST(Golden, OnnxExampleInTraining) {
  const Problem problem = batch_norm(Pass::kForwardTraining, 1, 2, 3);
  const Workspace workspace(problem);
  put_onnx_example(workspace);
  const Oracle oracle(problem, workspace.arguments(), false);
  expect_y(oracle, {-1.224736, 0, 1.224736, -0.837104, 1, 2.837104});
  // Unbiased, as PyTorch has it: ONNX would say 0.966667 and 1.416667.
  EXPECT_NEAR(oracle.running_mean(0, kClaim, 1).value, 0, kPrinted);
  EXPECT_NEAR(oracle.running_mean(1, kClaim, 1).value, 3, kPrinted);
  EXPECT_NEAR(oracle.running_var(0, kClaim, 1).value, 1.0, kPrinted);
  EXPECT_NEAR(oracle.running_var(1, kClaim, 1).value, 1.45, kPrinted);
}

// pytorch#60528: x[i][k][j] = 1 + i + 4 k + j.
TEST(Golden, UnbiasedRunningVarianceOfPyTorch) {
  const Problem problem = batch_norm(Pass::kForwardTraining, 4, 3, 4);
  const Workspace workspace(problem);
  const Arguments& a = workspace.arguments();
  for (std::size_t at = 0; at < 48; ++at) {
    const std::size_t value = 1 + at / 12 + 4 * (at / 4 % 3) + at % 4;
    a.x.as<float>()[at] = static_cast<float>(value);
  }
  put(a.gamma, {1, 1, 1});
  put(a.beta, {0, 0, 0});
  put(a.running_mean, {0, 0, 0});
  put(a.running_var, {1, 1, 1});
  const Oracle oracle(problem, a, false);
  for (const std::size_t k : {0U, 1U, 2U}) {
    EXPECT_DOUBLE_EQ(oracle.mean(k, kClaim).value, 4 * (1 + static_cast<double>(k)));
    EXPECT_DOUBLE_EQ(oracle.variance(k, kClaim).value, 2.5);
    EXPECT_NEAR(oracle.running_var(k, kClaim, 1).value, 1.166667, kPrinted);
    EXPECT_NEAR(oracle.y(0, static_cast<std::int64_t>(k), 0, kClaim).value, -1.897363, kPrinted);
    EXPECT_NEAR(oracle.y(3, static_cast<std::int64_t>(k), 3, kClaim).value, 1.897363, kPrinted);
  }
}

// What the formulas say once the statistics are known: two values, 0 and 2, have mean 1 and
// variance 1; with eps = 3, rstd is 1/2 and xh is -1/2 and 1/2. With dy = 4, 8 and gamma = 2,
// dbeta = 12, dgamma = (8 - 4) / 2 = 2, and dx = 2 * 1/2 * (dy - 6 -+ 1/2 * 1) = -1.5, 1.5.
TEST(Golden, BackwardByHand) {
  Problem problem = batch_norm(Pass::kBackward, 2, 1, 1);
  problem.eps = 3;
  const Workspace workspace(problem);
  const Arguments& a = workspace.arguments();
  put(a.x, {0, 2});
  put(a.dy, {4, 8});
  put(a.gamma, {2});
  const Oracle oracle(problem, a, false);
  EXPECT_DOUBLE_EQ(oracle.rstd(0, kClaim).value, 0.5);
  EXPECT_DOUBLE_EQ(oracle.dbeta(0, kClaim).value, 12);
  EXPECT_DOUBLE_EQ(oracle.dgamma(0, kClaim).value, 2);
  EXPECT_DOUBLE_EQ(oracle.dx(0, 0, 0, kClaim).value, -1.5);
  EXPECT_DOUBLE_EQ(oracle.dx(1, 0, 0, kClaim).value, 1.5);
}

// Four values of one sample, in two channels: x = 0, 2 | 4, 10, eps 1 or 7, dy = 1, 2 | 3, 5.
struct Hand {
  Norm norm;
  std::int64_t groups = 1;
  double eps;
  std::vector<double> gamma;  // by channel, or by element
  std::vector<double> mean, variance, rstd;
  std::vector<double> y, dgamma, dbeta, dx;
};

class ByHand : public testing::TestWithParam<std::tuple<DType, Layout>> {
 protected:
  // (1, 2, 2) in the order of memory.
  static std::vector<double> in_memory(std::vector<double> values) {
    if (values.size() == 4 && std::get<1>(GetParam()) == Layout::kNlc) {
      std::swap(values[1], values[2]);
    }
    return values;
  }

  static void expect(const Hand& hand) {
    const auto& [dtype, layout] = GetParam();
    Problem p{.norm = hand.norm, .dtype = dtype, .layout = layout, .n = 1, .c = 2, .l = 2};
    p.groups = hand.groups;
    p.eps = hand.eps;
    const auto workspace_of = [&](Pass pass) {
      p.pass = pass;
      Workspace workspace(p);
      put(workspace.arguments().x, in_memory({0, 2, 4, 10}));
      put(workspace.arguments().dy, in_memory({1, 2, 3, 5}));
      put(workspace.arguments().gamma, in_memory(hand.gamma));
      put(workspace.arguments().beta, std::vector<double>(hand.gamma.size(), 0));
      return workspace;
    };
    const Workspace training = workspace_of(Pass::kForwardTraining);
    const Oracle forward = oracle_of(training);
    for (std::size_t at = 0; at < hand.rstd.size(); ++at) {
      EXPECT_NEAR(forward.mean(at, kClaim).value, hand.mean[at], 1e-14);
      EXPECT_NEAR(forward.variance(at, kClaim).value, hand.variance[at], 1e-14);
      EXPECT_NEAR(forward.rstd(at, kClaim).value, hand.rstd[at], 1e-14);
    }
    const Workspace saved = workspace_of(Pass::kBackward);
    const Oracle backward = oracle_of(saved);
    const std::vector<double> dgamma = in_memory(hand.dgamma);
    const std::vector<double> dbeta = in_memory(hand.dbeta);
    for (std::size_t at = 0; at < dgamma.size(); ++at) {
      EXPECT_NEAR(backward.dgamma(at, kClaim).value, dgamma[at], 1e-14);
      EXPECT_NEAR(backward.dbeta(at, kClaim).value, dbeta[at], 1e-14);
    }
    for (std::int64_t at = 0; at < 4; ++at) {
      const auto element = static_cast<std::size_t>(at);
      EXPECT_NEAR(forward.y(0, at / 2, at % 2, kClaim).value, hand.y[element], 1e-14) << at;
      EXPECT_NEAR(backward.dx(0, at / 2, at % 2, kClaim).value, hand.dx[element], 1e-14) << at;
    }
  }
};

// Mean 4, deviations -4, -2, 0, 6, variance (16 + 4 + 0 + 36) / 4 = 14, and with eps = 2 rstd =
// 1/4: xh = -1, -1/2, 0, 3/2. g = dy * gamma = 1, 4, 9, 20 has the mean 34/4 = 8.5, and g * xh =
// -1, -2, 0, 30 the mean 27/4 = 6.75. dx = (g - 8.5 - xh * 6.75) / 4: of 1 - 8.5 + 6.75 = -0.75, 4
// - 8.5 + 3.375 = -1.125, 0.5, 20 - 8.5 - 10.125 = 1.375.
TEST_P(ByHand, Layer) {
  expect({.norm = Norm::kLayer,
          .eps = 2,
          .gamma = {1, 2, 3, 4},
          .mean = {4},
          .variance = {14},
          .rstd = {0.25},
          .y = {-1, -1, 0, 6},
          .dgamma = {-1, -1, 0, 7.5},
          .dbeta = {1, 2, 3, 5},
          .dx = {-0.1875, -0.28125, 0.125, 0.34375}});
}

// The same with gamma = 1 | 2 by channel: y = -1, -1/2, 0, 3; g = 1, 2, 6, 10 with the mean 19/4 =
// 4.75, g * xh = -1, -1, 0, 15 with the mean 13/4 = 3.25. dx = (g - 4.75 - xh * 3.25) / 4: of
// 1 - 4.75 + 3.25 = -0.5, 2 - 4.75 + 1.625 = -1.125, 1.25, 10 - 4.75 - 4.875 = 0.375.
TEST_P(ByHand, GroupOfBothChannels) {
  expect({.norm = Norm::kGroup,
          .eps = 2,
          .gamma = {1, 2},
          .mean = {4},
          .variance = {14},
          .rstd = {0.25},
          .y = {-1, -0.5, 0, 3},
          .dgamma = {-1 - 1, 0 + 7.5},
          .dbeta = {3, 8},
          .dx = {-0.125, -0.28125, 0.3125, 0.09375}});
}

// Means 1 and 7, variances 1 and 9; with eps = 7, rstd = 1 / sqrt(8) and 1/4, and xh = -+1 /
// sqrt(8) and -+3/4. Of two values with dy = a, b, xh = -+h and d = (b - a) / 2, the means are (a +
// b) / 2 and h * d, and dx = -+gamma * rstd * d * (1 - h * h): d = 1/2 and 1, 1 - h * h = 7/8 and
// 7/16.
const Hand kByChannel = {
    .norm = Norm::kInstance,
    .eps = 7,
    .gamma = {1, 2},
    .mean = {1, 7},
    .variance = {1, 9},
    .rstd = {std::sqrt(0.125), 0.25},
    .y = {-std::sqrt(0.125), std::sqrt(0.125), -1.5, 1.5},
    .dgamma = {std::sqrt(0.125), 1.5},
    .dbeta = {3, 8},
    .dx = {-std::sqrt(0.125) * 0.4375, std::sqrt(0.125) * 0.4375, -0.21875, 0.21875}};

TEST_P(ByHand, Instance) { expect(kByChannel); }

TEST_P(ByHand, GroupOfEachChannel) {
  Hand hand = kByChannel;
  hand.norm = Norm::kGroup;
  hand.groups = 2;
  expect(hand);
}

// The mean square is (0 + 4 + 16 + 100) / 4 = 30; with eps = 6, rstd = 1/6 and xh = 0, 1/3, 2/3,
// 5/3. g = 1, 4, 9, 20, and g * xh = 0, 4/3, 6, 100/3 has the mean 122/12 = 61/6.
// dx = (g - xh * 61/6) / 6: of 1, 4 - 61/18 = 11/18, 9 - 61/9 = 20/9, 20 - 305/18 = 55/18.
TEST_P(ByHand, Rms) {
  expect({.norm = Norm::kRms,
          .eps = 6,
          .gamma = {1, 2, 3, 4},
          .mean = {0},
          .variance = {30},
          .rstd = {1.0 / 6},
          .y = {0, 2.0 / 3, 2, 20.0 / 3},
          .dgamma = {0, 2.0 / 3, 2, 25.0 / 3},
          .dbeta = {1, 2, 3, 5},
          .dx = {1.0 / 6, 11.0 / 108, 10.0 / 27, 55.0 / 108}});
}

INSTANTIATE_TEST_SUITE_P(, ByHand,
                         testing::Combine(testing::ValuesIn(kEveryDType),
                                          testing::ValuesIn(kEveryLayout)),
                         [](const auto& info) {
                           return std::string(name(std::get<0>(info.param))) + "_" +
                                  std::string(name(std::get<1>(info.param)));
                         });

TEST(Statistics, AreThoseOfEachMiniBatch) {
  const Problem problem = batch_norm(Pass::kForwardTraining, 4, 2, 1, 2);
  const Workspace workspace(problem);
  put(workspace.arguments().x, {1, 10, 3, 30, -5, 7, 5, 7});
  const auto statistics = statistics_of(problem, workspace.arguments());
  ASSERT_EQ(statistics.size(), 4U);
  EXPECT_DOUBLE_EQ(static_cast<double>(statistics[0].mean), 2);
  EXPECT_DOUBLE_EQ(static_cast<double>(statistics[0].variance), 1);
  EXPECT_DOUBLE_EQ(static_cast<double>(statistics[1].mean), 20);
  EXPECT_DOUBLE_EQ(static_cast<double>(statistics[1].variance), 100);
  EXPECT_DOUBLE_EQ(static_cast<double>(statistics[2].mean), 0);
  EXPECT_DOUBLE_EQ(statistics[2].mean_size, 5);
  EXPECT_DOUBLE_EQ(static_cast<double>(statistics[2].variance), 25);
  EXPECT_DOUBLE_EQ(static_cast<double>(statistics[3].variance), 0);
  EXPECT_DOUBLE_EQ(static_cast<double>(statistics[3].rstd), 1 / std::sqrt(1e-5));
}

}  // namespace
}  // namespace normbench
