// What gradients lose to statistics that a forward pass saved.
#pragma once

#include <vector>

#include "harness/check/oracle.h"

namespace normbench {

// The bounds of a backward pass take saved statistics for exact up to the rounding of their type.
// Those of a forward pass with the accuracy `forward` are off by more: the mean by m, rstd by a
// factor of 1 + r, and so xh = (x - mean) * rstd by
//   h = r * |xh| + rstd * m.
// dgamma = sum dy * xh is then off by sum |dy| * h, and
//   dx = rstd * (g - mean g - xh * mean (g * xh)),  g = dy * gamma,
// by r * rstd * (|g| + mean |g| + |xh| * mean |g * xh|) +
//    rstd * (h * mean |g * xh| + |xh| * mean (|g| * h)).
class SavedStatistics {
 public:
  SavedStatistics(const Problem& backward, const Arguments& arguments, const Accuracy& forward,
                  bool exact);

  // In the order of memory.
  const std::vector<double>& dx_errors() const { return dx_; }
  const std::vector<double>& dgamma_errors() const { return dgamma_; }

 private:
  std::vector<double> dx_, dgamma_;
};

}  // namespace normbench
