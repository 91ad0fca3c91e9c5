// How far off a variance by moments is, which cancels: told, as a bound alone does not tell it.
#pragma once

#include <cstdint>

#include "harness/check/oracle.h"
#include "harness/check/workspace.h"

namespace normbench {

struct VarianceLoss {
  double relative = 0;  // largest error, divided by the variance, of those that are numbers
  std::int64_t values = 0;
  std::int64_t negative = 0;
  std::int64_t not_numbers = 0;

  void see(const VarianceLoss& other);
};

// Of the variances in the workspace, where the claim is one of moments; else of none.
VarianceLoss variance_loss(const Workspace& workspace, const Oracle& oracle,
                           const Accuracy& accuracy);

}  // namespace normbench
