// normbench: parses the command line, runs one verb, and is the only place that prints errors.
#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <sstream>
#include <string>
#include <vector>

#include "harness/cli/streams.h"
#include "harness/cli/verbs.h"

namespace {

using normbench::CommandLine;

// libgomp reads its settings before main, so they are settled by starting anew: threads are bound
// to CPUs, and idle workers spin for a bounded time (results/README.md, "Threads", says why).
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
  normbench::add_analysis(app);
  try {
    app.parse(count, arguments);
  } catch (const CLI::Success& help) {
    std::ostringstream text;
    const int code = app.exit(help, text, text);
    normbench::write_result(text.str());
    return code;
  } catch (const CLI::RequiredError& error) {
    // An unknown verb is reported as a missing one.
    const bool unknown = app.get_subcommands().empty() && count > 1;
    return fail(normbench::kUsage,
                fmt::format("{}{} (see normbench --help)", error.what(),
                            unknown ? fmt::format(", and '{}' is none", arguments[1]) : ""));
  } catch (const CLI::ParseError& error) {
    return fail(normbench::kUsage, std::string(error.what()) + " (see normbench --help)");
  }
  return exit_code;
}

}  // namespace

int main(int count, char** arguments) {
  normbench::open_closed_streams();
  const CommandLine command{{arguments, arguments + count}};
  try {
    if (count > 1 && normbench::is_analysis(command.words[1])) {
      return normbench::run_analysis(command);
    }
    settle_environment(arguments);
    normbench::take_stdout();
    const int exit_code = run(command, count, arguments);
    if (!normbench::finish_stdout())
      return fail(normbench::kInternalError, "cannot write to stdout");
    return exit_code;
  } catch (const normbench::ConfigError& error) {
    return fail(normbench::kUsage, error.what());
  } catch (const std::bad_alloc&) {
    return fail(normbench::kInternalError,
                "out of memory: choose smaller shapes, or leave cases out with -F");
  } catch (const std::exception& error) {
    return fail(normbench::kInternalError, error.what());
  }
}
