// Rounds in shuffled order, fewer for those that are clearly behind.
#include "harness/bench/schedule.h"

#include <algorithm>
#include <cmath>

#include "harness/bench/statistics.h"

namespace normbench {
namespace {

constexpr std::int64_t kMostCalls = 1'000'000;

std::int64_t calls_that_fill(double slot_us, double ns) {
  const double calls = std::ceil(1e3 * slot_us / ns);
  return calls < static_cast<double>(kMostCalls)
             ? std::max<std::int64_t>(1, static_cast<std::int64_t>(calls))
             : kMostCalls;
}

}  // namespace

std::int64_t calls_per_sample(double fastest_ns, const TimingOptions& timing) {
  return calls_that_fill(timing.min_slot_us, fastest_ns);
}

std::int64_t calls_per_sample(double ns, std::int64_t calls_of_fastest,
                              const TimingOptions& timing) {
  return std::min(calls_of_fastest, calls_that_fill(kMostSlots * timing.min_slot_us, ns));
}

bool is_known(std::span<const double> samples, std::span<const double> fastest) {
  const std::size_t rounds = std::min(samples.size(), fastest.size());
  if (rounds == 0) return false;  // the fastest failed before its first sample
  const Ratio ratio = paired_ratio(samples.first(rounds), fastest.first(rounds));
  return ratio.high <= ratio.low * kNarrow * kNarrow;
}

bool is_clearly_behind(std::span<const double> samples, std::span<const double> fastest) {
  const std::size_t rounds = std::min(samples.size(), fastest.size());
  for (std::size_t round = 0; round < rounds; ++round) {
    if (!(samples[round] >= kClearlyBehind * fastest[round])) return false;
  }
  return rounds > 0;
}

Schedule::Schedule(const TimingOptions& timing, std::size_t contestants, std::size_t controls,
                   std::size_t fastest, std::uint64_t seed)
    : timing_(timing),
      contestants_(contestants),
      fastest_(fastest),
      random_(seed),
      active_(contestants, true),
      samples_(contestants + controls) {}

void Schedule::leave_out(std::size_t contestant) { active_[contestant] = false; }

std::vector<Schedule::Entry> Schedule::next_round(double seconds) {
  if (over_) return {};
  ++round_;
  const bool enough = round_ >= timing_.min_rounds;
  over_ =
      round_ >= timing_.max_rounds || (enough && (seconds > timing_.case_seconds || all_known()));
  std::vector<Entry> round;
  for (std::size_t which = 0; which < contestants_; ++which) {
    if (!active_[which]) continue;
    const bool behind = enough && is_clearly_behind(samples_[which], samples_[fastest_]);
    if (behind) active_[which] = false;
    round.push_back({which, over_ || behind});
  }
  for (std::size_t which = contestants_; which < samples_.size(); ++which) {
    round.push_back({which, false});
  }
  std::shuffle(round.begin(), round.end(), random_);
  return round;
}

bool Schedule::all_known() const {
  if (!is_known(samples_[contestants_], samples_[fastest_])) return false;
  for (std::size_t which = 0; which < contestants_; ++which) {
    if (active_[which] && !is_known(samples_[which], samples_[fastest_])) return false;
  }
  return true;
}

}  // namespace normbench
