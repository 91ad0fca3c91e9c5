// Choosing backends and cases by regular expressions, the same way in every verb.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "harness/bench/plan.h"
#include "harness/core/backend.h"

namespace normbench {

// The texts of -b, -B, -f, -F, --backend-option and --variant as given.
struct FilterOptions {
  std::vector<std::string> backends;  // keep a backend when any of these is found in its name
  std::vector<std::string> without_backends;  // and none of these
  std::vector<std::string> cases;             // the same for "<case id> <name>"
  std::vector<std::string> without_cases;
  std::vector<std::string> backend_options;  // BACKEND.OPTION=VALUE: set in place
  std::vector<std::string> variants;         // the same: a contestant beside the backend
  // Of who only asks what there is: a filter may choose none but what is not there.
  bool absent_will_do = false;
  // Told of what is no error, but perhaps a slip: a -B or -F, or a part of a -b, that matches
  // nothing.
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

// The backends of this build and `others` that pass, with options set, each followed by its
// variants. They live as long as the program. Throws UsageError when none passes, an expression is
// malformed, or an option is not one. `not_installed` are those that could be among `others`.
std::vector<const Backend*> choose_backends(const FilterOptions& options,
                                            const std::vector<const Backend*>& others = {},
                                            const std::vector<NotBuilt>& not_installed = {});

// The backend of this name, which may be that of a variant: "simd[streaming=off]". Throws
// UsageError when there is none in this build.
const Backend& find_backend(const std::string& name);

// Those of `absent` that pass: by default what is not in this build.
std::vector<NotBuilt> choose_absent(const FilterOptions& options,
                                    const std::vector<NotBuilt>& absent = not_built_backends());

// The cases that pass, in order. Throws UsageError as above.
std::vector<Case> choose_cases(std::vector<Case> cases, const FilterOptions& options);

}  // namespace normbench
