// Batch norm in double precision, and how far an honest float implementation can be from it.
//
// u = 2^-24 is the relative error of one rounding, c the roundings that the backend claims for one
// value of a sum, n the values per statistic. A sum is then off by c * u * sum |x| at most (Higham,
// "The accuracy of floating point summation", 1993). So the mean is off by
//   d = u * |mean| + c * u * mean |x|
// (rounding the mean itself, then the sum), and the variance, from deviations of that mean, by
//   (c + 3) * u * variance + d^2
// (Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983). With
// xh = (x - mean) * rstd, the centered y = xh * gamma + beta is off by
//   |gamma| * (rstd * d + |xh| * (5u + c * u / 2 + (rstd * d)^2 / 2)) + u * (|gamma * xh| + |y|)
// where 5u counts the roundings of x - mean, of rstd and of the products, and the folded
// y = x * scale + shift by u * (|scale| * (2|x| + 2|mean|) + |y|) more. Forward bounds are accepted
// at twice these: over thousands of draws honest implementations reached 0.99 of them.
//
// Backward, with B = |gamma| * rstd * (|dy| + mean |dy| + |xh| * mean |dy * xh| +
//                    rstd * |mean| * (mean |dy * xh| + |xh| * mean |dy|)):
//   dbeta 4u * sum |dy|, dgamma 4u * (sum |dy * xh| + rstd * |mean| * sum |dy|), dx 4u * B,
// where the terms with |mean| are due to the rounding of the saved mean. Float sums add c * u times
// the sums of sizes. These need no factor: honest implementations reached 2.6u of the 4u.
#include "harness/check/oracle.h"

#include <cmath>

#include "harness/check/grouping.h"

namespace normbench {
namespace {

constexpr double kU = 0x1p-24;
constexpr double kForwardMargin = 2;
// A naive sum in double, of the oracle or of a backend with "no" roundings.
constexpr double kUDouble = 0x1p-53;

bool from_running_statistics(Pass pass) {
  return pass == Pass::kForwardInference || pass == Pass::kBackwardInference;
}

double rstd_of(const Problem& p, double variance) { return 1 / std::sqrt(variance + p.eps); }

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

std::vector<Statistics> running_statistics(const Problem& p, const Arguments& a) {
  std::vector<Statistics> all(index(statistic_count(p)));
  for (std::size_t at = 0; at < all.size(); ++at) {
    const std::size_t k = at % index(p.c);
    all[at].mean = a.running_mean.as<float>()[k];
    all[at].variance = a.running_var.as<float>()[k];
    all[at].rstd = rstd_of(p, all[at].variance);
  }
  return all;
}

}  // namespace

std::vector<Statistics> statistics_of(const Problem& p, const Arguments& a) {
  const auto x = a.x.as<float>();
  const auto count = static_cast<double>(values_per_statistic(p));
  std::vector<Statistics> all(index(statistic_count(p)));
  for_each_element(p, [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    Statistics& statistic = all[index(statistic_of(p, i, k, j))];
    const double value = x[index(offset_of(p, i, k, j))];
    statistic.mean += value;
    statistic.mean_size += std::abs(value);
  });
  for (Statistics& statistic : all) {
    statistic.mean /= count;
    statistic.mean_size /= count;
  }
  for_each_element(p, [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    Statistics& statistic = all[index(statistic_of(p, i, k, j))];
    const double deviation = x[index(offset_of(p, i, k, j))] - statistic.mean;
    statistic.variance += deviation * deviation;
  });
  for (Statistics& statistic : all) {
    statistic.variance /= count;
    statistic.rstd = rstd_of(p, statistic.variance);
  }
  return all;
}

Oracle::Oracle(const Problem& problem, const Arguments& arguments, bool exact)
    : problem_(problem),
      arguments_(arguments),
      exact_(exact),
      statistics_(from_running_statistics(problem.pass) ? running_statistics(problem, arguments)
                                                        : statistics_of(problem, arguments)) {
  const auto copy = [](const Tensor& tensor) {
    const auto values = tensor.as<float>();
    return std::vector<float>(values.begin(), values.end());
  };
  running_mean_ = copy(arguments.running_mean);
  running_var_ = copy(arguments.running_var);
  if (!problem.backward()) return;

  gradients_.resize(statistics_.size());
  const auto x = arguments.x.as<float>();
  const auto dy = arguments.dy.as<float>();
  for_each_element(problem, [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    const std::size_t at = index(statistic_of(problem, i, k, j));
    const std::size_t offset = index(offset_of(problem, i, k, j));
    const double g = dy[offset];
    const double xh = (x[offset] - statistics_[at].mean) * statistics_[at].rstd;
    gradients_[at].sum_dy += g;
    gradients_[at].sum_dy_xh += g * xh;
    gradients_[at].size_dy += std::abs(g);
    gradients_[at].size_dy_xh += std::abs(g * xh);
  });
}

double Oracle::gamma(std::int64_t k) const {
  return arguments_.gamma.present() ? arguments_.gamma.as<float>()[index(k)] : 1.0;
}

double Oracle::beta(std::int64_t k) const {
  return arguments_.beta.present() ? arguments_.beta.as<float>()[index(k)] : 0.0;
}

double Oracle::mean_error(const Statistics& statistic, const Accuracy& accuracy) const {
  const auto n = static_cast<double>(values_per_statistic(problem_));
  return kU * std::abs(statistic.mean) +
         (accuracy.roundings * kU + n * kUDouble) * statistic.mean_size;
}

double Oracle::variance_error(const Statistics& statistic, const Accuracy& accuracy) const {
  const auto n = static_cast<double>(values_per_statistic(problem_));
  const double d = mean_error(statistic, accuracy);
  return statistic.variance * ((accuracy.roundings + 3) * kU + n * kUDouble) + d * d;
}

Expected Oracle::y(std::int64_t i, std::int64_t k, std::int64_t j, const Accuracy& accuracy) const {
  const Statistics& statistic = statistics_[index(statistic_of(problem_, i, k, j))];
  const double x = arguments_.x.as<float>()[index(offset_of(problem_, i, k, j))];
  const double scale = gamma(affine_of(problem_, i, k, j));
  const double rstd = statistic.rstd;
  const double xh = (x - statistic.mean) * rstd;
  const double y = scale * xh + beta(affine_of(problem_, i, k, j));

  // Running statistics are given, and those of exact input come out exact: the mean is even an f32.
  const bool no_error = exact_ || from_running_statistics(problem_.pass);
  const double c = no_error ? 0 : accuracy.roundings;
  const double off_center = no_error ? 0 : rstd * mean_error(statistic, accuracy);
  const double relative = 5 * kU + c * kU / 2 + off_center * off_center / 2;
  double bound = std::abs(scale) * (off_center + std::abs(xh) * relative) +
                 kU * (std::abs(scale * xh) + std::abs(y));
  if (accuracy.grade == Grade::kB) {
    bound +=
        kU * (std::abs(scale) * rstd * 2 * (std::abs(x) + std::abs(statistic.mean)) + std::abs(y));
  }
  return {y, kForwardMargin * bound};
}

Expected Oracle::dx(std::int64_t i, std::int64_t k, std::int64_t j,
                    const Accuracy& accuracy) const {
  const std::size_t at = index(statistic_of(problem_, i, k, j));
  const std::size_t offset = index(offset_of(problem_, i, k, j));
  const Statistics& statistic = statistics_[at];
  const Gradients& sums = gradients_[at];
  const double n = static_cast<double>(values_per_statistic(problem_));
  const double scale = gamma(affine_of(problem_, i, k, j)) * statistic.rstd;
  const double g = arguments_.dy.as<float>()[offset];
  if (from_running_statistics(problem_.pass)) {
    return {scale * g, 4 * kU * std::abs(scale * g)};
  }
  const double xh = (arguments_.x.as<float>()[offset] - statistic.mean) * statistic.rstd;
  const double dx = scale * (g - sums.sum_dy / n - xh * sums.sum_dy_xh / n);
  const double size_dy = sums.size_dy / n;
  const double size_dy_xh = sums.size_dy_xh / n;
  const double sums_part = size_dy + std::abs(xh) * size_dy_xh;
  const double mean_part =
      statistic.rstd * std::abs(statistic.mean) * (size_dy_xh + std::abs(xh) * size_dy);
  const double bound = 4 * (std::abs(g) + sums_part + mean_part) + accuracy.roundings * sums_part;
  return {dx, kU * std::abs(scale) * bound};
}

Expected Oracle::mean(std::size_t at, const Accuracy& accuracy) const {
  const Statistics& statistic = statistics_[at];
  if (exact_) return {static_cast<float>(statistic.mean), 0};
  return {statistic.mean, kForwardMargin * mean_error(statistic, accuracy)};
}

Expected Oracle::variance(std::size_t at, const Accuracy& accuracy) const {
  const Statistics& statistic = statistics_[at];
  if (exact_) return {static_cast<float>(statistic.variance), 0};
  return {statistic.variance, kForwardMargin * variance_error(statistic, accuracy)};
}

Expected Oracle::rstd(std::size_t at, const Accuracy& accuracy) const {
  const Statistics& statistic = statistics_[at];
  const double relative =
      exact_ ? 0 : variance_error(statistic, accuracy) / (statistic.variance + problem_.eps) / 2;
  return {statistic.rstd, kForwardMargin * statistic.rstd * (3 * kU + relative)};
}

Expected Oracle::dgamma(std::size_t at, const Accuracy& accuracy) const {
  const Statistics& statistic = statistics_[at];
  const Gradients& sums = gradients_[at];
  const double mean_part = statistic.rstd * std::abs(statistic.mean) * sums.size_dy;
  return {sums.sum_dy_xh, kU * ((4 + accuracy.roundings) * sums.size_dy_xh + 4 * mean_part)};
}

Expected Oracle::dbeta(std::size_t at, const Accuracy& accuracy) const {
  return {gradients_[at].sum_dy, (4 + accuracy.roundings) * kU * gradients_[at].size_dy};
}

// running = (1 - m) * running + m * statistic, for every mini-batch in order, `calls` times over.
// Each step adds |m| * (error of the statistic) + 2u * (|m * statistic| + |(1 - m) * running|).
template <class Statistic>
Expected Oracle::running(double before, std::int64_t calls, Statistic statistic) const {
  const double m = problem_.momentum;
  Expected now{before, 0};
  for (std::int64_t call = 0; call < calls; ++call) {
    const Expected last = now;
    for (std::int64_t batch = 0; batch < problem_.mini_batches(); ++batch) {
      const Expected step = statistic(index(batch));
      const double kept = (1 - m) * now.value;
      const double added = m * step.value;
      now.bound = std::abs(1 - m) * now.bound + std::abs(m) * step.bound +
                  2 * kU * (std::abs(kept) + std::abs(added));
      now.value = kept + added;
    }
    if (now.value == last.value && now.bound == last.bound) break;  // it has converged
  }
  return now;
}

Expected Oracle::running_mean(std::size_t at, const Accuracy& accuracy, std::int64_t calls) const {
  return running(running_mean_[at], calls,
                 [&](std::size_t batch) { return mean(batch * index(problem_.c) + at, accuracy); });
}

Expected Oracle::running_var(std::size_t at, const Accuracy& accuracy, std::int64_t calls) const {
  const auto n = static_cast<double>(values_per_statistic(problem_));
  return running(running_var_[at], calls, [&](std::size_t batch) {
    const Statistics& statistic = statistics_[batch * index(problem_.c) + at];
    const double unbiased = statistic.variance * (n / (n - 1));
    const double error = exact_ ? 0 : kForwardMargin * variance_error(statistic, accuracy);
    return Expected{unbiased, error * n / (n - 1) + 2 * kU * unbiased};
  });
}

}  // namespace normbench
