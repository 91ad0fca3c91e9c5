// Choosing backends and cases by regular expressions, the same way in every verb.
#pragma once

#include <regex>
#include <string>
#include <vector>

#include "harness/bench/plan.h"
#include "harness/core/backend.h"

namespace normbench {

// The texts of -b, -B, -f and -F as given.
struct FilterOptions {
  std::vector<std::string> backends;  // keep a backend when any of these is found in its name
  std::vector<std::string> without_backends;  // and none of these
  std::vector<std::string> cases;             // the same for "<case id> <name>"
  std::vector<std::string> without_cases;
};

// The backends of this build that pass. Throws ConfigError when none does or an expression is
// malformed.
std::vector<const Backend*> choose_backends(const FilterOptions& options);

// The names of backends that pass but are not in this build.
std::vector<NotBuilt> choose_not_built(const FilterOptions& options);

// The cases that pass, in order. Throws ConfigError as above.
std::vector<Case> choose_cases(std::vector<Case> cases, const FilterOptions& options);

}  // namespace normbench
