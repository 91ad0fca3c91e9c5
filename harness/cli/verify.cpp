// normbench verify: is every backend right about every problem of a config, or of all kinds?
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "harness/check/check.h"
#include "harness/check/known_defects.h"
#include "harness/check/matrix.h"
#include "harness/cli/claims.h"
#include "harness/cli/contestants.h"
#include "harness/cli/failures.h"
#include "harness/cli/moments.h"
#include "harness/cli/progress.h"
#include "harness/cli/streams.h"
#include "harness/cli/verbs.h"

namespace normbench {
namespace {

struct VerifyOptions {
  std::shared_ptr<PlanOptions> plan;
  std::shared_ptr<ContestantOptions> contestants;
  bool all = false;
  bool allow_known_defects = false;
  std::uint64_t seed = 1;
  std::string input = {};  // instead of those of the cases
  std::optional<int> repeat = {};
  bool verbose = false;
  bool claim = false;  // look for the least that passes
};

struct Tally {
  std::size_t passed = 0, failed = 0, unsupported = 0;
  std::int64_t unjudged = 0;
  double worst_error = 0;

  void add(const Verdict& verdict) {
    ++(verdict.passed() ? passed : is_failure(verdict.outcome) ? failed : unsupported);
    unjudged += verdict.unjudged;
    if (verdict.passed()) worst_error = std::max(worst_error, verdict.error.bound);
  }
};

// Cases of one problem and kind of input, which are verified together: they differ in threads.
using Group = std::vector<Case>;

// In the order in which problems come first. Cases that differ only in the cache, or in what
// follows a call, are one and the same to verify.
std::vector<Group> by_problem(const std::vector<Case>& cases) {
  std::vector<Group> groups;
  std::map<std::string, std::size_t> places;
  std::set<std::string> seen;
  for (Case bench_case : cases) {
    bench_case.cache = Cache::kWarm;
    bench_case.then = Then::kNothing;
    if (!seen.insert(id(bench_case)).second) continue;
    const std::string group = fmt::format("{}/{}", id(bench_case.problem), name(bench_case.input));
    const auto [place, is_new] = places.emplace(group, groups.size());
    if (is_new) groups.emplace_back();
    groups[place->second].push_back(std::move(bench_case));
  }
  return groups;
}

// Every problem of the matrix, on one thread and on all.
std::vector<Case> all_cases(const PlanOptions& options) {
  const std::set<int> usual = {1, read_machine().cores};
  const std::set<int> given(options.threads.begin(), options.threads.end());
  std::vector<Case> cases;
  for (const Problem& problem : problem_matrix()) {
    for (const int threads : given.empty() ? usual : given) {
      cases.push_back({.problem = problem, .threads = threads});
    }
  }
  return choose_cases(std::move(cases), *options.filters);
}

std::vector<Case> cases_of(const VerifyOptions& options) {
  if (options.all == !options.plan->path.empty()) {
    throw UsageError("verify wants either a config or --all");
  }
  std::vector<Case> cases =
      options.all ? all_cases(*options.plan) : load_plan(*options.plan, read_machine()).cases;
  if (!options.input.empty()) {
    for (Case& bench_case : cases) bench_case.input = *parse_input_kind(options.input);
  }
  return cases;
}

// The worst errors of every backend on every norm, pass and dtype, for one kind of input.
class AccuracyTable {
 public:
  explicit AccuracyTable(InputKind kind) : kind_(kind) {}

  void add(const Problem& problem, const Backend& backend, const Verdict& verdict) {
    const std::string row =
        fmt::format("{} {} {}", name(problem.norm), name(problem.pass), name(problem.dtype));
    if (std::find(rows_.begin(), rows_.end(), row) == rows_.end()) rows_.push_back(row);
    if (!verdict.passed()) return;
    worst_[{row, &backend}].see(verdict.error_of[static_cast<std::size_t>(kind_)]);
  }

  // Whether an error that is within its bound looks large.
  bool alarms() const {
    return std::any_of(worst_.begin(), worst_.end(),
                       [](const auto& entry) { return entry.second.ulp >= 1000; });
  }

  // Rows that some backend has a number in.
  void print(const std::vector<const Backend*>& backends) const {
    if (worst_.empty()) return;
    out("\n{:<34}", fmt::format("worst error, {} input", name(kind_)));
    for (const Backend* backend : backends) out(" {:>16}", backend->name());
    out("\n");
    for (const std::string& row : rows_) {
      if (std::ranges::none_of(worst_, [&](const auto& one) { return one.first.first == row; })) {
        continue;
      }
      out("{:<34}", row);
      for (const Backend* backend : backends) {
        const auto found = worst_.find({row, backend});
        out(" {:>16}", found == worst_.end() ? "-"
                                             : fmt::format("{:.2f} ({:.3g})", found->second.bound,
                                                           found->second.ulp));
      }
      out("\n");
    }
  }

 private:
  InputKind kind_;
  std::vector<std::string> rows_;
  std::map<std::pair<std::string, const Backend*>, Error> worst_;
};

class Verification {
 public:
  explicit Verification(const VerifyOptions& options)
      : options_(options),
        chosen_(choose_contestants(*options.plan->filters, *options.contestants)),
        backends_(chosen_.backends),
        groups_(by_problem(cases_of(options))) {
    for (const Backend* backend : backends_) {
      failures_.emplace(backend->name(), std::string(backend->name()));
    }
  }

  int run() {
    chosen_.start_workers();
    std::size_t done = 0;
    std::size_t cases = 0;
    for (const Group& group : groups_) cases += group.size();
    try {
      verify_all(cases, done);
    } catch (const Interrupted&) {
      say("normbench: interrupted after {} of {} cases\n", done, cases);
      return kInterrupted;
    }
    if (options_.claim) {
      claims_.print();
      return claims_.all_pass() ? kFine : kVerificationFailed;
    }
    print();
    return any_failed() ? kVerificationFailed : kFine;
  }

 private:
  void verify_all(std::size_t cases, std::size_t& done) {
    double work = 0;
    for (const Group& group : groups_) work += weight(group);
    Progress progress(cases, work);
    double work_done = 0;
    for (const Group& group : groups_) {
      progress.start(done, work_done, id(group[0]));
      verify(group);
      done += group.size();
      work_done += weight(group);
    }
  }

  static double weight(const Group& group) {
    return 1e-3 + 1e-6 * static_cast<double>(group[0].problem.elements());
  }

  // The reasons of all backends where none takes the problem: most of what is there to one that
  // does a single thing. Empty when one takes it, or is to be watched as it answers.
  std::vector<std::string> reasons_of_all(const Problem& problem) const {
    std::vector<std::string> reasons;
    try {
      for (const Backend* backend : backends_) {
        const Support support = backend->supports(problem);
        if (support.supported) return {};
        reasons.push_back(support.reason);
      }
    } catch (...) {
      return {};
    }
    return reasons;
  }

  void verify(const Group& group) {
    if (interrupted_before("")) throw Interrupted{};
    if (const auto reasons = reasons_of_all(group[0].problem); !reasons.empty()) {
      for (const Case& bench_case : group) {
        for (std::size_t i = 0; i < backends_.size(); ++i) {
          record(bench_case, {.backend = backends_[i],
                              .verdict = {.outcome = Outcome::kUnsupported, .reason = reasons[i]}});
        }
      }
      return;
    }
    std::vector<Entrant> all;
    for (const Case& bench_case : group) {
      const auto some = entrants(backends_, bench_case.threads);
      all.insert(all.end(), some.begin(), some.end());
    }
    // All placements take turns.
    const std::array placements = {Placement::kLine, Placement::kElement, Placement::kPage};
    Workspace workspace(group[0].problem, options_.seed, placements[groups_done_++ % 3]);
    const CheckOptions check_options = {.seed = options_.seed,
                                        .kinds = input_kinds_with(group[0].input),
                                        .calls = least_calls(),
                                        .calls_if_short = most_calls(),
                                        .before =
                                            [](std::string_view backend) {
                                              if (interrupted_before(backend)) throw Interrupted{};
                                            },
                                        .explain =
                                            [&](const Backend& backend) {
                                              return !options_.claim &&
                                                     is_worth_explaining(backend, group);
                                            },
                                        .every_kind = true,
                                        .search_claims = options_.claim};
    const auto checked = check_all(all, workspace, check_options);
    for (std::size_t i = 0; i < checked.size(); ++i) {
      record(group[i / backends_.size()], checked[i]);
      remark(checked[i]);
      if (options_.claim) claims_.see(group[0].problem, checked[i]);
    }
  }

  // The cause is looked for in some failures of each kind of work, as it takes long: in two of each
  // shape, since among few values, or in one shape, many causes look alike.
  bool is_worth_explaining(const Backend& backend, const Group& group) const {
    constexpr std::size_t kMost = 24;
    constexpr std::size_t kMostOfShape = 2;
    constexpr std::int64_t kLeastElements = 16;
    if (!options_.all) return true;
    const Problem& p = group[0].problem;
    const auto explained = [this](const std::string& what) {
      const auto found = explained_.find(what);
      return found == explained_.end() ? 0 : found->second;
    };
    const std::string work = kind_of_work(backend, p);
    return p.elements() >= kLeastElements && explained(work) < kMost &&
           explained(work + shape(p)) < kMostOfShape;
  }

  static std::string kind_of_work(const Backend& backend, const Problem& p) {
    return fmt::format("{} {} {} {} {}", backend.name(), name(p.norm), name(p.pass), name(p.dtype),
                       name(p.layout));
  }
  static std::string shape(const Problem& p) { return fmt::format(" {} {} {}", p.n, p.c, p.l); }

  void record(const Case& bench_case, const Checked& checked) {
    const Backend& backend = *checked.backend;
    const Verdict& verdict = checked.verdict;
    const std::string backend_name(backend.name());
    if (checked.explain && !checked.symptoms.empty()) {
      const std::string work = kind_of_work(backend, bench_case.problem);
      ++explained_[work];
      ++explained_[work + shape(bench_case.problem)];
    }
    tallies_[backend_name].add(verdict);
    for (AccuracyTable& table : accuracy_) table.add(bench_case.problem, backend, verdict);
    moments_.see(backend, verdict);
    if (verdict.outcome == Outcome::kUnsupported) ++skips_[{backend_name, verdict.reason}];
    const KnownDefect* defect = known_defect(backend.name(), backend.version(), bench_case.problem);
    if (defect != nullptr && defect->explains(verdict)) {
      ++known_defects_[describe(*defect)];
    } else if (verdict.outcome != Outcome::kUnsupported) {
      failures_.at(backend_name).add(bench_case, checked);
    }
    if (defect != nullptr && verdict.passed()) ++stale_[describe(*defect)];
    if (options_.verbose) {
      out("{} {} {}{}{}\n", id(bench_case), backend_name, name(verdict.outcome),
          verdict.reason.empty() ? "" : ": ", verdict.reason);
    }
  }

  // In --all a call that goes wrong now and then is met in one case or another.
  int least_calls() const { return options_.repeat.value_or(CheckOptions().calls); }
  int most_calls() const {
    constexpr int kOfConfig = 100;
    return options_.repeat.value_or(options_.all ? least_calls() : kOfConfig);
  }

  // What run() does beside its work. No failure: libraries do it.
  void remark(const Checked& checked) {
    const std::string backend_name(checked.backend->name());
    if (checked.allocations.value_or(0) > 0) ++remarks_[{backend_name, "allocates memory"}];
    if (checked.bytes_written > 0) ++remarks_[{backend_name, "writes to a stream or a file"}];
  }

  bool any_failed() const {
    return std::ranges::any_of(failures_, [](const auto& one) { return one.second.any(); }) ||
           (!known_defects_.empty() && !options_.allow_known_defects);
  }

  void print() const {
    out("{:<16} {:>8} {:>8} {:>12}  {}\n", "backend", "passed", "failed", "unsupported",
        "worst error / bound");
    std::size_t passed = 0;
    std::size_t checked = 0;
    for (const Backend* backend : backends_) {
      const Tally& tally = tallies_.at(std::string(backend->name()));
      out("{:<16} {:>8} {:>8} {:>12}  {:.2f}\n", backend->name(), tally.passed, tally.failed,
          tally.unsupported, tally.worst_error);
      passed += tally.passed;
      checked += tally.passed + tally.failed;
    }
    for (const auto& [backend, tally] : tallies_) {
      if (tally.unjudged == 0) continue;
      out("not judged: {} values of {}: the error of their variance may be as large as itself\n",
          tally.unjudged, backend);
    }
    moments_.print();
    for (const auto& [remark, count] : remarks_) {
      out("remark: {} {} in run(), in {} cases\n", remark.first, remark.second, count);
    }
    for (const NotBuilt& backend : chosen_.not_built) {
      out("{:<16} not built: {}\n", backend.name, backend.reason);
    }
    for (const auto& [skip, count] : skips_) {
      out("unsupported: {} x {}: {}\n", count, skip.first, skip.second);
    }
    if (options_.all) {
      for (const AccuracyTable& table : accuracy_) table.print(backends_);
      out("in units of its bound, and (in units in the last place of the largest value of the "
          "output)\n");
      if (std::any_of(accuracy_.begin(), accuracy_.end(),
                      [](const AccuracyTable& table) { return table.alarms(); })) {
        out("a thousand ulp and more within the bound: large terms cancel, so that the largest "
            "value of the output is itself about as small as their roundings\n");
      }
    }
    for (const Backend* backend : backends_) {
      const Failures& failures = failures_.at(std::string(backend->name()));
      if (failures.any()) failures.print(once_more(*backend));
    }
    for (const auto& [defect, count] : known_defects_) {
      out("known defect: {} x {}\n", count, defect);
    }
    for (const auto& [defect, count] : stale_) {
      out("stale: passed {} x where harness/check/known_defects.cpp lists {}\n", count, defect);
    }
    out("{} of {} passed, each on {} kinds of input", passed, checked, kInputKinds.size());
    const auto others = other_kinds();
    for (const InputKind kind : others) out(" and on {} input", name(kind));
    out("{}\n", others.size() > 1 ? ", as their cases say" : "");
  }

  // The command that verifies this backend, up to a filter of cases.
  std::string once_more(const Backend& backend) const {
    std::string command = "normbench verify ";
    command += options_.all ? "--all" : options_.plan->path;
    for (const std::string& path : options_.contestants->plugins) command += " --plugin " + path;
    for (const std::string& path : options_.contestants->python) command += " --python " + path;
    return command + fmt::format(" -b '^{}$'", backend.name());
  }

  // Those of the cases, but for what all are checked on.
  std::set<InputKind> other_kinds() const {
    std::set<InputKind> kinds;
    for (const Group& group : groups_) kinds.insert(group[0].input);
    for (const InputKind usual : kInputKinds) kinds.erase(usual);
    return kinds;
  }

  // Of the kinds whose errors say something.
  std::vector<AccuracyTable> tables() const {
    std::vector<AccuracyTable> all = {AccuracyTable(InputKind::kRandom),
                                      AccuracyTable(InputKind::kIllConditioned)};
    for (const InputKind kind : other_kinds()) all.emplace_back(kind);
    return all;
  }

  const VerifyOptions& options_;
  Contestants chosen_;
  const std::vector<const Backend*>& backends_;
  std::vector<Group> groups_;
  std::size_t groups_done_ = 0;
  std::map<std::string, Tally> tallies_;
  std::vector<AccuracyTable> accuracy_ = tables();
  MomentsReport moments_;
  ClaimReport claims_;
  std::map<std::pair<std::string, std::string>, std::size_t> skips_, remarks_;
  std::map<std::string, Failures, std::less<>> failures_;  // but for known defects, by backend
  std::map<std::string, std::size_t> explained_;           // by kind of work, and shape
  std::map<std::string, std::size_t> known_defects_;
  std::map<std::string, std::size_t> stale_;
};

std::vector<std::string> input_names() {
  std::vector<std::string> names;
  for (const InputKind kind : kEveryInputKind) names.emplace_back(name(kind));
  return names;
}

}  // namespace

void add_verify(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "verify", "Check every backend against the oracle on a config; 3 when one is wrong");
  auto options = std::make_shared<VerifyOptions>();
  options->plan = add_plan(*verb);
  options->contestants = add_contestants(*verb, true);
  verb->get_option("config")->required(false);
  verb->add_flag("--all", options->all,
                 "Check every norm, pass, dtype and layout, over shapes where implementations go "
                 "wrong, instead of a config");
  add_allow_known_defects(*verb, options->allow_known_defects);
  add_seed(*verb, options->seed, "Seed of the inputs");
  verb->add_option("--input", options->input,
                   "Kind of input to check on, beside the usual ones and instead of the config's")
      ->check(CLI::IsMember(input_names()));
  verb->add_option("--repeat", options->repeat,
                   "Calls of each backend on random input, all of which must leave the same right "
                   "results; 14 by default, on a config up to 100 where calls are short")
      ->check(CLI::Range(2, 1'000'000));
  verb->add_flag("--claim", options->claim,
                 "Find the least accuracy that each backend could claim, instead of what is wrong");
  verb->add_flag("-v,--verbose", options->verbose, "Print a line for every backend and case");
  verb->callback([options, &exit_code] {
    interrupted();
    exit_code = Verification(*options).run();
  });
}

}  // namespace normbench
