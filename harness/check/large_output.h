// What is expected of the large outputs, many elements at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/check/oracle.h"

namespace normbench {

// y of a forward pass, or dx of a backward pass, as a backend of this accuracy may leave it.
class LargeOutput {
 public:
  // The oracle must outlive this.
  LargeOutput(const Oracle& oracle, const Accuracy& accuracy);

  // Values and bounds of `count` elements from `first` on, in the order of memory.
  void expect(std::int64_t first, std::int64_t count, double* values, double* bounds) const;

 private:
  template <class T, bool kWide>
  void expect_y(std::int64_t first, std::int64_t count, double* values, double* bounds) const;
  // kGiven: with running statistics.
  template <class T, bool kWide, bool kGiven>
  void expect_dx(std::int64_t first, std::int64_t count, double* values, double* bounds) const;
  void prepare_y();
  void prepare_dx();

  const Oracle& oracle_;
  Accuracy accuracy_;
  // By statistic. y: what an error of the mean adds, what is relative to xh, and how large rstd may
  // be. dx: the means of g
  // and of g * xh, and the parts of the bound, in units of u * rstd, that xh is no factor of and
  // that it is.
  std::vector<double> off_center_, relative_, most_rstd_;
  std::vector<double> mean_g_, mean_g_xh_, fixed_, per_xh_;
};

}  // namespace normbench
