// normbench: parses the command line, runs one verb, and is the only place that prints errors.
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "harness/bench/spelling.h"
#include "harness/cli/repeat.h"
#include "harness/cli/streams.h"
#include "harness/cli/verbs.h"

namespace {

using normbench::CommandLine;
using normbench::UsageError;

// libgomp reads its settings before main, so they are settled by starting anew: threads are bound
// to CPUs, and idle threads spin for a bounded time (results/README.md, "Threads", says why).
// Whoever sets any of these is not overruled.
void settle_environment(char** arguments) {
  for (const char* name :
       {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY"}) {
    if (std::getenv(name) != nullptr) return;
  }
  setenv("OMP_PROC_BIND", "true", 1);
  setenv("GOMP_SPINCOUNT", "10000", 1);
  execv("/proc/self/exe", arguments);  // where it fails, the defaults stay
}

int fail(int code, const std::string& message) {
  normbench::say("normbench: error: {}\n", message);
  return code;
}

// The verbs that people call; others have no group.
std::vector<std::string_view> verbs_of(const CLI::App& app) {
  std::vector<std::string_view> verbs;
  for (const CLI::App* verb : app.get_subcommands({})) {
    if (!verb->get_group().empty()) verbs.push_back(verb->get_name());
  }
  return verbs;
}

[[noreturn]] void refuse_missing_verb(const CLI::App& app) {
  throw UsageError(fmt::format("a verb is missing: one of {} (see normbench --help)",
                               fmt::join(verbs_of(app), ", ")));
}

void refuse_unknown_verb(const CLI::App& app, const std::string& typed) {
  const auto all = app.get_subcommands({});
  const auto is_it = [&typed](const CLI::App* verb) { return verb->get_name() == typed; };
  if (std::any_of(all.begin(), all.end(), is_it)) return;
  const auto verbs = verbs_of(app);
  const auto meant = normbench::nearest(typed, verbs);
  throw UsageError(fmt::format("unknown verb '{}', {} (see normbench --help)", typed,
                               meant ? fmt::format("did you mean '{}'?", *meant)
                                     : fmt::format("there are {}", fmt::join(verbs, ", "))));
}

int run(const CommandLine& command, int count, char** arguments) {
  int exit_code = normbench::kFine;
  CLI::App app("Benchmarks of normalization layers on CPUs: verified, timed, compared.",
               "normbench");
  app.set_version_flag("--version", normbench::read_build().version);
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help for all verbs");
  normbench::add_list(app, exit_code);
  normbench::add_doctor(app, exit_code);
  normbench::add_verify(app, exit_code);
  normbench::add_run(app, command, exit_code);
  normbench::add_repro(app, exit_code);
  normbench::add_study(app, command, exit_code);
  normbench::add_new_backend(app, command);
  normbench::add_worker(app);
  normbench::add_analysis(app);
  // CLI11 reports an unknown verb as a missing one.
  if (count == 1) refuse_missing_verb(app);
  if (!command.words[1].starts_with('-')) refuse_unknown_verb(app, command.words[1]);
  try {
    app.parse(count, arguments);
  } catch (const CLI::Success& help) {
    std::ostringstream text;
    const int code = app.exit(help, text, text);
    normbench::write_result(text.str());
    return code;
  } catch (const CLI::ParseError& error) {
    if (app.get_subcommands().empty()) refuse_missing_verb(app);
    return fail(normbench::kUsage, std::string(error.what()) + " (see normbench --help)");
  }
  return exit_code;
}

}  // namespace

int main(int count, char** arguments) {
  normbench::open_closed_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error as others
  const CommandLine command{{arguments, arguments + count}};
  try {
    if (count > 1 && normbench::is_analysis(command.words[1])) {
      normbench::run_analysis(command);
    }
    if (!normbench::has_repeats(command)) settle_environment(arguments);
    normbench::take_stdout();
    const int exit_code = run(command, count, arguments);
    if (!normbench::finish_stdout())
      return fail(normbench::kInternalError, "cannot write to stdout");
    return exit_code;
  } catch (const UsageError& error) {
    return fail(normbench::kUsage, error.what());
  } catch (const std::bad_alloc&) {
    return fail(normbench::kInternalError,
                "out of memory: choose smaller shapes, or leave cases out with -F");
  } catch (const std::exception& error) {
    return fail(normbench::kInternalError, error.what());
  }
}
