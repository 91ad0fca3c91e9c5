// Faults of 16-bit storage, and of f64 that is not computed in f64.
#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench::faulty {
namespace {

constexpr int kDigitsOfBf16 = 8;
constexpr int kDigitsOfF16 = 11;
constexpr double kLargestF16 = 65504;
constexpr double kSmallestNormalF16 = 0x1p-14;

Problem bf16(Norm norm, Pass pass, Layout layout = Layout::kNcl) {
  return small(norm, pass, DType::kBf16, layout);
}
Problem f16(Norm norm, Pass pass, Layout layout = Layout::kNcl) {
  return small(norm, pass, DType::kF16, layout);
}
Problem f64(Norm norm, Pass pass, Layout layout = Layout::kNcl) {
  return small(norm, pass, DType::kF64, layout);
}

// So that most results lie below the smallest normal number of f16.
Problem with_large_eps(Problem problem) {
  problem.eps = 1e8;
  return plain(problem);
}

Behavior storing(double (*stored)(DType, double)) { return replaced(&Steps::stored, stored); }

double cut_off(DType dtype, double value) {
  return truncated(value, dtype == DType::kBf16 ? kDigitsOfBf16 : kDigitsOfF16);
}

double flushed(DType, double value) { return std::abs(value) < kSmallestNormalF16 ? 0 : value; }

double twice(DType dtype, double value) { return rounded(dtype, rounded(DType::kBf16, value)); }

double float_of(double value) { return rounded(DType::kF32, value); }

Statistic statistic_in(DType dtype, const Problem& p, Values values) {
  const Statistic right = two_pass(p, values);
  return {rounded(dtype, right.mean), rounded(dtype, right.variance)};
}

Statistic summed_in_bf16(const Problem& p, Values values) {
  double sum = 0;
  for (const double value : values) sum = rounded(DType::kBf16, sum + value);
  return {sum / static_cast<double>(values.size()), two_pass(p, values).variance};
}

// Right but for the range.
Statistic squares_in_f16(const Problem& p, Values values) {
  const Statistic right = two_pass(p, values);
  const bool fits = right.variance * static_cast<double>(values.size()) <= kLargestF16;
  return {right.mean, fits ? right.variance : std::numeric_limits<double>::infinity()};
}

Sums gradients_in(DType dtype, Values dy, Values xh) {
  const Sums right = sums_of(dy, xh);
  return {rounded(dtype, right.g), rounded(dtype, right.g_xh)};
}

double deviation_in_bf16(const Output& t) {
  return rounded(DType::kBf16, t.x - t.mean) * t.rstd * t.gamma + t.beta;
}

double updated_in(DType dtype, double running, double statistic, double momentum) {
  return rounded(dtype, (1 - momentum) * running + momentum * statistic);
}

double dx_in_float(const Problem& p, const InputGradient& t) { return float_of(dx_of(p, t)); }

// Of constant input and an eps so small, rstd is a million, and dx is beyond the largest f16.
Problem overflowing() {
  Problem problem = f16(Norm::kLayer, Pass::kBackward);
  problem.eps = 1e-12;
  return problem;
}

double saturated(DType dtype, double value) {
  return rounded(dtype, std::clamp(value, -65504.0, 65504.0));
}

}  // namespace

std::vector<Faulty> sixteen_bit_faults() {
  return {
      {"f16_saturates_instead_of_overflowing", overflowing(), "dx", "dx at sample",
       storing(saturated)},
      {"bf16_y_cut_off", bf16(Norm::kBatch, Pass::kForwardTraining), "y", "y at sample",
       storing(cut_off)},
      {"bf16_y_cut_off_in_inference", bf16(Norm::kLayer, Pass::kForwardInference, Layout::kNlc),
       "y", "y at sample", storing(cut_off)},
      {"bf16_dx_cut_off", bf16(Norm::kGroup, Pass::kBackward), "dx", "dx at sample",
       storing(cut_off)},
      {"bf16_dx_cut_off_in_inference", bf16(Norm::kBatch, Pass::kBackwardInference), "dx",
       "dx at sample", storing(cut_off)},
      {"bf16_saved_statistics", bf16(Norm::kInstance, Pass::kForwardTraining), "variance",
       "variance at sample",
       replaced(&Steps::statistic,
                [](const Problem& p, Values x) { return statistic_in(DType::kBf16, p, x); })},
      {"bf16_statistics_of_y", bf16(Norm::kRms, Pass::kForwardTraining), "variance",
       "variance at sample",
       replaced(&Steps::statistic,
                [](const Problem& p, Values x) { return statistic_in(DType::kBf16, p, x); })},
      {"bf16_sums", bf16(Norm::kBatch, Pass::kForwardTraining, Layout::kNlc), "mean", "mean at",
       replaced(&Steps::statistic, summed_in_bf16)},
      {"bf16_running_statistics", bf16(Norm::kBatch, Pass::kForwardTraining), "running_mean",
       "running_mean at",
       replaced(&Steps::update,
                [](double running, double statistic, double momentum) {
                  return updated_in(DType::kBf16, running, statistic, momentum);
                })},
      {"bf16_deviation", bf16(Norm::kInstance, Pass::kForwardInference), "y",
       "random input, call 1: y at sample", replaced(&Steps::y, deviation_in_bf16)},
      {"bf16_gradients", bf16(Norm::kLayer, Pass::kBackward), "dgamma", "dgamma at mini-batch 0",
       replaced(&Steps::gradients, [](const Problem&, Values dy,
                                      Values xh) { return gradients_in(DType::kBf16, dy, xh); })},
      {"f16_y_cut_off", f16(Norm::kGroup, Pass::kForwardTraining), "y", "y at sample",
       storing(cut_off)},
      {"f16_y_rounded_to_bf16_first", f16(Norm::kLayer, Pass::kForwardTraining), "y", "y at sample",
       storing(twice)},
      {"f16_dx_rounded_to_bf16_first", f16(Norm::kInstance, Pass::kBackward), "dx", "dx at sample",
       storing(twice)},
      {"f16_dx_rounded_to_bf16_first_in_inference",
       f16(Norm::kBatch, Pass::kBackwardInference, Layout::kNlc), "dx", "dx at sample",
       storing(twice)},
      {"f16_sum_of_squares_overflows", f16(Norm::kRms, Pass::kForwardTraining), "variance",
       "ill_conditioned input, call 1: variance at sample",
       replaced(&Steps::statistic, squares_in_f16)},
      {"f16_subnormal_y_flushed", with_large_eps(f16(Norm::kLayer, Pass::kForwardInference)), "y",
       "y at sample", storing(flushed)},
      {"f16_subnormal_dx_flushed", with_large_eps(f16(Norm::kRms, Pass::kBackward)), "dx",
       "dx at sample", storing(flushed)},
      {"f16_dgamma", f16(Norm::kRms, Pass::kBackward, Layout::kNlc), "dgamma",
       "dgamma at mini-batch 0",
       replaced(&Steps::gradients, [](const Problem&, Values dy,
                                      Values xh) { return gradients_in(DType::kF16, dy, xh); })},
  };
}

std::vector<Faulty> double_faults() {
  const auto statistic_in_float = [](const Problem& p, Values x) {
    return statistic_in(DType::kF32, p, x);
  };
  const auto update_in_float = [](double running, double statistic, double momentum) {
    return updated_in(DType::kF32, running, statistic, momentum);
  };
  const auto with_momentum_in_float = [](double running, double statistic, double momentum) {
    const double m = float_of(momentum);
    return (1 - m) * running + m * statistic;
  };
  return {
      {"double_statistics_in_float", f64(Norm::kGroup, Pass::kForwardTraining), "variance",
       "exact input, call 1: variance at sample", replaced(&Steps::statistic, statistic_in_float)},
      {"double_sums_in_float", f64(Norm::kBatch, Pass::kForwardTraining), "variance",
       "exact input, call 1: variance at mini-batch",
       replaced(&Steps::statistic, two_pass_in_float)},
      {"double_sums_in_float_in_inference", f64(Norm::kRms, Pass::kForwardInference), "y",
       "y at sample", replaced(&Steps::statistic, two_pass_in_float)},
      {"double_rstd_in_float", f64(Norm::kInstance, Pass::kForwardTraining), "rstd",
       "exact input, call 1: rstd at sample",
       replaced(&Steps::rstd,
                [](double v, double eps) { return float_of(1 / std::sqrt(v + eps)); })},
      {"double_eps_in_float", f64(Norm::kRms, Pass::kForwardTraining), "rstd",
       "exact input, call 1: rstd at sample",
       replaced(&Steps::rstd,
                [](double v, double eps) { return 1 / std::sqrt(v + float_of(eps)); })},
      {"double_momentum_in_float", f64(Norm::kBatch, Pass::kForwardTraining), "running_mean",
       "exact input, call 1: running_mean at", replaced(&Steps::update, with_momentum_in_float)},
      {"double_running_statistics_in_float",
       f64(Norm::kBatch, Pass::kForwardTraining, Layout::kNlc), "running_mean",
       "exact input, call 1: running_mean at", replaced(&Steps::update, update_in_float)},
      {"double_x_read_as_float", f64(Norm::kLayer, Pass::kForwardInference), "y",
       "random input, call 1: y at sample",
       replaced(
           &Steps::y,
           [](const Output& t) { return (float_of(t.x) - t.mean) * t.rstd * t.gamma + t.beta; })},
      {"double_y_in_float", f64(Norm::kBatch, Pass::kForwardInference), "y",
       "exact input, call 1: y at sample",
       storing([](DType, double value) { return float_of(value); })},
      {"double_dx_in_float", f64(Norm::kInstance, Pass::kBackward), "dx",
       "exact input, call 1: dx at sample", replaced(&Steps::dx, dx_in_float)},
      {"double_dx_in_float_in_inference", f64(Norm::kBatch, Pass::kBackwardInference), "dx",
       "exact input, call 1: dx at sample", replaced(&Steps::dx, dx_in_float)},
      {"double_xh_in_float", f64(Norm::kLayer, Pass::kBackward, Layout::kNlc), "dgamma",
       "exact input, call 1: dgamma at mini-batch 0, channel",
       replaced(&Steps::xh,
                [](double x, double mean, double rstd) { return float_of((x - mean) * rstd); })},
      {"double_gradients_in_float", f64(Norm::kGroup, Pass::kBackward), "dgamma",
       "exact input, call 1: dgamma at mini-batch 0, channel",
       replaced(&Steps::gradients, [](const Problem&, Values dy,
                                      Values xh) { return gradients_in(DType::kF32, dy, xh); })},
  };
}

}  // namespace normbench::faulty
