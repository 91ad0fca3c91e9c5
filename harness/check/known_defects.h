// Faults of libraries that are on record. Their results are rejected like all that are wrong; the
// list tells them from faults of a backend here.
#pragma once

#include <string>
#include <string_view>

#include "harness/check/check.h"
#include "harness/core/problem.h"

namespace normbench {

struct KnownDefect {
  std::string_view backend;
  std::string_view from;    // the first version that has it
  std::string_view before;  // the first one that has it no more
  bool (*covers)(const Problem& problem);
  std::string_view output;  // the one that the check rejects
  std::string_view what;    // is wrong, in a sentence
  std::string_view source;  // where it is reported and mended

  // Whether the verdict is the one that the defect leads to. If a problem of the list has any
  // other, the list is stale, or there is one more fault.
  bool explains(const Verdict& verdict) const;
};

// What is known to be wrong on the problem, or nullptr. `version` is what Backend::version() says;
// one that does not begin with numbers and dots has no known defects.
const KnownDefect* known_defect(std::string_view backend, std::string_view version,
                                const Problem& problem);

// "onednn 3.3 to before 3.10: ...", with the source.
std::string describe(const KnownDefect& defect);

}  // namespace normbench
