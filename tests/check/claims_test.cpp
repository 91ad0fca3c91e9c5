// The search for claims: what a backend does is found, or something smaller that holds.
#include "harness/check/claims.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/check/check.h"
#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;
using faulty::Behavior;
using faulty::Statistic;
using faulty::Steps;
using faulty::Values;

// Long enough for sums in float to show, and no power of two.
const Problem kLong = batch_norm(Pass::kForwardTraining, 500, 4, 37);
const Problem kShort = batch_norm(Pass::kForwardTraining, 8, 5, 7);

Checked searched(const Behavior& behavior, const Problem& problem) {
  Workspace workspace(problem, 1);
  const auto backend = faulty::make_backend("under_test", behavior);
  const std::array<Entrant, 1> one = {{{backend.get(), 1}}};
  std::vector<Checked> all = check_all(one, workspace, {.calls = 2, .search_claims = true});
  all[0].kernel.reset();
  return std::move(all[0]);
}

bool passes_with(const Checked& checked, const std::string& text) {
  const auto& claims = checked.claims->claims();
  for (std::size_t at = 0; at < claims.size(); ++at) {
    if (claims[at].text == "Accuracy::" + text) return checked.claims->is_alive(at);
  }
  ADD_FAILURE() << text << " is not in the list";
  return false;
}

std::string least(const Checked& checked) {
  const auto& claims = checked.claims->claims();
  for (std::size_t at = 0; at < claims.size(); ++at) {
    if (checked.claims->is_alive(at)) return claims[at].text;
  }
  return "none";
}

Behavior of(Statistic (*statistic)(const Problem&, Values)) {
  return faulty::replaced(&Steps::statistic, statistic);
}

// w float sums side by side, added by halves.
float lanes_sum(std::vector<float> terms, std::size_t w) {
  std::vector<float> sums(w);
  for (std::size_t at = 0; at < terms.size(); ++at) sums[at % w] += terms[at];
  for (std::size_t half = w / 2; half > 0; half /= 2) {
    for (std::size_t at = 0; at < half; ++at) sums[at] += sums[at + half];
  }
  return sums[0];
}

template <std::size_t kLanes>
Statistic in_lanes(const Problem&, Values values) {
  const auto n = static_cast<float>(values.size());
  std::vector<float> terms(values.begin(), values.end());
  const float mean = lanes_sum(terms, kLanes) / n;
  for (float& term : terms) term = (term - mean) * (term - mean);
  return {mean, lanes_sum(terms, kLanes) / n};
}

Statistic updated(const Problem&, Values values) {
  float mean = 0;
  float sum = 0;
  float n = 0;
  for (const double value : values) {
    const float x = static_cast<float>(value);
    const float difference = x - mean;
    n += 1;
    mean += difference / n;
    sum += difference * (x - mean);
  }
  return {mean, sum / n};
}

TEST(ClaimSearch, FindsDoubles) {
  const Checked checked = searched({}, kLong);
  EXPECT_EQ(least(checked), "Accuracy::in_double()");
  EXPECT_TRUE(checked.claims->claimed_is_alive());
  EXPECT_TRUE(passes_with(checked, "sequential(n)"));
}

TEST(ClaimSearch, FindsLanesOrLess) {
  const Checked checked = searched(of(in_lanes<8>), kLong);
  EXPECT_FALSE(checked.claims->claimed_is_alive());
  EXPECT_FALSE(passes_with(checked, "in_double()"));
  EXPECT_TRUE(passes_with(checked, "lanes(n, 8)"));
  EXPECT_TRUE(passes_with(checked, "sequential(n)"));
}

TEST(ClaimSearch, FindsSequentialSumsOrLess) {
  const Checked checked = searched(of(faulty::two_pass_in_float), kLong);
  EXPECT_FALSE(passes_with(checked, "in_double()"));
  EXPECT_FALSE(passes_with(checked, "pairwise(n)"));
  EXPECT_TRUE(passes_with(checked, "sequential(n)"));
}

TEST(ClaimSearch, FindsUpdatingFormulas) {
  const Checked checked = searched(of(updated), kLong);
  EXPECT_FALSE(passes_with(checked, "sequential(n)"));
  EXPECT_TRUE(passes_with(checked, "welford(n)"));
}

TEST(ClaimSearch, FindsMoments) {
  const Checked checked = searched(of(faulty::one_pass_in_float), kLong);
  EXPECT_EQ(least(checked), "Accuracy::sequential(n).by_moments()");
}

TEST(ClaimSearch, FindsShiftedMomentsOrLess) {
  const Checked checked = searched(of(faulty::shifted_one_pass_in_float), kLong);
  EXPECT_FALSE(passes_with(checked, "in_double()"));
  EXPECT_TRUE(passes_with(checked, "sequential(n).by_shifted_moments()"));
}

TEST(ClaimSearch, FindsAFoldedY) {
  const Checked checked = searched(faulty::replaced(&Steps::y, faulty::folded_y), kShort);
  EXPECT_EQ(least(checked), "Accuracy::in_double().folded()");
}

TEST(ClaimSearch, KeepsAVarianceFromRstd) {
  Behavior behavior;
  behavior.claim = Accuracy::in_double().variance_from_rstd();
  EXPECT_EQ(least(searched(behavior, kShort)), "Accuracy::in_double().variance_from_rstd()");
}

TEST(ClaimSearch, FindsNothingWhereItIsNoRounding) {
  const Checked checked = searched(of([](const Problem& p, Values values) {
                                     const auto n = static_cast<double>(values.size());
                                     const Statistic due = faulty::two_pass(p, values);
                                     return Statistic{due.mean, due.variance * n / (n - 1)};
                                   }),
                                   kShort);
  EXPECT_FALSE(checked.verdict.passed());
  EXPECT_EQ(least(checked), "none");
}

// Whatever comes later in the list and covers a claim must pass where that does.
TEST(ClaimSearch, KnowsWhichClaimCoversWhich) {
  const Accuracy pairwise = Accuracy::pairwise(1000);
  EXPECT_TRUE(is_within(pairwise, pairwise));
  EXPECT_TRUE(is_within(pairwise, Accuracy::sequential(1000)));
  EXPECT_FALSE(is_within(Accuracy::sequential(1000), pairwise));
  EXPECT_TRUE(is_within(pairwise, pairwise.folded()));
  EXPECT_FALSE(is_within(pairwise.folded(), pairwise));
  EXPECT_TRUE(is_within(pairwise, pairwise.rounded_sums().by_moments()));
  EXPECT_FALSE(is_within(pairwise.rounded_sums(), Accuracy::sequential(1000)));
  EXPECT_FALSE(is_within(pairwise, pairwise.by_shifted_moments()));
  EXPECT_FALSE(is_within(pairwise.variance_from_rstd(), pairwise));
}

TEST(ClaimSearch, HasTheSameListForEveryShape) {
  for (const Problem& problem : faulty::all_small_problems()) {
    const auto claims = named_claims(problem, false);
    Problem other = problem;
    other.l *= 2;
    const auto of_other = named_claims(other, false);
    ASSERT_EQ(claims.size(), of_other.size());
    for (std::size_t at = 0; at < claims.size(); ++at) {
      EXPECT_EQ(claims[at].text, of_other[at].text);
    }
    const bool has_moments = claims.back().text.find("by_moments") != std::string::npos;
    EXPECT_EQ(has_moments, problem.finds_variance());
  }
}

std::string reason_of(const Behavior& behavior, const Problem& problem) {
  Workspace workspace(problem, 1);
  return check(*faulty::make_backend("under_test", behavior), workspace, 1, 1).reason;
}

TEST(WrongClaim, NamesTheLeastRoundings) {
  Behavior behavior = of(faulty::two_pass_in_float);
  const std::string reason = reason_of(behavior, kLong);
  const std::string words = "bounds off, would pass with roundings >= ";
  const std::size_t at = reason.find(words);
  ASSERT_NE(at, std::string::npos) << reason;
  const double least = std::stod(reason.substr(at + words.size()));
  EXPECT_GE(least, 1);
  EXPECT_LE(least, static_cast<double>(kLong.longest_sum()));
}

TEST(WrongClaim, IsNotBlamedForAWrongFormula) {
  Behavior behavior;
  behavior.steps.saved_variance = [](double variance, double n) { return variance * n / (n - 1); };
  EXPECT_PRED_FORMAT2(testing::IsNotSubstring, "would pass", reason_of(behavior, kShort));
}

}  // namespace
}  // namespace normbench
