// done/total, what is running, and the time left.
#include "harness/cli/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

#include "harness/cli/verbs.h"

namespace normbench {

Progress::Progress(std::size_t total, double total_work, double most_seconds)
    : total_(total),
      total_work_(total_work),
      most_seconds_(most_seconds),
      terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (terminal_) fmt::print(stderr, "\r\033[K");
}

void Progress::start(std::size_t done, double work_done, const std::string& what) {
  const Clock::time_point now = Clock::now();
  if (!terminal_ && printed_ != Clock::time_point::min() &&
      now - printed_ < std::chrono::seconds(5)) {
    return;
  }
  printed_ = now;
  const double elapsed = std::chrono::duration<double>(now - begin_).count();
  // Before anything is measured the unit of work is a second of the estimate.
  const double all = work_done > 0 ? elapsed * (total_work_ - work_done) / work_done : total_work_;
  const double left = std::clamp(most_seconds_ - elapsed, 0.0, all);
  fmt::print(stderr, "{}[{}/{}] {}  {} left{}", terminal_ ? "\r\033[K" : "", done + 1, total_, what,
             duration(left), terminal_ ? "" : "\n");
  std::fflush(stderr);
}

}  // namespace normbench
