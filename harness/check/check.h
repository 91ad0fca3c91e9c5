// Whether a backend is right about a problem.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "harness/check/inputs.h"
#include "harness/check/oracle.h"
#include "harness/check/workspace.h"
#include "harness/core/backend.h"

namespace normbench {

enum class Outcome { kPassed, kFailed, kUnsupported, kNotBuilt };

std::string_view name(Outcome outcome);

// The worst error seen over some outputs.
struct Error {
  double bound = 0;  // in units of its bound
  // In units in the last place: the largest error of an output, divided by the distance between
  // numbers of its type at the largest value that is expected there. Not that of each value, which
  // is without end where a result is near zero because large terms cancel. Outputs that are zero
  // within their bounds do not count.
  double ulp = 0;

  void see(const Error& other);
};

struct Verdict {
  Outcome outcome = Outcome::kPassed;
  std::string reason = {};  // why not passed, for people
  std::string output = {};  // the output that is wrong, if it is one
  Error error = {};         // over all outputs
  std::map<std::string, Error, std::less<>> error_in = {};  // by output
  std::array<Error, kInputKinds.size()> error_of = {};      // by kind of input, of check_kernel()

  bool passed() const { return outcome == Outcome::kPassed; }
  // Takes over the errors of an earlier verdict.
  void add_errors_of(const Verdict& earlier);
};

// Compares every output in the workspace with the oracle, and looks for damage: writes outside of a
// buffer, changed inputs, flush-to-zero left on. `calls` is how often the kernel has run since the
// running statistics were those that the oracle saw.
Verdict check_outputs(const Workspace& workspace, const Oracle& oracle, const Accuracy& accuracy,
                      std::int64_t calls);

// Runs a kernel that is prepared for `workspace` on every kind of input, and again on the same
// input without fresh state. Fills the workspace anew. Never throws what the kernel throws: that is
// a failure too.
Verdict check_kernel(Kernel& kernel, const Accuracy& accuracy, Workspace& workspace,
                     std::uint64_t seed);

// A kernel, or why there is none. `ns` is the time that prepare() took.
struct Prepared {
  std::unique_ptr<Kernel> kernel = nullptr;
  Verdict verdict = {};
  double ns = 0;
};

// supports() and prepare(), on plausible inputs: a kernel that keeps what it sees here is caught
// with stale results later. Never throws what the backend throws.
Prepared prepare(const Backend& backend, Workspace& workspace, int threads, std::uint64_t seed);

// prepare() and check_kernel() in one.
Verdict check(const Backend& backend, Workspace& workspace, int threads, std::uint64_t seed);

}  // namespace normbench
