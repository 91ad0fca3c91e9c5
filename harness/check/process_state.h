// What a backend can change for whoever comes after it in the same process.
#pragma once

#include <sched.h>
#include <signal.h>

#include <array>
#include <optional>
#include <string>

namespace normbench {

// Settings of the process and of the calling thread, as they were when this was made: rounding mode
// and floating-point traps, OpenMP's settings, the CPUs that the thread may run on, handlers of
// signals, and the locale.
class ProcessState {
 public:
  ProcessState();

  // Puts back what is different now, and says what that was: "left the rounding mode changed".
  // Flush-to-zero is looked for on all threads of OpenMP.
  std::optional<std::string> restore() const;

 private:
  struct OpenMp {
    int threads, dynamic, levels, schedule, chunk;
    bool operator==(const OpenMp&) const = default;
  };
  static OpenMp open_mp();
  bool restore_handlers() const;
  bool restore_cpus() const;

  static constexpr int kSignals = 32;  // those below have names

  int rounding_;
  int traps_;
  OpenMp open_mp_;
  cpu_set_t cpus_;
  std::array<struct sigaction, kSignals> handlers_;
  std::string locale_;
};

}  // namespace normbench
