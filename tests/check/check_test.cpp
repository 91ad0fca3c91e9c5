// The check itself: it passes an honest backend, and rejects every faulty one for its fault.
#include "harness/check/check.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <limits>
#include <set>
#include <string>
#include <vector>

#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;
using faulty::Behavior;
using faulty::Faulty;
using faulty::faulty_backends;

constexpr std::uint64_t kSeed = 1;

Verdict verdict_on(const Behavior& behavior, const Problem& problem, std::uint64_t seed = kSeed) {
  Workspace workspace(problem, seed);
  return check(*faulty::make_backend("under_test", behavior), workspace, 1, seed);
}

class FaultyBackend : public testing::TestWithParam<Faulty> {
 protected:
  void SetUp() override {
    if (!GetParam().skip.empty()) GTEST_SKIP() << GetParam().skip;
    // So that a fault of a second thread shows on a machine with one processor.
    omp_set_num_threads(2);
  }
};

TEST_P(FaultyBackend, IsRejectedForItsFault) {
  const Faulty& fault = GetParam();
  const Verdict verdict = verdict_on(fault.behavior, fault.problem);
  EXPECT_EQ(name(verdict.outcome), name(Outcome::kFailed));
  EXPECT_EQ(verdict.output, fault.output);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, fault.reason, verdict.reason);
}

TEST_P(FaultyBackend, DoesNotSpoilTheNext) {
  const Faulty& fault = GetParam();
  Workspace workspace(fault.problem, kSeed);
  check(*faulty::make_backend("faulty", fault.behavior), workspace, 1, kSeed);
  const Verdict next = check(*faulty::make_backend("honest", {}), workspace, 1, kSeed);
  EXPECT_TRUE(next.passed()) << next.reason;
}

INSTANTIATE_TEST_SUITE_P(, FaultyBackend, testing::ValuesIn(faulty_backends()),
                         [](const auto& info) { return info.param.name; });

TEST(FaultyBackends, HaveDifferentNames) {
  std::set<std::string> names;
  for (const Faulty& fault : faulty_backends()) names.insert(fault.name);
  EXPECT_EQ(names.size(), faulty_backends().size());
}

// The problems that the faulty backends are rejected on, and the other layout.
std::vector<Problem> problems_of_faulty_backends() {
  std::vector<Problem> problems;
  std::set<std::string> seen;
  for (const Faulty& fault : faulty_backends()) {
    for (const Layout layout : {Layout::kNcl, Layout::kNlc}) {
      Problem problem = fault.problem;
      problem.layout = layout;
      if (seen.insert(id(problem)).second) problems.push_back(problem);
    }
  }
  return problems;
}

class HonestBackend : public testing::TestWithParam<Problem> {};

TEST_P(HonestBackend, Passes) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Verdict verdict = verdict_on({}, GetParam(), seed);
    EXPECT_TRUE(verdict.passed()) << "seed " << seed << ": " << verdict.reason;
    EXPECT_EQ(verdict.reason, "");
    EXPECT_EQ(verdict.output, "");
    EXPECT_GT(verdict.error.bound, 0);
    EXPECT_LE(verdict.error.bound, 1);
  }
}

INSTANTIATE_TEST_SUITE_P(, HonestBackend, testing::ValuesIn(problems_of_faulty_backends()),
                         [](const auto& info) { return faulty::test_name(info.param); });

// Why there are several kinds of input: the sums of the exact kind do not round, not even in the
// formula that is known to be wrong. It is the ill-conditioned kind that tells.
TEST(OnePassVariance, PassesTheExactInput) {
  const Problem problem = batch_norm(Pass::kForwardTraining, 8, 5, 7);
  const auto backend = faulty::make_backend(
      "one_pass", faulty::replaced(&faulty::Steps::statistic, faulty::one_pass_in_float));
  Workspace workspace(problem);
  const auto kernel = backend->prepare(problem, workspace.arguments(), 1);
  const auto verdict_for = [&](InputKind kind) {
    fill(workspace, kind, kSeed);
    const Oracle oracle(problem, workspace.arguments(), kind == InputKind::kExact);
    kernel->run();
    return check_outputs(workspace, oracle, Accuracy{.roundings = 55}, 1);
  };
  const Verdict exact = verdict_for(InputKind::kExact);
  EXPECT_TRUE(exact.passed()) << exact.reason;
  const Verdict ill_conditioned = verdict_for(InputKind::kIllConditioned);
  EXPECT_EQ(ill_conditioned.output, "variance");
}

TEST(Claim, OfFloatSumsIsAccepted) {
  for (const Faulty& fault : faulty_backends()) {
    const bool float_sums = fault.name == "float_sums_claimed_as_double" ||
                            fault.name == "float_gradient_sums_claimed_as_double";
    if (!float_sums) continue;
    Behavior behavior = fault.behavior;
    behavior.claim.roundings = static_cast<double>(fault.problem.values_per_channel() - 1);
    const Verdict verdict = verdict_on(behavior, fault.problem);
    EXPECT_TRUE(verdict.passed()) << fault.name << ": " << verdict.reason;
  }
}

TEST(Claim, OfAFoldedYIsAccepted) {
  for (const Faulty& fault : faulty_backends()) {
    if (fault.name != "folded_y_claimed_as_centered") continue;
    Behavior behavior = fault.behavior;
    behavior.claim.grade = Grade::kB;
    const Verdict verdict = verdict_on(behavior, fault.problem);
    EXPECT_TRUE(verdict.passed()) << verdict.reason;
  }
}

TEST(Verdict, SaysWhyAProblemIsUnsupported) {
  Problem problem = batch_norm(Pass::kForwardTraining, 4, 3, 2);
  problem.norm = Norm::kLayer;
  const Verdict verdict = verdict_on({}, problem);
  EXPECT_EQ(verdict.outcome, Outcome::kUnsupported);
  EXPECT_EQ(verdict.reason, "only batch norm is implemented");
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
