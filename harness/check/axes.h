// What cases that fail have in common, and those that pass have not.
#pragma once

#include <span>
#include <string>

#include "harness/core/problem.h"

namespace normbench {

struct Tried {
  Problem problem;
  int threads = 1;
  bool failed = false;
};

// A sentence about the property of all failures that the fewest others have: "only where l % 8
// != 0, and in all of these". Empty when no property tells them apart.
std::string shared_by_failures(std::span<const Tried> cases);

}  // namespace normbench
