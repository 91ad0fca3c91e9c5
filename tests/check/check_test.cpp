// The verdict: what it says, in which words, and that it is not softened by anything.
#include "harness/check/check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
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

std::vector<Checked> checked_with(const Behavior& behavior, const CheckOptions& options) {
  const auto backend = faulty::make_backend("under_test", behavior);
  const std::array<const Backend*, 1> one = {backend.get()};
  Workspace workspace(batch_norm(Pass::kForwardTraining, 4, 3, 2), kSeed);
  std::vector<Checked> all = check_all(entrants(one, 1), workspace, options);
  // The backend does not outlive this.
  for (Checked& checked : all) checked.kernel = nullptr;
  return all;
}

Verdict verdict_with(const Behavior& behavior, const CheckOptions& options) {
  return checked_with(behavior, options)[0].verdict;
}

TEST(Repeats, FindWhatHappensOnceInAHundredCalls) {
  const Behavior rarely_wrong = faulty::followed_by([](const faulty::Work& work) {
    if (work.call % 100 == 0) work.arguments.y.as<float>()[4] += 1;
  });
  EXPECT_TRUE(verdict_with(rarely_wrong, {.seed = kSeed}).passed());
  const Verdict verdict = verdict_with(rarely_wrong, {.seed = kSeed, .calls = 100});
  EXPECT_EQ(verdict.output, "y");
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "random input, call 98: y at", verdict.reason);
}

TEST(Repeats, AreMoreWhereTheyAreShort) {
  int calls = 0;
  const Behavior counting =
      faulty::followed_by([&](const faulty::Work& work) { calls = work.call; });
  EXPECT_TRUE(verdict_with(counting, {.seed = kSeed, .calls = 2, .calls_if_short = 2}).passed());
  EXPECT_EQ(calls, 8);
  EXPECT_TRUE(verdict_with(counting, {.seed = kSeed}).passed());
  EXPECT_EQ(calls, 20);
  EXPECT_TRUE(verdict_with(counting, {.seed = kSeed, .calls = 4, .calls_if_short = 30}).passed());
  EXPECT_GT(calls, 8);
  EXPECT_LE(calls, 36);
}

TEST(Repeats, BeginWithTheSecondCall) {
  const Verdict verdict =
      verdict_with(faulty::of_other_bits(), {.seed = kSeed, .calls = 2, .calls_if_short = 2});
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "call 2: right, but not the bits", verdict.reason);
}

TEST(Repeats, NeedNotAgreeWhereTheBackendSaysSo) {
  Behavior behavior = faulty::of_other_bits();
  behavior.repeatable = false;
  const Verdict verdict = verdict_with(behavior, {.seed = kSeed});
  EXPECT_TRUE(verdict.passed()) << verdict.reason;
}

TEST(Checked, SaysWhatRunDoesBesideItsWork) {
  const Behavior loud = faulty::followed_by([](const faulty::Work&) {
    std::fputs("computing\n", stderr);
    const std::vector<float> memory(1000);
    static_cast<void>(memory.data());
  });
  const Checked of_loud = std::move(checked_with(loud, {.seed = kSeed})[0]);
  const Checked of_quiet = std::move(checked_with({}, {.seed = kSeed})[0]);
  EXPECT_TRUE(of_loud.verdict.passed()) << of_loud.verdict.reason;
  EXPECT_EQ(of_loud.bytes_written, 10);
  EXPECT_EQ(of_quiet.bytes_written, 0);
  EXPECT_GT(of_loud.allocations, of_quiet.allocations);
}

TEST(Check, SaysWhoIsAtWork) {
  std::vector<std::string> seen;
  CheckOptions options = {.seed = kSeed};
  options.before = [&seen](std::string_view backend) { seen.emplace_back(backend); };
  checked_with({}, options);
  EXPECT_EQ(seen.front(), "under_test");
  EXPECT_EQ(std::ranges::count(seen, ""), std::ssize(kInputKinds));
}

TEST(Check, EndsWhenItIsTold) {
  // The last of these are between two calls on random input.
  for (const int enough : {1, 2, 3, 5, 10, 15}) {
    int questions = 0;
    CheckOptions options = {.seed = kSeed};
    options.before = [&](std::string_view) {
      if (++questions == enough) throw Interrupted{};
    };
    EXPECT_THROW(checked_with({}, options), Interrupted) << enough;
    EXPECT_EQ(questions, enough);
  }
}

// Once for each kind of input, and before each of the repeats: the running statistics went back.
TEST(Check, LoadsALayoutOfItsOwnWheneverInputsChanged) {
  int loads = 0;
  Behavior behavior;
  behavior.native_layout = true;
  behavior.load = [&loads](const faulty::Work&) { ++loads; };
  EXPECT_TRUE(verdict_with(behavior, {.seed = kSeed}).passed());
  EXPECT_EQ(loads, 4 + 12);
  loads = 0;
  behavior.native_layout = false;
  EXPECT_TRUE(verdict_with(behavior, {.seed = kSeed}).passed());
  EXPECT_EQ(loads, 1);
}

TEST(Verdict, KeepsTheWorstErrorOfAllCalls) {
  const Problem problem = batch_norm(Pass::kForwardInference, 4, 5, 3);
  const double honest = verdict_on({}, problem).error.bound;
  // Calls on exact input, where y is close to gamma * xh.
  for (const int call : {1, 2}) {
    Behavior behavior = faulty::followed_by([call](const faulty::Work& work) {
      if (work.call != call) return;
      for (float& y : work.arguments.y.as<float>()) y *= 1 + 0x8p-24F;
    });
    behavior.repeatable = false;
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

// An element of an output, and the words for its place.
struct Place {
  Problem problem;
  std::string output;
  Tensor Arguments::*tensor;
  std::int64_t at;
  std::string words;
};

void PrintTo(const Place& place, std::ostream* out) { *out << place.words; }

class Position : public testing::TestWithParam<Place> {};

TEST_P(Position, IsNamedAsUsersCount) {
  const Place& place = GetParam();
  const Behavior behavior = faulty::followed_by([&](const faulty::Work& work) {
    faulty::store(work.arguments.*place.tensor, place.at, 1000);
  });
  const Verdict verdict = verdict_on(behavior, place.problem);
  EXPECT_EQ(verdict.output, place.output);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, place.words, verdict.reason);
}

// A norm with as many groups as channels.
Problem single_channels(Pass pass) {
  Problem problem = small(Norm::kGroup, pass);
  problem.groups = problem.c;
  return problem;
}

std::vector<Place> places() {
  constexpr Pass kTraining = Pass::kForwardTraining;
  constexpr Pass kBackward = Pass::kBackward;
  const auto nlc = [](Norm norm, Pass pass, DType dtype) {
    return small(norm, pass, dtype, Layout::kNlc);
  };
  const auto by_two = [](Norm norm) { return faulty::in_batches_of(2, small(norm, kBackward)); };
  return {
      {faulty::in_batches_of(2, small(Norm::kBatch, kTraining)), "mean", &Arguments::mean, 9 + 4,
       "mean at mini-batch 1, channel 4 is 1000,"},
      {small(Norm::kBatch, kTraining), "running_var", &Arguments::running_var, 4,
       "running_var at mini-batch 0, channel 4 is 1000,"},
      {small(Norm::kGroup, kTraining), "mean", &Arguments::mean, 2 * 3 + 1,
       "mean at sample 2, group 1 is 1000,"},
      {nlc(Norm::kGroup, kTraining, DType::kF16), "rstd", &Arguments::rstd, 5 * 3 + 2,
       "rstd at sample 5, group 2 is 1000,"},
      {single_channels(kTraining), "mean", &Arguments::mean, 2 * 9 + 8,
       "mean at sample 2, group 8 is 1000,"},
      {single_channels(kBackward), "dbeta", &Arguments::dbeta, 8,
       "dbeta at mini-batch 0, channel 8 is 1000,"},
      {by_two(Norm::kGroup), "dgamma", &Arguments::dgamma, 2 * 9 + 5,
       "dgamma at mini-batch 2, channel 5 is 1000,"},
      {nlc(Norm::kGroup, kBackward, DType::kBf16), "dx", &Arguments::dx, (4 * 7 + 3) * 9 + 8,
       "dx at sample 4, channel 8, position 3 is 1000,"},
      {small(Norm::kInstance, kTraining, DType::kF64), "variance", &Arguments::variance, 2 * 9 + 4,
       "variance at sample 2, channel 4 is 1000,"},
      {by_two(Norm::kInstance), "dbeta", &Arguments::dbeta, 9 + 4,
       "dbeta at mini-batch 1, channel 4 is 1000,"},
      {faulty::in_batches_of(1, small(Norm::kInstance, kBackward)), "dbeta", &Arguments::dbeta,
       3 * 9 + 4, "dbeta at mini-batch 3, channel 4 is 1000,"},
      {small(Norm::kLayer, kTraining), "variance", &Arguments::variance, 2,
       "variance at sample 2 is 1000,"},
      {by_two(Norm::kLayer), "dgamma", &Arguments::dgamma, 63 + 4 * 7 + 3,
       "dgamma at mini-batch 1, channel 4, position 3 is 1000,"},
      {nlc(Norm::kLayer, kBackward, DType::kF64), "dbeta", &Arguments::dbeta, 3 * 9 + 4,
       "dbeta at mini-batch 0, channel 4, position 3 is 1000,"},
      {faulty::in_batches_of(1, small(Norm::kLayer, kBackward)), "dgamma", &Arguments::dgamma,
       5 * 63 + 8 * 7, "dgamma at mini-batch 5, channel 8, position 0 is 1000,"},
      {small(Norm::kRms, kTraining), "rstd", &Arguments::rstd, 5, "rstd at sample 5 is 1000,"},
      {nlc(Norm::kRms, kBackward, DType::kF32), "dgamma", &Arguments::dgamma, 6 * 9 + 8,
       "dgamma at mini-batch 0, channel 8, position 6 is 1000,"},
      {small(Norm::kNone, kTraining, DType::kBf16), "y", &Arguments::y, (5 * 9 + 8) * 7 + 6,
       "y at sample 5, channel 8, position 6 is 1000,"},
  };
}

INSTANTIATE_TEST_SUITE_P(, Position, testing::ValuesIn(places()), [](const auto& info) {
  return faulty::test_name(info.param.problem) + "_" + info.param.output;
});

TEST(Outcome, HasAName) {
  EXPECT_EQ(name(Outcome::kPassed), "passed");
  EXPECT_EQ(name(Outcome::kFailed), "failed");
  EXPECT_EQ(name(Outcome::kUnsupported), "unsupported");
  EXPECT_EQ(name(Outcome::kNotBuilt), "not_built");
}

}  // namespace
}  // namespace normbench
