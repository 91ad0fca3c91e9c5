// Who is timed in which round: samples go where they decide something.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "harness/bench/plan.h"

namespace normbench {

// A contestant this many times slower than the fastest, in each of its rounds, is clearly behind.
inline constexpr double kClearlyBehind = 1.5;
// No claim needs an interval narrower than this: rounds end when every contestant has it.
inline constexpr double kNarrow = 1.01;
// A sample of a slow contestant lasts at most so many of the least slots, if one call does not.
inline constexpr double kMostSlots = 2;
// Where one call lasts so many of the least slots, no untimed call goes before a sample.
inline constexpr double kLongCallSlots = 10;

// Calls per sample that fill the least slot of the fastest contestant. All of a case make as many,
// so that what a sample costs beside the calls is spread alike.
std::int64_t calls_per_sample(double fastest_ns, const TimingOptions& timing);
// Calls per sample of a contestant that takes `ns` per call: fewer where it is many times slower,
// as what a sample costs beside the calls does not matter there.
std::int64_t calls_per_sample(double ns, std::int64_t calls_of_fastest,
                              const TimingOptions& timing);

// Whether the interval of the ratio of two rows of samples is narrow enough. They may differ in
// length: rounds match by number.
bool is_known(std::span<const double> samples, std::span<const double> fastest);
// Whether each sample took kClearlyBehind times as long as that of the fastest in its round.
bool is_clearly_behind(std::span<const double> samples, std::span<const double> fastest);

// The rounds of one case. Contestants are numbered from 0; the controls, which take part in every
// round, have the numbers behind those.
class Schedule {
 public:
  struct Entry {
    std::size_t which;
    bool last;  // its last sample: what it leaves is checked again
  };

  // `fastest` is measured twice: the first control is its twin.
  Schedule(const TimingOptions& timing, std::size_t contestants, std::size_t controls,
           std::size_t fastest, std::uint64_t seed);

  // Takes a contestant out for good, before its first round.
  void leave_out(std::size_t contestant);

  // The next round, in an order of its own; empty when there is none. `seconds` is how long the
  // rounds have taken so far.
  std::vector<Entry> next_round(double seconds);
  // A sample of the present round.
  void record(std::size_t which, double ns) { samples_[which].push_back(ns); }

  // All samples of a contestant or control, by round.
  const std::vector<double>& samples(std::size_t which) const { return samples_[which]; }

 private:
  bool all_known() const;

  TimingOptions timing_;
  std::size_t contestants_;
  std::size_t fastest_;
  std::mt19937_64 random_;
  int round_ = 0;
  bool over_ = false;
  std::vector<bool> active_;  // of contestants
  std::vector<std::vector<double>> samples_;
};

}  // namespace normbench
