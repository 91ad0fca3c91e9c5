// Whether a backend is right about a problem.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/check/claims.h"
#include "harness/check/explain.h"
#include "harness/check/inputs.h"
#include "harness/check/oracle.h"
#include "harness/check/variance_loss.h"
#include "harness/check/workspace.h"
#include "harness/core/backend.h"

namespace normbench {

enum class Outcome {
  kPassed,
  kFailed,
  kCrashed,   // its process ended
  kTimedOut,  // and this one was too late
  kUnsupported,
  kNotBuilt,
  kNotInstalled
};

inline constexpr std::array kEveryOutcome = {
    Outcome::kPassed,      Outcome::kFailed,   Outcome::kCrashed,     Outcome::kTimedOut,
    Outcome::kUnsupported, Outcome::kNotBuilt, Outcome::kNotInstalled};

std::string_view name(Outcome outcome);

// Whether the backend is to blame: it was wrong, crashed, or was too late.
bool is_failure(Outcome outcome);

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
  std::map<std::string, Error, std::less<>> error_in = {};        // by output
  std::array<Error, kEveryInputKind.size()> error_of = {};        // by kind of input, of InputCheck
  std::array<VarianceLoss, kEveryInputKind.size()> loss_of = {};  // of a claim of moments
  // Elements of which no value is wrong, as the error of the variance may be as large as itself;
  // over all calls and kinds of input.
  std::int64_t unjudged = 0;

  bool passed() const { return outcome == Outcome::kPassed; }
  // Takes over the errors of an earlier verdict, and what it could not judge.
  void add_errors_of(const Verdict& earlier);
};

// Compares every output in the workspace with the oracle, and looks for damage: writes outside of a
// buffer, changed inputs. `calls` is how often the kernel has run since the running statistics were
// those that the oracle saw. `right` remembers the bits of a large output that was right on the
// same input: the same bits are not compared again, their error is not in this verdict.
Verdict check_outputs(const Workspace& workspace, const Oracle& oracle, const Accuracy& accuracy,
                      std::int64_t calls, std::optional<std::uint64_t>* right = nullptr);

// Who is checked: a backend, and how many threads it may use.
struct Entrant {
  const Backend* backend;
  int threads;
};
std::vector<Entrant> entrants(std::span<const Backend* const> backends, int threads);

// What was found out about outputs that were wrong on one kind of input.
struct Symptom {
  InputKind kind = InputKind::kExact;
  std::int64_t call = 1;
  std::string reason = {};
  std::map<std::string, Error, std::less<>> errors = {};  // by output
  Explanation explanation = {};                           // empty where it was not asked for
  // What calls that differ in one thing from the one that went wrong tell of the cause, in words;
  // empty when nothing.
  std::string in_other_calls = {};
};

// Which outputs, and where, still hold what was there before the call: "nothing is written to y in
// the last channel". Empty when all are written.
std::string not_written(const Explanation& explanation);

// The likely causes, in words; empty when none is known.
std::string cause(const Symptom& symptom);

// A backend that has been checked, with its kernel, or with why it has none.
struct Checked {
  const Backend* backend = nullptr;
  int threads = 1;
  std::unique_ptr<Kernel> kernel = nullptr;
  bool native_layout = false;
  bool loaded = false;
  bool repeatable = true;
  std::string detail = {};
  std::string measured = {};
  Accuracy accuracy = {};
  std::optional<ClaimSearch> claims = {};  // if they are looked for: `accuracy` then is the widest
  Verdict verdict = {};
  double prepare_ns = 0;  // the time that prepare() took
  // Of a call of run() that is not the first one, as far as it got there, and as they can be
  // counted.
  std::optional<std::int64_t> allocations = {};
  std::int64_t bytes_written = 0;  // to streams or files, whichever
  bool explain = true;             // what is wrong, in symptoms
  std::vector<Symptom> symptoms = {};
};

// Thrown to end it all.
struct Interrupted {};

// Called before each piece of work with the name of the backend that does it; empty when it is the
// harness. May throw Interrupted.
using BeforeWork = std::function<void(std::string_view backend)>;

struct CheckOptions {
  std::uint64_t seed = 1;
  std::vector<InputKind> kinds = {kInputKinds.begin(), kInputKinds.end()};
  // On random input; with those on other kinds they are 20. All must leave the same bits, or right
  // ones where a backend does not say that it is repeatable.
  int calls = 14;
  // More calls, up to so many, where all together take less than this.
  int calls_if_short = 14;
  std::chrono::milliseconds short_time = std::chrono::milliseconds(50);
  BeforeWork before = [](std::string_view) {};
  // Asked once for each entrant: whether the cause of wrong outputs is looked for.
  std::function<bool(const Backend&)> explain = [](const Backend&) { return true; };
  // Goes on with other kinds of input after one on which outputs are wrong: there is a symptom for
  // each. The verdict is that of the first.
  bool every_kind = false;
  // Each backend is held to the widest claim, and Checked::claims has those that would do.
  bool search_claims = false;
};

// load() of its kernel, before a run on other inputs than before. A kernel without a layout of its
// own has nothing to take over from them: it is loaded once.
void load_inputs(Checked& checked);

// One kind of input in a workspace, and what is expected of it: found once, for any number of
// kernels that are prepared for the workspace.
class InputCheck {
 public:
  // Fills the workspace, which must outlive this.
  InputCheck(Workspace& workspace, InputKind kind, std::uint64_t seed);
  ~InputCheck() { workspace_.allow_writes(); }

  // Runs the kernel, and once more on what the first run left behind. What is known of it so far
  // must be that it passed; its errors are kept. Never throws what the kernel throws: that is a
  // failure too. Whatever a kernel leaves behind, the next one finds the input and the process as
  // they were.
  void check(Checked& checked);
  // The same for further calls, each from the running statistics that the first one saw.
  void repeat(Checked& checked, const CheckOptions& options);

 private:
  void fill_workspace();
  Verdict run_twice(Checked& checked);
  Verdict run_again(Checked& checked, const CheckOptions& options);
  // How a call is made.
  struct Call {
    Poison poison = Poison::kNan;
    bool disturbed = false;  // see collect()
  };
  // Adds the cause to the verdict, where it can be found, and a symptom. The workspace is not what
  // it was.
  void explain(Checked& checked, Verdict& verdict, std::int64_t call, Call how);
  std::string try_others(Checked& checked, const Symptom& symptom, Call how);
  template <class Run>
  void judge(Checked& checked, Run run);
  std::uint64_t digest_of_outputs() const;
  void collect(Kernel& kernel, bool disturbed);

  Workspace& workspace_;
  InputKind kind_;
  std::uint64_t seed_;
  std::optional<Oracle> oracle_;
  bool spoiled_ = false;              // by a kernel that failed
  std::chrono::nanoseconds twice_{};  // what two calls of the last kernel took
  std::uint64_t first_outputs_ = 0;   // of the first call of the last kernel, as a digest
};

// Those that every backend is checked on, and this one.
std::vector<InputKind> input_kinds_with(InputKind kind);

// supports(), prepare() on plausible inputs (a kernel that keeps what it sees there is caught with
// stale results later), and all kinds of input, for each entrant. Inputs and what is expected are
// made once for all. Never throws what a backend throws.
std::vector<Checked> check_all(std::span<const Entrant> entrants, Workspace& workspace,
                               const CheckOptions& options);

// The same for one backend, with the usual options.
Verdict check(const Backend& backend, Workspace& workspace, int threads, std::uint64_t seed);

// The most that checking a problem holds, in bytes, beside a workspace and what backends take.
std::int64_t check_bytes(const Problem& problem);

}  // namespace normbench
