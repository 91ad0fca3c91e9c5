// What a backend can change for whoever comes after it in the same process.
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <array>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <string>

namespace normbench {

// Settings of the process and of the calling thread, as they were when this was made: rounding mode
// and floating-point traps, OpenMP's settings, the CPUs that the thread may run on and its
// priority, handlers of signals, those that are blocked, timers, handlers of C++, the locale, the
// working directory, the mask of new files, the variables of the environment, and where the
// standard streams go.
class ProcessState {
 public:
  ProcessState();

  // Puts back what is different now, and says what that was: "left the rounding mode changed".
  // Flush-to-zero and the rounding mode are looked for on all threads of OpenMP.
  std::optional<std::string> restore() const;

 private:
  struct OpenMp {
    int threads, dynamic, levels, schedule, chunk;
    bool operator==(const OpenMp&) const = default;
  };
  static OpenMp open_mp();
  bool restore_handlers() const;
  bool restore_cpus() const;
  bool restore_timers() const;
  bool restore_streams() const;

  static constexpr int kSignals = 32;  // those below have names

  int rounding_;
  int traps_;
  OpenMp open_mp_;
  cpu_set_t cpus_;
  std::array<struct sigaction, kSignals> handlers_;
  sigset_t blocked_;
  std::array<itimerval, 3> timers_;
  std::terminate_handler terminate_;
  std::new_handler new_handler_;
  int priority_;
  mode_t file_mask_;
  std::string locale_;
  std::string directory_;
  std::uint64_t environment_;  // a digest
  std::array<struct stat, 3> streams_;
};

}  // namespace normbench
