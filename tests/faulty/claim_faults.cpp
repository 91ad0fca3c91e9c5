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
      {"claims_less_than_none", kTraining, "", "claims -1 roundings", claiming(-1)},
  };
}

}  // namespace normbench::faulty
