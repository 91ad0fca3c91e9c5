// What the check is for: it passes an honest backend, and rejects every faulty one for its fault.
#include "tests/faulty/faulty.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <array>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "harness/check/check.h"
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

// All backends of a case share a workspace, what is expected, and the kind of input.
TEST_P(FaultyBackend, DoesNotSpoilTheNext) {
  const Faulty& fault = GetParam();
  Workspace workspace(fault.problem, kSeed);
  const auto first = faulty::make_backend("first", {});
  const auto faulty = faulty::make_backend("faulty", fault.behavior);
  const auto next = faulty::make_backend("next", {});
  const std::array<const Backend*, 3> all = {first.get(), faulty.get(), next.get()};
  const auto checked = check_all(entrants(all, 1), workspace, {.seed = kSeed});
  EXPECT_TRUE(checked[0].verdict.passed()) << checked[0].verdict.reason;
  EXPECT_PRED_FORMAT2(testing::IsSubstring, fault.reason, checked[1].verdict.reason);
  EXPECT_TRUE(checked[2].verdict.passed()) << checked[2].verdict.reason;
}

INSTANTIATE_TEST_SUITE_P(, FaultyBackend, testing::ValuesIn(faulty_backends()),
                         [](const auto& info) { return info.param.name; });

void covers(const std::set<std::string>& covered, const std::string& what) {
  EXPECT_TRUE(covered.contains(what)) << "no fault shows on " << what;
}

TEST(FaultyBackends, HaveDifferentNames) {
  std::set<std::string> names;
  for (const Faulty& fault : faulty_backends()) names.insert(fault.name);
  EXPECT_EQ(names.size(), faulty_backends().size());
}

TEST(FaultyBackends, CoverEveryNormPassDtypeAndLayout) {
  std::set<std::string> covered;
  for (const Faulty& fault : faulty_backends()) {
    const Problem& p = fault.problem;
    const std::string pass(name(p.pass));
    covered.insert(std::string(name(p.norm)) + " in " + pass);
    covered.insert(std::string(name(p.norm)) + " in " + std::string(name(p.layout)));
    covered.insert(std::string(name(p.dtype)) + " in " + pass);
    covered.insert(std::string(name(p.dtype)) + " in " + std::string(name(p.layout)));
  }
  for (const Problem& p : faulty::all_small_problems()) {
    const std::string pass(name(p.pass));
    const std::string layout(name(p.layout));
    // The order of memory is nothing to a norm that copies.
    if (p.norm != Norm::kNone) covers(covered, std::string(name(p.norm)) + " in " + layout);
    covers(covered, std::string(name(p.norm)) + " in " + pass);
    covers(covered, std::string(name(p.dtype)) + " in " + pass);
    covers(covered, std::string(name(p.dtype)) + " in " + layout);
  }
}

// Every norm, pass, dtype and layout; with affine and without, in one mini-batch and in several.
// And the problems that the faulty backends are rejected on, in either layout.
std::vector<Problem> problems_for_the_honest() {
  std::vector<Problem> problems;
  std::set<std::string> seen;
  const auto add = [&](const Problem& problem) {
    if (seen.insert(id(problem)).second) problems.push_back(problem);
  };
  for (const Problem& problem : faulty::all_small_problems()) {
    add(problem);
    add(faulty::plain(problem));
    add(faulty::in_batches_of(2, problem));
  }
  for (const Faulty& fault : faulty_backends()) {
    for (const Layout layout : kEveryLayout) {
      Problem problem = fault.problem;
      problem.layout = layout;
      add(problem);
    }
  }
  return problems;
}

class HonestBackend : public testing::TestWithParam<Problem> {
 protected:
  // A team of threads costs more than all that is done here.
  void SetUp() override { omp_set_num_threads(1); }
};

TEST_P(HonestBackend, Passes) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Verdict verdict = verdict_on({}, GetParam(), seed);
    EXPECT_TRUE(verdict.passed()) << "seed " << seed << ": " << verdict.reason;
    EXPECT_EQ(verdict.reason, "");
    EXPECT_EQ(verdict.output, "");
    // The copy of a control has neither an error nor a bound.
    EXPECT_EQ(verdict.error.bound > 0, GetParam().norm != Norm::kNone);
    EXPECT_LE(verdict.error.bound, 1);
  }
}

INSTANTIATE_TEST_SUITE_P(, HonestBackend, testing::ValuesIn(problems_for_the_honest()),
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

// A copy of the fault with this name.
std::optional<Faulty> fault_named(const std::string& name) {
  for (const Faulty& fault : faulty_backends()) {
    if (fault.name == name) return fault;
  }
  return std::nullopt;
}

TEST(Claim, OfFloatSumsIsAccepted) {
  for (const char* name :
       {"float_sums_claimed_as_double", "float_gradient_sums_claimed_as_double"}) {
    std::optional<Faulty> fault = fault_named(name);
    ASSERT_TRUE(fault) << name;
    fault->behavior.claim.roundings = static_cast<double>(fault->problem.values_per_channel() - 1);
    const Verdict verdict = verdict_on(fault->behavior, fault->problem);
    EXPECT_TRUE(verdict.passed()) << name << ": " << verdict.reason;
  }
}

// Of values that are all about the same, as in the fourth channel, roundings go to one side.
TEST(Claim, OfLongFloatSumsIsAcceptedForValuesThatAreAboutTheSame) {
  const Problem problem = batch_norm(Pass::kForwardTraining, 1024, 4, 64);
  Behavior behavior = faulty::replaced(&faulty::Steps::statistic, faulty::two_pass_in_float);
  behavior.claim.roundings = static_cast<double>(problem.values_per_channel() - 1);
  behavior.claim.exact_sums = false;
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
    const Verdict verdict = verdict_on(behavior, problem, seed);
    EXPECT_TRUE(verdict.passed()) << "seed " << seed << ": " << verdict.reason;
  }
}

TEST(Claim, OfAFoldedYIsAccepted) {
  std::optional<Faulty> fault = fault_named("folded_y_claimed_as_centered");
  ASSERT_TRUE(fault);
  fault->behavior.claim.grade = Grade::kB;
  const Verdict verdict = verdict_on(fault->behavior, fault->problem);
  EXPECT_TRUE(verdict.passed()) << verdict.reason;
}

// The float sums of one pass over all shapes and norms, whatever is lost in them.
class OnePass : public testing::TestWithParam<Problem> {
 protected:
  static Behavior behavior(faulty::Statistic (*statistic)(const Problem&, faulty::Values)) {
    Behavior behavior = faulty::replaced(&faulty::Steps::statistic, statistic);
    behavior.claim = Accuracy::sequential(GetParam().longest_sum());
    return behavior;
  }
  static void expect_passes(Behavior honest, const Accuracy& claim) {
    honest.claim = claim;
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      const Verdict verdict = verdict_on(honest, GetParam(), seed);
      EXPECT_TRUE(verdict.passed()) << "seed " << seed << ": " << verdict.reason;
    }
  }
};

TEST_P(OnePass, NeedsTheClaimOfMoments) {
  const Behavior honest = behavior(faulty::one_pass_in_float);
  EXPECT_FALSE(verdict_on(honest, GetParam()).passed());
  expect_passes(honest, honest.claim.by_moments());
}

TEST_P(OnePass, ShiftedPassesAsShiftedMoments) {
  const Behavior honest = behavior(faulty::shifted_one_pass_in_float);
  expect_passes(honest, honest.claim.by_shifted_moments());
}

TEST_P(OnePass, FoldedNeedsBothClaims) {
  Behavior honest = behavior(faulty::one_pass_in_float);
  honest.steps.y = faulty::folded_y;
  EXPECT_FALSE(verdict_on(honest, GetParam()).passed());
  expect_passes(honest, honest.claim.by_moments().folded());
}

// Moments lose more than shifted ones: they may not pass as those.
TEST_P(OnePass, IsNoShiftedOne) {
  Behavior behavior = OnePass::behavior(faulty::one_pass_in_float);
  behavior.claim = behavior.claim.by_shifted_moments();
  EXPECT_FALSE(verdict_on(behavior, GetParam()).passed());
}

// One that is made of rstd in float, which is off on exact input too.
TEST_P(OnePass, MayHaveAVarianceFromRstd) {
  Behavior honest = behavior(faulty::one_pass_in_float);
  honest.steps.saved_variance = [](double variance, double) {
    const double rstd = faulty::rounded(DType::kF32, 1 / std::sqrt(variance + GetParam().eps));
    return 1 / (rstd * rstd) - GetParam().eps;
  };
  expect_passes(honest, honest.claim.by_moments().variance_from_rstd());
}

INSTANTIATE_TEST_SUITE_P(Problem, OnePass,
                         testing::Values(batch_norm(Pass::kForwardTraining, 8, 5, 7),
                                         batch_norm(Pass::kForwardTraining, 512, 4, 8),
                                         batch_norm(Pass::kForwardTraining, 64, 9, 31, 16),
                                         faulty::small(Norm::kGroup, Pass::kForwardTraining),
                                         faulty::small(Norm::kLayer, Pass::kForwardTraining,
                                                       DType::kF32, Layout::kNlc)),
                         [](const auto& info) { return faulty::test_name(info.param); });

TEST(Claim, OfAVarianceFromRstdIsNeededOnExactInput) {
  const Problem problem = batch_norm(Pass::kForwardTraining, 8, 5, 7);
  Behavior behavior =
      faulty::replaced(&faulty::Steps::saved_variance, [&problem](double variance, double) {
        const double rstd = faulty::rounded(DType::kF32, 1 / std::sqrt(variance + problem.eps));
        return 1 / (rstd * rstd) - problem.eps;
      });
  EXPECT_EQ(verdict_on(behavior, problem).output, "variance");
  behavior.claim = behavior.claim.variance_from_rstd();
  const Verdict verdict = verdict_on(behavior, problem);
  EXPECT_TRUE(verdict.passed()) << verdict.reason;
}

// Why norms differ in what they notice: what is wrong where gamma varies within a statistic is
// right where it does not.
TEST(GammaOutsideOfTheMeans, IsRightForOneGammaPerStatistic) {
  for (const Norm norm : {Norm::kBatch, Norm::kInstance}) {
    const Verdict verdict =
        verdict_on(faulty::with_gamma_outside_of_the_means(), faulty::small(norm, Pass::kBackward));
    EXPECT_TRUE(verdict.passed()) << name(norm) << ": " << verdict.reason;
  }
}

}  // namespace
}  // namespace normbench
