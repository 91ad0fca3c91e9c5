// Faults of group norm, most of them about which channels a group is made of.
#include <algorithm>

#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench::faulty {
namespace {

// Three groups of three channels.
const Problem kTraining = small(Norm::kGroup, Pass::kForwardTraining);
const Problem kInference = small(Norm::kGroup, Pass::kForwardInference);
const Problem kBackward = small(Norm::kGroup, Pass::kBackward);
const Problem kChannelsLast =
    small(Norm::kGroup, Pass::kForwardInference, DType::kF32, Layout::kNlc);
const Problem kBackwardChannelsLast =
    small(Norm::kGroup, Pass::kBackward, DType::kF32, Layout::kNlc);

using Place = std::int64_t (*)(const Problem&, Element);

Behavior grouping(Place statistic) { return replaced(&Steps::statistic_at, statistic); }

std::int64_t interleaved(const Problem& p, Element element) {
  return element.i * p.groups + element.k % p.groups;
}

std::int64_t group_of(const Problem& p, Element element) { return element.k / (p.c / p.groups); }

std::int64_t groups_first(const Problem& p, std::int64_t at) {
  return at % p.groups * p.batch + at / p.groups;
}

Problem with_two_groups(Problem problem) {
  problem.c = 6;
  problem.groups = 2;
  return problem;
}

}  // namespace

std::vector<Faulty> group_faults() {
  return {
      {"group_interleaved", kTraining, "mean", "exact input, call 1: mean at sample",
       grouping(interleaved)},
      {"group_interleaved_in_inference", kChannelsLast, "y", "exact input, call 1: y at sample",
       grouping(interleaved)},
      {"group_of_a_power_of_two", kTraining, "mean", "mean at sample 0, group 0 is ",
       grouping([](const Problem& p, Element element) {
         return element.i * p.groups + std::min(element.k / 4, p.groups - 1);
       })},
      {"group_size_and_number_swapped", with_two_groups(kInference), "y", "y at sample",
       grouping([](const Problem& p, Element element) {
         return element.i * p.c + element.k / p.groups;
       })},
      {"group_over_all_samples", kTraining, "mean", "mean at sample", grouping(group_of)},
      {"group_gamma_by_group", kInference, "y", "exact input, call 1: y at sample",
       replaced(&Steps::parameter_at, group_of)},
      {"group_channels_last_taken_as_first", kChannelsLast, "y", "y at sample",
       replaced(&Behavior::run, in_the_other_layout)},
      {"group_statistics_of_groups_first", kTraining, "mean", "exact input, call 1: mean at sample",
       replaced(&Steps::saved_at, groups_first)},
      {"group_statistics_read_groups_first", kBackward, "dgamma",
       "exact input, call 1: dgamma at mini-batch 0, channel",
       replaced(&Steps::saved_at, groups_first)},
      {"group_last_group_not_written", kTraining, "y", "y at sample 0, channel 6, position 0 is ",
       replaced(&Steps::place,
                [](const Problem& p, Element element) {
                  return group_of(p, element) == p.groups - 1 ? kNowhere : position(p, element);
                })},
      {"group_unbiased_variance", kTraining, "variance",
       "exact input, call 1: variance at sample 0, group",
       replaced(&Steps::saved_variance, [](double v, double n) { return v * n / (n - 1); })},
      {"group_gradients_of_the_last_sample_only", kBackwardChannelsLast, "dbeta",
       "exact input, call 1: dbeta at mini-batch 0, channel",
       replaced(&Steps::gradients,
                [](const Problem& p, Values dy, Values xh) {
                  const auto l = static_cast<std::size_t>(p.l);
                  return sums_of(dy.last(l), xh.last(l));
                })},
      {"group_gradients_by_group", kBackward, "dbeta", "dbeta at mini-batch 0, channel",
       replaced(&Steps::parameter_at, group_of)},
      {"group_dx_without_the_mean_of_g", kBackward, "dx", "exact input, call 1: dx at sample",
       replaced(&Steps::dx,
                [](const Problem&, const InputGradient& t) {
                  return t.rstd * (t.g - t.xh * t.mean_g_xh);
                })},
      {"group_dx_with_the_sums_of_one_channel", kBackward, "dx", "dx at sample",
       replaced(&Steps::sums,
                [](const Problem& p, Values g, Values xh) {
                  const auto l = static_cast<std::size_t>(p.l);
                  return sums_of(g.first(l), xh.first(l));
                })},
      {"group_dx_with_gamma_outside_of_the_means", kBackwardChannelsLast, "dx",
       "exact input, call 1: dx at sample", with_gamma_outside_of_the_means()},
  };
}

}  // namespace normbench::faulty
