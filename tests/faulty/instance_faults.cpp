// Faults of instance norm, most of them by those who have batch norm in mind.
#include <cmath>

#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench::faulty {
namespace {

const Problem kTraining = small(Norm::kInstance, Pass::kForwardTraining);
const Problem kInference = small(Norm::kInstance, Pass::kForwardInference);
const Problem kBackward = small(Norm::kInstance, Pass::kBackward);
const Problem kChannelsLast =
    small(Norm::kInstance, Pass::kForwardInference, DType::kF32, Layout::kNlc);
const Problem kBackwardChannelsLast =
    small(Norm::kInstance, Pass::kBackward, DType::kF32, Layout::kNlc);

std::int64_t channels_first(const Problem& p, std::int64_t at) {
  return at % p.c * p.batch + at / p.c;
}

void gradients_so_far(const Work& work) {
  for (const Tensor& rows : {work.arguments.dgamma, work.arguments.dbeta}) {
    for (std::int64_t at = rows.c * rows.l; at < rows.size(); ++at) {
      store(rows, at, load(rows, at) + load(rows, at - rows.c * rows.l));
    }
  }
}

}  // namespace

std::vector<Faulty> instance_faults() {
  return {
      {"instance_over_all_samples", kInference, "y", "exact input, call 1: y at sample",
       replaced(&Steps::statistic_at, [](const Problem&, Element element) { return element.k; })},
      {"instance_over_all_channels", kChannelsLast, "y", "exact input, call 1: y at sample",
       replaced(&Steps::statistic_at, [](const Problem&, Element element) { return element.i; })},
      {"instance_channels_last_taken_as_first", kChannelsLast, "y", "y at sample",
       replaced(&Behavior::run, in_the_other_layout)},
      {"instance_statistics_of_channels_first", kTraining, "mean",
       "exact input, call 1: mean at sample", replaced(&Steps::saved_at, channels_first)},
      {"instance_statistics_read_channels_first", kBackward, "dgamma",
       "exact input, call 1: dgamma at mini-batch 0, channel",
       replaced(&Steps::saved_at, channels_first)},
      {"instance_last_position_not_counted", kTraining, "variance",
       "exact input, call 1: variance at sample",
       replaced(&Steps::statistic,
                [](const Problem& p, Values x) { return two_pass(p, x.first(x.size() - 1)); })},
      {"instance_eps_forgotten", kTraining, "rstd", "exact input, call 1: rstd at sample",
       replaced(&Steps::rstd, [](double v, double) { return 1 / std::sqrt(v); })},
      {"instance_gradients_of_the_last_sample_only", kBackward, "dbeta",
       "exact input, call 1: dbeta at mini-batch 0, channel",
       replaced(&Steps::gradients,
                [](const Problem& p, Values dy, Values xh) {
                  const auto l = static_cast<std::size_t>(p.l);
                  return sums_of(dy.last(l), xh.last(l));
                })},
      {"instance_gradients_summed_over_mini_batches", in_batches_of(2, kBackward), "dbeta",
       "exact input, call 1: dbeta at mini-batch ", followed_by(gradients_so_far)},
      {"instance_dx_without_the_mean_of_g", kBackwardChannelsLast, "dx", "dx at sample",
       replaced(&Steps::dx,
                [](const Problem&, const InputGradient& t) {
                  return t.rstd * (t.g - t.xh * t.mean_g_xh);
                })},
      {"instance_dx_with_the_sums_of_all_samples", kBackward, "dx", "dx at sample",
       replaced(&Steps::dx,
                [](const Problem& p, const InputGradient& t) {
                  const auto n = static_cast<double>(p.batch);
                  return t.rstd * (t.g - t.mean_g / n - t.xh * t.mean_g_xh / n);
                })},
  };
}

}  // namespace normbench::faulty
