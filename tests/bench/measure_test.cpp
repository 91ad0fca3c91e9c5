// The schedule of a case: who is timed, who is not, and what the timed calls leave behind.
#include "harness/bench/measure.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <utility>

#include "harness/bench/allocations.h"
#include "harness/bench/slot.h"
#include "harness/bench/statistics.h"

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
    EXPECT_GE(row.calls_per_sample, 1);
    EXPECT_GT(row.verdict.error.bound, 0);
    EXPECT_EQ(row.allocations, 0);
  }
  EXPECT_TRUE(result.twin == "first" || result.twin == "second");
}

INSTANTIATE_TEST_SUITE_P(Caches, EveryCache, testing::Values(Cache::kWarm, Cache::kCold),
                         [](const auto& info) { return std::string(name(info.param)); });

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

// The check before timing makes 8 calls. Whoever is right that long and idle afterwards is fast.
TEST(Measure, CatchesABackendThatStopsWorkingWhileItIsTimed) {
  const Wrapped honest("honest", kHonestRun);
  const Wrapped tired("tired", [](Kernel& kernel, std::int64_t call) {
    if (call <= 8) kernel.run();
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
  options.stop = [&questions] { return ++questions > 5; };
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
  const Slot slot = time_slot(both, 7, true);
  EXPECT_EQ(a.calls, 1 + 4);
  EXPECT_EQ(b.calls, 1 + 3);
  EXPECT_GT(slot.ns, 0);
  time_slot(both, 2, false);
  EXPECT_EQ(a.calls + b.calls, 9 + 2);
}

}  // namespace
}  // namespace normbench
