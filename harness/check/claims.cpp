// Looks for the claim that outputs are within, without running anything again.
#include "harness/check/claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/check/check.h"
#include "harness/check/grouping.h"

namespace normbench {
namespace {

bool passes(const Workspace& workspace, const Oracle& oracle, const Accuracy& accuracy,
            std::int64_t calls) {
  return check_outputs(workspace, oracle, accuracy, calls).passed();
}

}  // namespace

std::vector<NamedClaim> named_claims(const Problem& problem, bool from_rstd) {
  const std::int64_t n = problem.longest_sum();
  std::vector<NamedClaim> claims;
  const auto add = [&](const std::string& text, Accuracy accuracy) {
    accuracy.from_rstd = from_rstd;
    const std::string last = from_rstd ? ".variance_from_rstd()" : "";
    claims.push_back({"Accuracy::" + text + last, accuracy});
    claims.push_back({"Accuracy::" + text + ".folded()" + last, accuracy.folded()});
  };
  add("in_double()", Accuracy::in_double());
  add("pairwise(n)", Accuracy::pairwise(n));
  for (const std::int64_t width : {64, 32, 16, 8, 4, 2}) {
    add(fmt::format("lanes(n, {})", width), Accuracy::lanes(n, width));
  }
  const Accuracy sequential = Accuracy::sequential(n);
  add("sequential(n)", sequential);
  add("welford(n)", Accuracy::welford(n));
  if (!problem.finds_variance()) return claims;
  const Accuracy rounded = sequential.rounded_sums();
  add("sequential(n).by_shifted_moments()", sequential.by_shifted_moments());
  add("sequential(n).rounded_sums().by_shifted_moments()", rounded.by_shifted_moments());
  add("sequential(n).by_moments()", sequential.by_moments());
  add("sequential(n).rounded_sums().by_moments()", rounded.by_moments());
  return claims;
}

bool is_within(const Accuracy& claim, const Accuracy& other) {
  // Shifted moments allow less of the mean than deviations may.
  const bool is_form_within =
      claim.variance == other.variance ||
      (claim.variance == VarianceForm::kDeviations && other.variance == VarianceForm::kMoments);
  return (claim.grade == Grade::kA || other.grade == Grade::kB) &&
         claim.roundings <= other.roundings && (claim.exact_sums || !other.exact_sums) &&
         is_form_within && (!claim.from_rstd || other.from_rstd);
}

ClaimSearch::ClaimSearch(const Problem& problem, const Accuracy& claimed)
    : claims_(named_claims(problem, claimed.from_rstd)),
      claimed_(claimed),
      alive_(claims_.size(), true) {}

Accuracy ClaimSearch::widest() const {
  Accuracy widest = claims_.back().accuracy.folded().rounded_sums();
  for (const NamedClaim& claim : claims_) {
    widest.roundings = std::max(widest.roundings, claim.accuracy.roundings);
  }
  widest.roundings = std::max(widest.roundings, claimed_.roundings);
  return widest;
}

void ClaimSearch::see(const Workspace& workspace, const Oracle& oracle, std::int64_t calls) {
  std::vector<const Accuracy*> passed;
  const auto is_right = [&](const Accuracy& claim) {
    const auto covers = [&](const Accuracy* less) { return is_within(*less, claim); };
    if (std::any_of(passed.begin(), passed.end(), covers)) return true;
    if (!passes(workspace, oracle, claim, calls)) return false;
    passed.push_back(&claim);
    return true;
  };
  for (std::size_t at = 0; at < claims_.size(); ++at) {
    if (alive_[at]) alive_[at] = is_right(claims_[at].accuracy);
  }
  claimed_is_alive_ = claimed_is_alive_ && is_right(claimed_);
}

std::int64_t most_roundings(const Problem& problem) {
  constexpr std::int64_t kHarmless = 64;
  const std::int64_t terms = most_terms(problem);
  return terms + terms / 8 + kHarmless;
}

std::optional<double> least_roundings(const Workspace& workspace, const Oracle& oracle,
                                      Accuracy accuracy, std::int64_t calls) {
  auto too_few = std::floor(accuracy.roundings);
  auto enough = static_cast<double>(most_roundings(workspace.problem()));
  const auto passes_with = [&](double roundings) {
    accuracy.roundings = roundings;
    return passes(workspace, oracle, accuracy, calls);
  };
  if (!passes_with(enough)) return {};
  while (enough - too_few > 1) {
    const double middle = std::floor((too_few + enough) / 2);
    (passes_with(middle) ? enough : too_few) = middle;
  }
  return enough;
}

}  // namespace normbench
