// The schedule of one case.
#include "harness/bench/measure.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>

#include "harness/bench/cache_flush.h"
#include "harness/bench/copy.h"
#include "harness/bench/read.h"
#include "harness/bench/schedule.h"
#include "harness/bench/slot.h"
#include "harness/bench/statistics.h"
#include "harness/bench/stopwatch.h"
#include "harness/check/allocations.h"
#include "harness/check/attempt.h"
#include "harness/check/changes.h"
#include "harness/check/random.h"
#include "harness/check/remote.h"

namespace normbench {
namespace {

// A sample of a cold case runs through sets of buffers that have all been evicted from the caches.
constexpr std::int64_t kMostColdSets = 64;
constexpr std::int64_t kColdBytes = std::int64_t{64} << 20;

// CPU time is counted in ticks: of samples that take less in all, nothing is known.
constexpr double kEnoughForCpus = 0.2;
// Threads of libraries that wait in a loop, and other programs, on top of the threads that were
// lent.
constexpr double kCpusBesides = 0.5;
// Nobody reads and writes faster than the best of several copies, by much or by a bit.
constexpr double kImplausible = 0.5;
constexpr double kFasterThanCopy = 1 / 1.05;
// So far behind the best of other ways to copy, one sample of a way is enough.
constexpr double kWorthASecondSample = 1.3;
// Seconds that messages may take on a busy machine.
constexpr double kMessageSeconds = 1e-3;
// Relative errors of a sum that a claim may allow before it says nothing.
constexpr double kEmptyClaim = 1e-2;

using Kernels = std::vector<std::unique_ptr<Kernel>>;

std::vector<Kernel*> pointers(const Kernels& kernels) {
  std::vector<Kernel*> list;
  for (const auto& kernel : kernels) list.push_back(kernel.get());
  return list;
}

// What `work` of a kernel takes, in ns, by the clock of the process that does it.
template <class Work>
double ns_of(const Kernel& kernel, Work work) {
  const Stopwatch stopwatch;
  work();
  const auto* const remote = dynamic_cast<const RemoteKernel*>(&kernel);
  return remote ? remote->last_ns() : 1e9 * stopwatch.seconds();
}

// Idle threads of OpenMP spin for a while, and would tax the backend that comes next.
void settle() { std::this_thread::sleep_for(std::chrono::microseconds(200)); }

// A backend in this case: one kernel per set of buffers.
struct Contestant {
  const Backend* backend = nullptr;
  Accuracy accuracy = {};
  Kernels kernels = {};
  Row row = {};
  double estimate_ns = 0;  // of one call
  double seconds = 0;      // of all samples
  double cpu_seconds = 0;

  bool running() const { return row.verdict.passed() && !kernels.empty(); }
  void fail(std::string reason) {
    row.verdict.outcome = Outcome::kFailed;
    row.verdict.reason = std::move(reason);
    kernels.clear();
  }
};

// Work of one contestant: whatever goes wrong is its failure, and nobody else's.
template <class Work>
void attempt(Contestant& contestant, Work work) {
  const AttemptWords words = {.thrown = "while it was timed: threw: ",
                              .left = "while it was timed: "};
  const auto trouble = attempt(*contestant.backend, words, work);
  if (!trouble || !contestant.running()) return;
  const bool lost = trouble->outcome != Outcome::kFailed;
  contestant.fail((lost ? "while it was timed: " : "") + trouble->reason);
  contestant.row.verdict.outcome = trouble->outcome;
}

class CaseMeasurement {
 public:
  CaseMeasurement(const Case& bench_case, const Machine& machine, const MeasureOptions& options)
      : case_(bench_case), machine_(machine), options_(options), inputs_seed_(options.seed) {
    result_.bench_case = bench_case;
    result_.order_seed = options.seed;
    result_.regime = regime(machine, compulsory_bytes(bench_case.problem), bench_case.threads);
    sets_.emplace_back(bench_case.problem, options.seed);
  }

  CaseResult measure(const std::vector<const Backend*>& backends) {
    const Stopwatch check_time;
    const CheckOptions check_options = {
        .seed = options_.seed,
        .kinds = input_kinds_with(case_.input),
        .calls = 2,
        .calls_if_short = CheckOptions().calls,
        .short_time = options_.short_check,
        .before = [this](std::string_view backend) { stop_if_asked(backend); }};
    for (Checked& checked : check_all(entrants(backends, case_.threads), sets_[0], check_options)) {
      admit(checked);
    }
    result_.check_seconds = check_time.seconds();
    if (!none_is_running()) time();
    for (Contestant& contestant : contestants_) result_.rows.push_back(std::move(contestant.row));
    return std::move(result_);
  }

 private:
  // Why its calls cannot be followed by a read of what they wrote.
  static std::string why_not_read(const Checked& checked) {
    if (checked.native_layout) {
      return "its output is in memory of its own, where the read after each call does not look";
    }
    const auto* const elsewhere = dynamic_cast<const TimedKernel*>(checked.kernel.get());
    if (elsewhere != nullptr && !elsewhere->can_read()) {
      return "its worker cannot read the output after each call (`then` in PROTOCOL.md)";
    }
    return "";
  }

  void admit(Checked& checked) {
    Contestant& contestant = contestants_.emplace_back();
    if (case_.then == Then::kRead && checked.verdict.passed()) {
      if (const std::string why = why_not_read(checked); !why.empty()) {
        contestant.row.backend = checked.backend->name();
        contestant.row.verdict = {.outcome = Outcome::kUnsupported, .reason = why};
        return;
      }
    }
    contestant.backend = checked.backend;
    contestant.accuracy = checked.accuracy;
    contestant.row = {.backend = std::string(checked.backend->name()),
                      .verdict = std::move(checked.verdict),
                      .detail = checked.detail,
                      .measured = checked.measured,
                      .native_layout = checked.native_layout,
                      .grade = checked.accuracy.grade,
                      .variance = case_.problem.finds_variance() ? checked.accuracy.variance
                                                                 : VarianceForm::kDeviations,
                      .allocations = checked.allocations,
                      .prepare_ns = checked.prepare_ns};
    if (checked.bytes_written > 0) {
      contestant.row.remarks.push_back(
          fmt::format("writes {} bytes in a call of run()", checked.bytes_written));
    }
    if (contestant.row.verdict.passed()) contestant.kernels.push_back(std::move(checked.kernel));
  }

  void time() {
    const Stopwatch calibration;
    fill_set(sets_[0]);
    add_reads();
    calibrate();
    if (case_.cache == Cache::kCold) add_cold_sets();
    if (none_is_running()) return;
    choose_controls();
    result_.calibrate_seconds = calibration.seconds();
    Schedule schedule(options_.timing, contestants_.size(), 3, fastest_, options_.seed);
    for (int number = 1;; ++number) {
      for (std::size_t i = 0; i < contestants_.size(); ++i) {
        if (!contestants_[i].running()) schedule.leave_out(i);
      }
      const auto round = schedule.next_round(result_.rounds_seconds);
      if (round.empty()) break;
      prepare_round(number, round);
      const Stopwatch stopwatch;
      for (const Schedule::Entry& entry : round) measure_sample(entry, schedule);
      result_.rounds_seconds += stopwatch.seconds();
    }
    finish_rows(schedule);
  }

  bool none_is_running() const {
    return std::none_of(contestants_.begin(), contestants_.end(),
                        [](const Contestant& contestant) { return contestant.running(); });
  }

  // The input of the case, and everything remembered that the timed runs will change.
  void fill_set(Workspace& set) {
    fill(set, case_.input, inputs_seed_);
    set.save_running();
  }

  // All inputs are others where somebody has the last sample, after which it is checked, and in one
  // more round that nobody knows. In each round a few of them change before the clock runs.
  void prepare_round(int number, const std::vector<Schedule::Entry>& round) {
    const Stopwatch stopwatch;
    changes_.emplace(case_.problem, case_.input,
                     options_.seed + static_cast<std::uint64_t>(number));
    const bool any_last = std::any_of(round.begin(), round.end(),
                                      [](const Schedule::Entry& entry) { return entry.last; });
    const auto usual = static_cast<std::uint64_t>(options_.timing.min_rounds - 1);
    const bool surprise = number == 2 + static_cast<int>(random_bits(options_.seed, 0) % usual);
    if (any_last || surprise) {
      ++inputs_seed_;
      for (Workspace& set : sets_) fill_set(set);
    }
    round_is_checked_ = any_last;
    if (any_last) expect_changed_inputs();
    result_.check_seconds += stopwatch.seconds();
  }

  // Whatever a contestant that failed has left in them.
  void repair_inputs() {
    for (Workspace& set : sets_) fill_set(set);
    if (round_is_checked_) expect_changed_inputs();
  }

  // What is right after the last samples of this round.
  void expect_changed_inputs() {
    for (Workspace& set : sets_) {
      changes_->make(set);
      set.remember_inputs();
    }
    oracle_.emplace(case_.problem, sets_[0].arguments(), false, rounding_on(case_.input));
    for (Workspace& set : sets_) changes_->take_back(set);
  }

  // How long a call of each takes, and so how many fill a sample.
  void calibrate() {
    double fastest = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < contestants_.size(); ++i) {
      Contestant& contestant = contestants_[i];
      if (!contestant.running()) continue;
      attempt(contestant, [&] {
        load(contestant);
        contestant.estimate_ns = estimate(contestant);
      });
      if (contestant.running() && contestant.estimate_ns < fastest) {
        fastest = contestant.estimate_ns;
        fastest_ = i;
      }
    }
    calls_ = calls_per_sample(fastest, options_.timing);
    for (Contestant& contestant : contestants_) {
      if (!contestant.running()) continue;
      contestant.row.calls_per_sample =
          calls_per_sample(contestant.estimate_ns, calls_, options_.timing);
      attempt(contestant, [&] { judge_clock(contestant); });
    }
  }

  // From outside a sample may take longer by its messages. Where each of several takes longer by
  // more than that, and by as long again as its worker says, the clock there is wrong.
  void judge_clock(Contestant& contestant) {
    constexpr int kTries = 5;
    const bool is_remote = dynamic_cast<const RemoteBackend*>(contestant.backend) != nullptr;
    if (!is_remote) return;
    double least_hidden = std::numeric_limits<double>::infinity();
    for (int tried = 0; tried < kTries; ++tried) {
      stop_if_asked(contestant.row.backend);
      const Slot slot = time_slot(pointers(contestant.kernels), contestant.row.calls_per_sample,
                                  pointers(reads_));
      const double hidden = *slot.seconds_outside - slot.seconds;
      if (hidden <= kMessageSeconds + slot.seconds) return;
      least_hidden = std::min(least_hidden, hidden);
    }
    contestant.fail(fmt::format(
        "its clock is wrong: samples take {:.3g} ms longer from outside than it says, each of them",
        1e3 * least_hidden));
  }

  // Takes the inputs as they are now into a layout of its own; others have nothing to take.
  void load(Contestant& contestant) {
    if (!contestant.row.native_layout) return;
    double ns = 0;
    for (const auto& kernel : contestant.kernels) {
      ns += ns_of(*kernel, [&] { kernel->load(); });
    }
    contestant.row.load_ns = ns / static_cast<double>(contestant.kernels.size());
  }

  // Time of one call in ns, roughly. Short calls need a slot of some length before the clock tells
  // them apart.
  double estimate(Contestant& contestant) {
    constexpr double kEnoughNs = 50e3;
    stop_if_asked(contestant.row.backend);
    double best = first_call(contestant);
    if (is_long(best)) return best;
    std::int64_t calls = 1;
    for (int attempt = 0; attempt < 6; ++attempt) {
      stop_if_asked(contestant.row.backend);
      best = std::min(
          best, time_slot(pointers(contestant.kernels), calls, WarmUp{}, pointers(reads_)).ns);
      if (best * static_cast<double>(calls) >= kEnoughNs) break;
      calls = calls_per_sample(best, {.min_slot_us = 1e-3 * kEnoughNs});
    }
    return best;
  }

  // Its time counts only where that is long.
  static double first_call(Contestant& contestant) {
    Kernel& kernel = *contestant.kernels[0];
    return ns_of(kernel, [&] { kernel.run(); });
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
    add_reads();
    for (Contestant& contestant : contestants_) {
      if (!contestant.running()) continue;
      attempt(contestant, [&] {
        for (std::size_t set = 1; set < sets_.size(); ++set) {
          contestant.kernels.push_back(
              contestant.backend->prepare(case_.problem, sets_[set].arguments(), case_.threads));
          if (!contestant.kernels.back()) throw std::runtime_error("prepare() returned no kernel");
          contestant.kernels.back()->load();
        }
      });
    }
    if (!contestants_[fastest_].running()) {
      fastest_ = static_cast<std::size_t>(
          std::find_if(contestants_.begin(), contestants_.end(),
                       [](const Contestant& contestant) { return contestant.running(); }) -
          contestants_.begin());
    }
    flusher_.emplace(3 * last_level_bytes(machine_));
  }

  // The same for whoever wrote the output. None where nothing follows a call.
  void add_reads() {
    if (case_.then != Then::kRead) return;
    while (reads_.size() < sets_.size()) {
      const Arguments& arguments = sets_[reads_.size()].arguments();
      reads_.push_back(make_read(tensors_written(arguments), case_.threads));
    }
  }

  // The fastest of all ways to copy, on one thread or all, becomes the ceiling; likewise to read.
  // What follows the calls of backends follows the copy.
  void choose_controls() {
    double best_copy = std::numeric_limits<double>::infinity();
    double best_read = best_copy;
    const std::set<int> thread_counts = {1, case_.threads};
    for (const int threads : thread_counts) {
      for (const Store store : {Store::kPlainLoop, Store::kPlainLibrary, Store::kStreaming}) {
        const auto copy = [&](const Arguments& a) {
          return make_copy(a.x.present() ? a.x : a.dy, a.y.present() ? a.y : a.dx, threads, store);
        };
        if (keep_if_faster(copy, copy_, best_copy, reads_)) result_.copy_store = name(store);
      }
      keep_if_faster([&](const Arguments& a) { return make_read(tensors_read(a), threads); }, read_,
                     best_read, {});
    }
  }

  template <class Make>
  bool keep_if_faster(Make make, Kernels& kept, double& best, const Kernels& reads) {
    Kernels kernels;
    for (const Workspace& set : sets_) kernels.push_back(make(set.arguments()));
    // A second sample where it may decide, and one does not tell.
    double ns = timed(kernels, calls_, reads).ns;
    if (!is_long(ns) && ns < kWorthASecondSample * best) {
      ns = std::min(ns, timed(kernels, calls_, reads).ns);
    }
    if (ns >= best) return false;
    best = ns;
    kept = std::move(kernels);
    return true;
  }

  // On all CPUs: a process of its own may run on any of them.
  void flush() { flusher_->flush(omp_get_max_threads()); }

  Slot timed(const Kernels& kernels, std::int64_t calls, const Kernels& reads) {
    stop_if_asked();
    const bool warm = case_.cache == Cache::kWarm;
    if (!warm) flush();
    settle();
    return warm ? time_slot(pointers(kernels), calls, WarmUp{}, pointers(reads))
                : time_slot(pointers(kernels), calls, pointers(reads));
  }

  void measure_sample(const Schedule::Entry& entry, Schedule& schedule) {
    const std::size_t controls = contestants_.size();
    if (entry.which < controls) {
      Contestant& contestant = contestants_[entry.which];
      if (!contestant.running()) return;  // as a twin, earlier in this round, it failed
      on_its_own(contestant, [&] { schedule.record(entry.which, sample(contestant, entry.last)); });
    } else if (entry.which == controls) {
      Contestant& fastest = contestants_[fastest_];
      if (!fastest.running()) return;
      on_its_own(fastest, [&] { schedule.record(entry.which, timed(fastest, false).ns); });
    } else {
      const bool is_copy = entry.which == controls + 1;
      const Slot slot = is_copy ? timed(copy_, calls_, reads_) : timed(read_, calls_, {});
      schedule.record(entry.which, slot.ns);
    }
  }

  // A sample of one contestant: whatever becomes of it, the next one finds the inputs as they were.
  template <class Sample>
  void on_its_own(Contestant& contestant, Sample sample) {
    attempt(contestant, sample);
    if (!contestant.running()) repair_inputs();
  }

  double sample(Contestant& contestant, bool last) {
    // So that nobody passes with what another backend has left there.
    if (last) {
      for (Workspace& set : sets_) set.poison(Poison::kNumber);
    }
    const Slot slot = timed(contestant, last);
    contestant.row.preempted += slot.preempted;
    contestant.row.faults += slot.faults;
    contestant.seconds += slot.seconds;
    contestant.cpu_seconds += slot.cpu_seconds;
    return slot.ns;
  }

  // An untimed call, then a few other inputs, as if a result were there; then the clock runs.
  // `last`: what that leaves is checked.
  Slot timed(Contestant& contestant, bool last) {
    stop_if_asked(contestant.row.backend);
    const bool warm = case_.cache == Cache::kWarm;
    for (Workspace& set : sets_) set.restore_running();
    const auto change = [&] {
      for (Workspace& set : sets_) {
        changes_->make(set);
        changes_->spoil_outputs(set);
        set.restore_running();
      }
    };
    const auto kernels = pointers(contestant.kernels);
    const std::int64_t calls = contestant.row.calls_per_sample;
    // Long calls warm themselves up. A cold one must not find its result in the buffers.
    const bool has_untimed_call = last || (warm && !is_long(contestant.estimate_ns));
    Slot slot;
    if (warm && has_untimed_call) {
      settle();
      slot = time_slot(kernels, calls,
                       WarmUp{.load = contestant.row.native_layout,
                              .change = change,
                              .changed = [this] { return changes_->bytes(sets_[0]); }},
                       pointers(reads_));
    } else {
      if (has_untimed_call) {
        load(contestant);
        for (const auto& kernel : contestant.kernels) kernel->run();
      }
      change();
      load(contestant);
      if (!warm) flush();
      settle();
      slot = time_slot(kernels, calls, pointers(reads_));
    }
    if (last) check_again(contestant);
    for (Workspace& set : sets_) changes_->take_back(set);
    return slot;
  }

  // What the last timed calls left behind.
  void check_again(Contestant& contestant) {
    const Stopwatch stopwatch;
    const std::int64_t calls = case_.cache == Cache::kWarm ? contestant.row.calls_per_sample : 1;
    for (std::size_t set = 0; set < sets_.size(); ++set) {
      sets_[set].disturb_inputs();
      Kernel& kernel = *contestant.kernels[set];
      contestant.row.collect_ns = ns_of(kernel, [&] { kernel.collect(); });
      sets_[set].disturb_inputs();
      Verdict verdict = check_outputs(sets_[set], *oracle_, contestant.accuracy, calls);
      verdict.add_errors_of(contestant.row.verdict);
      if (!verdict.passed()) verdict.reason = "after it was timed: " + verdict.reason;
      contestant.row.verdict = std::move(verdict);
      if (!contestant.row.verdict.passed()) break;
    }
    // Not a part of the rounds.
    result_.check_seconds += stopwatch.seconds();
    result_.rounds_seconds -= stopwatch.seconds();
  }

  void finish_rows(const Schedule& schedule) {
    const std::size_t controls = contestants_.size();
    result_.twin = contestants_[fastest_].row.backend;
    result_.twin_ns = schedule.samples(controls);
    result_.copy_ns = schedule.samples(controls + 1);
    result_.read_ns = schedule.samples(controls + 2);
    if (flusher_) result_.cache_flushes = flusher_->flushes();
    for (std::size_t i = 0; i < controls; ++i) {
      Contestant& contestant = contestants_[i];
      if (contestant.row.verdict.passed()) judge(contestant, schedule.samples(i));
    }
    if (!contestants_[fastest_].row.verdict.passed()) {
      result_.twin.clear();
      result_.twin_ns.clear();
    }
  }

  // Keeps the samples of who can have done the work in that time, with the CPUs that it was lent.
  void judge(Contestant& contestant, const std::vector<double>& samples) {
    Row& row = contestant.row;
    if (contestant.seconds >= kEnoughForCpus)
      row.cpus = contestant.cpu_seconds / contestant.seconds;
    const auto rounds =
        static_cast<std::ptrdiff_t>(std::min(samples.size(), result_.copy_ns.size()));
    const std::vector<double> copies(result_.copy_ns.begin(), result_.copy_ns.begin() + rounds);
    const double of_copy = median(samples) / median(copies);
    // Where all are lent, more than that is an error of counting.
    const bool some_are_left = case_.threads < machine_.cores;
    if (some_are_left && row.cpus && *row.cpus > case_.threads + kCpusBesides) {
      return contestant.fail(fmt::format("used {:.2f} CPUs where {} {} lent", *row.cpus,
                                         case_.threads, case_.threads == 1 ? "was" : "were"));
    }
    // A copy that was held up in some rounds accuses nobody.
    const double of_fastest_copy =
        median(samples) / *std::min_element(copies.begin(), copies.end());
    if (of_fastest_copy < kImplausible) {
      return contestant.fail(
          fmt::format("is not plausible: takes {:.2f} of what the fastest copy of the input takes "
                      "in the same rounds",
                      of_fastest_copy));
    }
    if (of_copy < kFasterThanCopy) {
      row.remarks.push_back(fmt::format(
          "takes {:.2f} of a copy of the input: less than any of the copies that were tried",
          of_copy));
    }
    const double u = case_.problem.dtype == DType::kF64 ? 0x1p-53 : 0x1p-24;
    if (contestant.accuracy.roundings * u > kEmptyClaim) {
      row.remarks.push_back(
          fmt::format("claims {:.3g} roundings: its bounds allow errors of {:.2g}",
                      contestant.accuracy.roundings, contestant.accuracy.roundings * u));
    }
    if (row.verdict.unjudged > 0) {
      row.remarks.push_back(
          fmt::format("{} values could not be judged: the error of their variance "
                      "may be as large as itself",
                      row.verdict.unjudged));
    }
    row.samples_ns = samples;
  }

  void stop_if_asked(std::string_view backend = "") const {
    if (options_.stop(backend)) throw Interrupted{};
  }

  const Case& case_;
  const Machine& machine_;
  const MeasureOptions& options_;
  CaseResult result_;
  std::vector<Workspace> sets_;  // one when warm
  std::vector<Contestant> contestants_;
  std::optional<Oracle> oracle_;
  std::optional<CacheFlusher> flusher_;
  std::optional<Changes> changes_;
  std::uint64_t inputs_seed_;
  bool round_is_checked_ = false;  // at least one contestant has its last sample in it
  Kernels copy_;
  Kernels read_;
  Kernels reads_;            // of the output of each set, where these follow the calls
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
