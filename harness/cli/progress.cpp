// done/total, what is running, and the time left.
#include "harness/cli/progress.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "harness/cli/streams.h"
#include "harness/cli/verbs.h"

namespace normbench {
namespace {

// Read by a signal handler: no allocation, and always an end.
std::array<char, 256> present{};

}  // namespace

std::string_view present_item() { return present.data(); }

Progress::Progress(std::size_t total, double total_work, double most_seconds)
    : total_(total),
      total_work_(total_work),
      most_seconds_(most_seconds),
      terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (terminal_) say("\r\033[K");
}

void Progress::start(std::size_t done, double work_done, const std::string& what) {
  present.fill('\0');
  std::copy_n(what.begin(), std::min(what.size(), present.size() - 1), present.begin());
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
  const std::string line =
      fmt::format("[{}/{}] {}  {} left", done + 1, total_, what, duration(left));
  if (!terminal_) return say("{}\n", line);
  // A line that does not fit would stay behind, one for each case. The width may have changed.
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  say("\r\033[K{}", line.substr(0, known ? size.ws_col - 1U : line.size()));
}

}  // namespace normbench
