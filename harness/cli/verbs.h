// The verbs, one file each.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "harness/bench/errors.h"
#include "harness/bench/filter.h"
#include "harness/bench/machine.h"
#include "harness/bench/plan.h"

namespace normbench {

// What the program ends with. A verb that finds nothing wrong leaves it at kFine.
enum ExitCode : int {
  kFine = 0,
  kInternalError = 1,
  kUsage = 2,
  kVerificationFailed = 3,
  kRegression = 4,
  kMachineRefused = 5,
  kCannotTell = 6,     // a gate whose runs do not decide
  kInterrupted = 130,  // as shells report SIGINT
};

// The command line as typed, for records.
struct CommandLine {
  std::vector<std::string> words;
};

// Each adds its verb with its options; the verb runs, and sets `exit_code`, when it is parsed.
void add_list(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);
void add_verify(CLI::App& app, int& exit_code);
void add_run(CLI::App& app, const CommandLine& command, int& exit_code);
void add_repro(CLI::App& app, int& exit_code);
void add_new_backend(CLI::App& app, const CommandLine& command);
void add_study(CLI::App& app, const CommandLine& command, int& exit_code);
void add_worker(CLI::App& app);

// The verbs that Node.js runs: listed here, done by scripts/analysis.
void add_analysis(CLI::App& app);
// Whether `verb` is one of them.
bool is_analysis(const std::string& verb);
// Becomes Node.js; throws UsageError when it cannot.
[[noreturn]] void run_analysis(const CommandLine& command);

// Runs such a verb beside this program, with what it prints on stdout dropped; its exit code.
// Throws UsageError when it cannot be started.
int call_analysis(const std::vector<std::string>& words);

// -b, -B, -f and -F, the same everywhere. `with_cases`: whether the verb has cases to choose from.
std::shared_ptr<FilterOptions> add_filters(CLI::App& verb, bool with_cases = true);

// Options of the verbs that read a config.
struct PlanOptions {
  std::string path;
  std::vector<int> threads;  // instead of those of the config; empty: as the config says
  std::shared_ptr<FilterOptions> filters;
};
std::shared_ptr<PlanOptions> add_plan(CLI::App& verb);

// --seed: a number from 0 on.
void add_seed(CLI::App& verb, std::uint64_t& seed, const char* what);

// --allow-known-defects, of the verbs that check.
void add_allow_known_defects(CLI::App& verb, bool& allow);

// The config, expanded, filtered, with the thread counts asked for, in the order in which it is
// measured. Throws UsageError.
Plan load_plan(const PlanOptions& options, const Machine& machine);

// "45 s", "12 min", "2.5 h".
std::string duration(double seconds);

// True after SIGINT or SIGTERM; from its first call on they no longer end the program at once.
bool interrupted();

// The same where a backend is about to begin, which is named should it never come back.
bool interrupted_before(std::string_view backend);

}  // namespace normbench
