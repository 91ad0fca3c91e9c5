// The schedule of one case.
#include "harness/bench/measure.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "harness/bench/allocations.h"
#include "harness/bench/copy.h"
#include "harness/bench/read.h"
#include "harness/bench/schedule.h"
#include "harness/bench/slot.h"
#include "harness/bench/statistics.h"
#include "harness/bench/stopwatch.h"
#include "harness/bench/sweep.h"

namespace normbench {
namespace {

// A sample of a cold case runs through sets of buffers that have all been swept out of the caches.
constexpr std::int64_t kMostColdSets = 64;
constexpr std::int64_t kColdBytes = std::int64_t{64} << 20;

using Kernels = std::vector<std::unique_ptr<Kernel>>;

std::vector<Kernel*> pointers(const Kernels& kernels) {
  std::vector<Kernel*> list;
  for (const auto& kernel : kernels) list.push_back(kernel.get());
  return list;
}

// Idle workers of OpenMP spin for a while, and would tax the backend that comes next.
void settle() { std::this_thread::sleep_for(std::chrono::microseconds(200)); }

// A backend in this case: one kernel per set of buffers.
struct Contestant {
  const Backend* backend = nullptr;
  Accuracy accuracy = {};
  Kernels kernels = {};
  Row row = {};
  double estimate_ns = 0;  // of one call
  std::vector<double> cpus = {};

  bool running() const { return row.verdict.passed() && !kernels.empty(); }
};

class CaseMeasurement {
 public:
  CaseMeasurement(const Case& bench_case, const Machine& machine, const MeasureOptions& options)
      : case_(bench_case), machine_(machine), options_(options) {
    result_.bench_case = bench_case;
    result_.order_seed = options.seed;
    result_.regime = regime(machine, compulsory_bytes(bench_case.problem), bench_case.threads);
    sets_.emplace_back(bench_case.problem, options.seed);
  }

  CaseResult measure(const std::vector<const Backend*>& backends) {
    const Stopwatch check_time;
    for (Checked& checked : check_all(entrants(backends, case_.threads), sets_[0], options_.seed,
                                      [this] { stop_if_asked(); })) {
      admit(checked);
    }
    result_.check_seconds = check_time.seconds();
    if (std::any_of(contestants_.begin(), contestants_.end(),
                    [](const Contestant& contestant) { return contestant.running(); })) {
      time();
    }
    for (Contestant& contestant : contestants_) result_.rows.push_back(std::move(contestant.row));
    return std::move(result_);
  }

 private:
  void admit(Checked& checked) {
    Contestant& contestant = contestants_.emplace_back();
    contestant.backend = checked.backend;
    contestant.accuracy = checked.accuracy;
    contestant.row = {.backend = std::string(checked.backend->name()),
                      .verdict = std::move(checked.verdict),
                      .detail = checked.detail,
                      .native_layout = checked.native_layout,
                      .grade = checked.accuracy.grade,
                      .prepare_ns = checked.prepare_ns};
    if (contestant.row.verdict.passed()) contestant.kernels.push_back(std::move(checked.kernel));
  }

  void time() {
    const Stopwatch calibration;
    fill_set(sets_[0]);
    oracle_.emplace(case_.problem, sets_[0].arguments(), false);
    calibrate();
    if (case_.cache == Cache::kCold) add_cold_sets();
    choose_controls();
    Schedule schedule(options_.timing, contestants_.size(), 3, fastest_, options_.seed);
    for (std::size_t i = 0; i < contestants_.size(); ++i) {
      if (!contestants_[i].running()) schedule.leave_out(i);
    }
    result_.calibrate_seconds = calibration.seconds();
    const Stopwatch stopwatch;
    while (true) {
      const auto round = schedule.next_round(stopwatch.seconds());
      if (round.empty()) break;
      for (const Schedule::Entry& entry : round) measure_sample(entry, schedule);
    }
    result_.rounds_seconds = stopwatch.seconds();
    finish_rows(schedule);
  }

  // Random input, and everything remembered that the timed runs will change.
  void fill_set(Workspace& set) {
    fill(set, InputKind::kRandom, options_.seed);
    set.save_running();
  }

  // How long a call of each takes, and so how many fill a sample.
  void calibrate() {
    double fastest = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < contestants_.size(); ++i) {
      Contestant& contestant = contestants_[i];
      if (!contestant.running()) continue;
      contestant.kernels[0]->load();
      contestant.estimate_ns = estimate(contestant);
      if (contestant.estimate_ns < fastest) {
        fastest = contestant.estimate_ns;
        fastest_ = i;
      }
    }
    calls_ = calls_per_sample(fastest, options_.timing);
    for (Contestant& contestant : contestants_) {
      contestant.row.calls_per_sample =
          calls_per_sample(contestant.estimate_ns, calls_, options_.timing);
    }
  }

  // Time of one call in ns, roughly. Short calls need a slot of some length before the clock tells
  // them apart.
  double estimate(Contestant& contestant) {
    constexpr double kEnoughNs = 50e3;
    stop_if_asked();
    double best = first_call(contestant);
    if (is_long(best)) return best;
    std::int64_t calls = 1;
    for (int attempt = 0; attempt < 6; ++attempt) {
      stop_if_asked();
      best = std::min(best, time_slot(pointers(contestant.kernels), calls, true).ns);
      if (best * static_cast<double>(calls) >= kEnoughNs) break;
      calls = calls_per_sample(best, {.min_slot_us = 1e-3 * kEnoughNs});
    }
    return best;
  }

  // Counts what it allocates, too. Its time counts only where that is long.
  double first_call(Contestant& contestant) {
    const Stopwatch stopwatch;
    const AllocationCounter counter;
    contestant.kernels[0]->run();
    contestant.row.allocations = counter.count();
    return 1e9 * stopwatch.seconds();
  }

  bool is_long(double ns) const { return ns >= 1e3 * kLongCallSlots * options_.timing.min_slot_us; }

  // Further sets of buffers with the same contents, so that a sample is long enough for the clock.
  void add_cold_sets() {
    const auto bytes = static_cast<std::int64_t>(sets_[0].bytes());
    calls_ = std::clamp<std::int64_t>(std::min(calls_, kColdBytes / bytes), 1, kMostColdSets);
    for (Contestant& contestant : contestants_) {
      contestant.row.calls_per_sample = calls_;  // one for each set
    }
    while (static_cast<std::int64_t>(sets_.size()) < calls_) {
      fill_set(sets_.emplace_back(case_.problem, options_.seed + sets_.size()));
    }
    for (Contestant& contestant : contestants_) {
      if (!contestant.running()) continue;
      for (std::size_t set = 1; set < sets_.size(); ++set) {
        contestant.kernels.push_back(
            contestant.backend->prepare(case_.problem, sets_[set].arguments(), case_.threads));
        contestant.kernels.back()->load();
      }
    }
    sweeper_.emplace(3 * last_level_bytes(machine_));
  }

  // The fastest of all ways to copy, on one thread or all, becomes the ceiling; likewise to read.
  void choose_controls() {
    double best_copy = std::numeric_limits<double>::infinity();
    double best_read = best_copy;
    const std::set<int> thread_counts = {1, case_.threads};
    for (const int threads : thread_counts) {
      for (const Store store : {Store::kPlainLoop, Store::kPlainLibrary, Store::kStreaming}) {
        const auto copy = [&](const Arguments& a) {
          return make_copy(a.x.present() ? a.x : a.dy, a.y.present() ? a.y : a.dx, threads, store);
        };
        if (keep_if_faster(copy, copy_, best_copy)) result_.copy_store = name(store);
      }
      keep_if_faster([&](const Arguments& a) { return make_read(tensors_read(a), threads); }, read_,
                     best_read);
    }
  }

  template <class Make>
  bool keep_if_faster(Make make, Kernels& kept, double& best) {
    Kernels kernels;
    for (const Workspace& set : sets_) kernels.push_back(make(set.arguments()));
    // Which of them is fastest is told by one sample where that is long.
    double ns = timed(kernels, calls_).ns;
    if (!is_long(ns)) ns = std::min(ns, timed(kernels, calls_).ns);
    if (ns >= best) return false;
    best = ns;
    kept = std::move(kernels);
    return true;
  }

  Slot timed(const Kernels& kernels, std::int64_t calls, bool warm_up = true) {
    stop_if_asked();
    const bool warm = case_.cache == Cache::kWarm;
    if (!warm) sweeper_->sweep(case_.threads);
    settle();
    return time_slot(pointers(kernels), calls, warm && warm_up);
  }

  void measure_sample(const Schedule::Entry& entry, Schedule& schedule) {
    for (Workspace& set : sets_) set.restore_running();
    const std::size_t controls = contestants_.size();
    if (entry.which < controls) {
      Contestant& contestant = contestants_[entry.which];
      // So that nobody passes with what another backend has left there.
      if (entry.last) {
        for (Workspace& set : sets_) set.poison();
      }
      const Slot slot = timed(contestant);
      schedule.record(entry.which, slot.ns);
      contestant.row.preempted += slot.preempted;
      contestant.row.faults += slot.faults;
      contestant.cpus.push_back(slot.cpus);
      if (entry.last) check_again(contestant);
    } else if (entry.which == controls) {
      schedule.record(entry.which, timed(contestants_[fastest_]).ns);
    } else {
      const Kernels& control = entry.which == controls + 1 ? copy_ : read_;
      schedule.record(entry.which, timed(control, calls_).ns);
    }
  }

  Slot timed(const Contestant& contestant) {
    return timed(contestant.kernels, contestant.row.calls_per_sample,
                 !is_long(contestant.estimate_ns));
  }

  // What the last timed call left behind.
  void check_again(Contestant& contestant) {
    const bool warmed_up = !is_long(contestant.estimate_ns);
    const std::int64_t calls =
        case_.cache == Cache::kWarm ? contestant.row.calls_per_sample + (warmed_up ? 1 : 0) : 1;
    for (std::size_t set = 0; set < sets_.size(); ++set) {
      contestant.kernels[set]->collect();
      Verdict verdict = check_outputs(sets_[set], *oracle_, contestant.accuracy, calls);
      verdict.add_errors_of(contestant.row.verdict);
      if (!verdict.passed()) verdict.reason = "after it was timed: " + verdict.reason;
      contestant.row.verdict = std::move(verdict);
      if (!contestant.row.verdict.passed()) return;
    }
  }

  void finish_rows(const Schedule& schedule) {
    const std::size_t controls = contestants_.size();
    result_.twin = contestants_[fastest_].row.backend;
    result_.twin_ns = schedule.samples(controls);
    result_.copy_ns = schedule.samples(controls + 1);
    result_.read_ns = schedule.samples(controls + 2);
    if (sweeper_) result_.sweeps = sweeper_->sweeps();
    for (std::size_t i = 0; i < controls; ++i) {
      Contestant& contestant = contestants_[i];
      if (!contestant.cpus.empty()) contestant.row.cpus = median(contestant.cpus);
      if (contestant.row.verdict.passed()) contestant.row.samples_ns = schedule.samples(i);
    }
    if (!contestants_[fastest_].row.verdict.passed()) {
      result_.twin.clear();
      result_.twin_ns.clear();
    }
  }

  void stop_if_asked() const {
    if (options_.stop()) throw Interrupted{};
  }

  const Case& case_;
  const Machine& machine_;
  const MeasureOptions& options_;
  CaseResult result_;
  std::vector<Workspace> sets_;  // one when warm
  std::vector<Contestant> contestants_;
  std::optional<Oracle> oracle_;
  std::optional<Sweeper> sweeper_;
  Kernels copy_;
  Kernels read_;
  std::size_t fastest_ = 0;  // the contestant that is measured twice
  std::int64_t calls_ = 1;
};

}  // namespace

std::int64_t bytes_needed(const Case& bench_case) {
  const std::int64_t set = workspace_bytes(bench_case.problem);
  const std::int64_t sets = bench_case.cache == Cache::kWarm
                                ? 1
                                : std::clamp<std::int64_t>(kColdBytes / set, 1, kMostColdSets);
  return sets * (set + compulsory_bytes(bench_case.problem)) + check_bytes(bench_case.problem);
}

CaseResult measure(const Case& bench_case, const std::vector<const Backend*>& backends,
                   const Machine& machine, const MeasureOptions& options) {
  CaseResult result = CaseMeasurement(bench_case, machine, options).measure(backends);
  release_free_memory();
  return result;
}

}  // namespace normbench
