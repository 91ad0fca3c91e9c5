// The order in which cases are measured: any first part of it is a fair picture of the whole.
#pragma once

#include <vector>

#include "harness/bench/plan.h"

namespace normbench {

// First one case of each norm and pass, then more of those that have more, but less than in
// proportion: by the root of their number, so that the small groups are not last. Within a norm and
// pass, threads, types, layouts and cache states take turns in the same way, and sizes in turn. It
// depends on the cases only, not on their order or on the machine.
std::vector<Case> mixed_order(std::vector<Case> cases);

}  // namespace normbench
