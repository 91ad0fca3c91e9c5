// Faults of rms norm, which has neither a mean nor a beta, and of none, which has nothing at all.
#include <cmath>

#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench::faulty {
namespace {

const Problem kTraining = small(Norm::kRms, Pass::kForwardTraining);
const Problem kInference = small(Norm::kRms, Pass::kForwardInference);
const Problem kBackward = small(Norm::kRms, Pass::kBackward);
const Problem kBackwardChannelsLast = small(Norm::kRms, Pass::kBackward, DType::kF32, Layout::kNlc);

Statistic of_layer_norm(const Problem& p, Values values) {
  Problem layer = p;
  layer.norm = Norm::kLayer;
  return two_pass(layer, values);
}

Statistic with_a_mean(const Problem& p, const Arguments& a, std::int64_t at, Statistic due) {
  return {of_layer_norm(p, values_of(p, a.x, at)).mean, due.variance};
}

Behavior input_gradient(double (*dx)(const Problem&, const InputGradient&)) {
  return replaced(&Steps::dx, dx);
}

}  // namespace

std::vector<Faulty> rms_faults() {
  return {
      {"rms_mean_subtracted", kTraining, "y", "exact input, call 1: y at sample",
       replaced(&Steps::statistic_of_y, with_a_mean)},
      {"rms_variance_for_the_mean_square", kTraining, "variance",
       "exact input, call 1: variance at sample 0 is ", replaced(&Steps::statistic, of_layer_norm)},
      {"rms_as_layer_norm_in_inference", kInference, "y", "exact input, call 1: y at sample",
       replaced(&Steps::statistic, of_layer_norm)},
      {"rms_sum_of_squares_for_their_mean", kTraining, "variance",
       "exact input, call 1: variance at sample",
       replaced(&Steps::saved_variance, [](double v, double n) { return v * n; })},
      {"rms_eps_outside_of_the_root", kTraining, "rstd", "exact input, call 1: rstd at sample",
       replaced(&Steps::rstd, [](double v, double eps) { return 1 / (std::sqrt(v) + eps); })},
      {"rms_eps_forgotten", kInference, "y", "exact input, call 1: y at sample",
       replaced(&Steps::rstd, [](double v, double) { return 1 / std::sqrt(v); })},
      {"rms_gamma_by_channel", kInference, "y", "exact input, call 1: y at sample",
       replaced(&Steps::parameter_at, [](const Problem&, Element element) { return element.k; })},
      {"rms_gamma_counted_from_one", kTraining, "y", "exact input, call 1: y at sample",
       replaced(&Steps::y, [](const Output& t) { return t.x * t.rstd * (1 + t.gamma); })},
      {"rms_dgamma_without_rstd", kBackward, "dgamma",
       "exact input, call 1: dgamma at mini-batch 0, channel",
       replaced(&Steps::xh, [](double x, double, double) { return x; })},
      {"rms_dgamma_of_the_last_sample_only", kBackward, "dgamma", "dgamma at mini-batch 0, channel",
       replaced(&Steps::gradients, [](const Problem&, Values dy,
                                      Values xh) { return sums_of(dy.last(1), xh.last(1)); })},
      {"rms_dgamma_in_the_order_of_ncl", kBackwardChannelsLast, "dgamma",
       "exact input, call 1: dgamma at mini-batch 0, channel",
       replaced(&Steps::parameter_at,
                [](const Problem& p, Element element) { return element.k * p.l + element.j; })},
      {"rms_dx_with_the_mean_of_g", kBackward, "dx", "exact input, call 1: dx at sample",
       input_gradient([](const Problem&, const InputGradient& t) {
         return t.rstd * (t.g - t.mean_g - t.xh * t.mean_g_xh);
       })},
      {"rms_dx_without_the_term_of_xh", kBackward, "dx", "exact input, call 1: dx at sample",
       input_gradient([](const Problem&, const InputGradient& t) { return t.rstd * t.g; })},
      {"rms_dx_with_gamma_outside_of_the_mean", kBackward, "dx",
       "exact input, call 1: dx at sample", with_gamma_outside_of_the_means()},
  };
}

std::vector<Faulty> none_faults() {
  const auto scaled = [](double value) { return value * (1 + 0x1p-23); };
  const auto without_the_tail = [](const Problem& p, Element element) {
    return element.j < p.l / 4 * 4 ? position(p, element) : kNowhere;
  };
  const auto channels_last = [](Problem p, Element element) {
    p.layout = Layout::kNlc;
    return position(p, element);
  };
  return {
      {"none_scales", small(Norm::kNone, Pass::kForwardTraining), "y",
       "exact input, call 1: y at sample", replaced(&Steps::copy, scaled)},
      {"none_forgets_the_tail", small(Norm::kNone, Pass::kForwardInference), "y",
       "y at sample 0, channel 0, position 4 is ", replaced(&Steps::place, without_the_tail)},
      {"none_forgets_the_tail_of_dx", small(Norm::kNone, Pass::kBackward), "dx",
       "dx at sample 0, channel 0, position 4 is ", replaced(&Steps::place, without_the_tail)},
      {"none_negates_dx", small(Norm::kNone, Pass::kBackward, DType::kF16), "dx",
       "exact input, call 1: dx at sample",
       replaced(&Steps::copy, [](double value) { return -value; })},
      {"none_changes_the_layout", small(Norm::kNone, Pass::kForwardTraining), "y",
       "exact input, call 1: y at sample", replaced(&Steps::place, channels_last)},
      {"none_by_way_of_float", small(Norm::kNone, Pass::kForwardInference, DType::kF64), "y",
       "random input, call 1: y at sample",
       replaced(&Steps::copy, [](double value) { return rounded(DType::kF32, value); })},
      {"none_by_way_of_bf16", small(Norm::kNone, Pass::kBackward, DType::kF16), "dx",
       "random input, call 1: dx at sample",
       replaced(&Steps::copy, [](double value) { return rounded(DType::kBf16, value); })},
  };
}

}  // namespace normbench::faulty
