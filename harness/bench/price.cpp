// Guesses, corrected by what was seen.
#include "harness/bench/price.h"

#include <algorithm>

namespace normbench {

// For each value and kind of input some time to fill and to find what is expected, and two calls of
// each backend with their comparison. In a round each contestant and control has a sample and an
// untimed call; the average contestant is twice as slow as the fastest. To read takes half as long
// as to normalize.
Guess PriceModel::guess(const Case& bench_case) const {
  constexpr double kFill = 10e-9;
  constexpr double kCheck = 5e-9;
  constexpr double kCall = 1e-9;
  const auto values = static_cast<double>(bench_case.problem.elements());
  const auto backends = static_cast<double>(backends_);
  const double call = bench_case.then == Then::kRead ? 1.5 * kCall : kCall;
  const double slot = std::max(1e-6 * timing_.min_slot_us, values * call);
  return {.check = 0.02 + 4 * values * (kFill + 2 * backends * kCheck),
          .round = (backends + 3) * (2 * 2 * slot + 3e-4)};
}

Price PriceModel::price(const Guess& guess) const {
  const double round = guess.round * rounds_.factor();
  const double rounds = timing_.min_rounds * round;
  // Half of the contestants are clearly behind by then.
  const double beyond = 0.5 * round * (timing_.max_rounds - timing_.min_rounds);
  const double time_for_more = std::max(0.0, timing_.case_seconds - rounds);
  return {.check = guess.check * check_.factor(),
          .rounds = rounds,
          .more = std::min(time_for_more, std::max(0.0, beyond))};
}

void PriceModel::learn(const Case& bench_case, double check_seconds, double rounds_seconds,
                       std::size_t rounds) {
  const Guess guess = this->guess(bench_case);
  check_.learn(check_seconds, guess.check);
  const auto least = static_cast<double>(timing_.min_rounds);
  const double beyond = std::max(0.0, static_cast<double>(rounds) - least);
  const double whole_rounds = std::min(static_cast<double>(rounds), least) + 0.5 * beyond;
  rounds_.learn(rounds_seconds, whole_rounds * guess.round);
}

double total_seconds(const PriceModel& model, std::span<const Case> cases) {
  double total = 0;
  for (const Case& bench_case : cases) total += model.price(bench_case).all();
  return total;
}

std::optional<TimingOptions> share_of_budget(const PriceModel& model, const TimingOptions& timing,
                                             const Case& next, const Guess& all, std::size_t count,
                                             double left) {
  const Price price = model.price(next);
  if (price.least() > left) return std::nullopt;
  TimingOptions share = timing;
  const double extra = std::max(0.0, left - model.price(all).least()) / static_cast<double>(count);
  share.case_seconds = std::min(timing.case_seconds, price.rounds + extra);
  return share;
}

std::size_t affordable(const PriceModel& model, std::span<const Case> cases, double seconds) {
  std::size_t count = 0;
  for (const Case& bench_case : cases) {
    seconds -= model.price(bench_case).least();
    if (seconds < 0) break;
    ++count;
  }
  return count;
}

}  // namespace normbench
