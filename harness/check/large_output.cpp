// The bounds of y and dx, as derived on top of oracle.cpp, in loops over plain arrays.
#include "harness/check/large_output.h"

#include <algorithm>
#include <cmath>

#include "harness/check/formulas.h"
#include "harness/check/grouping.h"

namespace normbench {
namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

}  // namespace

LargeOutput::LargeOutput(const Oracle& oracle, const Accuracy& accuracy)
    : oracle_(oracle), accuracy_(accuracy) {
  if (oracle.problem_.norm == Norm::kNone) return;
  if (oracle.problem_.backward()) {
    prepare_dx();
  } else {
    prepare_y();
  }
}

void LargeOutput::prepare_y() {
  const Oracle& o = oracle_;
  // Running statistics are given, and those of exact input come out exact: the mean is even stored
  // without error.
  const bool no_error = o.sums_are_exact(accuracy_) || o.problem_.uses_running_statistics();
  const bool off = !no_error && o.problem_.norm != Norm::kRms;
  const bool by_moments = o.by_moments(accuracy_);
  for (auto* values : {&off_center_, &relative_, &most_rstd_}) values->resize(o.statistics_.size());
  for (std::size_t at = 0; at < o.statistics_.size(); ++at) {
    const Statistics& statistic = o.statistics_[at];
    const bool unknown = (!no_error || by_moments) &&
                         o.relative_variance_error(statistic, accuracy_) == kNothingIsKnown;
    const double growth = by_moments && !unknown ? o.growth_of_rstd(statistic, accuracy_) : 0;
    const double rstd = o.rstd_[at] * (1 + growth);
    const double off_center = off ? rstd * o.mean_error(statistic, accuracy_) : 0;
    off_center_[at] = unknown ? kNothingIsKnown : off_center;
    most_rstd_[at] = rstd;
    if (by_moments) {
      // The larger rstd is a factor of all that is rounded: eight times, if y is folded.
      relative_[at] = 5 * o.u_ + growth * (8 * o.u_ + 1 / kForwardMargin);
      continue;
    }
    const double c = no_error ? 0 : o.roundings(statistic, accuracy_);
    const double updating = off ? o.updating_error(statistic, accuracy_) * rstd * rstd : 0;
    relative_[at] = 5 * o.u_ + (c * o.u_ + off_center * off_center + updating) / 2;
  }
}

void LargeOutput::prepare_dx() {
  const Oracle& o = oracle_;
  const std::size_t count = o.statistics_.size();
  for (auto* values : {&mean_g_, &mean_g_xh_, &fixed_, &per_xh_}) values->resize(count);
  if (o.problem_.uses_running_statistics()) return;
  const auto n = static_cast<double>(values_per_statistic(o.problem_));
  const bool centered = o.problem_.norm != Norm::kRms;
  const double difference = centered ? 1 : 0;
  const double c = o.roundings(accuracy_);
  for (std::size_t at = 0; at < count; ++at) {
    mean_g_[at] = centered ? o.by_statistic_.g[at] / n : 0;
    mean_g_xh_[at] = o.by_statistic_.g_xh[at] / n;
    const double mean_size_g = centered ? o.by_statistic_.size_g[at] / n : 0;
    const double mean_size_g_xh = o.by_statistic_.size_g_xh[at] / n;
    const double mean = o.rstd_[at] * std::abs(o.mean_[at]);
    fixed_[at] = (1 + c) * mean_size_g + 6 * std::abs(mean_g_[at]) + 4 * mean * mean_size_g_xh;
    per_xh_[at] = (3 + difference + c) * mean_size_g_xh +
                  (9 + difference) * std::abs(mean_g_xh_[at]) + 4 * mean * mean_size_g;
    if (accuracy_.grade == Grade::kA) continue;
    const double off = (c + 4) * (2 * mean * mean_size_g + mean_size_g_xh);
    const double rounded = 4 * (mean_size_g_xh + o.u_ * off);
    fixed_[at] += 2 * mean * rounded;
    per_xh_[at] += off + rounded;
  }
}

void LargeOutput::expect(std::int64_t first, std::int64_t count, double* values,
                         double* bounds) const {
  with_storage(oracle_.problem_.dtype, [&]<class T>(T) {
    constexpr bool kWide = std::is_same_v<T, double>;
    if (oracle_.problem_.norm == Norm::kNone) {
      const Tensor& from =
          oracle_.problem_.backward() ? oracle_.arguments_.dy : oracle_.arguments_.x;
      const T* input = from.as<T>().data() + first;
      std::copy_n(input, count, values);
      std::fill_n(bounds, count, 0.0);
    } else if (oracle_.problem_.backward()) {
      if (oracle_.problem_.uses_running_statistics()) {
        expect_dx<T, kWide, true>(first, count, values, bounds);
      } else {
        expect_dx<T, kWide, false>(first, count, values, bounds);
      }
    } else {
      expect_y<T, kWide>(first, count, values, bounds);
    }
  });
}

template <class T, bool kWide>
void LargeOutput::expect_y(std::int64_t first, std::int64_t count, double* values,
                           double* bounds) const {
  const Oracle& o = oracle_;
  const T* x = o.arguments_.x.as<T>().data();
  const double u = o.u_;
  const double u_stored = o.u_storage_ + (kWide ? u : 0);  // the expected value is rounded as well
  const double u_folded = accuracy_.grade == Grade::kB ? u : 0;
  const auto visit = [&](std::int64_t begin, std::int64_t length, auto s, auto parameter) {
    double* value = values + (begin - first);
    double* bound = bounds + (begin - first);
#pragma omp simd
    for (std::int64_t t = 0; t < length; ++t) {
      const std::size_t at = index(s(t));
      const std::size_t p = index(parameter(t));
      const auto value_of_x = static_cast<double>(x[begin + t]);
      const double mean = o.mean_[at];
      const double rstd = o.rstd_[at];
      const double signed_xh = (value_of_x - mean) * rstd;
      const double y =
          kWide ? o.wide_values_[index(begin + t)] : y_of(signed_xh, o.gamma_[p], o.beta_[p]);
      const double gamma = std::abs(o.gamma_[p]);
      const double xh = std::abs(signed_xh);
      const double size = std::abs(y);
      const double off =
          gamma * (off_center_[at] + xh * relative_[at]) + u * (gamma * xh + size) +
          o.lost_near_zero_ + o.smallest_ * (std::abs(value_of_x) + std::abs(mean) + gamma) +
          u_folded * (gamma * most_rstd_[at] * 2 * (std::abs(value_of_x) + std::abs(mean)) + size);
      value[t] = y;
      bound[t] = kForwardMargin * off + u_stored * size;
    }
    if (!o.by_moments(accuracy_)) return;
    // NaN stays NaN where gamma is 0.
    for (std::int64_t t = 0; t < length; ++t) {
      if (off_center_[index(s(t))] == kNothingIsKnown) bound[t] = kNothingIsKnown;
    }
  };
  for_each_piece(first, first + count, o.sharing_.statistics, o.sharing_.parameters,
                 o.problem_.elements(), visit);
}

template <class T, bool kWide, bool kGiven>
void LargeOutput::expect_dx(std::int64_t first, std::int64_t count, double* values,
                            double* bounds) const {
  const Oracle& o = oracle_;
  const T* x = o.arguments_.x.as<T>().data();
  const T* dy = o.arguments_.dy.as<T>().data();
  const double u = o.u_;
  const double u_stored = o.u_storage_ + (kWide ? u : 0);
  const double of_g = kGiven || o.problem_.norm == Norm::kRms ? 4 : 5;
  // What underflows on the way: g, two means, two differences; gamma * rstd; dy * (x - mean), which
  // is multiplied with rstd to get at xh.
  const double smallest = o.smallest_;
  const auto visit = [&](std::int64_t begin, std::int64_t length, auto s, auto parameter) {
    double* value = values + (begin - first);
    double* bound = bounds + (begin - first);
#pragma omp simd
    for (std::int64_t t = 0; t < length; ++t) {
      const std::size_t at = index(s(t));
      const double rstd = o.rstd_[at];
      const double gamma = o.gamma_[index(parameter(t))];
      const double g = gamma * static_cast<double>(dy[begin + t]);
      const double xh = kGiven ? 0 : (static_cast<double>(x[begin + t]) - o.mean_[at]) * rstd;
      const double dx = kWide ? o.wide_values_[index(begin + t)]
                              : dx_of(g, xh, rstd, mean_g_[at], mean_g_xh_[at]);
      const double off = of_g * std::abs(g) + fixed_[at] + std::abs(xh) * per_xh_[at];
      const double size_gamma = std::abs(gamma);
      const double underflow =
          smallest * (rstd * (4 + std::abs(xh) * (1 + rstd)) * (size_gamma > 1 ? size_gamma : 1) +
                      std::abs(static_cast<double>(dy[begin + t])));
      value[t] = dx;
      bound[t] = u * rstd * off + underflow + u_stored * std::abs(dx) + 2 * o.lost_near_zero_;
    }
  };
  for_each_piece(first, first + count, o.sharing_.statistics, o.sharing_.parameters,
                 o.problem_.elements(), visit);
}

}  // namespace normbench
