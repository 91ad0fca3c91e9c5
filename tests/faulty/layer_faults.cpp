// Faults of layer norm: what is normalized together, what gamma belongs to, what flows back.
#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench::faulty {
namespace {

const Problem kTraining = small(Norm::kLayer, Pass::kForwardTraining);
const Problem kInference = small(Norm::kLayer, Pass::kForwardInference);
const Problem kBackward = small(Norm::kLayer, Pass::kBackward);
const Problem kChannelsLast =
    small(Norm::kLayer, Pass::kForwardTraining, DType::kF32, Layout::kNlc);
const Problem kBackwardChannelsLast =
    small(Norm::kLayer, Pass::kBackward, DType::kF32, Layout::kNlc);

using Place = std::int64_t (*)(const Problem&, Element);

Behavior grouping(Place statistic) { return replaced(&Steps::statistic_at, statistic); }
Behavior scaling_by(Place parameter) { return replaced(&Steps::parameter_at, parameter); }

std::int64_t in_order_of_ncl(const Problem& p, Element element) {
  return element.k * p.l + element.j;
}

std::int64_t of_the_next_sample(const Problem& p, std::int64_t at) { return (at + 1) % p.batch; }

}  // namespace

std::vector<Faulty> layer_faults() {
  return {
      {"layer_over_channels_only", kInference, "y", "exact input, call 1: y at sample",
       grouping([](const Problem& p, Element element) { return element.i * p.l + element.j; })},
      {"layer_over_positions_only", kTraining, "mean", "exact input, call 1: mean at sample",
       grouping([](const Problem& p, Element element) { return element.i * p.c + element.k; })},
      {"layer_over_all_samples", kTraining, "mean", "exact input, call 1: mean at sample",
       grouping([](const Problem&, Element) { return std::int64_t{0}; })},
      {"layer_gamma_by_channel", kTraining, "y", "exact input, call 1: y at sample",
       scaling_by([](const Problem&, Element element) { return element.k; })},
      {"layer_gamma_by_position", kInference, "y", "exact input, call 1: y at sample",
       scaling_by([](const Problem&, Element element) { return element.j; })},
      {"layer_gamma_in_the_order_of_ncl", kChannelsLast, "y", "exact input, call 1: y at sample",
       scaling_by(in_order_of_ncl)},
      {"layer_gradients_in_the_order_of_ncl", kBackwardChannelsLast, "dbeta",
       "exact input, call 1: dbeta at mini-batch 0, channel", scaling_by(in_order_of_ncl)},
      {"layer_unbiased_variance", kTraining, "variance",
       "exact input, call 1: variance at sample 0 is ",
       replaced(&Steps::saved_variance, [](double v, double n) { return v * n / (n - 1); })},
      {"layer_one_pass_variance", kTraining, "variance",
       "ill_conditioned input, call 1: variance at sample",
       [] {
         Behavior behavior = replaced(&Steps::statistic, one_pass_in_float);
         behavior.claim.roundings = 62;
         return behavior;
       }()},
      {"layer_mean_saved_for_the_next_sample", kTraining, "mean", "mean at sample",
       replaced(&Steps::saved_at, of_the_next_sample)},
      {"layer_statistics_of_the_next_sample", kBackward, "dgamma",
       "exact input, call 1: dgamma at mini-batch 0, channel",
       replaced(&Steps::saved_at, of_the_next_sample)},
      {"layer_gradients_of_the_last_sample_only", kBackward, "dbeta",
       "exact input, call 1: dbeta at mini-batch 0, channel",
       replaced(&Steps::gradients, [](const Problem&, Values dy,
                                      Values xh) { return sums_of(dy.last(1), xh.last(1)); })},
      {"layer_dx_without_the_mean_of_g", kBackward, "dx", "exact input, call 1: dx at sample",
       replaced(&Steps::dx,
                [](const Problem&, const InputGradient& t) {
                  return t.rstd * (t.g - t.xh * t.mean_g_xh);
                })},
      {"layer_dx_without_the_term_of_xh", kBackwardChannelsLast, "dx", "dx at sample",
       replaced(&Steps::dx,
                [](const Problem&, const InputGradient& t) { return t.rstd * (t.g - t.mean_g); })},
      {"layer_dx_with_gamma_outside_of_the_means", kBackward, "dx",
       "exact input, call 1: dx at sample", with_gamma_outside_of_the_means()},
  };
}

}  // namespace normbench::faulty
