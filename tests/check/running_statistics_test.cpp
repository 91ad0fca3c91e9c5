// The running statistics that the oracle expects, against plain iteration.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "tests/check/filled.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;

constexpr Accuracy kClaim{};

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

}  // namespace
}  // namespace normbench
