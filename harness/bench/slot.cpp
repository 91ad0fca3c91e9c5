// Google Benchmark as an engine for one slot at a time: registering, running and clearing a
// benchmark costs microseconds outside of the timed region, and leaves the schedule to us.
#include "harness/bench/slot.h"

#include <benchmark/benchmark.h>
#include <sys/resource.h>

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

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

rusage usage_now() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage;
}

}  // namespace

Slot time_slot(std::span<Kernel* const> kernels, std::int64_t calls, bool warm) {
  return time_slot(kernels, calls, [&] {
    if (!warm) return;
    for (Kernel* kernel : kernels) kernel->run();
  });
}

Slot time_slot(std::span<Kernel* const> kernels, std::int64_t calls,
               const std::function<void()>& before) {
  if (auto* const elsewhere = dynamic_cast<TimedKernel*>(kernels.front())) {
    before();
    return elsewhere->time(kernels, calls);
  }
  initialize_once();
  Slot slot;
  const auto body = [&](benchmark::State& state) {
    before();
    const rusage begin = usage_now();
    auto next = kernels.begin();
    for (auto _ : state) {
      (*next)->run();
      benchmark::ClobberMemory();
      if (++next == kernels.end()) next = kernels.begin();
    }
    const rusage after = usage_now();
    slot.cpu_seconds = seconds(after.ru_utime) - seconds(begin.ru_utime) + seconds(after.ru_stime) -
                       seconds(begin.ru_stime);
    slot.preempted = after.ru_nivcsw - begin.ru_nivcsw;
    slot.faults = after.ru_minflt - begin.ru_minflt;
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

double slot_overhead_ns() {
  struct Idle : Kernel {
    void run() override {}
  };
  Idle idle;
  const std::array<Kernel*, 1> kernels{&idle};
  std::array<double, 5> ns{};
  for (double& sample : ns) sample = time_slot(kernels, 100'000, true).ns;
  return median(ns);
}

}  // namespace normbench
