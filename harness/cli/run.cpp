// normbench run: check, time and record every case of a config.
#include <fmt/core.h>
#include <omp.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <map>
#include <new>
#include <optional>

#include "harness/bench/ceilings.h"
#include "harness/bench/last_level.h"
#include "harness/bench/measure.h"
#include "harness/bench/price.h"
#include "harness/bench/record.h"
#include "harness/bench/slot.h"
#include "harness/bench/stopwatch.h"
#include "harness/bench/team.h"
#include "harness/check/known_defects.h"
#include "harness/cli/contestants.h"
#include "harness/cli/progress.h"
#include "harness/cli/repeat.h"
#include "harness/cli/streams.h"
#include "harness/cli/verbs.h"

namespace normbench {
namespace {

constexpr double kMostSeconds = 1e9;  // a budget of decades

struct RunOptions {
  std::shared_ptr<PlanOptions> plan;
  std::shared_ptr<ContestantOptions> contestants;
  std::string results = "results";
  std::optional<double> budget = {};  // seconds
  std::uint64_t seed = 1;
  bool dry_run = false;
  bool force = false;
  bool allow_known_defects = false;
  std::optional<int> repeat = {};
  std::string against = {};
};

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
    const std::int64_t needed = bytes_needed(bench_case);
    if (machine.memory_bytes > 0 && needed > machine.memory_bytes) {
      throw UsageError(fmt::format(
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
        chosen_(choose_contestants(*options.plan->filters, *options.contestants)),
        backends_(chosen_.backends),
        not_built_(chosen_.not_built),
        prices_(plan_.timing, backends_.size()) {
    refuse_what_does_not_fit(plan_, machine_);
  }

  void end_workers() const { chosen_.stop_workers(); }

  int run() {
    if (options_.dry_run) return dry_run();
    const auto findings = diagnose(machine_, read_build());
    for (const Finding& finding : findings) {
      if (finding.severity == Finding::Severity::kNote) continue;
      say("normbench: {}: {}\n", finding.what, finding.remedy);
      if (finding.severity == Finding::Severity::kRefusal && !options_.force) {
        say("normbench: error: this machine is refused; --force measures anyway\n");
        return kMachineRefused;
      }
    }
    look_at_teams();
    // The machine is measured when they have started, and are quiet.
    chosen_.start_workers();
    recorded_ = chosen_.recorded();
    for (const auto& [threads, objection] : objections_) {
      say("normbench: {} threads: {}\n", threads, objection);
    }
    measure_last_level(machine_);
    RunFolder folder(options_.results, header());
    for (const Finding& finding : findings) {
      if (finding.severity != Finding::Severity::kNote) folder.warn(finding.what);
    }
    for (const auto& [threads, objection] : objections_) {
      folder.warn(fmt::format("cases with {} threads were not measured: {}", threads, objection));
    }
    const bool stopped = !measure_all(folder);
    folder.finish(stopped);
    return conclude(folder, stopped);
  }

 private:
  static std::string declined(const Backend& backend, const Problem& problem) {
    try {
      const Support support = backend.supports(problem);
      return support.supported ? "" : " unsupported: " + support.reason;
    } catch (const std::exception& error) {
      return fmt::format(" does not tell: {}", error.what());
    }
  }

  int dry_run() const {
    for (const Case& bench_case : plan_.cases) {
      for (const Backend* backend : backends_) {
        out("{} {}{}\n", id(bench_case), backend->name(), declined(*backend, bench_case.problem));
      }
    }
    say("{} cases, {} backends, about {}; nothing was measured or written\n", plan_.cases.size(),
        backends_.size(), duration(total_seconds(prices_, plan_.cases)));
    return kFine;
  }

  // Thread counts that OpenMP does not give, or not on CPUs of their own. The harness itself does
  // with what there is.
  void look_at_teams() {
    const auto counts = thread_counts(plan_);
    const int usual = omp_get_max_threads();
    const int most = std::max(usual, counts.empty() ? 1 : counts.back());
    const int startable = startable_threads(most);
    if (startable < usual) {
      omp_set_num_threads(startable);
      setenv("OMP_NUM_THREADS", fmt::format("{}", startable).c_str(), 1);  // for the workers
    }
    // Whoever names places binds this thread as well, and so hides what else there is.
    const bool places = std::getenv("OMP_PLACES") || std::getenv("GOMP_CPU_AFFINITY");
    const int cpus = places ? machine_.online : machine_.cores;
    for (const int threads : counts) {
      const Team team = threads <= startable ? team_of(threads) : Team{.threads = startable};
      if (const auto objection = objection_to(team, threads, cpus)) {
        objections_.emplace(threads, *objection);
      }
    }
  }

  std::vector<int> usable_thread_counts() const {
    std::vector<int> counts = thread_counts(plan_);
    std::erase_if(counts, [this](int threads) { return objections_.contains(threads); });
    return counts;
  }

  // The result of a case that cannot run: a row for each backend, with the reason.
  CaseResult without_times(const Case& bench_case, const std::string& reason) const {
    CaseResult result;
    result.bench_case = bench_case;
    result.regime = regime(machine_, compulsory_bytes(bench_case.problem), bench_case.threads);
    for (const Backend* backend : backends_) {
      Row& row = result.rows.emplace_back();
      row.backend = backend->name();
      row.verdict = {.outcome = Outcome::kFailed, .reason = "the case could not run: " + reason};
    }
    return result;
  }

  // Measures the case, if it can be.
  CaseResult result_of(const Case& bench_case, const MeasureOptions& options) const {
    const auto objection = objections_.find(bench_case.threads);
    if (objection != objections_.end()) return without_times(bench_case, objection->second);
    try {
      return measure(bench_case, backends_, machine_, options);
    } catch (const std::bad_alloc&) {
      return without_times(bench_case, "there is not enough memory");
    } catch (const std::exception& error) {
      return without_times(bench_case, error.what());
    }
  }

  RunHeader header() const {
    return {.command = command_,
            .plan = plan_,
            .machine = machine_,
            .build = read_build(),
            .backends = recorded_,
            .environment = read_environment(),
            .ceilings = measure_ceilings(machine_, usable_thread_counts()),
            .overhead_ns = slot_overhead_ns(),
            .seed = options_.seed,
            .budget = options_.budget};
  }

  // False when it was interrupted.
  bool measure_all(RunFolder& folder) {
    const double stolen_before = stolen_seconds();
    const std::vector<Case>& cases = plan_.cases;
    if (options_.budget) say_what_the_budget_buys();
    // In the units of the first guess, as the model changes.
    const PriceModel first_guess = prices_;
    Progress progress(cases.size(), total_seconds(first_guess, cases),
                      options_.budget.value_or(std::numeric_limits<double>::infinity()));
    double done = 0;
    Guess left;
    for (const Case& bench_case : cases) left.add(prices_.guess(bench_case));
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const Case& bench_case = cases[i];
      const auto timing = timing_of(bench_case, left, cases.size() - i);
      // Whatever the budget, a run has a case.
      if (!timing && i > 0) {
        folder.warn(fmt::format("the budget of {} was used up: {} of {} cases were not measured",
                                duration(*options_.budget), cases.size() - i, cases.size()));
        break;
      }
      progress.start(i, done, id(bench_case));
      const MeasureOptions options{.timing = timing.value_or(plan_.timing),
                                   .seed = options_.seed + i,
                                   .stop = interrupted_before};
      try {
        const CaseResult result = with_not_built(result_of(bench_case, options));
        folder.append(result);
        if (!result.copy_ns.empty()) {
          prices_.learn(bench_case, result.check_seconds + result.calibrate_seconds,
                        result.rounds_seconds, result.copy_ns.size());
        }
      } catch (const Interrupted&) {
        return false;
      }
      left.add(prices_.guess(bench_case), -1);
      done += first_guess.price(bench_case).all();
    }
    const double stolen = stolen_seconds() - stolen_before;
    const double share = stolen / (stopwatch_.seconds() * machine_.online);
    if (share > 0.01) {
      folder.warn(fmt::format("the hypervisor took {:.1f}% of the CPU time away", 100 * share));
    }
    return true;
  }

  // What the config says or, with a budget, what the case may have of it; nothing when it is used
  // up.
  std::optional<TimingOptions> timing_of(const Case& next, const Guess& all,
                                         std::size_t count) const {
    if (!options_.budget) return plan_.timing;
    const double left = *options_.budget - stopwatch_.seconds();
    return share_of_budget(prices_, plan_.timing, next, all, count, left);
  }

  void say_what_the_budget_buys() const {
    const double left = *options_.budget - stopwatch_.seconds();
    const std::size_t count = affordable(prices_, plan_.cases, left);
    if (count == plan_.cases.size()) return;
    say("normbench: {} are enough for about {} of {} cases, of all kinds\n",
        duration(*options_.budget), count, plan_.cases.size());
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
    out("{}\n", folder.path().string());
    if (stopped) {
      say("normbench: interrupted; what was finished is recorded\n");
      return kInterrupted;
    }
    for (const auto& [defect, rows] : folder.known_defects()) {
      say("normbench: known defect: {} x {}\n", rows, describe(*defect));
    }
    for (const auto& [backend, rows] : folder.failed()) {
      say("normbench: error: {} has no times in {} {}, the first {}: {}\n", backend, rows.count,
          rows.count == 1 ? "case" : "cases", rows.first_case, rows.reason);
    }
    const bool failed = !folder.failed().empty() ||
                        (!options_.allow_known_defects && !folder.known_defects().empty());
    if (!failed) return kFine;
    say("normbench: what failures have in common is told by normbench verify, --all or this "
        "config\n");
    return kVerificationFailed;
  }

  const RunOptions& options_;
  std::vector<std::string> command_;
  Machine machine_;
  Plan plan_;
  Contestants chosen_;
  std::vector<RecordedBackend> recorded_ = {};
  const std::vector<const Backend*>& backends_;
  const std::vector<NotBuilt>& not_built_;
  std::map<int, std::string> objections_;  // to thread counts
  PriceModel prices_;
  Stopwatch stopwatch_;
};

}  // namespace

void add_run(CLI::App& app, const CommandLine& command, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "run",
      "Check, time and record a config; prints the folder it wrote; 3 when a backend is wrong");
  auto options = std::make_shared<RunOptions>();
  options->plan = add_plan(*verb);
  options->contestants = add_contestants(*verb, true);
  verb->add_option("--results", options->results, "Folder in which the run folder is made")
      ->capture_default_str();
  const auto is_budget = [](const std::string& text) -> std::string {
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    const bool fine = error == std::errc() && end == text.data() + text.size() && seconds > 0 &&
                      seconds < kMostSeconds;
    return fine ? ""
                : fmt::format("must be from 0 to {:.0e} seconds, but is {}", kMostSeconds, text);
  };
  verb->add_option("--budget", options->budget, "Spend about this many seconds at most on a run")
      ->check(is_budget);
  add_seed(*verb, options->seed, "Seed of inputs and orders");
  verb->add_flag("--dry-run", options->dry_run, "Show what would run; measure and write nothing");
  verb->add_flag("--force", options->force, "Measure even on a machine that doctor refuses");
  add_allow_known_defects(*verb, options->allow_known_defects);
  verb->add_option("--repeat", options->repeat,
                   "Run the config so often, each time in a new process, and print all folders")
      ->check(CLI::Range(1, 100));
  verb->add_option("--against", options->against,
                   "Alternate with runs of this other build of normbench, and print its folders, "
                   "--, and the own ones, as normbench diff takes them")
      ->type_name("BINARY");
  verb->callback([options, &command, &exit_code] {
    if (!has_repeats(command)) {
      interrupted();
      exit_code = Run(*options, command.words).run();
      return;
    }
    if (options->dry_run) {
      throw UsageError("--dry-run runs nothing, so it takes neither --repeat nor --against");
    }
    if (!options->against.empty()) check_other_binary(options->against);
    options->plan->filters->warn = [](const std::string&) {};  // each run warns
    // Refuses before the first run what this binary would refuse.
    Run(*options, command.words).end_workers();
    exit_code =
        make_runs(command, {.count = options->repeat.value_or(1), .against = options->against});
  });
}

}  // namespace normbench
