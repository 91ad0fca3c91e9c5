// The right answer: the formulas in higher precision, on the inputs as stored, with the bound
// within which an honest implementation must lie.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "harness/check/elements.h"
#include "harness/core/backend.h"

namespace normbench {

// A value and the largest error that is accepted in it. Where the inputs leave nothing finite there
// is no bound: NaN and infinity are both accepted.
struct Expected {
  double value;
  double bound;
};

// Stands for an error without a limit. Finite, so that nothing times it is nothing; bounds beyond
// its root say that no value is wrong.
inline constexpr double kNothingIsKnown = 1e300;
inline constexpr double kLargestBound = 1e150;
inline bool is_unjudged(const Expected& expected) {
  return std::isfinite(expected.value) && expected.bound > kLargestBound;
}

// Wider than any storage type where the platform has such a type (the 80 bits of x86, the 128 of
// Arm), so that data in f64 has an oracle too.
using Wide = long double;

struct Statistics {
  Wide mean = 0;         // 0 for rms
  Wide variance = 0;     // biased; for rms the mean square
  Wide rstd = 0;         // 1 / sqrt(variance + eps)
  double mean_size = 0;  // mean of |x|
  double first = 0;      // value of x in memory
};

// The statistics of x, in the order of memory.
std::vector<Statistics> statistics_of(const Problem& problem, const Arguments& arguments);

// Whether the roundings that a backend claims may all be on one side, or are up and down by chance.
enum class Rounding { kWorst, kByChance };

// Everything that is expected of one run on the present inputs, for all backends: statistics and
// sums are found once, when it is made. The bounds hold for the accuracy that a backend claims, and
// are derived in oracle.cpp.
class Oracle {
 public:
  // Reads the inputs (and the running statistics as they are before the run).
  // `exact` says that sums over the inputs are exact in any order: for backends that claim exact
  // sums, mean and variance get bound 0.
  Oracle(const Problem& problem, const Arguments& arguments, bool exact,
         Rounding rounding = Rounding::kWorst);

  // The same, with bounds for roundings that may all be on one side.
  Oracle of_the_worst_case() const;

  // One element of y or dx; large_output.h has many at a time.
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

  // Bytes that this holds beside the arguments.
  std::int64_t bytes() const;

 private:
  friend class LargeOutput;

  // By group: of g and of g * xh, and of their sizes.
  struct Sums {
    std::vector<double> g, g_xh;
    std::vector<double> size_g, size_g_xh;
    std::vector<double> size_g_mean;  // of |g| * rstd * |mean|
  };
  template <class Real>
  void find_gradients();
  // values(first, count, s, p, storage) for all elements, in `wide_values_`.
  template <class Value>
  void find_wide_values(Value value);

  double roundings(const Statistics& statistic, const Accuracy& accuracy) const;
  double roundings(const Accuracy& accuracy) const;
  double mean_error(const Statistics& statistic, const Accuracy& accuracy) const;
  double variance_error(const Statistics& statistic, const Accuracy& accuracy) const;
  // What is summed for the mean: values, or their differences from the first one.
  struct Summed {
    double mean;    // of it, as a size
    double size;    // mean of its sizes, or more
    double shifts;  // whether the first value is taken away, as a rounding
  };
  Summed summed(const Statistics& statistic, const Accuracy& accuracy) const;
  double error_of_sum(const Statistics& statistic, const Accuracy& accuracy,
                      const Summed& of) const;
  double moments_error(const Statistics& statistic, const Accuracy& accuracy) const;
  double relative_variance_error(const Statistics& statistic, const Accuracy& accuracy) const;
  double growth_of_rstd(const Statistics& statistic, const Accuracy& accuracy) const;
  double updating_error(const Statistics& statistic, const Accuracy& accuracy) const;
  // The bound of a parameter or statistic, with the rounding of the expected value itself.
  Expected expected(Wide value, double bound) const;
  bool sums_are_exact(const Accuracy& accuracy) const { return exact_ && accuracy.exact_sums; }
  bool variance_is_exact(const Accuracy& accuracy) const;
  bool by_moments(const Accuracy& accuracy) const;
  template <class Statistic>
  Expected running(double before, std::int64_t calls, Statistic statistic) const;

  Problem problem_;
  Arguments arguments_;
  Sharing sharing_;
  bool exact_;
  Rounding rounding_;
  bool wide_;              // whether arithmetic needs more than double
  double u_;               // the relative error of one rounding in the arithmetic of a backend
  double u_oracle_;        // and in that of the oracle
  double u_storage_;       // when a result is stored in x's type, beyond u_
  double lost_near_zero_;  // of a result of x's type
  double smallest_;        // the smallest number of the type of statistics
  std::vector<Statistics> statistics_;
  std::vector<double> mean_, rstd_;   // of statistics_
  double largest_rstd_ = 1;           // or more
  std::vector<double> gamma_, beta_;  // 1 and 0 where the problem has none
  Sums by_statistic_;                 // g = dy * gamma
  Sums by_parameter_;                 // g = dy, one row for each mini-batch
  std::vector<double> wide_values_;   // y or dx, where double would not do
  std::vector<double> running_mean_, running_var_;
};

// The most that the oracle of a problem holds, in bytes.
std::int64_t oracle_bytes(const Problem& problem);

}  // namespace normbench
