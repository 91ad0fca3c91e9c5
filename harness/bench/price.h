// What a case costs in time, before it is measured, and what a budget buys.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "harness/bench/plan.h"

namespace normbench {

// In seconds.
struct Price {
  double check = 0;   // once, with all that comes before the rounds
  double rounds = 0;  // the least number of rounds
  double more = 0;    // the rounds beyond, as far as the config's time allows

  double least() const { return check + rounds; }
  double all() const { return least() + more; }
};

// What a case is guessed to take, in seconds: once, and for each round. Guesses add up.
struct Guess {
  double check = 0;
  double round = 0;

  void add(const Guess& other, double sign = 1) {
    check += sign * other.check;
    round += sign * other.round;
  }
};

// A rough model for the first case, and better with each that is done.
class PriceModel {
 public:
  PriceModel(const TimingOptions& timing, std::size_t backends)
      : timing_(timing), backends_(backends) {}

  Guess guess(const Case& bench_case) const;
  Price price(const Guess& guess) const;
  Price price(const Case& bench_case) const { return price(guess(bench_case)); }
  // What a case really took, and how many rounds.
  void learn(const Case& bench_case, double check_seconds, double rounds_seconds,
             std::size_t rounds);

 private:
  // Of actual to guessed time, over all so far; 1 at first.
  struct Correction {
    double actual = 0.5;
    double guessed = 0.5;
    double factor() const { return actual / guessed; }
    void learn(double seconds, double guess) {
      actual += seconds;
      guessed += guess;
    }
  };

  TimingOptions timing_;
  std::size_t backends_;
  Correction check_, rounds_;
};

double total_seconds(const PriceModel& model, std::span<const Case> cases);

// The timing of the next case when `left` seconds remain for it and all behind it, `count` cases of
// which `all` is the guess: the same time for rounds beyond the least number for each, or none.
// Nothing when the next case cannot be had.
std::optional<TimingOptions> share_of_budget(const PriceModel& model, const TimingOptions& timing,
                                             const Case& next, const Guess& all, std::size_t count,
                                             double left);

// How many of the first cases `seconds` buy, with the least number of rounds.
std::size_t affordable(const PriceModel& model, std::span<const Case> cases, double seconds);

}  // namespace normbench
