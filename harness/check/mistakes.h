// Mistakes that are often made, as work that contains them: what a backend left is compared with
// what each would leave.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "harness/core/arguments.h"
#include "harness/core/problem.h"

namespace normbench {

struct Mistake {
  std::string words;  // what follows "as if "; "{}" stands for the large output, y or dx
  // The whole problem, with this mistake in it. Where the mistake makes no difference, nothing is
  // wrong.
  std::function<void(const Problem&, const Arguments&)> run;
};

// Those that can make a difference to the problem, the more usual of two alike first.
std::vector<const Mistake*> mistakes_for(const Problem& problem);

}  // namespace normbench
