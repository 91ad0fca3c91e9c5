// Google Benchmark as an engine for one slot at a time: registering, running and clearing a
// benchmark costs microseconds outside of the timed region, and leaves the schedule to us.
#include "harness/bench/slot.h"

#include <benchmark/benchmark.h>

#include <array>
#include <stdexcept>
#include <vector>

#include "harness/bench/statistics.h"

namespace normbench {
namespace {

// Keeps what the engine measured, and prints nothing.
class Recorder : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      seconds = run.real_accumulated_time;
      iterations = run.iterations;
    }
  }

  double seconds = 0;
  std::int64_t iterations = 0;
};

void initialize_once() {
  static const bool done = [] {
    std::array<char, 10> program{"normbench"};
    std::array<char*, 2> arguments{program.data(), nullptr};
    int count = 1;
    benchmark::Initialize(&count, arguments.data());
    return true;
  }();
  static_cast<void>(done);
}

void warm(std::span<Kernel* const> kernels, const WarmUp& warm_up) {
  for (Kernel* kernel : kernels) {
    if (warm_up.load) kernel->load();
    kernel->run();
  }
  warm_up.change();
  for (Kernel* kernel : kernels) {
    if (warm_up.load) kernel->load();
  }
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

}  // namespace

Usage::Usage() { getrusage(RUSAGE_SELF, &usage_); }

Slot Usage::until_now() const {
  const Usage now;
  const rusage& end = now.usage_;
  return {.cpu_seconds = seconds(end.ru_utime) - seconds(usage_.ru_utime) + seconds(end.ru_stime) -
                         seconds(usage_.ru_stime),
          .preempted = end.ru_nivcsw - usage_.ru_nivcsw,
          .faults = end.ru_minflt - usage_.ru_minflt};
}

namespace {

Slot time_here(std::span<Kernel* const> kernels, std::int64_t calls, const WarmUp* warm_up) {
  initialize_once();
  Slot slot;
  const auto body = [&](benchmark::State& state) {
    if (warm_up != nullptr) warm(kernels, *warm_up);
    const Usage begin;
    auto next = kernels.begin();
    for (auto _ : state) {
      (*next)->run();
      benchmark::ClobberMemory();
      if (++next == kernels.end()) next = kernels.begin();
    }
    slot = begin.until_now();
  };
  benchmark::ClearRegisteredBenchmarks();
  benchmark::RegisterBenchmark("slot", body)->Iterations(calls)->UseRealTime();
  Recorder recorder;
  benchmark::RunSpecifiedBenchmarks(&recorder);
  if (recorder.iterations != calls) throw std::runtime_error("Google Benchmark ran no slot");
  slot.ns = recorder.seconds * 1e9 / static_cast<double>(calls);
  slot.seconds = recorder.seconds;
  return slot;
}

// A kernel whose calls are followed by those of another one.
class Followed : public Kernel {
 public:
  Followed(Kernel& kernel, Kernel& next) : kernel_(kernel), next_(next) {}

  void load() override { kernel_.load(); }
  void run() override {
    kernel_.run();
    next_.run();
  }

 private:
  Kernel& kernel_;
  Kernel& next_;
};

Slot time_anywhere(std::span<Kernel* const> kernels, std::int64_t calls, const WarmUp* warm_up,
                   std::span<Kernel* const> reads) {
  if (auto* const elsewhere = dynamic_cast<TimedKernel*>(kernels.front())) {
    return elsewhere->time(kernels, calls, warm_up, !reads.empty());
  }
  if (reads.empty()) return time_here(kernels, calls, warm_up);
  if (reads.size() != kernels.size()) throw std::logic_error("each kernel needs a read of its own");
  std::vector<Followed> followed;
  for (std::size_t i = 0; i < kernels.size(); ++i) followed.emplace_back(*kernels[i], *reads[i]);
  std::vector<Kernel*> pointers;
  for (Followed& kernel : followed) pointers.push_back(&kernel);
  return time_here(pointers, calls, warm_up);
}

}  // namespace

Slot time_slot(std::span<Kernel* const> kernels, std::int64_t calls, const WarmUp& warm_up,
               std::span<Kernel* const> reads) {
  return time_anywhere(kernels, calls, &warm_up, reads);
}

Slot time_slot(std::span<Kernel* const> kernels, std::int64_t calls,
               std::span<Kernel* const> reads) {
  return time_anywhere(kernels, calls, nullptr, reads);
}

double slot_overhead_ns() {
  struct Idle : Kernel {
    void run() override {}
  };
  Idle idle;
  const std::array<Kernel*, 1> kernels{&idle};
  std::array<double, 5> ns{};
  for (double& sample : ns) sample = time_slot(kernels, 100'000, WarmUp{}).ns;
  return median(ns);
}

}  // namespace normbench
