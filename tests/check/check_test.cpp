// The verdict: what it says, in which words, and that it is not softened by anything.
#include "harness/check/check.h"

#include <gtest/gtest.h>

#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;
using faulty::Behavior;
using faulty::small;

constexpr std::uint64_t kSeed = 1;

Verdict verdict_on(const Behavior& behavior, const Problem& problem) {
  Workspace workspace(problem, kSeed);
  return check(*faulty::make_backend("under_test", behavior), workspace, 1, kSeed);
}

TEST(Verdict, SaysWhyAProblemIsUnsupported) {
  Behavior behavior;
  behavior.declines = "only on Sundays";
  const Verdict verdict = verdict_on(behavior, batch_norm(Pass::kForwardTraining, 4, 3, 2));
  EXPECT_EQ(verdict.outcome, Outcome::kUnsupported);
  EXPECT_EQ(verdict.reason, "only on Sundays");
  EXPECT_FALSE(verdict.passed());
}

TEST(Verdict, NamesPlaceValueExpectationAndBound) {
  const Behavior behavior = faulty::followed_by(
      [](const faulty::Work& work) { work.arguments.dbeta.as<float>()[3] = 1000; });
  const Verdict verdict = verdict_on(behavior, batch_norm(Pass::kBackward, 4, 2, 3, 2));
  EXPECT_EQ(verdict.output, "dbeta");
  EXPECT_EQ(verdict.reason.find("exact input, call 1: dbeta at mini-batch 1, channel 1 is 1000, "
                                "expected "),
            0U)
      << verdict.reason;
  EXPECT_PRED_FORMAT2(testing::IsSubstring, " +- ", verdict.reason);
  EXPECT_GT(verdict.error.bound, 1e6);
}

TEST(Verdict, NamesTheFirstOfSeveralInMemory) {
  const auto reason = [](const Problem& problem, std::size_t first, std::size_t second) {
    const Behavior behavior = faulty::followed_by([first, second](const faulty::Work& work) {
      for (const std::size_t at : {first, second}) {
        work.arguments.y.as<float>()[at] = std::numeric_limits<float>::quiet_NaN();
      }
    });
    return verdict_on(behavior, problem).reason;
  };
  Problem channels_last = batch_norm(Pass::kForwardInference, 4, 5, 3);
  channels_last.layout = Layout::kNlc;
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "y at sample 0, channel 4, position 0",
                      reason(channels_last, 4, 5));
  // So many channels that they are compared in several parts.
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "y at sample 0, channel 140, position 0",
                      reason(batch_norm(Pass::kForwardInference, 2, 150, 1), 140, 150));
}

TEST(Verdict, KeepsTheWorstErrorOfAllCalls) {
  const Problem problem = batch_norm(Pass::kForwardInference, 4, 5, 3);
  const double honest = verdict_on({}, problem).error.bound;
  // Calls on exact input, where y is close to gamma * xh.
  for (const int call : {1, 2}) {
    const Behavior behavior = faulty::followed_by([call](const faulty::Work& work) {
      if (work.call != call) return;
      for (float& y : work.arguments.y.as<float>()) y *= 1 + 0x8p-24F;
    });
    const Verdict verdict = verdict_on(behavior, problem);
    EXPECT_TRUE(verdict.passed()) << verdict.reason;
    EXPECT_GT(verdict.error.bound, honest + 0.2) << "call " << call;
  }
}

TEST(Verdict, CountsPositionsInTheOtherLayout) {
  Problem problem = batch_norm(Pass::kForwardInference, 4, 5, 3);
  problem.layout = Layout::kNlc;
  const Behavior behavior = faulty::followed_by(
      [](const faulty::Work& work) { work.arguments.y.as<float>()[(2 * 3 + 1) * 5 + 4] = 1000; });
  const Verdict verdict = verdict_on(behavior, problem);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "y at sample 2, channel 4, position 1 is 1000",
                      verdict.reason);
}

TEST(Outcome, HasAName) {
  EXPECT_EQ(name(Outcome::kPassed), "passed");
  EXPECT_EQ(name(Outcome::kFailed), "failed");
  EXPECT_EQ(name(Outcome::kUnsupported), "unsupported");
  EXPECT_EQ(name(Outcome::kNotBuilt), "not_built");
}

}  // namespace
}  // namespace normbench
