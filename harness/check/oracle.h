// The right answer: the formulas in higher precision, on the inputs as stored, with the bound
// within which an honest implementation must lie.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/core/backend.h"

namespace normbench {

// A value and the largest error that is accepted in it. Where the inputs leave nothing finite there
// is no bound: NaN and infinity are both accepted.
struct Expected {
  double value;
  double bound;
};

// Wider than any storage type where the platform has such a type (the 80 bits of x86, the 128 of
// Arm), so that data in f64 has an oracle too.
using Wide = long double;

struct Statistics {
  Wide mean = 0;         // 0 for rms
  Wide variance = 0;     // biased; for rms the mean square
  Wide rstd = 0;         // 1 / sqrt(variance + eps)
  double mean_size = 0;  // mean of |x|
};

// The statistics of x, in the order of memory.
std::vector<Statistics> statistics_of(const Problem& problem, const Arguments& arguments);

// Everything that is expected of one run on the present inputs. The bounds hold for the accuracy
// that the backend claims, and are derived in oracle.cpp.
class Oracle {
 public:
  // Reads the inputs (and the running statistics as they are before the run).
  // `exact` says that sums over the inputs are exact in any order: for backends that claim exact
  // sums, mean and variance get bound 0.
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
  // Sums over some values of g * 1 and g * xh, and of their sizes.
  struct Sums {
    Wide g = 0, g_xh = 0;
    double size_g = 0, size_g_xh = 0;
    double size_g_mean = 0;  // of |g| * rstd * |mean|
  };
  template <class Real>
  void sum_gradients();
  template <class Real>
  Expected y_in(std::int64_t i, std::int64_t k, std::int64_t j, const Accuracy& accuracy) const;
  template <class Real>
  Expected dx_in(std::int64_t i, std::int64_t k, std::int64_t j, const Accuracy& accuracy) const;
  double mean_error(const Statistics& statistic, const Accuracy& accuracy) const;
  double variance_error(const Statistics& statistic, const Accuracy& accuracy) const;
  double updating_error(const Statistics& statistic, const Accuracy& accuracy) const;
  // The bound of a parameter or statistic, with the rounding of the expected value itself.
  Expected expected(Wide value, double bound) const;
  bool sums_are_exact(const Accuracy& accuracy) const { return exact_ && accuracy.exact_sums; }
  template <class Statistic>
  Expected running(double before, std::int64_t calls, Statistic statistic) const;

  Problem problem_;
  Arguments arguments_;
  bool exact_;
  bool wide_;             // whether arithmetic needs more than double
  double u_;              // the relative error of one rounding in the arithmetic of a backend
  double u_oracle_;       // and in that of the oracle
  double u_storage_;      // when a result is stored in x's type, beyond u_
  double half_smallest_;  // half of the smallest number of x's type
  double smallest_;       // the smallest number of the type of statistics
  std::vector<Statistics> statistics_;
  std::vector<Sums> by_statistic_;  // g = dy * gamma
  std::vector<Sums> by_parameter_;  // g = dy, one row for each mini-batch
  std::vector<double> running_mean_, running_var_;
};

}  // namespace normbench
