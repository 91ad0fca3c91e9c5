// normbench run --repeat and --against: runs of one config, each a process of its own.
#pragma once

#include <string>

#include "harness/cli/verbs.h"

namespace normbench {

struct RepeatOptions {
  int count = 1;             // runs of each binary
  std::string against = {};  // the other binary; empty: only this one
};

// Whether the command line has either option: then this process measures nothing.
bool has_repeats(const CommandLine& command);

// Throws UsageError when the other binary is none.
void check_other_binary(const std::string& path);

// Makes the runs, this binary and the other by turns, and prints their folders, one a line: those
// of the other, "--", and those of this one. 3 when a backend failed verification in any of them;
// any other exit code of a run ends all, and is the one returned.
int make_runs(const CommandLine& command, const RepeatOptions& options);

}  // namespace normbench
