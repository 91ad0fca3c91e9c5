// What a wrong result has to say about its cause, found by comparing it with what usual mistakes
// would have left in its place.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/check/oracle.h"
#include "harness/check/workspace.h"

namespace normbench {

struct WrongOutput {
  std::string name;
  double error = 0;        // the worst, in units of its bound
  std::int64_t wrong = 0;  // elements
  std::int64_t of = 0;
  std::int64_t unwritten = 0;  // of the wrong ones: they hold what was there before the call
  std::string where = {};      // these are, where that can be said: "only in the last channel"
};

// That explain the same.
using Alternatives = std::vector<std::string>;

struct Explanation {
  std::vector<WrongOutput> outputs;  // that are wrong
  // What would have left this, if it were so: "eps were added outside of the root". The first
  // explains the most outputs, the second the most of those that are left.
  std::vector<Alternatives> as_if;
  // Where nothing explains it: how many bits of the largest values are right. 0 when few are.
  int right_bits = 0;
  bool compared = false;     // with mistakes
  bool of_rounding = false;  // all is right under another claim
  // Something other than 0 is expected where there is still what was there before the call.
  bool left_as_it_was = false;
};

// Mistakes are not compared where there are more elements: the answer would take too long.
inline constexpr std::int64_t kMostCompared = 1 << 11;

// Of a call that left something wrong in the workspace, whose inputs are as that call saw them.
// `calls` as in check_outputs(); mistakes are compared after one call only, and if so desired.
// Other claims are tried if it `may_be_rounding`: a wide one lets nearly everything pass on
// ill-conditioned input.
Explanation explain(const Workspace& workspace, const Oracle& oracle, const Accuracy& accuracy,
                    std::int64_t calls, bool may_be_rounding, bool compare_mistakes);

}  // namespace normbench
