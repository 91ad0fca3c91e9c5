// The problems that every backend is checked on: every norm, pass, dtype and layout, over the
// shapes where implementations go wrong.
#pragma once

#include <vector>

#include "harness/core/problem.h"

namespace normbench {

// Small enough that all backends can be checked on all of it in minutes. Only valid problems.
std::vector<Problem> problem_matrix();

// Those of one kind.
std::vector<Problem> problem_matrix(Norm norm, Pass pass, DType dtype, Layout layout);

}  // namespace normbench
