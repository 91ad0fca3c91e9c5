// The outputs of a pass, each with what is expected of it.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include "harness/check/large_output.h"
#include "harness/check/oracle.h"
#include "harness/check/workspace.h"

namespace normbench {

// How far a value is off, in units of its bound: infinite where nothing of the kind is right. NaN,
// in whichever place, is wrong unless nothing finite is expected or, if it `may_be_nan`, anything
// is right. `overflow` is from where on numbers are infinite in the type of the output.
inline double error_of(double got, const Expected& want, double overflow, bool may_be_nan) {
  if (got == want.value) return 0;
  if (is_unjudged(want) && (may_be_nan || !std::isnan(got))) return 0;
  if (std::isinf(got) && std::copysign(1, got) * want.value + want.bound >= overflow) return 0;
  if (!std::isfinite(want.value) && !std::isfinite(got)) return 0;
  const double error = std::abs(got - want.value) / want.bound;
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

// Calls visit(name, tensor, expect) for each output that the pass has, where
// expect(first, count, values, bounds) writes what is expected of elements side by side in memory.
// `calls` is how often the kernel has run since the running statistics were those that the oracle
// saw. Of y and dx only if `with_large`: they come last.
template <class Visit>
void for_each_output(const Workspace& workspace, const Oracle& oracle, const Accuracy& accuracy,
                     std::int64_t calls, bool with_large, Visit visit) {
  const Arguments& a = workspace.arguments();
  const auto small = [&](std::string_view name, const Tensor& tensor, auto expected) {
    if (!tensor.present()) return;
    visit(name, tensor,
          [&](std::int64_t first, std::int64_t count, double* values, double* bounds) {
            for (std::int64_t t = 0; t < count; ++t) {
              const Expected one = expected(static_cast<std::size_t>(first + t));
              values[t] = one.value;
              bounds[t] = one.bound;
            }
          });
  };
  if (workspace.problem().pass == Pass::kForwardTraining) {
    small("mean", a.mean, [&](std::size_t at) { return oracle.mean(at, accuracy); });
    small("variance", a.variance, [&](std::size_t at) { return oracle.variance(at, accuracy); });
    small("rstd", a.rstd, [&](std::size_t at) { return oracle.rstd(at, accuracy); });
    small("running_mean", a.running_mean,
          [&](std::size_t at) { return oracle.running_mean(at, accuracy, calls); });
    small("running_var", a.running_var,
          [&](std::size_t at) { return oracle.running_var(at, accuracy, calls); });
  }
  small("dbeta", a.dbeta, [&](std::size_t at) { return oracle.dbeta(at, accuracy); });
  small("dgamma", a.dgamma, [&](std::size_t at) { return oracle.dgamma(at, accuracy); });
  if (!with_large) return;
  const bool backward = workspace.problem().backward();
  const LargeOutput large(oracle, accuracy);
  visit(backward ? "dx" : "y", backward ? a.dx : a.y,
        [&](std::int64_t first, std::int64_t count, double* values, double* bounds) {
          large.expect(first, count, values, bounds);
        });
}

}  // namespace normbench
