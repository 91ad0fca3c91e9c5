// All norms in higher precision, and how far an honest implementation can be from them.
//
// u is the relative error of one rounding in the arithmetic: 2^-53 for f64, else 2^-24, for which
// storage in 16 bits is read without error. c is the roundings that the backend claims for one
// value of a sum, n the values per statistic. A sum is then off by c * u * sum |x| at most (Higham,
// "The accuracy of floating point summation", 1993). So the mean is off by
//   d = u * |mean| + c * u * mean |x|
// (rounding the mean itself, then the sum), and the variance, from deviations of that mean, by
//   e = (c + 3) * u * variance + d^2
// (Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983), which makes rstd
// off by rstd * (2u + e / (variance + eps) / 2). Updating formulas, which are not exact on exact
// sums, are off by
//   f = c * u * variance * sqrt(1 + mean^2 / variance)
// more (the same paper). With xh = (x - mean) * rstd, the centered y = xh * gamma + beta is off by
//   |gamma| * (rstd * d + |xh| * (5u + c * u / 2 + (rstd * d)^2 / 2 + f / (variance + eps) / 2)) +
//   u * (|gamma * xh| + |y|)
// where 5u counts the roundings of x - mean, of rstd and of the products, and the folded
// y = x * scale + shift by u * (|scale| * (2|x| + 2|mean|) + |y|) more. Forward bounds are accepted
// at twice these: over thousands of draws honest implementations reached 0.99 of them. rms is the
// same with a mean of 0 and the mean square for the variance.
//
// Backward, with g = dy * gamma and means over a statistic, each term of
//   dx = rstd * (g - mean g - xh * mean (g * xh))
// is off by u times its size for each rounding on its way, whichever way that is:
//   |g| by 5: g, two differences, the saved rstd and the product with it;
//   mean |g| by 1: g; and |mean g| by 6: two for the mean, as 1 / n is rounded too, then as |g|;
//   |xh| * mean |g * xh| by 4: g, x - mean and two products;
//   |xh * mean (g * xh)| by 10: the rstd of the sum, two for the mean, three for xh, the product
//   with it, a difference, the saved rstd and the product with it.
// So the mean of sizes has the roundings before the sum, the size of the mean those after it, and
// sums in float add c to the former. rms, which subtracts no mean, has one rounding less of g, of
// g * xh and of the mean of that. Of many statistics of two values some have most of these on one
// side: the formula as it stands went beyond 4 of each term. The rounding of the saved mean adds
//   4u * rstd * M * (mean |g * xh| + |xh| * mean |g|), where M = rstd * |mean|.
// Over the values of a parameter and a mini-batch, dbeta is off by (c + 1)u * sum |dy|, dgamma by
//   (c + 4)u * sum |dy * xh| + 4u * sum |dy| * M,
// where the 4 are three for xh and that of the product or, if it is a double, of the result. These
// bounds need no factor, as roundings are counted one by one.
//
// The folded dx = g * rstd + x * b + a has no deviations in its sums:
//   b = rstd^3 * (mean g * mean - mean (g * x)) is off by rstd^2 * E, where
//   E = (c + 4) * u * (2M * mean |g| + mean |g * xh|),
// 4u for the products, and a is off by -mean times that: together they leave rstd * |xh| * E in dx.
// The roundings of x * b, of a and of the sum add 4u * rstd * (|xh| + 2M) * (mean |g * xh| + E).
// The folded dgamma = rstd * (sum dy * x - mean * sum dy) is off by (2c + 4)u * sum |dy| * M more.
//
// Storing y or dx in 16 bits adds one rounding of 2^-8 (bf16) or 2^-11 (f16), and in every type
// half of its smallest number; statistics may be off by the smallest number of theirs.
#include "harness/check/oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/check/grouping.h"

namespace normbench {
namespace {

constexpr double kForwardMargin = 2;

bool from_running_statistics(Pass pass) {
  return pass == Pass::kForwardInference || pass == Pass::kBackwardInference;
}

bool uses_running_statistics(const Problem& p) {
  return p.norm == Norm::kBatch && from_running_statistics(p.pass);
}

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

// An element as a double, which holds every storage type. `otherwise` when the tensor is absent.
double value_at(const Tensor& tensor, std::size_t at, double otherwise = 0) {
  if (!tensor.present()) return otherwise;
  return with_storage(tensor.dtype,
                      [&]<class T>(T) -> double { return static_cast<const T*>(tensor.data)[at]; });
}

template <class Real>
Real rstd_of(const Problem& p, Real variance) {
  return 1 / std::sqrt(variance + static_cast<Real>(p.eps));
}

std::vector<Statistics> running_statistics(const Problem& p, const Arguments& a) {
  std::vector<Statistics> all(index(statistic_count(p)));
  for (std::size_t at = 0; at < all.size(); ++at) {
    const std::size_t k = at % index(p.c);
    all[at].mean = value_at(a.running_mean, k);
    all[at].variance = value_at(a.running_var, k);
    all[at].rstd = rstd_of(p, all[at].variance);
  }
  return all;
}

template <class Real>
std::vector<Statistics> statistics_in(const Problem& p, const Arguments& a) {
  struct Sum {
    Real x = 0, squares = 0;
    double size = 0;
  };
  const auto count = static_cast<Real>(values_per_statistic(p));
  std::vector<Sum> sums(index(statistic_count(p)));
  const bool centered = p.norm != Norm::kRms;
  for_each_element(p, by_statistic(p), [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    Sum& sum = sums[index(statistic_of(p, i, k, j))];
    const double value = value_at(a.x, index(offset_of(p, i, k, j)));
    if (centered) sum.x += static_cast<Real>(value);
    sum.size += std::abs(value);
  });
  for (Sum& sum : sums) sum.x /= count;
  for_each_element(p, by_statistic(p), [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    Sum& sum = sums[index(statistic_of(p, i, k, j))];
    const Real value = static_cast<Real>(value_at(a.x, index(offset_of(p, i, k, j))));
    sum.squares += (value - sum.x) * (value - sum.x);
  });
  std::vector<Statistics> all;
  for (const Sum& sum : sums) {
    const Real variance = sum.squares / count;
    all.push_back({.mean = sum.x,
                   .variance = variance,
                   .rstd = rstd_of(p, variance),
                   .mean_size = sum.size / static_cast<double>(count)});
  }
  return all;
}

double unit_of(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return 0x1p-53;
    case DType::kBf16:
      return 0x1p-8;
    case DType::kF16:
      return 0x1p-11;
    case DType::kF32:
      break;
  }
  return 0x1p-24;
}

double half_smallest_of(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return 0x1p-1074;  // the whole: half of it is no double
    case DType::kF16:
      return 0x1p-25;
    case DType::kBf16:
      return 0x1p-134;
    case DType::kF32:
      break;
  }
  return 0x1p-150;
}

}  // namespace

std::vector<Statistics> statistics_of(const Problem& p, const Arguments& a) {
  return p.dtype == DType::kF64 ? statistics_in<Wide>(p, a) : statistics_in<double>(p, a);
}

Oracle::Oracle(const Problem& problem, const Arguments& arguments, bool exact)
    : problem_(problem),
      arguments_(arguments),
      exact_(exact),
      wide_(problem.dtype == DType::kF64),
      u_(unit_of(parameter_dtype(problem.dtype))),
      u_oracle_(wide_ ? static_cast<double>(std::numeric_limits<Wide>::epsilon() / 2) : 0x1p-53),
      u_storage_(parameter_dtype(problem.dtype) == problem.dtype ? 0 : unit_of(problem.dtype)),
      half_smallest_(half_smallest_of(problem.dtype)),
      smallest_(wide_ ? std::numeric_limits<double>::denorm_min()
                      : std::numeric_limits<float>::denorm_min()) {
  if (problem.norm == Norm::kNone) return;
  statistics_ = uses_running_statistics(problem) ? running_statistics(problem, arguments)
                                                 : statistics_of(problem, arguments);
  const auto copy = [](const Tensor& tensor) {
    std::vector<double> values;
    for (std::size_t at = 0; at < index(tensor.size()); ++at)
      values.push_back(value_at(tensor, at));
    return values;
  };
  if (arguments.running_mean.present()) running_mean_ = copy(arguments.running_mean);
  if (arguments.running_var.present()) running_var_ = copy(arguments.running_var);
  if (!problem.backward()) return;
  if (wide_) {
    sum_gradients<Wide>();
  } else {
    sum_gradients<double>();
  }
}

template <class Real>
void Oracle::sum_gradients() {
  const Problem& p = problem_;
  by_statistic_.resize(statistics_.size());
  by_parameter_.resize(index(p.mini_batches() * affine_count(p)));
  const auto add = [&](std::vector<Sums>& all, std::int64_t at, bool with_gamma, std::int64_t i,
                       std::int64_t k, std::int64_t j) {
    Sums& sums = all[index(at)];
    const std::size_t offset = index(offset_of(p, i, k, j));
    const Statistics& statistic = statistics_[index(statistic_of(p, i, k, j))];
    const auto rstd = static_cast<Real>(statistic.rstd);
    const auto mean = static_cast<Real>(statistic.mean);
    const Real xh = (static_cast<Real>(value_at(arguments_.x, offset)) - mean) * rstd;
    Real g = value_at(arguments_.dy, offset);
    if (with_gamma) g *= value_at(arguments_.gamma, index(affine_of(p, i, k, j)), 1);
    sums.g += g;
    sums.g_xh += g * xh;
    sums.size_g += static_cast<double>(std::abs(g));
    sums.size_g_xh += static_cast<double>(std::abs(g * xh));
    sums.size_g_mean += static_cast<double>(std::abs(g * rstd * mean));
  };
  for_each_element(p, by_statistic(p), [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    add(by_statistic_, statistic_of(p, i, k, j), true, i, k, j);
  });
  for_each_element(p, Split::kChannels, [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    add(by_parameter_, gradient_of(p, i, k, j), false, i, k, j);
  });
}

Expected Oracle::expected(Wide value, double bound) const {
  const auto rounded = static_cast<double>(value);
  return {rounded, wide_ ? bound + u_ * std::abs(rounded) : bound};
}

double Oracle::mean_error(const Statistics& statistic, const Accuracy& accuracy) const {
  const auto n = static_cast<double>(values_per_statistic(problem_));
  return u_ * static_cast<double>(std::abs(statistic.mean)) +
         (accuracy.roundings * u_ + n * u_oracle_) * statistic.mean_size + smallest_;
}

double Oracle::variance_error(const Statistics& statistic, const Accuracy& accuracy) const {
  const auto n = static_cast<double>(values_per_statistic(problem_));
  const double d = problem_.norm == Norm::kRms ? 0 : mean_error(statistic, accuracy);
  const auto variance = static_cast<double>(statistic.variance);
  return variance * ((accuracy.roundings + 3) * u_ + n * u_oracle_) + d * d + smallest_ +
         updating_error(statistic, accuracy);
}

double Oracle::updating_error(const Statistics& statistic, const Accuracy& accuracy) const {
  if (accuracy.exact_sums || problem_.norm == Norm::kRms) return 0;
  const auto mean = static_cast<double>(statistic.mean);
  const auto variance = static_cast<double>(statistic.variance);
  return accuracy.roundings * u_ * std::sqrt(variance * (variance + mean * mean));
}

Expected Oracle::y(std::int64_t i, std::int64_t k, std::int64_t j, const Accuracy& accuracy) const {
  return wide_ ? y_in<Wide>(i, k, j, accuracy) : y_in<double>(i, k, j, accuracy);
}

template <class Real>
Expected Oracle::y_in(std::int64_t i, std::int64_t k, std::int64_t j,
                      const Accuracy& accuracy) const {
  const double x = value_at(arguments_.x, index(offset_of(problem_, i, k, j)));
  if (problem_.norm == Norm::kNone) return {x, 0};
  const Statistics& statistic = statistics_[index(statistic_of(problem_, i, k, j))];
  const std::size_t parameter = index(affine_of(problem_, i, k, j));
  const double gamma = value_at(arguments_.gamma, parameter, 1);
  const double beta = value_at(arguments_.beta, parameter, 0);
  const Real deviation = static_cast<Real>(x) - static_cast<Real>(statistic.mean);
  const Real exact_xh = deviation * static_cast<Real>(statistic.rstd);
  const Real y = gamma * exact_xh + beta;

  const auto rstd = static_cast<double>(statistic.rstd);
  const auto mean = static_cast<double>(statistic.mean);
  const double xh = std::abs(static_cast<double>(exact_xh));
  const double size = std::abs(static_cast<double>(y));
  // Running statistics are given, and those of exact input come out exact: the mean is even stored
  // without error.
  const bool no_error = sums_are_exact(accuracy) || uses_running_statistics(problem_);
  const double c = no_error ? 0 : accuracy.roundings;
  const bool off = !no_error && problem_.norm != Norm::kRms;
  const double off_center = off ? rstd * mean_error(statistic, accuracy) : 0;
  const double updating = off ? updating_error(statistic, accuracy) * rstd * rstd : 0;
  const double relative = 5 * u_ + (c * u_ + off_center * off_center + updating) / 2;
  double bound = std::abs(gamma) * (off_center + xh * relative) +
                 u_ * (std::abs(gamma) * xh + size) + half_smallest_;
  if (accuracy.grade == Grade::kB) {
    bound += u_ * (std::abs(gamma) * rstd * 2 * (std::abs(x) + std::abs(mean)) + size);
  }
  return expected(y, kForwardMargin * bound + u_storage_ * size);
}

Expected Oracle::dx(std::int64_t i, std::int64_t k, std::int64_t j,
                    const Accuracy& accuracy) const {
  return wide_ ? dx_in<Wide>(i, k, j, accuracy) : dx_in<double>(i, k, j, accuracy);
}

template <class Real>
Expected Oracle::dx_in(std::int64_t i, std::int64_t k, std::int64_t j,
                       const Accuracy& accuracy) const {
  const std::size_t offset = index(offset_of(problem_, i, k, j));
  const double dy = value_at(arguments_.dy, offset);
  if (problem_.norm == Norm::kNone) return {dy, 0};
  const std::size_t at = index(statistic_of(problem_, i, k, j));
  const Statistics& statistic = statistics_[at];
  const double gamma = value_at(arguments_.gamma, index(affine_of(problem_, i, k, j)), 1);
  const auto exact_rstd = static_cast<Real>(statistic.rstd);
  const Real g = static_cast<Real>(gamma) * static_cast<Real>(dy);
  const auto rstd = static_cast<double>(exact_rstd);
  const auto size_g = static_cast<double>(std::abs(g));
  const auto stored = [&](Real dx, double bound) {
    const double size = std::abs(static_cast<double>(dx));
    return expected(dx, bound + u_storage_ * size + 2 * half_smallest_);
  };
  if (uses_running_statistics(problem_)) {
    const Real dx = exact_rstd * g;
    return stored(dx, 4 * u_ * std::abs(static_cast<double>(dx)));
  }
  const Sums& sums = by_statistic_[at];
  const auto n = static_cast<Real>(values_per_statistic(problem_));
  const Real deviation =
      static_cast<Real>(value_at(arguments_.x, offset)) - static_cast<Real>(statistic.mean);
  const Real exact_xh = deviation * exact_rstd;
  const bool centered = problem_.norm != Norm::kRms;
  const Real mean_g = centered ? static_cast<Real>(sums.g) / n : 0;
  const Real mean_g_xh = static_cast<Real>(sums.g_xh) / n;
  const Real dx = exact_rstd * (g - mean_g - exact_xh * mean_g_xh);

  const double xh = std::abs(static_cast<double>(exact_xh));
  const double mean_size_g = centered ? sums.size_g / static_cast<double>(n) : 0;
  const double mean_size_g_xh = sums.size_g_xh / static_cast<double>(n);
  const double mean = rstd * static_cast<double>(std::abs(statistic.mean));
  const double c = accuracy.roundings;
  const double difference = centered ? 1 : 0;
  double bound = (4 + difference) * size_g + (1 + c) * mean_size_g +
                 6 * static_cast<double>(std::abs(mean_g)) +
                 xh * ((3 + difference + c) * mean_size_g_xh +
                       (9 + difference) * static_cast<double>(std::abs(mean_g_xh))) +
                 4 * mean * (mean_size_g_xh + xh * mean_size_g);
  if (accuracy.grade == Grade::kB) {
    const double off = (c + 4) * (2 * mean * mean_size_g + mean_size_g_xh);
    bound += xh * off + 4 * (xh + 2 * mean) * (mean_size_g_xh + u_ * off);
  }
  // What underflows on the way: g, two means, two differences.
  const double underflow = smallest_ * rstd * (4 + xh) * std::max(1.0, std::abs(gamma));
  return stored(dx, u_ * rstd * bound + underflow);
}

Expected Oracle::mean(std::size_t at, const Accuracy& accuracy) const {
  const Statistics& statistic = statistics_[at];
  if (sums_are_exact(accuracy)) return expected(statistic.mean, 0);
  return expected(statistic.mean, kForwardMargin * mean_error(statistic, accuracy));
}

Expected Oracle::variance(std::size_t at, const Accuracy& accuracy) const {
  const Statistics& statistic = statistics_[at];
  if (sums_are_exact(accuracy)) {
    const auto variance = static_cast<double>(statistic.variance);
    return expected(wide_ ? variance : static_cast<float>(variance), 0);
  }
  return expected(statistic.variance, kForwardMargin * variance_error(statistic, accuracy));
}

Expected Oracle::rstd(std::size_t at, const Accuracy& accuracy) const {
  const Statistics& statistic = statistics_[at];
  const auto rstd = static_cast<double>(statistic.rstd);
  const auto shifted = static_cast<double>(statistic.variance) + problem_.eps;
  const double relative =
      sums_are_exact(accuracy) ? 0 : variance_error(statistic, accuracy) / shifted / 2;
  return expected(statistic.rstd, kForwardMargin * rstd * (2 * u_ + relative));
}

Expected Oracle::dgamma(std::size_t at, const Accuracy& accuracy) const {
  const Sums& sums = by_parameter_[at];
  const double c = accuracy.roundings;
  const double folded = accuracy.grade == Grade::kB ? 2 * c + 4 : 0;
  const auto n = static_cast<double>(problem_.batch * problem_.l);  // products that may underflow
  return expected(sums.g_xh, u_ * ((4 + c) * sums.size_g_xh + (4 + folded) * sums.size_g_mean) +
                                 (1 + n) * smallest_);
}

Expected Oracle::dbeta(std::size_t at, const Accuracy& accuracy) const {
  const Sums& sums = by_parameter_[at];
  const auto n = static_cast<double>(problem_.batch * problem_.l);
  return expected(sums.g,
                  ((1 + accuracy.roundings) * u_ + n * u_oracle_) * sums.size_g + smallest_);
}

// running = (1 - m) * running + m * statistic, for every mini-batch in order, `calls` times over.
// Each step adds |m| * (error of the statistic) + 3u * (|m * statistic| + |(1 - m) * running|), for
// the roundings of m and of 1 - m, of the products and of the sum, and as 1 - m is that of a
// rounded m, u * |m * running|.
template <class Statistic>
Expected Oracle::running(double before, std::int64_t calls, Statistic statistic) const {
  const Wide m = problem_.momentum;
  const auto added_part = static_cast<double>(std::abs(m));
  const auto kept_part = static_cast<double>(std::abs(1 - m));
  Wide now = before;
  double bound = 0;
  for (std::int64_t call = 0; call < calls; ++call) {
    const Wide last = now;
    const double last_bound = bound;
    for (std::int64_t batch = 0; batch < problem_.mini_batches(); ++batch) {
      const auto [value, error] = statistic(index(batch));
      const Wide kept = (1 - m) * now;
      const Wide added = m * value;
      bound = kept_part * bound + added_part * error +
              u_ * static_cast<double>(3 * (std::abs(kept) + std::abs(added)) + std::abs(m * now));
      now = kept + added;
    }
    if (now == last && bound == last_bound) break;  // it has converged
  }
  return expected(now, bound);
}

Expected Oracle::running_mean(std::size_t at, const Accuracy& accuracy, std::int64_t calls) const {
  return running(running_mean_[at], calls, [&](std::size_t batch) {
    const Statistics& statistic = statistics_[batch * index(problem_.c) + at];
    return std::pair{statistic.mean, mean(batch * index(problem_.c) + at, accuracy).bound};
  });
}

Expected Oracle::running_var(std::size_t at, const Accuracy& accuracy, std::int64_t calls) const {
  const auto n = static_cast<double>(values_per_statistic(problem_));
  return running(running_var_[at], calls, [&](std::size_t batch) {
    const Statistics& statistic = statistics_[batch * index(problem_.c) + at];
    const Wide unbiased = statistic.variance * (static_cast<Wide>(n) / static_cast<Wide>(n - 1));
    const double error =
        sums_are_exact(accuracy) ? 0 : kForwardMargin * variance_error(statistic, accuracy);
    return std::pair{unbiased, error * n / (n - 1) + 2 * u_ * static_cast<double>(unbiased)};
  });
}

}  // namespace normbench
