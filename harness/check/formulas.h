// The formulas of y and dx for one element, in any arithmetic, with xh = (x - mean) * rstd.
#pragma once

namespace normbench {

template <class Real>
Real y_of(Real xh, Real gamma, Real beta) {
  return gamma * xh + beta;
}

// With g = gamma * dy. The means are over a statistic; they and xh are 0 where statistics are
// given.
template <class Real>
Real dx_of(Real g, Real xh, Real rstd, Real mean_g, Real mean_g_xh) {
  return rstd * (g - mean_g - xh * mean_g_xh);
}

// Forward bounds are accepted at so many times what is derived in oracle.cpp.
inline constexpr double kForwardMargin = 2;

}  // namespace normbench
