// One timed slot on Google Benchmark: the only place where a clock runs, in whichever process.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

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

// What the process has used so far.
class Usage {
 public:
  Usage();
  // What was used since then, as a slot without its time.
  Slot until_now() const;

 private:
  rusage usage_;
};

// What comes right before the clock of a warm slot: an untimed call of each kernel, then changes of
// its buffers.
struct WarmUp {
  bool load = false;  // whether kernels load() before that call, and again after the changes
  std::function<void()> change = [] {};
  // All bytes that change() may write: asked for where another process has to write them.
  std::function<std::vector<std::span<std::byte>>()> changed = [] {
    return std::vector<std::span<std::byte>>();
  };
};

// A kernel whose process has the clock too: a message takes longer than a small call.
class TimedKernel : public RemoteKernel {
 public:
  // Whether time() can read the output after each call.
  virtual bool can_read() const = 0;
  // As time_slot(), for kernels of one worker. `warm_up` may be null. `read`: that process reads
  // the output after each call.
  virtual Slot time(std::span<Kernel* const> kernels, std::int64_t calls, const WarmUp* warm_up,
                    bool read) = 0;
};

// Calls run() of the kernels in turn, `calls` times in all, between one start and one stop of the
// clock, right after the warm-up. Nothing else happens in between: the overhead is that of a
// virtual call, plus the clock's, divided by `calls`. Where there are `reads`, one for each kernel,
// each call is followed by run() of the one at the same place, and the untimed calls are too.
Slot time_slot(std::span<Kernel* const> kernels, std::int64_t calls, const WarmUp& warm_up,
               std::span<Kernel* const> reads = {});
// The same without a warm-up, as in a cold case.
Slot time_slot(std::span<Kernel* const> kernels, std::int64_t calls,
               std::span<Kernel* const> reads = {});

// What a call of run() that does nothing takes, in ns: the harness's share of every sample.
double slot_overhead_ns();

}  // namespace normbench
