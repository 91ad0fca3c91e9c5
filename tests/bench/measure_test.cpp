// The schedule of a case: who is timed, who is not, and what the timed calls leave behind.
#include "harness/bench/measure.h"

#include <gtest/gtest.h>
#include <omp.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <ostream>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "harness/bench/cache_flush.h"
#include "harness/bench/slot.h"
#include "harness/bench/statistics.h"
#include "harness/check/allocations.h"
#include "tests/faulty/faulty.h"

namespace normbench {
namespace {

Case small_case(Cache cache = Cache::kWarm) {
  return {.problem = {.n = 8, .c = 6, .l = 5, .batch = 4}, .threads = 1, .cache = cache};
}

MeasureOptions short_options() {
  return {.timing = {.min_slot_us = 20, .min_rounds = 6, .max_rounds = 7, .case_seconds = 0.01}};
}

const Backend& naive() {
  for (const auto& backend : backends()) {
    if (backend->name() == "naive") return *backend;
  }
  throw std::runtime_error("naive is not built");
}

// naive with a wrapped kernel: `run` gets the kernel and the number of the call, from 1.
class Wrapped : public Backend {
 public:
  using Run = std::function<void(Kernel&, std::int64_t call)>;
  Wrapped(std::string name, Run run) : name_(std::move(name)), run_(std::move(run)) {}

  std::string_view name() const override { return name_; }
  std::string version() const override { return "1"; }
  Support supports(const Problem& problem) const override { return naive().supports(problem); }
  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int threads) const override {
    return std::make_unique<WrappedKernel>(naive().prepare(problem, arguments, threads), run_);
  }

 private:
  class WrappedKernel : public Kernel {
   public:
    WrappedKernel(std::unique_ptr<Kernel> honest, Run run)
        : honest_(std::move(honest)), run_(std::move(run)) {}
    void run() override { run_(*honest_, ++calls_); }
    void collect() override { honest_->collect(); }

   private:
    std::unique_ptr<Kernel> honest_;
    Run run_;
    std::int64_t calls_ = 0;
  };

  std::string name_;
  Run run_;
};

const auto kHonestRun = [](Kernel& kernel, std::int64_t) { kernel.run(); };

class EveryCache : public testing::TestWithParam<Cache> {};

TEST_P(EveryCache, TimesHonestBackendsInTheSameRounds) {
  const Wrapped first("first", kHonestRun);
  const Wrapped second("second", kHonestRun);
  const CaseResult result =
      measure(small_case(GetParam()), {&first, &second}, read_machine(), short_options());
  ASSERT_EQ(result.rows.size(), 2U);
  for (const Row& row : result.rows) {
    EXPECT_TRUE(row.verdict.passed()) << row.verdict.reason;
    EXPECT_GE(row.samples_ns.size(), 6U);
    EXPECT_EQ(row.samples_ns.size(), result.copy_ns.size());
    EXPECT_EQ(row.samples_ns.size(), result.twin_ns.size());
    EXPECT_EQ(row.samples_ns.size(), result.read_ns.size());
    EXPECT_GT(row.verdict.error.bound, 0);
    EXPECT_EQ(row.allocations, 0);
  }
  EXPECT_TRUE(result.twin == "first" || result.twin == "second");
}

INSTANTIATE_TEST_SUITE_P(Caches, EveryCache, testing::Values(Cache::kWarm, Cache::kCold),
                         [](const auto& info) { return std::string(name(info.param)); });

// The fastest is measured twice in a round: where it fails as the twin it has no kernel any more.
TEST(Twin, MayFailInAnyCall) {
  const Wrapped slow("slow", [](Kernel& kernel, std::int64_t) {
    for (int i = 0; i < 20; ++i) kernel.run();
  });
  Case bench_case = small_case();
  bench_case.problem.pass = Pass::kForwardInference;  // which may run any number of times
  MeasureOptions options = short_options();
  options.short_check = std::chrono::milliseconds(0);
  bool failed_while_timed = false;
  for (std::int64_t last = 40; last < 12000; last += last / 8) {
    const Wrapped flaky("flaky", [last](Kernel& kernel, std::int64_t call) {
      if (call > last) throw std::runtime_error("no more");
      kernel.run();
    });
    options.seed = static_cast<std::uint64_t>(last);
    const CaseResult result = measure(bench_case, {&flaky, &slow}, read_machine(), options);
    const Verdict& verdict = result.rows.at(0).verdict;
    failed_while_timed |= verdict.reason == "while it was timed: threw: no more";
    EXPECT_TRUE(verdict.passed() || verdict.reason.ends_with("threw: no more")) << verdict.reason;
    EXPECT_TRUE(result.rows.at(1).verdict.passed());
    EXPECT_TRUE(verdict.passed() || result.rows.at(0).samples_ns.empty());
  }
  EXPECT_TRUE(failed_while_timed);
}

// What changes before samples, and between run() and collect(), is nothing to an honest backend.
class EveryKind : public testing::TestWithParam<std::tuple<Norm, Pass, DType, Layout>> {};

TEST_P(EveryKind, IsTimedWhereBackendsAreHonest) {
  const auto& [norm, pass, dtype, layout] = GetParam();
  Case bench_case = small_case();
  Problem& p = bench_case.problem;
  p.norm = norm;
  p.pass = pass;
  p.dtype = dtype;
  p.layout = layout;
  p.groups = norm == Norm::kGroup ? 3 : 1;
  if (invalid(p)) return;
  std::vector<const Backend*> all;
  for (const auto& backend : backends()) all.push_back(backend.get());
  for (const Cache cache : {Cache::kWarm, Cache::kCold}) {
    bench_case.cache = cache;
    Machine machine = read_machine();
    machine.measured_last_level = 1 << 20;
    MeasureOptions options = short_options();
    options.timing.max_rounds = 6;
    CaseResult result = measure(bench_case, all, machine, options);
    // Another program can slow down the copy alone, so that honest times look impossible.
    const auto is_disturbed = [](const Row& row) {
      return row.verdict.reason.find("is not plausible") != std::string::npos;
    };
    for (int again = 0; again < 3 && std::ranges::any_of(result.rows, is_disturbed); ++again) {
      result = measure(bench_case, all, machine, options);
    }
    for (const Row& row : result.rows) {
      if (row.verdict.outcome == Outcome::kUnsupported) continue;
      EXPECT_TRUE(row.verdict.passed()) << row.backend << ": " << row.verdict.reason;
      EXPECT_EQ(row.load_ns > 0, row.native_layout) << row.backend;
    }
  }
}

std::string kind_name(const testing::TestParamInfo<EveryKind::ParamType>& info) {
  const auto& [norm, pass, dtype, layout] = info.param;
  std::string text;
  for (const std::string_view part : {name(norm), name(pass), name(dtype), name(layout)}) {
    text.append(text.empty() ? "" : "_").append(part);
  }
  return text;
}

INSTANTIATE_TEST_SUITE_P(, EveryKind,
                         testing::Combine(testing::ValuesIn(kEveryNorm),
                                          testing::ValuesIn(kEveryPass),
                                          testing::ValuesIn(kEveryDType),
                                          testing::ValuesIn(kEveryLayout)),
                         kind_name);

TEST(Measure, GivesNoTimeToABackendThatIsWrongFromTheStart) {
  const Wrapped honest("honest", kHonestRun);
  const Wrapped idle("idle", [](Kernel&, std::int64_t) {});
  const CaseResult result =
      measure(small_case(), {&idle, &honest}, read_machine(), short_options());
  EXPECT_EQ(result.rows[0].verdict.outcome, Outcome::kFailed);
  EXPECT_TRUE(result.rows[0].samples_ns.empty());
  EXPECT_TRUE(result.rows[1].verdict.passed());
  EXPECT_FALSE(result.rows[1].samples_ns.empty());
  EXPECT_EQ(result.twin, "honest");
}

// The check before timing makes at most so many calls. Whoever is right that long and idle
// afterwards is fast.
constexpr std::int64_t kCallsOfTheCheck = 20;

TEST(Measure, CatchesABackendThatStopsWorkingWhileItIsTimed) {
  const Wrapped honest("honest", kHonestRun);
  const Wrapped tired("tired", [](Kernel& kernel, std::int64_t call) {
    if (call <= kCallsOfTheCheck) kernel.run();
  });
  for (const Cache cache : {Cache::kWarm, Cache::kCold}) {
    const CaseResult result =
        measure(small_case(cache), {&honest, &tired}, read_machine(), short_options());
    EXPECT_TRUE(result.rows[0].verdict.passed()) << result.rows[0].verdict.reason;
    EXPECT_EQ(result.rows[1].verdict.outcome, Outcome::kFailed);
    EXPECT_NE(result.rows[1].verdict.reason.find("after it was timed"), std::string::npos);
    EXPECT_TRUE(result.rows[1].samples_ns.empty());
    EXPECT_TRUE(result.twin.empty() || result.twin == "honest");
  }
}

// Honest as long as it is checked before the clock runs, and then like this.
faulty::Behavior after_the_check(const faulty::Behavior& behavior) {
  faulty::Behavior changed = behavior;
  changed.run = [run = behavior.run](const faulty::Work& work) {
    work.call <= kCallsOfTheCheck ? faulty::normalize_all(work) : run(work);
  };
  changed.collect = [collect = behavior.collect](const faulty::Work& work) {
    if (work.call > kCallsOfTheCheck) collect(work);
  };
  return changed;
}

// What verify rejects has no time either.
class EveryFault : public testing::TestWithParam<faulty::Faulty> {};

TEST_P(EveryFault, GetsNoTime) {
  const faulty::Faulty& fault = GetParam();
  if (!fault.skip.empty()) GTEST_SKIP() << fault.skip;
  omp_set_num_threads(2);
  const auto backend = faulty::make_backend("faulty", fault.behavior);
  for (const Cache cache : {Cache::kWarm, Cache::kCold}) {
    const Case bench_case = {.problem = fault.problem, .threads = 1, .cache = cache};
    MeasureOptions options = short_options();
    options.short_check = std::chrono::seconds(60);  // on the slowest machine
    const CaseResult result = measure(bench_case, {backend.get()}, read_machine(), options);
    EXPECT_EQ(result.rows[0].verdict.outcome, Outcome::kFailed);
    EXPECT_PRED_FORMAT2(testing::IsSubstring, fault.reason, result.rows[0].verdict.reason);
    EXPECT_TRUE(result.rows[0].samples_ns.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(, EveryFault, testing::ValuesIn(faulty::faulty_backends()),
                         [](const auto& info) { return info.param.name; });

struct Trick {
  std::string name;
  faulty::Behavior behavior;
  std::string reason;
};

std::ostream& operator<<(std::ostream& out, const Trick& trick) { return out << trick.name; }

bool is_the_number_that_was_left(const faulty::Work& work) {
  const float first = work.arguments.x.as<float>().front();
  const bool same = !work.memory.empty() && work.memory[0] == first;
  work.memory = {first};
  return same;
}

std::vector<Trick> tricks() {
  faulty::Behavior in_collect;
  in_collect.run = faulty::nothing;
  in_collect.collect = faulty::normalize_all;
  return {
      {"idle", faulty::replaced(&faulty::Behavior::run, faulty::nothing), "after it was timed: "},
      {"works_in_collect", in_collect, "after it was timed: "},
      {"idle_while_the_first_number_is_the_same",
       faulty::replaced(&faulty::Behavior::run,
                        [](const faulty::Work& work) {
                          if (!is_the_number_that_was_left(work)) faulty::normalize_all(work);
                        }),
       "after it was timed: "},
      {"throws",
       faulty::replaced(&faulty::Behavior::run,
                        [](const faulty::Work&) { throw std::runtime_error("out of luck"); }),
       "while it was timed: threw: out of luck"},
      {"throws_a_number",
       faulty::replaced(&faulty::Behavior::run, [](const faulty::Work&) { throw 42; }),
       "while it was timed: threw"},
      {"changes_x", faulty::followed_by([](const faulty::Work& work) {
         work.arguments.x.as<float>().back() += 1;
       }),
       "after it was timed: changed its input x"},
      {"rounds_upward",
       faulty::followed_by([](const faulty::Work&) { std::fesetround(FE_UPWARD); }),
       "while it was timed: left the rounding mode changed"},
      {"changes_the_threads",
       faulty::followed_by([](const faulty::Work&) { omp_set_num_threads(7); }),
       "while it was timed: left OpenMP's settings changed"},
      {"handles_a_signal",
       faulty::followed_by([](const faulty::Work&) { std::signal(SIGUSR1, SIG_IGN); }),
       "while it was timed: left a signal handler behind"},
      {"writes_past_the_end", faulty::followed_by([](const faulty::Work& work) {
         static_cast<float*>(work.arguments.y.data)[work.arguments.y.size()] = 1;
       }),
       "after it was timed: wrote past the end of y"},
  };
}

class EveryTrick : public testing::TestWithParam<std::tuple<Trick, Cache>> {};

TEST_P(EveryTrick, GetsNoTimeAndSpoilsNobodyElses) {
  const auto& [trick, cache] = GetParam();
  const auto tricky = faulty::make_backend("tricky", after_the_check(trick.behavior));
  const Wrapped first("first", kHonestRun);
  const Wrapped last("last", kHonestRun);
  const CaseResult result =
      measure(small_case(cache), {&first, tricky.get(), &last}, read_machine(), short_options());
  for (const std::size_t honest : {0U, 2U}) {
    EXPECT_TRUE(result.rows[honest].verdict.passed()) << result.rows[honest].verdict.reason;
    EXPECT_FALSE(result.rows[honest].samples_ns.empty());
  }
  EXPECT_EQ(result.rows[1].verdict.outcome, Outcome::kFailed);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, trick.reason, result.rows[1].verdict.reason);
  EXPECT_TRUE(result.rows[1].samples_ns.empty());
  EXPECT_NE(result.twin, "tricky");
}

INSTANTIATE_TEST_SUITE_P(, EveryTrick,
                         testing::Combine(testing::ValuesIn(tricks()),
                                          testing::Values(Cache::kWarm, Cache::kCold)),
                         [](const auto& info) {
                           return std::get<0>(info.param).name + "_" +
                                  std::string(name(std::get<1>(info.param)));
                         });

// Works, and takes at least so long.
Wrapped::Run lasting(std::function<double(std::int64_t call)> microseconds) {
  return [microseconds](Kernel& kernel, std::int64_t call) {
    const auto start = std::chrono::steady_clock::now();
    kernel.run();
    const std::chrono::duration<double, std::micro> least(microseconds(call));
    while (std::chrono::steady_clock::now() - start < least) {
    }
  };
}

// Where a statistic has one value, no input changes but all: what is left in the output tells.
TEST(Measure, LeavesNumbersInOutputsThatAreNotTheResult) {
  Case bench_case = small_case();
  bench_case.problem = {.pass = Pass::kForwardInference, .n = 1, .c = 6, .l = 1, .batch = 1};
  const auto idle = faulty::make_backend(
      "idle",
      after_the_check(faulty::replaced(&faulty::Behavior::run, [](const faulty::Work& work) {
        if (!is_the_number_that_was_left(work)) faulty::normalize_all(work);
      })));
  for (const Cache cache : {Cache::kWarm, Cache::kCold}) {
    bench_case.cache = cache;
    const CaseResult result = measure(bench_case, {idle.get()}, read_machine(), short_options());
    EXPECT_EQ(result.rows[0].verdict.outcome, Outcome::kFailed);
    EXPECT_PRED_FORMAT2(testing::IsSubstring, "is not written", result.rows[0].verdict.reason);
  }
}

// Before the last round and before another one: so three inputs are seen, and the check's.
TEST(Measure, ReplacesAllInputsTwice) {
  std::set<float> first_numbers;
  const auto watching = faulty::make_backend(
      "watching", after_the_check(faulty::followed_by([&first_numbers](const faulty::Work& work) {
        first_numbers.insert(work.arguments.x.as<float>().front());
      })));
  MeasureOptions options = short_options();
  options.timing.max_rounds = 6;
  const CaseResult result = measure(small_case(), {watching.get()}, read_machine(), options);
  EXPECT_TRUE(result.rows[0].verdict.passed()) << result.rows[0].verdict.reason;
  EXPECT_EQ(first_numbers.size(), 3U);
}

// Works only when it was not called for a while: its results are right, and nothing else tells.
// Longer than from call to call, and shorter than it takes to fill 256 KiB. What it does is a copy,
// so that a few calls are enough to be faster than any copy.
TEST(Measure, RefusesATimeInWhichNobodyCanCopy) {
  Case bench_case = small_case();
  bench_case.problem = {
      .norm = Norm::kNone, .pass = Pass::kForwardInference, .n = 8, .c = 64, .l = 128, .batch = 8};
  const Wrapped honest("honest", kHonestRun);
  auto end = std::chrono::steady_clock::time_point{};
  const auto lazy = faulty::make_backend(
      "lazy", faulty::replaced(&faulty::Behavior::run, [&end](const faulty::Work& work) {
        if (std::chrono::steady_clock::now() - end > std::chrono::nanoseconds(1500)) {
          const auto& [x, y] = std::tie(work.arguments.x, work.arguments.y);
          std::memcpy(y.data, x.data, x.bytes());
        }
        end = std::chrono::steady_clock::now();
      }));
  MeasureOptions options = short_options();
  options.timing.min_slot_us = 2000;
  const CaseResult result = measure(bench_case, {lazy.get(), &honest}, read_machine(), options);
  EXPECT_TRUE(result.rows[1].verdict.passed()) << result.rows[1].verdict.reason;
  EXPECT_EQ(result.rows[0].verdict.outcome, Outcome::kFailed);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "is not plausible", result.rows[0].verdict.reason);
  EXPECT_TRUE(result.rows[0].samples_ns.empty());
}

// One thread was lent, and a second one works as well.
TEST(Measure, RefusesMoreCpusThanWereLent) {
  if (read_machine().cores < 2) GTEST_SKIP() << "there is one CPU";
  std::atomic<bool> over = false;
  std::thread helper([&over] {
    while (!over) {
    }
  });
  const Wrapped greedy("greedy", lasting([](std::int64_t) { return 2000; }));
  MeasureOptions options = short_options();
  options.timing.min_slot_us = 50000;
  const CaseResult result = measure(small_case(), {&greedy}, read_machine(), options);
  over = true;
  helper.join();
  // On a busy machine the helper may not have had a CPU.
  const Row& row = result.rows[0];
  if (row.verdict.passed()) {
    EXPECT_LE(row.cpus.value_or(0), 1.5);
  } else {
    EXPECT_PRED_FORMAT2(testing::IsSubstring, "CPUs where 1 was lent", row.verdict.reason);
    EXPECT_TRUE(row.samples_ns.empty());
  }
}

// A call of 200 us fills a slot of 20 ms by 100 calls at most; one that takes a few us needs more.
TEST(Measure, FillsTheLeastSlotOfTheFastest) {
  MeasureOptions options = short_options();
  options.timing.min_slot_us = 20000;
  const Wrapped slow("slow", lasting([](std::int64_t) { return 200; }));
  const CaseResult alone = measure(small_case(), {&slow}, read_machine(), options);
  EXPECT_LE(alone.rows[0].calls_per_sample, 100);
  EXPECT_GE(alone.rows[0].calls_per_sample, 10);
  const Wrapped fast("fast", kHonestRun);
  const CaseResult both = measure(small_case(), {&slow, &fast}, read_machine(), options);
  EXPECT_GT(both.rows[1].calls_per_sample, 100);
  // The slow one has as many calls, but not more than fill two slots.
  EXPECT_LE(both.rows[0].calls_per_sample, 200);
  EXPECT_GT(both.rows[0].calls_per_sample, alone.rows[0].calls_per_sample);
}

// Two that differ from sample to sample by half, and one that is far behind.
TEST(Measure, GivesMoreRoundsToThoseThatAreClose) {
  MeasureOptions options = short_options();
  options.timing = {.min_slot_us = 20, .min_rounds = 6, .max_rounds = 9, .case_seconds = 100};
  const auto changing = [](std::int64_t call) { return call / 2 % 2 == 0 ? 200 : 300; };
  const Wrapped first("first", lasting(changing));
  const Wrapped second("second", lasting([](std::int64_t) { return 250; }));
  const Wrapped behind("behind", lasting([](std::int64_t) { return 100000; }));
  const CaseResult result =
      measure(small_case(), {&first, &behind, &second}, read_machine(), options);
  EXPECT_EQ(result.rows[0].samples_ns.size(), 9U);
  EXPECT_EQ(result.rows[1].samples_ns.size(), 6U);
  EXPECT_EQ(result.rows[2].samples_ns.size(), 9U);
  EXPECT_EQ(result.copy_ns.size(), 9U);
  EXPECT_TRUE(result.rows[1].verdict.passed()) << result.rows[1].verdict.reason;
}

// Who is behind has its last sample earlier, and is checked after that.
TEST(Measure, CatchesASlowBackendThatStopsWorkingWhileItIsTimed) {
  const Wrapped honest("honest", kHonestRun);
  const Wrapped tired("tired", lasting([](std::int64_t) { return 20000; }));
  const Wrapped idle("idle", [](Kernel& kernel, std::int64_t call) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    // So long that the check makes no more calls.
    if (call <= 8) kernel.run();
  });
  MeasureOptions options = short_options();
  options.timing.max_rounds = 12;
  const CaseResult result =
      measure(small_case(), {&honest, &tired, &idle}, read_machine(), options);
  EXPECT_TRUE(result.rows[1].verdict.passed()) << result.rows[1].verdict.reason;
  EXPECT_EQ(result.rows[2].verdict.outcome, Outcome::kFailed);
  EXPECT_NE(result.rows[2].verdict.reason.find("after it was timed"), std::string::npos);
}

// Each sample of a cold case has a flush of the caches before it, those that choose the controls
// too.
TEST(Measure, FlushesTheCachesBeforeEachSampleOfAColdCase) {
  const Wrapped first("first", kHonestRun);
  const Wrapped second("second", kHonestRun);
  Machine machine = read_machine();
  machine.measured_last_level = 1 << 20;
  const CaseResult cold =
      measure(small_case(Cache::kCold), {&first, &second}, machine, short_options());
  std::size_t samples = cold.copy_ns.size() + cold.read_ns.size() + cold.twin_ns.size();
  for (const Row& row : cold.rows) samples += row.samples_ns.size();
  // Ways to copy and to read: once each, and once more where that may decide.
  EXPECT_GE(cold.cache_flushes, samples + 3 + 1);
  EXPECT_LE(cold.cache_flushes, samples + (3 + 1) * 2);
  const CaseResult warm = measure(small_case(), {&first, &second}, machine, short_options());
  EXPECT_EQ(warm.cache_flushes, 0U);
}

TEST(CacheFlusher, WritesAllOfItsBuffer) {
  CacheFlusher flusher(1 << 20);
  for (const std::uint64_t count : {1U, 2U, 3U}) {
    flusher.flush(2);
    EXPECT_EQ(flusher.flushes(), count);
  }
}

TEST(BytesNeeded, CountBuffersOfAllSetsAndWhatTheCheckHolds) {
  Case bench_case{
      .problem = {.norm = Norm::kLayer, .pass = Pass::kBackward, .n = 2048, .c = 2048, .batch = 1}};
  const std::int64_t tensor = std::int64_t{4} * 2048 * 2048;
  // x, dy, dx, dgamma and dbeta, and five sums for each value in double.
  EXPECT_GT(bytes_needed(bench_case), 5 * tensor + 10 * tensor);
  bench_case.problem = {.n = 64, .c = 64, .l = 64, .batch = 64};
  const std::int64_t warm = bytes_needed(bench_case);
  bench_case.cache = Cache::kCold;
  EXPECT_GT(bytes_needed(bench_case), 10 * warm);
}

TEST(Measure, KeepsAnUnsupportedBackendWithItsReason) {
  class Unable : public Wrapped {
   public:
    Unable() : Wrapped("unable", kHonestRun) {}
    Support supports(const Problem&) const override { return Support::no("no time"); }
  };
  const Unable unable;
  const CaseResult result = measure(small_case(), {&unable}, read_machine(), short_options());
  EXPECT_EQ(result.rows[0].verdict.outcome, Outcome::kUnsupported);
  EXPECT_EQ(result.rows[0].verdict.reason, "no time");
  EXPECT_TRUE(result.copy_ns.empty());
}

TEST(Measure, StopsWhenAsked) {
  const Wrapped honest("honest", kHonestRun);
  MeasureOptions options = short_options();
  int questions = 0;
  options.stop = [&questions](std::string_view) { return ++questions > 5; };
  EXPECT_THROW(measure(small_case(), {&honest}, read_machine(), options), Interrupted);
}

TEST(Measure, CountsAllocationsPerCall) {
  const Wrapped wasteful("wasteful", [](Kernel& kernel, std::int64_t) {
    kernel.run();
    for (int i = 0; i < 3; ++i) {
      // Through a volatile pointer, so that the pair is not optimized away.
      int* volatile memory = new int(i);
      delete memory;
    }
  });
  const CaseResult result = measure(small_case(), {&wasteful}, read_machine(), short_options());
  EXPECT_EQ(result.rows[0].allocations, 3);
}

TEST(AllocationCounter, SeesEveryWayToAllocate) {
  const AllocationCounter counter;
  void* volatile memory = std::malloc(10);
  memory = std::realloc(memory, 2000);
  std::free(memory);
  memory = std::calloc(3, 5);
  std::free(memory);
  memory = std::aligned_alloc(64, 128);
  std::free(memory);
  EXPECT_EQ(counter.count(), 4);
}

// A slot calls each kernel once untimed when warm, then `calls` times in all, in turn.
TEST(Slot, CallsEachKernelInTurn) {
  struct Counting : Kernel {
    void run() override { ++calls; }
    int calls = 0;
  };
  Counting a;
  Counting b;
  const std::vector<Kernel*> both{&a, &b};
  const Slot slot = time_slot(both, 7, WarmUp{});
  EXPECT_EQ(a.calls, 1 + 4);
  EXPECT_EQ(b.calls, 1 + 3);
  EXPECT_GT(slot.ns, 0);
  time_slot(both, 2);
  EXPECT_EQ(a.calls + b.calls, 9 + 2);
}

// Adds its letter to a text at each call, and "L" at load().
struct Writing : Kernel {
  Writing(std::string& text, char letter) : text(text), letter(letter) {}
  void load() override { text += 'L'; }
  void run() override { text += letter; }
  std::string& text;
  char letter;
};

TEST(Slot, FollowsEachCallByTheReadOfItsKernel) {
  std::string text;
  Writing a(text, 'a'), b(text, 'b'), read_a(text, 'A'), read_b(text, 'B');
  const std::vector<Kernel*> both{&a, &b};
  const std::vector<Kernel*> reads{&read_a, &read_b};
  const auto change = [&text] { text += '|'; };
  time_slot(both, 3, WarmUp{.load = true, .change = change}, reads);
  EXPECT_EQ(text, "LaALbB|LLaAbBaA");
  text.clear();
  time_slot(both, 4, reads);
  EXPECT_EQ(text, "aAbBaAbB");
  EXPECT_THROW(time_slot(both, 4, std::span(reads).first(1)), std::logic_error);
}

// Memory that nobody may touch: the first who does gets the right back, and nobody watches any
// more.
namespace touch {

constexpr std::uintptr_t kPage = 4096;
std::uintptr_t begin = 0;
std::uintptr_t end = 0;
volatile std::sig_atomic_t watched = 0;
struct sigaction handler_before;

void give_back() {
  if (mprotect(reinterpret_cast<void*>(begin), end - begin, PROT_READ | PROT_WRITE) != 0)
    std::abort();
  watched = 0;
  sigaction(SIGSEGV, &handler_before, nullptr);
}

void on_fault(int, siginfo_t* information, void*) {
  const auto address = reinterpret_cast<std::uintptr_t>(information->si_addr);
  if (address < begin || address >= end) std::abort();
  give_back();
}

void watch(const Tensor& tensor) {
  const auto first = reinterpret_cast<std::uintptr_t>(tensor.data);
  begin = first / kPage * kPage;
  end = (first + tensor.bytes() + kPage - 1) / kPage * kPage;
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, &handler_before);
  watched = 1;
  if (mprotect(reinterpret_cast<void*>(begin), end - begin, PROT_NONE) != 0) std::abort();
}

}  // namespace touch

// After each timed call the pages of the output are watched: somebody touches them before the next
// call begins.
class ReadNext : public testing::TestWithParam<std::tuple<Pass, Cache>> {};

TEST_P(ReadNext, TouchesTheOutputAfterEachCall) {
  const auto& [pass, cache] = GetParam();
  Case bench_case = small_case(cache);
  bench_case.problem.pass = pass;
  bench_case.then = Then::kRead;
  int all = 0;
  int watched = 0;
  int untouched = 0;
  const auto backend = faulty::make_backend(
      "watching", faulty::replaced(&faulty::Behavior::run, [&](const faulty::Work& work) {
        if (touch::watched != 0) {
          ++untouched;
          touch::give_back();
        }
        faulty::normalize_all(work);
        // The call after the check is the first guess of a time: it has no read, and where it is
        // long, no other call follows before the handlers of signals are compared.
        if (++all <= kCallsOfTheCheck + 1) return;
        ++watched;
        touch::watch(work.arguments.y.present() ? work.arguments.y : work.arguments.dx);
      }));
  Machine machine = read_machine();
  machine.measured_last_level = 1 << 20;
  const CaseResult result = measure(bench_case, {backend.get()}, machine, short_options());
  EXPECT_TRUE(result.rows[0].verdict.passed()) << result.rows[0].verdict.reason;
  EXPECT_GE(result.rows[0].samples_ns.size(), 6U);
  EXPECT_EQ(result.copy_ns.size(), result.rows[0].samples_ns.size());
  EXPECT_GE(watched, 6);
  // Before the last sample of a cold case a call for each of its sets is neither timed nor read.
  if (cache == Cache::kWarm) {
    EXPECT_EQ(untouched, 0);
  } else {
    EXPECT_LT(untouched, watched / 4);
  }
}

INSTANTIATE_TEST_SUITE_P(, ReadNext,
                         testing::Combine(testing::Values(Pass::kForwardTraining,
                                                          Pass::kForwardInference, Pass::kBackward),
                                          testing::Values(Cache::kWarm, Cache::kCold)),
                         [](const auto& info) {
                           return std::string(name(std::get<0>(info.param))) + "_" +
                                  std::string(name(std::get<1>(info.param)));
                         });

TEST(Measure, ReadsNoOutputThatIsElsewhere) {
  class Elsewhere : public Wrapped {
   public:
    Elsewhere() : Wrapped("elsewhere", kHonestRun) {}
    bool native_layout() const override { return true; }
  };
  const Elsewhere elsewhere;
  const Wrapped honest("honest", kHonestRun);
  Case bench_case = small_case();
  bench_case.then = Then::kRead;
  const CaseResult result =
      measure(bench_case, {&elsewhere, &honest}, read_machine(), short_options());
  EXPECT_EQ(result.rows[0].verdict.outcome, Outcome::kUnsupported);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "memory of its own", result.rows[0].verdict.reason);
  EXPECT_TRUE(result.rows[0].samples_ns.empty());
  EXPECT_TRUE(result.rows[1].verdict.passed()) << result.rows[1].verdict.reason;
  EXPECT_FALSE(result.rows[1].samples_ns.empty());
}

}  // namespace
}  // namespace normbench
