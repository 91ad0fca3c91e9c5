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

// The least roundings from those of `accuracy` on that the outputs pass with; they do with `most`.
double least_roundings(const Workspace& workspace, const Oracle& oracle, Accuracy accuracy,
                       std::int64_t calls, double most) {
  double least = std::floor(accuracy.roundings);  // too few
  while (most - least > 1) {
    accuracy.roundings = std::floor((least + most) / 2);
    (passes(workspace, oracle, accuracy, calls) ? most : least) = accuracy.roundings;
  }
  return most;
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

std::string words_of_claim(const Workspace& workspace, const Oracle& oracle,
                           const Accuracy& accuracy, std::int64_t calls, std::string_view output) {
  const auto would_pass = [&](const Accuracy& other) {
    return passes(workspace, oracle, other, calls);
  };
  const auto most = static_cast<double>(most_roundings(workspace.problem()));
  Accuracy more = accuracy;
  more.roundings = most;
  if (would_pass(more)) {
    return fmt::format(", would pass with roundings >= {:.9g}",
                       least_roundings(workspace, oracle, accuracy, calls, most));
  }
  if (would_pass(accuracy.folded())) return ", would pass if folded()";
  if (would_pass(accuracy.rounded_sums())) return ", would pass with rounded_sums()";
  if (output != "variance" && output != "rstd") return "";
  if (would_pass(accuracy.variance_from_rstd())) return ", would pass with variance_from_rstd()";
  if (would_pass(accuracy.by_moments())) return ", would pass as a variance by_moments()";
  return "";
}

}  // namespace normbench
