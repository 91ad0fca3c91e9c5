// The schedule of one case.
#include "harness/bench/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "harness/bench/allocations.h"
#include "harness/bench/copy.h"
#include "harness/bench/slot.h"
#include "harness/bench/statistics.h"
#include "harness/bench/sweep.h"

namespace normbench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kMostCalls = 1'000'000;
// A sample of a cold case runs through sets of buffers that have all been swept out of the caches.
constexpr std::int64_t kMostColdSets = 64;
constexpr std::int64_t kColdBytes = std::int64_t{64} << 20;
// No claim needs an interval narrower than this: rounds end when every backend has it.
constexpr double kNarrow = 1.01;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

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
  std::vector<double> cpus = {};

  bool running() const { return row.verdict.passed() && !kernels.empty(); }
};

class CaseMeasurement {
 public:
  CaseMeasurement(const Case& bench_case, const Machine& machine, const MeasureOptions& options)
      : case_(bench_case), machine_(machine), options_(options), order_(options.seed) {
    result_.bench_case = bench_case;
    result_.order_seed = options.seed;
    result_.regime = regime(machine, compulsory_bytes(bench_case.problem), bench_case.threads);
    sets_.emplace_back(bench_case.problem, options.seed);
  }

  CaseResult measure(const std::vector<const Backend*>& backends) {
    for (Checked& checked :
         check_all(backends, sets_[0], case_.threads, options_.seed, [this] { stop_if_asked(); })) {
      admit(checked);
    }
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
                      .detail = checked.kernel ? checked.kernel->detail() : "",
                      .native_layout = checked.backend->native_layout(),
                      .grade = checked.accuracy.grade,
                      .prepare_ns = checked.prepare_ns};
    if (contestant.row.verdict.passed()) contestant.kernels.push_back(std::move(checked.kernel));
  }

  void time() {
    fill_set(sets_[0]);
    oracle_.emplace(case_.problem, sets_[0].arguments(), false);
    calibrate();
    if (case_.cache == Cache::kCold) add_cold_sets();
    choose_copy();
    const Clock::time_point start = Clock::now();
    for (int round = 1;; ++round) {
      const bool last = round >= options_.timing.max_rounds ||
                        (round >= options_.timing.min_rounds &&
                         (seconds_since(start) > options_.timing.case_seconds || narrow()));
      measure_round(last);
      if (last) break;
    }
    finish_rows();
  }

  // Random input, and everything remembered that the timed runs will change.
  void fill_set(Workspace& set) {
    fill(set, InputKind::kRandom, options_.seed);
    set.save_running();
  }

  // One count of calls per sample for all, which fills the minimum slot for the fastest.
  void calibrate() {
    double fastest = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < contestants_.size(); ++i) {
      Contestant& contestant = contestants_[i];
      if (!contestant.running()) continue;
      contestant.kernels[0]->load();
      const double ns = estimate(contestant.kernels);
      count_allocations(contestant);
      if (ns < fastest) {
        fastest = ns;
        twin_ = i;
      }
    }
    calls_ = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(std::ceil(1e3 * options_.timing.min_slot_us / fastest)), 1,
        kMostCalls);
  }

  // Time of one call in ns, roughly. Short calls need a slot of some length before the clock tells
  // them apart.
  double estimate(const Kernels& kernels) {
    constexpr double kEnoughNs = 50e3;
    double best = std::numeric_limits<double>::infinity();
    for (int attempt = 0; attempt < 6; ++attempt) {
      stop_if_asked();
      best = std::min(best, time_slot(pointers(kernels), calls_, true).ns);
      if (best * static_cast<double>(calls_) >= kEnoughNs) break;
      calls_ = std::min(kMostCalls, static_cast<std::int64_t>(kEnoughNs / std::max(best, 1.0)) + 1);
    }
    calls_ = 1;
    return best;
  }

  void count_allocations(Contestant& contestant) {
    const AllocationCounter counter;
    contestant.kernels[0]->run();
    contestant.row.allocations = counter.count();
  }

  // Further sets of buffers with the same contents, so that a sample is long enough for the clock.
  void add_cold_sets() {
    const auto bytes = static_cast<std::int64_t>(sets_[0].bytes());
    calls_ = std::clamp<std::int64_t>(std::min(calls_, kColdBytes / bytes), 1, kMostColdSets);
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

  // The fastest of all ways to copy, on one thread or all, becomes the ceiling.
  void choose_copy() {
    double best = std::numeric_limits<double>::infinity();
    const std::set<int> thread_counts = {1, case_.threads};
    for (const int threads : thread_counts) {
      for (const Store store : {Store::kPlainLoop, Store::kPlainLibrary, Store::kStreaming}) {
        Kernels kernels;
        for (const Workspace& set : sets_) {
          const Arguments& a = set.arguments();
          kernels.push_back(
              make_copy(a.x.present() ? a.x : a.dy, a.y.present() ? a.y : a.dx, threads, store));
        }
        std::vector<double> ns;
        for (int attempt = 0; attempt < 3; ++attempt) ns.push_back(timed(kernels).ns);
        if (median(ns) >= best) continue;
        best = median(ns);
        copy_ = std::move(kernels);
        result_.copy_store = name(store);
      }
    }
  }

  Slot timed(const Kernels& kernels) {
    stop_if_asked();
    const bool warm = case_.cache == Cache::kWarm;
    if (!warm) sweeper_->sweep(case_.threads);
    settle();
    return time_slot(pointers(kernels), calls_, warm);
  }

  // One sample of everything: contestants by index, the copy, and the twin, in an order of its own.
  void measure_round(bool last) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < contestants_.size(); ++i) {
      if (contestants_[i].running()) order.push_back(i);
    }
    const std::size_t copy = contestants_.size();
    const std::size_t twin = copy + 1;
    order.push_back(copy);
    order.push_back(twin);
    std::shuffle(order.begin(), order.end(), order_);
    for (const std::size_t which : order) {
      for (Workspace& set : sets_) set.restore_running();
      if (which == copy) {
        result_.copy_ns.push_back(timed(copy_).ns);
      } else if (which == twin) {
        result_.twin_ns.push_back(timed(contestants_[twin_].kernels).ns);
      } else {
        measure_sample(contestants_[which], last);
      }
    }
  }

  void measure_sample(Contestant& contestant, bool last) {
    if (last) {
      // So that nobody passes with what another backend has left there.
      for (Workspace& set : sets_) set.poison();
    }
    const Slot slot = timed(contestant.kernels);
    contestant.row.samples_ns.push_back(slot.ns);
    contestant.row.preempted += slot.preempted;
    contestant.row.faults += slot.faults;
    contestant.cpus.push_back(slot.cpus);
    if (last) check_again(contestant);
  }

  // What the last timed call left behind.
  void check_again(Contestant& contestant) {
    const std::int64_t calls = case_.cache == Cache::kWarm ? calls_ + 1 : 1;
    for (std::size_t set = 0; set < sets_.size(); ++set) {
      contestant.kernels[set]->collect();
      Verdict verdict = check_outputs(sets_[set], *oracle_, contestant.accuracy, calls);
      verdict.add_errors_of(contestant.row.verdict);
      if (!verdict.passed()) verdict.reason = "after it was timed: " + verdict.reason;
      contestant.row.verdict = std::move(verdict);
      if (!contestant.row.verdict.passed()) return;
    }
  }

  // Whether every backend's ratio to the fastest is known well enough.
  bool narrow() const {
    const auto& best = contestants_[twin_].row.samples_ns;
    const auto known = [&best](const std::vector<double>& samples) {
      const Ratio ratio = paired_ratio(samples, best);
      return ratio.high <= ratio.low * kNarrow * kNarrow;
    };
    return known(result_.twin_ns) &&
           std::all_of(contestants_.begin(), contestants_.end(), [&](const Contestant& contestant) {
             return !contestant.running() || known(contestant.row.samples_ns);
           });
  }

  void finish_rows() {
    result_.twin = contestants_[twin_].row.backend;
    for (Contestant& contestant : contestants_) {
      contestant.row.calls_per_sample = calls_;
      if (!contestant.cpus.empty()) contestant.row.cpus = median(contestant.cpus);
      if (!contestant.row.verdict.passed()) contestant.row.samples_ns.clear();
    }
    if (!contestants_[twin_].row.verdict.passed()) {
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
  std::mt19937_64 order_;
  CaseResult result_;
  std::vector<Workspace> sets_;  // one when warm
  std::vector<Contestant> contestants_;
  std::optional<Oracle> oracle_;
  std::optional<Sweeper> sweeper_;
  Kernels copy_;
  std::size_t twin_ = 0;  // the contestant that is measured twice: the fastest
  std::int64_t calls_ = 1;
};

}  // namespace

CaseResult measure(const Case& bench_case, const std::vector<const Backend*>& backends,
                   const Machine& machine, const MeasureOptions& options) {
  CaseResult result = CaseMeasurement(bench_case, machine, options).measure(backends);
  release_free_memory();
  return result;
}

}  // namespace normbench
