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
using Text = std::array<char, 256>;
Text item{};
Text backend{};

void keep(std::string_view text, Text& in) {
  in.fill('\0');
  std::copy_n(text.begin(), std::min(text.size(), in.size() - 1), in.begin());
}

// In so many columns, or fewer; what was cut is marked.
std::string cut(const std::string& text, std::size_t columns) {
  constexpr std::string_view kMark = "...";
  if (text.size() <= columns) return text;
  if (columns <= kMark.size()) return text.substr(0, columns);
  return text.substr(0, columns - kMark.size()).append(kMark);
}

}  // namespace

std::string_view present_item() { return item.data(); }
std::string_view present_backend() { return backend.data(); }

void set_present_backend(std::string_view name) { keep(name, backend); }

Progress::Progress(std::size_t total, double total_work, double most_seconds)
    : total_(total),
      total_work_(total_work),
      most_seconds_(most_seconds),
      terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (terminal_) say("\r\033[K");
}

void Progress::start(std::size_t done, double work_done, const std::string& what) {
  keep(what, item);
  keep("", backend);
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
  const std::string before = fmt::format("[{}/{}] ", done + 1, total_);
  const std::string after = fmt::format("  {} left", duration(left));
  if (!terminal_) return say("{}{}{}\n", before, what, after);
  // A line that does not fit would stay behind, one for each case. The width may have changed.
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  const std::size_t columns = known ? size.ws_col - 1U : std::string::npos;
  const std::size_t room = columns - std::min(columns, before.size() + after.size());
  say("\r\033[K{}", cut(before + cut(what, room) + after, columns));
}

}  // namespace normbench
