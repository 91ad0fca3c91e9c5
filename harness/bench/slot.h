// One timed slot on Google Benchmark: the only place where a clock runs, in whichever process.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "harness/check/remote.h"
#include "harness/core/backend.h"

namespace normbench {

struct Slot {
  double ns = 0;               // real time per call
  double seconds = 0;          // real time of all calls
  double cpu_seconds = 0;      // of all threads
  std::int64_t preempted = 0;  // times that the system took a CPU away from us
  std::int64_t faults = 0;     // minor page faults
  // What it took as seen from here, where another process had the clock.
  std::optional<double> seconds_outside = {};
};

// A kernel whose process has the clock too: a message takes longer than a small call.
class TimedKernel : public RemoteKernel {
 public:
  // As time_slot(), for kernels of one worker, without anything before.
  virtual Slot time(std::span<Kernel* const> kernels, std::int64_t calls) = 0;
};

// Calls run() of the kernels in turn, `calls` times in all, between one start and one stop of the
// clock. `before` is called right before that start. Nothing else happens in between: the overhead
// is that of a virtual call, plus the clock's, divided by `calls`.
Slot time_slot(std::span<Kernel* const> kernels, std::int64_t calls,
               const std::function<void()>& before);
// The same after one untimed call of each, or after nothing.
Slot time_slot(std::span<Kernel* const> kernels, std::int64_t calls, bool warm);

// What a call of run() that does nothing takes, in ns: the harness's share of every sample.
double slot_overhead_ns();

}  // namespace normbench
