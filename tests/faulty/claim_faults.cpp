// Claims of an accuracy that would let anything pass.
#include <algorithm>
#include <limits>

#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench::faulty {
namespace {

const Problem kTraining = batch_norm(Pass::kForwardTraining, 8, 5, 7);
const Problem kBackward = batch_norm(Pass::kBackward, 8, 5, 7);

Behavior claiming(double roundings) {
  Behavior behavior;
  behavior.claim.roundings = roundings;
  return behavior;
}

Behavior zero_and_claims_much() {
  Behavior behavior = claiming(1e9);
  behavior.run = [](const Work& work) {
    for (const Tensor* output : {&work.arguments.y, &work.arguments.mean, &work.arguments.variance,
                                 &work.arguments.rstd}) {
      std::ranges::fill(output->as<float>(), 0.0F);
    }
  };
  return behavior;
}

// So many values that the worst case of float sums hides what sampling leaves out.
const Problem kLongTraining = batch_norm(Pass::kForwardTraining, 2048, 1, 64);
const Problem kLongBackward = batch_norm(Pass::kBackward, 2048, 1, 64);

// Honest but for `step`, with the claim of plain float sums.
template <class Function, class Replacement>
Behavior claiming_float_sums(Function Steps::*step, Replacement replacement) {
  Behavior behavior = replaced(step, replacement);
  behavior.claim = {.roundings = static_cast<double>(kLongTraining.values_per_channel() - 1),
                    .exact_sums = false};
  return behavior;
}

Statistic of_a_quarter(const Problem& problem, Values values) {
  return two_pass(problem, values.first(values.size() / 4));
}

Sums of_every_other(const Problem&, Values g, Values xh) {
  Sums sums;
  for (std::size_t at = 0; at < g.size(); at += 2) {
    sums.g += 2 * g[at];
    sums.g_xh += 2 * g[at] * xh[at];
  }
  return sums;
}

// Honest moments in float but for `step`, claimed as what they are.
template <class Replacement>
Behavior claiming_moments(Replacement statistic) {
  Behavior behavior = replaced(&Steps::statistic, statistic);
  behavior.claim = Accuracy::sequential(kTraining.longest_sum()).by_moments();
  return behavior;
}

Statistic unbiased_moments(const Problem& problem, Values values) {
  const auto n = static_cast<double>(values.size());
  const Statistic biased = one_pass_in_float(problem, values);
  return {biased.mean, biased.variance * n / (n - 1)};
}

Statistic moments_of_a_part(const Problem& problem, Values values) {
  return one_pass_in_float(problem, values.first(values.size() - 1));
}

Statistic no_numbers(const Problem&, Values) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  return {nan, nan};
}

// The NaN of a negative variance, whatever the variance is.
Statistic negative_moments(const Problem& problem, Values values) {
  return {one_pass_in_float(problem, values).mean, -1};
}

double no_y(const Output&) { return std::numeric_limits<double>::quiet_NaN(); }

Behavior of_moments_without_y() {
  Behavior behavior = claiming_moments(one_pass_in_float);
  behavior.steps.y = no_y;
  return behavior;
}

Behavior of_moments_without_beta() {
  Behavior behavior = claiming_moments(one_pass_in_float);
  behavior.steps.y = [](const Output& t) { return (t.x - t.mean) * t.rstd * t.gamma; };
  return behavior;
}

// What moments may leave where they cancel, without that claim.
Behavior nan_on_constant_input() {
  Behavior behavior = claiming_float_sums(&Steps::statistic, two_pass);
  behavior.claim = Accuracy::sequential(kTraining.longest_sum());
  behavior.steps.y = [](const Output& t) {
    const bool constant = t.rstd > 300;
    return constant ? no_y(t) : (t.x - t.mean) * t.rstd * t.gamma + t.beta;
  };
  return behavior;
}

}  // namespace

std::vector<Faulty> claim_faults() {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  return {
      {"zero_and_claims_much", kTraining, "", "claims 1e+09 roundings", zero_and_claims_much()},
      {"claims_more_than_the_values", kTraining, "", "claims 128 roundings", claiming(128)},
      {"claims_more_than_the_gradients", kBackward, "", "claims 128 roundings", claiming(128)},
      {"claims_endless_roundings", kTraining, "", "claims inf roundings", claiming(infinity)},
      {"claims_no_number", kTraining, "", "claims nan roundings", claiming(nan)},
      {"statistics_of_a_quarter", kLongTraining, "mean", "allow, but not by chance",
       claiming_float_sums(&Steps::statistic, of_a_quarter)},
      {"gradients_of_every_other_value", kLongBackward, "dbeta", "allow, but not by chance",
       claiming_float_sums(&Steps::gradients, of_every_other)},
      {"unbiased_moments", kTraining, "variance", "input, call 1: variance at",
       claiming_moments(unbiased_moments)},
      {"moments_of_a_part", kTraining, "mean", "input, call 1: mean at",
       claiming_moments(moments_of_a_part)},
      {"moments_that_are_no_numbers", kTraining, "mean", "exact input, call 1: mean at",
       claiming_moments(no_numbers)},
      {"moments_that_are_negative", kTraining, "variance", "exact input, call 1: variance at",
       claiming_moments(negative_moments)},
      {"moments_without_y", kTraining, "y", "exact input, call 1: y at", of_moments_without_y()},
      {"moments_without_beta", kTraining, "y", "exact input, call 1: y at",
       of_moments_without_beta()},
      {"nan_on_constant_input", kTraining, "y", "constant input, call 1: y at",
       nan_on_constant_input()},
      {"claims_less_than_none", kTraining, "", "claims -1 roundings", claiming(-1)},
  };
}

}  // namespace normbench::faulty
