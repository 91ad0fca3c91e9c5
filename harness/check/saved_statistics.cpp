// The formulas of the header, element by element.
#include "harness/check/saved_statistics.h"

#include <cmath>
#include <cstdint>

#include "harness/check/grouping.h"

namespace normbench {
namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

double value_at(const Tensor& tensor, std::int64_t at, double otherwise) {
  if (!tensor.present()) return otherwise;
  return with_storage(tensor.dtype,
                      [&]<class T>(T) -> double { return static_cast<const T*>(tensor.data)[at]; });
}

struct Means {
  double rstd = 0, mean = 0, m = 0, r = 0;
  double g = 0, g_xh = 0, g_h = 0;  // means of |g|, |g * xh| and |g| * h
};

std::vector<Means> saved_with_errors(const Problem& backward, const Arguments& arguments,
                                     const Accuracy& forward, bool exact) {
  Problem problem = backward;
  problem.pass = Pass::kForwardTraining;
  const Oracle oracle(problem, arguments, exact);
  const bool centered = problem.norm != Norm::kRms;
  std::vector<Means> all;
  for (const Statistics& statistic : statistics_of(problem, arguments)) {
    const std::size_t at = all.size();
    const Accuracy rounded;
    const auto rstd = static_cast<double>(statistic.rstd);
    const double m = oracle.mean(at, forward).bound - oracle.mean(at, rounded).bound;
    const double r = oracle.rstd(at, forward).bound - oracle.rstd(at, rounded).bound;
    all.push_back({.rstd = rstd,
                   .mean = static_cast<double>(statistic.mean),
                   .m = centered ? m : 0,
                   .r = r / rstd});
  }
  return all;
}

}  // namespace

SavedStatistics::SavedStatistics(const Problem& p, const Arguments& a, const Accuracy& forward,
                                 bool exact)
    : dx_(index(p.elements())), dgamma_(index(p.affine ? affine_count(p) : 0)) {
  std::vector<Means> all = saved_with_errors(p, a, forward, exact);
  const auto n = static_cast<double>(values_per_statistic(p));
  // visit(statistic, |g|, |xh|, h, and the element)
  const auto for_each = [&](auto visit) {
    auto element = [&](std::int64_t i, std::int64_t k, std::int64_t j) {
      Means& of = all[index(statistic_of(p, i, k, j))];
      const std::int64_t at = offset_of(p, i, k, j);
      const std::int64_t parameter = affine_of(p, i, k, j);
      const double dy = std::abs(value_at(a.dy, at, 0));
      const double xh = std::abs((value_at(a.x, at, 0) - of.mean) * of.rstd);
      const double g = dy * std::abs(value_at(a.gamma, parameter, 1));
      visit(of, g, xh, of.r * xh + of.rstd * of.m, dy, index(at), index(parameter));
    };
    for (std::int64_t i = 0; i < p.n; ++i) {
      for (std::int64_t k = 0; k < p.c; ++k) {
        for (std::int64_t j = 0; j < p.l; ++j) element(i, k, j);
      }
    }
  };
  for_each([&](Means& of, double g, double xh, double h, double dy, std::size_t, std::size_t at) {
    of.g += g / n;
    of.g_xh += g * xh / n;
    of.g_h += g * h / n;
    if (p.affine) dgamma_[at] += dy * h;
  });
  for_each([&](Means& of, double g, double xh, double h, double, std::size_t at, std::size_t) {
    dx_[at] = of.rstd * (of.r * (g + of.g + xh * of.g_xh) + h * of.g_xh + xh * of.g_h);
  });
}

}  // namespace normbench
