// The right answer: the formulas in double precision, on the inputs as stored, with the bound
// within which an honest implementation must lie.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/core/backend.h"

namespace normbench {

// A value and the largest error that is accepted in it.
struct Expected {
  double value;
  double bound;
};

struct Statistics {
  double mean = 0;
  double variance = 0;   // biased
  double rstd = 0;       // 1 / sqrt(variance + eps)
  double mean_size = 0;  // mean of |x|
};

// The statistics of x, one per (mini-batch, channel).
std::vector<Statistics> statistics_of(const Problem& problem, const Arguments& arguments);

// Everything that is expected of one run on the present inputs. The bounds hold for the accuracy
// that the backend claims, and are derived in oracle.cpp.
class Oracle {
 public:
  // Reads the inputs (and the running statistics as they are before the run).
  // `exact` says that sums over the inputs are exact in any order: mean and variance get bound 0.
  Oracle(const Problem& problem, const Arguments& arguments, bool exact);

  // Large tensors, element (i, k, j).
  Expected y(std::int64_t i, std::int64_t k, std::int64_t j, const Accuracy& accuracy) const;
  Expected dx(std::int64_t i, std::int64_t k, std::int64_t j, const Accuracy& accuracy) const;

  // Statistics and gradients of the parameters, by index in memory order.
  Expected mean(std::size_t at, const Accuracy& accuracy) const;
  Expected variance(std::size_t at, const Accuracy& accuracy) const;
  Expected rstd(std::size_t at, const Accuracy& accuracy) const;
  Expected dgamma(std::size_t at, const Accuracy& accuracy) const;
  Expected dbeta(std::size_t at, const Accuracy& accuracy) const;

  // Running statistics of channel `at` after `calls` runs in a row.
  Expected running_mean(std::size_t at, const Accuracy& accuracy, std::int64_t calls) const;
  Expected running_var(std::size_t at, const Accuracy& accuracy, std::int64_t calls) const;

 private:
  struct Gradients {
    double sum_dy = 0, sum_dy_xh = 0;    // dbeta and dgamma
    double size_dy = 0, size_dy_xh = 0;  // the same with |.| inside
  };
  double gamma(std::int64_t k) const;
  double beta(std::int64_t k) const;
  double mean_error(const Statistics& statistic, const Accuracy& accuracy) const;
  double variance_error(const Statistics& statistic, const Accuracy& accuracy) const;
  template <class Statistic>
  Expected running(double before, std::int64_t calls, Statistic statistic) const;

  Problem problem_;
  Arguments arguments_;
  bool exact_;
  std::vector<Statistics> statistics_;
  std::vector<Gradients> gradients_;
  std::vector<float> running_mean_, running_var_;
};

}  // namespace normbench
