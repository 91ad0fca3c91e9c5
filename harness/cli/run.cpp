// normbench run: check, time and record every case of a config.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "harness/bench/ceilings.h"
#include "harness/bench/measure.h"
#include "harness/bench/record.h"
#include "harness/bench/slot.h"
#include "harness/check/known_defects.h"
#include "harness/cli/progress.h"
#include "harness/cli/verbs.h"

namespace normbench {
namespace {

using Clock = std::chrono::steady_clock;

struct RunOptions {
  std::shared_ptr<PlanOptions> plan;
  std::string results = "results";
  double budget = 0;  // seconds; 0: none
  std::uint64_t seed = 1;
  bool dry_run = false;
  bool force = false;
  bool allow_known_defects = false;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<int> thread_counts(const Plan& plan) {
  std::vector<int> counts;
  for (const Case& bench_case : plan.cases) {
    if (std::find(counts.begin(), counts.end(), bench_case.threads) == counts.end()) {
      counts.push_back(bench_case.threads);
    }
  }
  std::sort(counts.begin(), counts.end());
  return counts;
}

void refuse_what_does_not_fit(const Plan& plan, const Machine& machine) {
  for (const Case& bench_case : plan.cases) {
    // A backend with a layout of its own needs as much again.
    const std::int64_t needed = 2 * compulsory_bytes(bench_case.problem);
    if (machine.memory_bytes > 0 && needed > machine.memory_bytes) {
      throw ConfigError(fmt::format(
          "{}: {} needs about {:.1f} GB and the machine has {:.1f}: make it smaller, or leave it "
          "out with -F",
          plan.path, id(bench_case), static_cast<double>(needed) / 1e9,
          static_cast<double>(machine.memory_bytes) / 1e9));
    }
  }
}

class Run {
 public:
  Run(const RunOptions& options, std::vector<std::string> command)
      : options_(options),
        command_(std::move(command)),
        machine_(read_machine()),
        plan_(load_plan(*options.plan, machine_)),
        backends_(choose_backends(*options.plan->filters)),
        not_built_(choose_not_built(*options.plan->filters)) {
    refuse_what_does_not_fit(plan_, machine_);
  }

  int run() {
    if (options_.dry_run) return dry_run();
    const auto findings = diagnose(machine_, read_build());
    for (const Finding& finding : findings) {
      if (finding.severity == Finding::Severity::kNote) continue;
      fmt::print(stderr, "normbench: {}: {}\n", finding.what, finding.remedy);
      if (finding.severity == Finding::Severity::kRefusal && !options_.force) {
        fmt::print(stderr, "normbench: error: this machine is refused; --force measures anyway\n");
        return kMachineRefused;
      }
    }
    RunFolder folder(options_.results, header());
    for (const Finding& finding : findings) {
      if (finding.severity != Finding::Severity::kNote) folder.warn(finding.what);
    }
    const bool stopped = !measure_all(folder);
    folder.finish(stopped);
    return conclude(folder, stopped);
  }

 private:
  int dry_run() const {
    for (const Case& bench_case : plan_.cases) {
      for (const Backend* backend : backends_) {
        const Support support = backend->supports(bench_case.problem);
        fmt::print("{} {}{}{}\n", id(bench_case), backend->name(),
                   support.supported ? "" : " unsupported: ", support.reason);
      }
    }
    fmt::print(stderr, "{} cases, {} backends, about {}; nothing was measured or written\n",
               plan_.cases.size(), backends_.size(),
               duration(estimated_seconds(plan_, backends_.size())));
    return kFine;
  }

  RunHeader header() const {
    RunHeader header{.command = command_,
                     .plan = plan_,
                     .machine = machine_,
                     .build = read_build(),
                     .backends = {},
                     .environment = read_environment(),
                     .ceilings = measure_ceilings(machine_, thread_counts(plan_)),
                     .overhead_ns = slot_overhead_ns(),
                     .seed = options_.seed};
    for (const Backend* backend : backends_) {
      header.backends.push_back({std::string(backend->name()), backend->version()});
    }
    for (const NotBuilt& backend : not_built_) {
      header.backends.push_back({backend.name, "", false, backend.reason});
    }
    return header;
  }

  // The timing of the next case: what the config says, or its share of what is left of the budget.
  TimingOptions timing(double work_done, double work, Clock::time_point start) const {
    TimingOptions timing = plan_.timing;
    if (options_.budget > 0) {
      const double left = options_.budget - seconds_since(start);
      const double share = left * work / (work_total_ - work_done);
      timing.case_seconds = std::min(timing.case_seconds, 0.5 * share);
      timing.min_rounds = std::min(timing.min_rounds, 6);
    }
    return timing;
  }

  double work_of(const Case& bench_case) const {
    Plan one = plan_;
    one.cases = {bench_case};
    return estimated_seconds(one, backends_.size());
  }

  // False when it was interrupted.
  bool measure_all(RunFolder& folder) {
    const Clock::time_point start = Clock::now();
    const double stolen_before = stolen_seconds();
    work_total_ = estimated_seconds(plan_, backends_.size());
    double done = 0;
    Progress progress(plan_.cases.size(), work_total_);
    for (std::size_t i = 0; i < plan_.cases.size(); ++i) {
      const Case& bench_case = plan_.cases[i];
      if (options_.budget > 0 && seconds_since(start) > options_.budget) {
        folder.warn(fmt::format("the budget of {} was used up: {} of {} cases were not measured",
                                duration(options_.budget), plan_.cases.size() - i,
                                plan_.cases.size()));
        break;
      }
      progress.start(i, done, id(bench_case));
      const double work = work_of(bench_case);
      const MeasureOptions measure_options{
          .timing = timing(done, work, start), .seed = options_.seed + i, .stop = interrupted};
      try {
        folder.append(with_not_built(measure(bench_case, backends_, machine_, measure_options)));
      } catch (const Interrupted&) {
        return false;
      }
      done += work;
    }
    const double stolen = stolen_seconds() - stolen_before;
    const double share = stolen / (seconds_since(start) * machine_.online);
    if (share > 0.01) {
      folder.warn(fmt::format("the hypervisor took {:.1f}% of the CPU time away", 100 * share));
    }
    return true;
  }

  CaseResult with_not_built(CaseResult result) const {
    for (const NotBuilt& backend : not_built_) {
      Row row;
      row.backend = backend.name;
      row.verdict = {.outcome = Outcome::kNotBuilt, .reason = backend.reason};
      result.rows.push_back(std::move(row));
    }
    return result;
  }

  int conclude(const RunFolder& folder, bool stopped) const {
    fmt::print("{}\n", folder.path().string());
    if (stopped) {
      fmt::print(stderr, "normbench: interrupted; what was finished is recorded\n");
      return kInterrupted;
    }
    for (const auto& [defect, rows] : folder.known_defects()) {
      fmt::print(stderr, "normbench: known defect: {} x {}\n", rows, describe(*defect));
    }
    if (options_.allow_known_defects ? folder.any_unexplained_failure() : folder.any_failed()) {
      fmt::print(stderr,
                 "normbench: error: a backend failed verification: see normbench report {}\n",
                 folder.path().string());
      return kVerificationFailed;
    }
    return kFine;
  }

  const RunOptions& options_;
  std::vector<std::string> command_;
  Machine machine_;
  Plan plan_;
  std::vector<const Backend*> backends_;
  std::vector<NotBuilt> not_built_;
  double work_total_ = 0;
};

}  // namespace

void add_run(CLI::App& app, const CommandLine& command, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "run",
      "Check, time and record a config; prints the folder it wrote; 3 when a backend is wrong");
  auto options = std::make_shared<RunOptions>();
  options->plan = add_plan(*verb);
  verb->add_option("--results", options->results, "Where the run folder goes")
      ->capture_default_str();
  verb->add_option("--budget", options->budget, "Spend about this many seconds at most")
      ->check(CLI::PositiveNumber);
  verb->add_option("--seed", options->seed, "Seed of inputs and orders")->capture_default_str();
  verb->add_flag("--dry-run", options->dry_run, "Show what would run; measure and write nothing");
  verb->add_flag("--force", options->force, "Measure even on a machine that doctor refuses");
  add_allow_known_defects(*verb, options->allow_known_defects);
  verb->callback([options, &command, &exit_code] {
    interrupted();
    exit_code = Run(*options, command.words).run();
  });
}

}  // namespace normbench
