// normbench doctor: the machine as normbench sees it, and what would make it measure better.
#include <fmt/core.h>

#include "harness/bench/ceilings.h"
#include "harness/bench/last_level.h"
#include "harness/bench/slot.h"
#include "harness/check/workspace.h"
#include "harness/cli/streams.h"
#include "harness/cli/verbs.h"
#include "harness/core/backend.h"

namespace normbench {
namespace {

constexpr const char* kFact = "{:<14} {}\n";

void print_machine(const Machine& machine) {
  out(kFact, "host", machine.host);
  out(kFact, "cpu", machine.cpu + (machine.virtualized ? " (virtual machine)" : ""));
  out(kFact, "vectors", machine.isa);
  out("{:<14} {} usable of {} online, {} in the affinity mask, quota {}\n", "cores", machine.cores,
      machine.online, machine.affinity,
      machine.cpu_quota ? fmt::format("{:.2f} CPUs", *machine.cpu_quota) : "none");
  for (const CacheLevel& cache : machine.caches) {
    out("{:<14} {} KiB, shared by {}\n", fmt::format("cache L{}", cache.level), cache.bytes / 1024,
        cache.shared_by);
  }
  const std::string said = fmt::format(
      "{:.1f} MiB by the system", static_cast<double>(said_last_level_bytes(machine)) / 1048576);
  const std::string measured =
      machine.measured_last_level
          ? fmt::format("{:.1f} MiB measured: regimes and cache flushes go by it",
                        static_cast<double>(*machine.measured_last_level) / 1048576)
          : "could not be told by measuring";
  out("{:<14} {}, {}\n", "last cache", said, measured);
  out("{:<14} {:.1f} GB, huge pages {}\n", "memory",
      static_cast<double>(machine.memory_bytes) / 1e9, machine.huge_pages);
  out(kFact, "governor", machine.governor.value_or("unknown"));
  out("{:<14} {:.2f} {:.2f} {:.2f}\n", "load", machine.load[0], machine.load[1], machine.load[2]);
  out(kFact, "kernel", machine.kernel);
}

void print_build(const Build& build) {
  out("{:<14} {} ({}), {}\n", "normbench", build.version, build.git, build.type);
  out("{:<14} {} {}\n", "compiler", build.compiler, build.flags);
  for (const auto& [name, value] : read_environment()) {
    out("{:<14} {}={}\n", "environment", name, value);
  }
  for (const auto& backend : backends()) {
    out("{:<14} {} {}\n", "backend", backend->name(), backend->version());
  }
  for (const NotBuilt& backend : not_built_backends()) {
    out("{:<14} {} not built: {}\n", "backend", backend.name, backend.reason);
  }
}

// What backends find out about the machine before they run a problem of the usual size.
void print_measured(const Machine& machine) {
  const Problem problem = {.n = 64, .c = 256, .l = 64};
  const Workspace workspace(problem);
  for (const auto& backend : backends()) {
    if (!backend->supports(problem).supported) continue;
    const std::string measured =
        backend->prepare(problem, workspace.arguments(), machine.cores)->measured();
    if (measured.empty()) continue;
    out("{:<14} {}: {} (bytes, on {} threads)\n", "measured", backend->name(), measured,
        machine.cores);
  }
}

void print_ceilings(const Machine& machine) {
  std::vector<int> threads = {1};
  if (machine.cores > 1) threads.push_back(machine.cores);
  out("\ncopy, GB/s read and written (the ceiling is the larger)\n");
  out("{:>7} {:>6} {:>14} {:>8} {:>10}\n", "threads", "regime", "working set", "plain",
      "streaming");
  for (const Ceiling& ceiling : measure_ceilings(machine, threads)) {
    out("{:>7} {:>6} {:>10} KiB {:>8.1f} {:>10.1f}\n", ceiling.threads, ceiling.regime,
        ceiling.bytes / 1024, ceiling.plain_gbs, ceiling.streaming_gbs);
  }
}

std::string_view word(Finding::Severity severity) {
  switch (severity) {
    case Finding::Severity::kRefusal:
      return "REFUSED";
    case Finding::Severity::kWarning:
      return "warning";
    case Finding::Severity::kNote:
      return "note";
  }
  return "";
}

}  // namespace

void add_doctor(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "doctor", "This machine and build, its ceilings, and what makes it noisy; 5 when unusable");
  verb->callback([&exit_code] {
    Machine machine = read_machine();
    measure_last_level(machine);
    const Build build = read_build();
    print_machine(machine);
    print_build(build);
    print_measured(machine);
    print_ceilings(machine);
    out("\noverhead of the harness: {:.1f} ns per call\n", slot_overhead_ns());
    out("\n");
    const auto findings = diagnose(machine, build);
    if (findings.empty()) out("nothing stands in the way of good measurements\n");
    for (const Finding& finding : findings) {
      out("{}: {}\n         {}\n", word(finding.severity), finding.what, finding.remedy);
      if (finding.severity == Finding::Severity::kRefusal) exit_code = kMachineRefused;
    }
  });
}

}  // namespace normbench
