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
// The variance by moments, mean x^2 - mean^2, is off by
//   e = (c + 3) * u * (variance + mean^2) + 2 * |mean| * d + d^2 + u * (variance + mean^2)
// instead: mean x^2 = variance + mean^2 by c for the sum and 3 for the square, 1 / n and the
// product with it, mean^2 by what d makes of it and by one rounding, as is the difference. That is
// about c * u * variance * k^2 with k^2 = 1 + mean^2 / variance, as in the same paper, which has it
// for the textbook algorithm. By moments shifted by the first value s, it is the same of x - s,
// which is one rounding off, so that both its sums have one more: with m = |mean - s| for |mean|,
// sqrt(variance + m^2) for mean |x|, which is not less than mean |x - s|,
//   d = u * m + (c + 1) * u * sqrt(variance + m^2), and c + 5 for the c + 3 of e.
// The mean, which s is added to, is off by d + u * |mean|. On exact input the mean is exact, d = 0,
// but squares have twice the digits of x: e is what is left of it. On constant input shifted
// moments are exact. With r = 2e / (variance + eps), as the variance is accepted at twice e, rstd
// is too large by the factor 1 / sqrt(1 - r) at most, which is not linear where r is near 1; so are
// deviations times rstd. Where r is 1 or more nothing is known of rstd and y, and the variance may
// be so negative that they are NaN.
//
// A variance that is made of the saved rstd, as 1 / rstd^2 - eps, is off by
//   4u * (variance + eps + e) + u * variance
// more: rstd by 2u, which its square doubles, and the rounding of the result.
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
// On input whose values are drawn, c is 8 sqrt(c) at most: roundings that are as often up as down
// add up to more than lambda * sqrt(c) * u with a chance of at most 2 exp(-lambda^2 / 2) for each
// term (Higham and Mary, "A new approach to probabilistic rounding error analysis", 2019), less
// than one in 10^7 for a sum of a million. Where all values are about the same they are rounded to
// the same side: so a statistic keeps its c where its deviation is less than a quarter of its
// values.
//
// Storing y or dx in 16 bits adds one rounding of 2^-8 (bf16) or 2^-11 (f16), and in every type
// half of its smallest number (bf16: its smallest normal one); statistics may be off by the
// smallest number of theirs, and so may xh and gamma * rstd, whichever values these are multiplied
// with. Where the error of the variance may be as large as variance + eps nothing is known of rstd
// and y: no value of theirs is wrong.
#include "harness/check/oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/check/formulas.h"
#include "harness/check/grouping.h"
#include "harness/check/large_output.h"
#include "harness/check/number_format.h"

namespace normbench {
namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

// All elements as doubles, which hold every storage type.
std::vector<double> values_of(const Tensor& tensor) {
  std::vector<double> values;
  if (!tensor.present()) return values;
  with_storage(tensor.dtype, [&]<class T>(T) {
    const auto all = tensor.as<T>();
    values.assign(all.begin(), all.end());
  });
  return values;
}

template <class Real>
Real rstd_of(const Problem& p, Real variance) {
  return 1 / std::sqrt(variance + static_cast<Real>(p.eps));
}

std::vector<Statistics> running_statistics(const Problem& p, const Arguments& a) {
  const std::vector<double> mean = values_of(a.running_mean);
  const std::vector<double> variance = values_of(a.running_var);
  std::vector<Statistics> all(index(statistic_count(p)));
  for (std::size_t at = 0; at < all.size(); ++at) {
    const std::size_t k = at % index(p.c);
    all[at].mean = mean[k];
    all[at].variance = variance[k];
    all[at].rstd = rstd_of(p, all[at].variance);
  }
  return all;
}

// Adds to the sum of each element's group.
template <class Real>
void add(Real* sums, Same group, const Real* values, std::int64_t count) {
  Real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t t = 0; t < count; ++t) sum += values[t];
  sums[group.at] += sum;
}
template <class Real>
void add(Real* sums, Consecutive group, const Real* values, std::int64_t count) {
  Real* first = sums + group.at;
#pragma omp simd
  for (std::int64_t t = 0; t < count; ++t) first[t] += values[t];
}
template <class Real>
void add(Real* sums, Listed group, const Real* values, std::int64_t count) {
  for (std::int64_t t = 0; t < count; ++t) sums[group.at[t]] += values[t];
}

template <class Real, std::size_t kCount>
using GroupSums = std::array<std::vector<Real>, kCount>;
template <class Real, std::size_t kCount>
using Terms = std::array<std::array<Real, kMostInPiece>, kCount>;

constexpr std::int64_t kManyRows = 16;

enum class Target { kStatistics, kGradients };

// The sums of several terms over all elements of each group. find(first, count, s, p, terms) writes
// those of `count` elements, which have the statistics s(t) and the parameters p(t). Each range
// adds to sums of its own, for the rows that it touches.
template <class Real, std::size_t kCount, class Find>
GroupSums<Real, kCount> sums_by(Target target, const Problem& p, const Sharing& sharing,
                                Find find) {
  const Grouping& groups = target == Target::kStatistics ? sharing.statistics : sharing.gradients;
  const std::int64_t elements = p.elements();
  GroupSums<Real, kCount> total;
  for (auto& sums : total) sums.resize(index(elements / groups.row * groups.count));
  // Ranges of whole rows add to sums that are theirs alone. Where rows are too few for that, each
  // range has sums of its own for the rows that it touches; all these together are an eighth as
  // many as there are elements, at most.
  const bool whole_rows = elements / groups.row >= kManyRows;
  const auto ranges = whole_rows ? ranges_of(elements, kMostRanges, groups.row)
                                 : ranges_of(elements, elements / 8 / groups.count);
  std::vector<GroupSums<Real, kCount>> parts(whole_rows ? 0 : ranges.size());
  for_each_range(ranges, [&](std::int64_t number, const Range& range) {
    GroupSums<Real, kCount>& part = whole_rows ? total : parts[index(number)];
    const std::int64_t first_row = whole_rows ? 0 : range.first / groups.row;
    const std::int64_t rows = (range.last - 1) / groups.row + 1 - first_row;
    if (!whole_rows) {
      for (auto& sums : part) sums.resize(index(rows * groups.count));
    }
    Terms<Real, kCount> terms;
    // Within a mini-batch the gradients are where the parameters are, in the row of the mini-batch.
    const auto visit = [&](std::int64_t first, std::int64_t count, auto s, auto parameter) {
      find(first, count, s, parameter, terms);
      for (std::size_t which = 0; which < kCount; ++which) {
        Real* sums = part[which].data();
        if (target == Target::kStatistics) {
          add(sums - first_row * groups.count, s, terms[which].data(), count);
        } else {
          add(sums + (first / groups.row - first_row) * groups.count, parameter,
              terms[which].data(), count);
        }
      }
    };
    for_each_piece(range.first, range.last, sharing.statistics, sharing.parameters,
                   sharing.gradients.row, visit);
  });
  for (std::size_t number = 0; number < parts.size(); ++number) {
    const std::size_t first = index(ranges[number].first / groups.row * groups.count);
    for (std::size_t which = 0; which < kCount; ++which) {
      const auto& part = parts[number][which];
      for (std::size_t at = 0; at < part.size(); ++at) total[which][first + at] += part[at];
    }
  }
  return total;
}

template <class Real>
std::vector<Statistics> statistics_in(const Problem& p, const Arguments& a) {
  const Sharing sharing(p);
  const auto count = static_cast<Real>(values_per_statistic(p));
  const bool centered = p.norm != Norm::kRms;
  std::vector<Statistics> all(index(statistic_count(p)));
  with_storage(p.dtype, [&]<class T>(T) {
    const T* x = a.x.as<T>().data();
    const auto sums = sums_by<Real, 2>(
        Target::kStatistics, p, sharing,
        [&](std::int64_t first, std::int64_t length, auto, auto, Terms<Real, 2>& terms) {
#pragma omp simd
          for (std::int64_t t = 0; t < length; ++t) {
            const auto value = static_cast<Real>(x[first + t]);
            terms[0][index(t)] = value;
            terms[1][index(t)] = std::abs(value);
          }
        });
    std::vector<Real> mean(all.size());
    for (std::size_t at = 0; at < all.size(); ++at) mean[at] = centered ? sums[0][at] / count : 0;
    const auto squares = sums_by<Real, 1>(
        Target::kStatistics, p, sharing,
        [&](std::int64_t first, std::int64_t length, auto s, auto, Terms<Real, 1>& terms) {
#pragma omp simd
          for (std::int64_t t = 0; t < length; ++t) {
            const Real deviation = static_cast<Real>(x[first + t]) - mean[index(s(t))];
            terms[0][index(t)] = deviation * deviation;
          }
        });
    for (std::size_t at = 0; at < all.size(); ++at) {
      const Real variance = squares[0][at] / count;
      all[at] = {.mean = mean[at],
                 .variance = variance,
                 .rstd = rstd_of(p, variance),
                 .mean_size = static_cast<double>(sums[1][at] / count),
                 .first = static_cast<double>(
                     x[sharing.statistics.element(static_cast<std::int64_t>(at), 0)])};
    }
  });
  return all;
}

// What may be lost of a result next to zero: half of the smallest number, but the whole of it where
// half is no double; and in bf16 all below the smallest normal number, as the processor's own
// conversion to it knows no others.
double lost_near_zero(DType dtype) {
  const NumberFormat format = format_of(dtype);
  if (dtype == DType::kBf16) return std::ldexp(1.0, format.smallest_exponent);
  return std::max(format.spacing(0) / 2, std::numeric_limits<double>::denorm_min());
}

template <class Real>
std::vector<double> as_doubles(const std::vector<Real>& values) {
  return {values.begin(), values.end()};
}

std::int64_t bytes_of(const std::vector<double>& values) {
  return static_cast<std::int64_t>(values.capacity() * sizeof(double));
}

}  // namespace

std::vector<Statistics> statistics_of(const Problem& p, const Arguments& a) {
  return p.dtype == DType::kF64 ? statistics_in<Wide>(p, a) : statistics_in<double>(p, a);
}

Oracle::Oracle(const Problem& problem, const Arguments& arguments, bool exact, Rounding rounding)
    : problem_(problem),
      arguments_(arguments),
      sharing_(problem),
      exact_(exact),
      rounding_(rounding),
      wide_(problem.dtype == DType::kF64),
      u_(format_of(parameter_dtype(problem.dtype)).unit()),
      u_oracle_(wide_ ? static_cast<double>(std::numeric_limits<Wide>::epsilon() / 2) : 0x1p-53),
      u_storage_(parameter_dtype(problem.dtype) == problem.dtype ? 0
                                                                 : format_of(problem.dtype).unit()),
      lost_near_zero_(lost_near_zero(problem.dtype)),
      smallest_(wide_ ? std::numeric_limits<double>::denorm_min()
                      : std::numeric_limits<float>::denorm_min()) {
  if (problem.norm == Norm::kNone) return;
  statistics_ = problem.uses_running_statistics() ? running_statistics(problem, arguments)
                                                  : statistics_of(problem, arguments);
  for (const Statistics& statistic : statistics_) {
    mean_.push_back(static_cast<double>(statistic.mean));
    rstd_.push_back(static_cast<double>(statistic.rstd));
    if (rstd_.back() > largest_rstd_) largest_rstd_ = rstd_.back();
  }
  gamma_ = values_of(arguments.gamma);
  gamma_.resize(index(affine_count(problem)), 1);
  beta_ = values_of(arguments.beta);
  beta_.resize(gamma_.size(), 0);
  running_mean_ = values_of(arguments.running_mean);
  running_var_ = values_of(arguments.running_var);
  if (problem.backward()) {
    if (wide_) {
      find_gradients<Wide>();
    } else {
      find_gradients<double>();
    }
  } else if (wide_) {
    const double* x = arguments.x.as<double>().data();
    find_wide_values([&, x](std::int64_t element, std::int64_t s, std::int64_t p) {
      const Statistics& statistic = statistics_[index(s)];
      const Wide xh = (static_cast<Wide>(x[element]) - statistic.mean) * statistic.rstd;
      return y_of<Wide>(xh, gamma_[index(p)], beta_[index(p)]);
    });
  }
}

template <class Real>
void Oracle::find_gradients() {
  const Problem& p = problem_;
  std::vector<Real> mean, rstd;
  for (const Statistics& statistic : statistics_) {
    mean.push_back(static_cast<Real>(statistic.mean));
    rstd.push_back(static_cast<Real>(statistic.rstd));
  }
  const auto sums_for = [&](Target target) {
    return with_storage(p.dtype, [&]<class T>(T) {
      const T* x = arguments_.x.as<T>().data();
      const T* dy = arguments_.dy.as<T>().data();
      const bool with_gamma = target == Target::kStatistics;
      return sums_by<Real, 5>(
          target, p, sharing_,
          [&](std::int64_t first, std::int64_t count, auto s, auto parameter,
              Terms<Real, 5>& terms) {
#pragma omp simd
            for (std::int64_t t = 0; t < count; ++t) {
              const std::size_t at = index(s(t));
              const Real xh = (static_cast<Real>(x[first + t]) - mean[at]) * rstd[at];
              const Real factor = with_gamma ? static_cast<Real>(gamma_[index(parameter(t))]) : 1;
              const Real g = static_cast<Real>(dy[first + t]) * factor;
              terms[0][index(t)] = g;
              terms[1][index(t)] = g * xh;
              terms[2][index(t)] = std::abs(g);
              terms[3][index(t)] = std::abs(g * xh);
              terms[4][index(t)] = std::abs(g * rstd[at] * mean[at]);
            }
          });
    });
  };
  const auto keep = [](const auto& sums) {
    return Sums{.g = as_doubles(sums[0]),
                .g_xh = as_doubles(sums[1]),
                .size_g = as_doubles(sums[2]),
                .size_g_xh = as_doubles(sums[3]),
                .size_g_mean = as_doubles(sums[4])};
  };
  by_parameter_ = keep(sums_for(Target::kGradients));
  const bool given = p.uses_running_statistics();
  const auto sums = given ? GroupSums<Real, 5>{} : sums_for(Target::kStatistics);
  by_statistic_ = keep(sums);
  if constexpr (std::is_same_v<Real, Wide>) {
    const double* x = arguments_.x.as<double>().data();
    const double* dy = arguments_.dy.as<double>().data();
    const auto n = static_cast<Wide>(values_per_statistic(p));
    const bool centered = p.norm != Norm::kRms;
    find_wide_values([&, x, dy](std::int64_t element, std::int64_t s, std::int64_t parameter) {
      const std::size_t at = index(s);
      const Wide g = static_cast<Wide>(gamma_[index(parameter)]) * static_cast<Wide>(dy[element]);
      if (given) return dx_of<Wide>(g, 0, rstd[at], 0, 0);
      const Wide xh = (static_cast<Wide>(x[element]) - mean[at]) * rstd[at];
      return dx_of<Wide>(g, xh, rstd[at], centered ? sums[0][at] / n : 0, sums[1][at] / n);
    });
  }
}

template <class Value>
void Oracle::find_wide_values(Value value) {
  wide_values_.resize(index(problem_.elements()));
  for_each_range(ranges_of(problem_.elements()), [&](std::int64_t, const Range& range) {
    for_each_piece(range.first, range.last, sharing_.statistics, sharing_.parameters,
                   problem_.elements(),
                   [&](std::int64_t first, std::int64_t count, auto s, auto parameter) {
                     for (std::int64_t t = 0; t < count; ++t) {
                       wide_values_[index(first + t)] =
                           static_cast<double>(value(first + t, s(t), parameter(t)));
                     }
                   });
  });
}

Expected Oracle::expected(Wide value, double bound) const {
  const auto rounded = static_cast<double>(value);
  return {rounded, wide_ ? bound + u_ * std::abs(rounded) : bound};
}

Oracle Oracle::of_the_worst_case() const {
  Oracle copy = *this;
  copy.rounding_ = Rounding::kWorst;
  return copy;
}

double Oracle::roundings(const Accuracy& accuracy) const {
  if (rounding_ == Rounding::kWorst) return accuracy.roundings;
  constexpr double kLambda = 8;
  return std::min(accuracy.roundings, kLambda * std::sqrt(accuracy.roundings));
}

bool Oracle::by_moments(const Accuracy& accuracy) const {
  return accuracy.variance != VarianceForm::kDeviations && problem_.finds_variance();
}

bool Oracle::variance_is_exact(const Accuracy& accuracy) const {
  return sums_are_exact(accuracy) && !by_moments(accuracy);
}

Oracle::Summed Oracle::summed(const Statistics& statistic, const Accuracy& accuracy) const {
  const auto mean = static_cast<double>(std::abs(statistic.mean));
  if (accuracy.variance != VarianceForm::kShiftedMoments || !by_moments(accuracy)) {
    return {mean, statistic.mean_size, 0};
  }
  const auto offset = static_cast<double>(std::abs(statistic.mean - statistic.first));
  return {offset, std::sqrt(static_cast<double>(statistic.variance) + offset * offset), 1};
}

double Oracle::roundings(const Statistics& statistic, const Accuracy& accuracy) const {
  const double mean_size = summed(statistic, accuracy).size;
  const double size = mean_size * mean_size;
  const auto square = static_cast<double>(statistic.variance);
  const double variance = problem_.norm == Norm::kRms ? square - size : square;
  constexpr double kSpread = 1.0 / 16;
  return variance >= kSpread * size ? roundings(accuracy) : accuracy.roundings;
}

double Oracle::mean_error(const Statistics& statistic, const Accuracy& accuracy) const {
  const Summed of = summed(statistic, accuracy);
  const double of_shift = of.shifts * u_ * static_cast<double>(std::abs(statistic.mean));
  return error_of_sum(statistic, accuracy, of) + of_shift;
}

double Oracle::error_of_sum(const Statistics& statistic, const Accuracy& accuracy,
                            const Summed& of) const {
  const auto n = static_cast<double>(values_per_statistic(problem_));
  const double c = roundings(statistic, accuracy) + of.shifts;
  return u_ * of.mean + (c * u_ + n * u_oracle_) * of.size + smallest_;
}

double Oracle::moments_error(const Statistics& statistic, const Accuracy& accuracy) const {
  const auto n = static_cast<double>(values_per_statistic(problem_));
  const auto variance = static_cast<double>(statistic.variance);
  const Summed of = summed(statistic, accuracy);
  const double square = variance + of.mean * of.mean;
  const double c = roundings(statistic, accuracy) + 3 + 2 * of.shifts;
  const double d = sums_are_exact(accuracy) ? 0 : error_of_sum(statistic, accuracy, of);
  return (c + 1) * u_ * square + 2 * of.mean * d + d * d + n * u_oracle_ * square + 3 * smallest_;
}

double Oracle::variance_error(const Statistics& statistic, const Accuracy& accuracy) const {
  if (variance_is_exact(accuracy)) return 0;
  if (by_moments(accuracy)) return moments_error(statistic, accuracy);
  const auto n = static_cast<double>(values_per_statistic(problem_));
  const double d = problem_.norm == Norm::kRms ? 0 : mean_error(statistic, accuracy);
  const auto variance = static_cast<double>(statistic.variance);
  return variance * ((roundings(statistic, accuracy) + 3) * u_ + n * u_oracle_) + d * d +
         smallest_ + updating_error(statistic, accuracy);
}

double Oracle::relative_variance_error(const Statistics& statistic,
                                       const Accuracy& accuracy) const {
  const double shifted = static_cast<double>(statistic.variance) + problem_.eps;
  const double error = variance_error(statistic, accuracy);
  const double limit = by_moments(accuracy) ? shifted / kForwardMargin : shifted;
  return error < limit ? error / shifted : kNothingIsKnown;
}

double Oracle::growth_of_rstd(const Statistics& statistic, const Accuracy& accuracy) const {
  const double relative = kForwardMargin * relative_variance_error(statistic, accuracy);
  if (!by_moments(accuracy) || relative >= kNothingIsKnown) return relative / 2;
  return 1 / std::sqrt(1 - relative) - 1;
}

double Oracle::updating_error(const Statistics& statistic, const Accuracy& accuracy) const {
  if (accuracy.exact_sums || problem_.norm == Norm::kRms) return 0;
  const auto mean = static_cast<double>(statistic.mean);
  const auto variance = static_cast<double>(statistic.variance);
  return roundings(statistic, accuracy) * u_ * std::sqrt(variance) *
         std::sqrt(variance + mean * mean);
}

Expected Oracle::y(std::int64_t i, std::int64_t k, std::int64_t j, const Accuracy& accuracy) const {
  Expected one{};
  LargeOutput(*this, accuracy).expect(offset_of(problem_, i, k, j), 1, &one.value, &one.bound);
  return one;
}

Expected Oracle::dx(std::int64_t i, std::int64_t k, std::int64_t j,
                    const Accuracy& accuracy) const {
  return y(i, k, j, accuracy);  // whichever of the two the pass has
}

Expected Oracle::mean(std::size_t at, const Accuracy& accuracy) const {
  const Statistics& statistic = statistics_[at];
  if (sums_are_exact(accuracy)) return expected(statistic.mean, 0);
  return expected(statistic.mean, kForwardMargin * mean_error(statistic, accuracy));
}

Expected Oracle::variance(std::size_t at, const Accuracy& accuracy) const {
  const Statistics& statistic = statistics_[at];
  const auto variance = static_cast<double>(statistic.variance);
  double error = variance_error(statistic, accuracy);
  if (accuracy.from_rstd) {
    const bool any_rstd = relative_variance_error(statistic, accuracy) == kNothingIsKnown;
    if (any_rstd && by_moments(accuracy)) return expected(statistic.variance, kNothingIsKnown);
    error += 4 * u_ * (variance + problem_.eps + error) + u_ * variance;
  } else if (variance_is_exact(accuracy)) {
    return expected(wide_ ? variance : static_cast<float>(variance), 0);
  }
  return expected(statistic.variance, kForwardMargin * error);
}

Expected Oracle::rstd(std::size_t at, const Accuracy& accuracy) const {
  const Statistics& statistic = statistics_[at];
  const auto rstd = static_cast<double>(statistic.rstd);
  const double growth = growth_of_rstd(statistic, accuracy);
  return expected(statistic.rstd, rstd * (kForwardMargin * 2 * u_ * (1 + growth) + growth));
}

Expected Oracle::dgamma(std::size_t at, const Accuracy& accuracy) const {
  const Sums& sums = by_parameter_;
  const double c = roundings(accuracy);
  const double folded = accuracy.grade == Grade::kB ? 2 * c + 4 : 0;
  // Products that may underflow, also those that are multiplied with rstd afterwards.
  const auto n = static_cast<double>(problem_.batch * problem_.l);
  return expected(sums.g_xh[at],
                  u_ * ((4 + c) * sums.size_g_xh[at] + (4 + folded) * sums.size_g_mean[at]) +
                      (1 + n * largest_rstd_) * smallest_);
}

Expected Oracle::dbeta(std::size_t at, const Accuracy& accuracy) const {
  const auto n = static_cast<double>(problem_.batch * problem_.l);
  const double each = (1 + roundings(accuracy)) * u_ + n * u_oracle_;
  return expected(by_parameter_.g[at], each * by_parameter_.size_g[at] + smallest_);
}

// running = (1 - m) * running + m * statistic, for every mini-batch in order, `calls` times over.
// Each step adds |m| * (error of the statistic) + 3u * (|m * statistic| + |(1 - m) * running|), for
// the roundings of m and of 1 - m, of the products and of the sum, and as 1 - m is that of a
// rounded m, u * |m * running|. Next to zero each of the three may lose the smallest number.
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
              u_ * static_cast<double>(3 * (std::abs(kept) + std::abs(added)) + std::abs(m * now)) +
              3 * smallest_;
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
    const double error = kForwardMargin * variance_error(statistic, accuracy);
    return std::pair{unbiased, error * n / (n - 1) + 2 * u_ * static_cast<double>(unbiased)};
  });
}

std::int64_t oracle_bytes(const Problem& p) {
  if (p.norm == Norm::kNone) return 0;
  constexpr std::int64_t kDouble = sizeof(double);
  const bool wide = p.dtype == DType::kF64;
  // What sums take while they are added up.
  const std::int64_t real = wide ? sizeof(Wide) : sizeof(double);
  const std::int64_t statistic =
      sizeof(Statistics) + 2 * kDouble + 3 * real + (p.backward() ? 5 * (kDouble + real) : 0);
  const std::int64_t parameter = p.backward() ? 5 * (kDouble + real) : 0;
  const std::int64_t partial = (p.backward() ? 5 : 2) * real * p.elements() / 8;
  return statistic_count(p) * statistic + p.mini_batches() * affine_count(p) * parameter +
         2 * affine_count(p) * kDouble + 2 * p.c * kDouble + (wide ? p.elements() * kDouble : 0) +
         partial;
}

std::int64_t Oracle::bytes() const {
  std::int64_t bytes = static_cast<std::int64_t>(statistics_.capacity() * sizeof(Statistics));
  for (const auto* values :
       {&mean_, &rstd_, &gamma_, &beta_, &wide_values_, &running_mean_, &running_var_}) {
    bytes += bytes_of(*values);
  }
  for (const Sums* sums : {&by_statistic_, &by_parameter_}) {
    for (const auto* values :
         {&sums->g, &sums->g_xh, &sums->size_g, &sums->size_g_xh, &sums->size_g_mean}) {
      bytes += bytes_of(*values);
    }
  }
  return bytes;
}

}  // namespace normbench
