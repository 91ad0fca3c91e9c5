// What a module with state did in one step, and whether it may have.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "harness/core/backend.h"
#include "harness/nn/array.h"

namespace normbench::conformance {

// A source of choices that a seed repeats.
class Choices {
 public:
  explicit Choices(std::uint64_t seed) : random_(seed) {}

  // From 0 to end - 1.
  std::int64_t below(std::int64_t end) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(end));
  }
  bool one_in(std::int64_t times) { return below(times) == 0; }
  std::int64_t between(std::int64_t first, std::int64_t last) {
    return first + below(last - first + 1);
  }
  template <class Value>
  Value of(const std::vector<Value>& values) {
    return values[static_cast<std::size_t>(below(static_cast<std::int64_t>(values.size())))];
  }
  std::uint64_t seed() { return random_(); }

 private:
  std::mt19937_64 random_;
};

// The vectors of a module: empty where it has none.
struct Vectors {
  std::vector<double> gamma, beta, running_mean, running_var;
};

// All that one side left of a step forward and backward, in the order of memory.
struct Outcomes {
  std::vector<double> y, dx, dgamma, dbeta;
};

// How one side does it.
struct Claims {
  Accuracy forward, backward;
};

// Fails the present test where what is left is out of the bounds of `claims`, given the state
// before. `forward` is the problem of the step forward; the gradients are for dy.
void expect_right(const Problem& forward, const nn::Array& x, const nn::Array& dy,
                  const Vectors& before, const Outcomes& left, const Claims& claims);

// What batch norm in training makes of one running statistic, and how far it may be off, of every
// channel. With `in_two_steps` the statistic was found by one of momentum 1 before, which has three
// roundings of its own.
struct Running {
  std::vector<double> value, bound;
};
struct RunningPair {
  Running mean, var;
};
RunningPair running_of_batch(const Problem& forward, const nn::Array& x, const Vectors& before,
                             const Accuracy& accuracy, bool in_two_steps);
// The same of instance norm, with the momentum of the problem: of all samples each by itself, then
// their mean.
RunningPair running_of_instances(const Problem& forward, const nn::Array& x, const Vectors& before,
                                 const Accuracy& accuracy);

// Fails the present test where a value is not within its bound.
void expect_within(const std::string& what, const std::vector<double>& got,
                   const Running& expected);

// How far the running statistics of two sides may be apart after all steps so far.
class Apart {
 public:
  explicit Apart(std::int64_t channels) : bound_(static_cast<std::size_t>(channels), 0.0) {}

  void same_again() { bound_.assign(bound_.size(), 0.0); }
  // Of what was there, 1 - momentum is kept; each side adds the bound of its own step.
  void step(double momentum, const Running& one, const Running& other);
  void expect(const std::string& what, const std::vector<double>& one,
              const std::vector<double>& other) const;

 private:
  std::vector<double> bound_;
};

}  // namespace normbench::conformance
