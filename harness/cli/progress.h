// The progress line of long verbs, on stderr.
#pragma once

#include <chrono>
#include <limits>
#include <string>
#include <string_view>

namespace normbench {

// On a terminal one line that is rewritten; elsewhere plain lines, at most one in five seconds.
class Progress {
 public:
  // `total_work` in any unit: the time left is judged by the share of it that is done, and is no
  // more than is left of `most_seconds`.
  Progress(std::size_t total, double total_work,
           double most_seconds = std::numeric_limits<double>::infinity());
  ~Progress();

  // Item `done` (from 0) starts; `work_done` is behind us. On a terminal the line is cut to its
  // width, in the middle.
  void start(std::size_t done, double work_done, const std::string& what);

 private:
  using Clock = std::chrono::steady_clock;

  std::size_t total_;
  double total_work_;
  double most_seconds_;
  bool terminal_;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point printed_ = Clock::time_point::min();
};

// What started last, and who is at work on it, for who presses Ctrl-C and waits; empty before
// anything did. A signal handler may call these.
std::string_view present_item();
std::string_view present_backend();

void set_present_backend(std::string_view name);

}  // namespace normbench
