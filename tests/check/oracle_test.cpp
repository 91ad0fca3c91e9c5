// The oracle against numbers that were worked out elsewhere, and against plain iteration.
#include "harness/check/oracle.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "harness/check/inputs.h"
#include "harness/check/workspace.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;

constexpr Accuracy kClaim{};
// Goldens are printed with 6 digits behind the point.
constexpr double kPrinted = 0.6e-6;

void put(const Tensor& tensor, const std::vector<float>& values) {
  ASSERT_EQ(tensor.as<float>().size(), values.size());
  std::copy(values.begin(), values.end(), tensor.as<float>().begin());
}

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
    a.x.as<float>()[at] = static_cast<float>(1 + at / 12 + 4 * (at / 4 % 3) + at % 4);
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

// Running statistics, by doing what they are defined by, mini-batch after mini-batch.
class RunningStatistics : public testing::TestWithParam<double> {};

TEST_P(RunningStatistics, AreThoseOfPlainIteration) {
  Problem problem = batch_norm(Pass::kForwardTraining, 6, 3, 5, 2);
  problem.momentum = GetParam();
  Workspace workspace(problem);
  fill(workspace, InputKind::kRandom, 3);
  const Arguments& a = workspace.arguments();
  const Oracle oracle(problem, a, false);
  const auto statistics = statistics_of(problem, a);
  for (std::size_t k = 0; k < 3; ++k) {
    double mean = a.running_mean.as<float>()[k];
    double variance = a.running_var.as<float>()[k];
    for (std::int64_t calls = 1; calls <= 40; ++calls) {
      for (std::size_t batch = 0; batch < 3; ++batch) {
        const Statistics& statistic = statistics[batch * 3 + k];
        mean += problem.momentum * (static_cast<double>(statistic.mean) - mean);
        variance +=
            problem.momentum * (static_cast<double>(statistic.variance) * 10 / 9 - variance);
      }
      const double size = 1e-13 * std::pow(std::max(1.0, std::abs(1 - problem.momentum)),
                                           static_cast<double>(3 * calls));
      EXPECT_NEAR(oracle.running_mean(k, kClaim, calls).value, mean, size) << calls << " calls";
      EXPECT_NEAR(oracle.running_var(k, kClaim, calls).value, variance, size) << calls << " calls";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Momentum, RunningStatistics, testing::Values(0.1, 0.0, 1.0, 0.5, -0.25),
                         [](const auto& info) { return "m" + std::to_string(info.index); });

TEST(RunningStatistics, BoundOfManyCallsStaysNarrow) {
  const Problem problem = batch_norm(Pass::kForwardTraining, 8, 2, 4);
  Workspace workspace(problem);
  fill(workspace, InputKind::kRandom, 3);
  const Oracle oracle(problem, workspace.arguments(), false);
  const Expected once = oracle.running_mean(0, kClaim, 1);
  const Expected often = oracle.running_mean(0, kClaim, 1'000'000);
  EXPECT_NEAR(often.value, oracle.mean(0, kClaim).value, 1e-12);
  EXPECT_LT(often.bound, 2e-6 * std::abs(often.value));
  EXPECT_GT(often.bound, 0);
  EXPECT_GT(std::abs(often.value - once.value), 100 * once.bound);
}

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
