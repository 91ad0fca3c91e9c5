// Each backend that is wrong on purpose is told what is wrong with it.
#include <gtest/gtest.h>
#include <omp.h>

#include <array>
#include <map>
#include <string>

#include "harness/check/check.h"
#include "tests/faulty/faulty.h"

namespace normbench {
namespace {

using faulty::Faulty;
using faulty::faulty_backends;

// Of those whose outputs are wrong, by name.
const std::map<std::string, std::string>& causes() {
  static const std::map<std::string, std::string> all = {
      {"unbiased_variance_saved", "as if the variance were saved unbiased, divided by n - 1"},
      {"rstd_saved_as_variance", "as if rstd were saved as the variance"},
      {"eps_outside_the_root", "as if eps were added outside of the root"},
      {"eps_forgotten", "as if there were no eps"},
      {"eps_forgotten_in_inference", "as if there were no eps"},
      {"zero_variance_without_eps",
       "as if rstd were 0 where the variance is 0, or as if rstd were not inverted"},
      {"approximate_rstd", "right to about 20 bits: as of an approximation, or of a narrower type"},
      {"approximate_y_in_inference",
       "right to about 19 bits: as of an approximation, or of a narrower type"},
      {"last_value_not_counted", "as if there were one value less, the last one"},
      {"sums_in_half_precision",
       "right to about 7 bits: as of an approximation, or of a narrower type"},
      {"one_pass_variance", "the variance"},
      {"float_sums_claimed_as_double", "as if sums had more roundings than are claimed"},
      {"folded_y_claimed_as_centered", "as if y were folded, x * scale + shift: claim Grade::kB"},
      {"mini_batches_ignored",
       "as if mini-batches were ignored: the statistics are those of all samples"},
      {"first_mini_batch_only",
       "nothing is written to mean, variance, rstd, y after the first mini-batch; and as if only "
       "the first mini-batch updated the running statistics"},
      {"running_variance_where_variance_is_due", "as if y were made with the running variance"},
      {"inference_by_the_batch", "as if the statistics were those of the batch, as in training"},
      {"beta_forgotten", "as if beta were forgotten"},
      {"sign_of_gamma_lost", "as if gamma had lost its sign"},
      {"biased_running_variance",
       "as if running_var were updated with the biased variance, divided by n"},
      {"eps_in_the_running_variance", "as if running_var were updated with variance + eps"},
      {"momentum_inverted",
       "as if momentum were inverted: running = momentum * running + (1 - momentum) * statistic"},
      {"momentum_ignored", "as if momentum were 0.1 whatever the problem says"},
      {"approximately_updated",
       "right to about 19 bits: as of an approximation, or of a narrower type"},
      {"updated_twice", "as if the running statistics were updated twice"},
      {"not_updated", "as if the running statistics were not updated"},
      {"updated_at_the_first_call_only",
       "the same call is right at other times: now and then it is wrong, or idle"},
      {"updated_from_the_old_ones_by_each_mini_batch",
       "as if only the last mini-batch updated the running statistics"},
      {"mini_batches_in_the_wrong_order",
       "as if the running statistics went through the mini-batches in another order"},
      {"row_missing_in_dbeta", "as if the last value did not count in dbeta"},
      {"dgamma_not_centered", "as if xh were not centered: x * rstd"},
      {"dgamma_and_dbeta_swapped", "as if dgamma and dbeta were swapped"},
      {"float_gradient_sums_claimed_as_double", "as if sums had more roundings than are claimed"},
      {"gradients_summed_over_mini_batches",
       "as if dgamma and dbeta were summed over the mini-batches so far"},
      {"dgamma_accumulates_over_calls",
       "calls after the first are wrong: something is kept from it"},
      {"dgamma_added_to_what_was_there", "it is added to what the output held before, not written"},
      {"gamma_forgotten_in_dx",
       "as if dx were divided by gamma at the end, or as if gamma were forgotten in dx"},
      {"rstd_forgotten_in_dx", "as if dx were not multiplied by rstd"},
      {"dx_without_the_mean_of_dy", "as if dx had no term with the mean of g"},
      {"dx_without_the_term_of_xh", "as if dx had no term with the mean of g * xh"},
      {"approximate_dx", "right to about 19 bits: as of an approximation, or of a narrower type"},
      {"approximate_dx_in_inference",
       "right to about 21 bits: as of an approximation, or of a narrower type"},
      {"approximate_dgamma",
       "as if dgamma were folded, sum dy * x - mean * sum dy: claim Grade::kB, or as if dgamma "
       "were an approximation"},
      {"backward_inference_by_the_batch",
       "as if the statistics were those of the batch, as in training"},
      {"eps_outside_the_root_in_backward_inference", "as if eps were added outside of the root"},
      {"dx_of_inference_as_in_training",
       "as if dx were that of training, not of given statistics, or as if the sums in dx were "
       "divided by the values of all samples"},
      {"dx_not_scaled_in_inference", "as if dx were not multiplied by rstd"},
      {"tail_of_y_not_written",
       "nothing is written to y behind the last whole 4 positions, from position 4 on"},
      {"tail_of_dx_not_written",
       "nothing is written to dx behind the last whole 4 positions, from position 4 on"},
      {"last_channel_not_written", "nothing is written to y in the last channel"},
      {"last_sample_not_written", "nothing is written to y in the last sample"},
      {"neighboring_channels_swapped", "as if the right values of y stood in other places"},
      {"neighboring_positions_swapped", "as if the right values of dx stood in other places"},
      {"y_in_the_other_layout",
       "as if y were written in the other layout (ncl for nlc, nlc for ncl)"},
      {"nan_in_one_element",
       "as if something were read that is no input: behind or before a buffer, or an output before "
       "it is written"},
      {"infinity_in_one_element",
       "as if a number had grown beyond its type, or there were a division by 0"},
      {"every_mini_batch_to_the_first_rows",
       "nothing is written to mean; and as if the means of all mini-batches were saved in the "
       "first rows"},
      {"reads_past_the_end_of_x",
       "as if something were read that is no input: behind or before a buffer, or an output before "
       "it is written"},
      {"reads_past_the_running_mean",
       "as if something were read that is no input: behind or before a buffer, or an output before "
       "it is written"},
      {"cached_at_prepare",
       "a kernel prepared on this very input is right: a result is kept from prepare(), load() or "
       "an earlier call"},
      {"cached_at_the_first_call",
       "a kernel prepared on this very input is right: a result is kept from prepare(), load() or "
       "an earlier call"},
      {"second_call_does_nothing",
       "the same call is right at other times: now and then it is wrong, or idle"},
      {"wrong_once_in_twenty_calls",
       "the same call is right at other times: now and then it is wrong, or idle"},
      {"idle_once_in_twenty_calls",
       "the same call is right at other times: now and then it is wrong, or idle"},
      {"collected_once", "calls after the first are wrong: something is kept from it"},
      {"does_nothing",
       "nothing is written to mean, variance, rstd, y; and as if the running statistics were not "
       "updated"},
      {"computes_while_loading", "calls after the first are wrong: something is kept from it"},
      {"works_in_collect",
       "what run() leaves undone is done in collect(), or later: inputs are others by then"},
      {"works_in_collect_of_training",
       "what run() leaves undone is done in collect(), or later: inputs are others by then"},
      {"works_in_collect_of_backward",
       "what run() leaves undone is done in collect(), or later: inputs are others by then"},
      {"writes_y_in_collect",
       "what run() leaves undone is done in collect(), or later: inputs are others by then"},
      {"asynchronous",
       "what run() leaves undone is done in collect(), or later: inputs are others by then"},
      {"asynchronous_backward",
       "what run() leaves undone is done in collect(), or later: inputs are others by then"},
      {"statistics_in_load",
       "a kernel prepared on this very input is right: a result is kept from prepare(), load() or "
       "an earlier call"},
      {"idle_when_y_is_there", "what the output held before the call makes a difference"},
      {"idle_when_dx_is_there", "what the output held before the call makes a difference"},
      {"rounds_upward_from_then_on",
       "the same call is right at other times: now and then it is wrong, or idle"},
      {"statistics_of_a_quarter", "as if sums left out a part of the values"},
      {"gradients_of_every_other_value", "as if sums left out a part of the values"},
      {"unbiased_moments", "as if the variance were the unbiased one, divided by n - 1"},
      {"moments_of_a_part", "as if there were one value less, the last one"},
      {"moments_that_are_no_numbers", "as if something were read that is no input"},
      {"moments_that_are_negative",
       "as if the variance, which is negative, were made of moments, E[x^2] - E[x]^2, which "
       "cancel"},
      {"moments_without_y", "as if something were read that is no input"},
      {"moments_without_beta", "as if beta were forgotten"},
      {"nan_on_constant_input", "as if something were read that is no input"},
      {"layer_over_channels_only", "as if there were a statistic for each sample and position"},
      {"layer_over_positions_only", "as if there were a statistic for each sample and channel"},
      {"layer_over_all_samples",
       "nothing is written to mean, variance, rstd; and as if there were one statistic over "
       "everything"},
      {"layer_gamma_by_channel", "as if gamma and beta were one for each channel"},
      {"layer_gamma_by_position", "as if gamma and beta were one for each position"},
      {"layer_gamma_in_the_order_of_ncl", "as if gamma and beta were in the order of ncl"},
      {"layer_gradients_in_the_order_of_ncl", "as if gamma and beta were in the order of ncl"},
      {"layer_unbiased_variance", "as if the variance were saved unbiased, divided by n - 1"},
      {"layer_one_pass_variance", "the variance"},
      {"layer_mean_saved_for_the_next_sample",
       "as if statistics were saved, or read, one place too far"},
      {"layer_statistics_of_the_next_sample",
       "as if statistics were saved, or read, one place too far"},
      {"layer_gradients_of_the_last_sample_only",
       "as if dgamma and dbeta were of the last sample only"},
      {"layer_dx_without_the_mean_of_g", "as if dx had no term with the mean of g"},
      {"layer_dx_without_the_term_of_xh", "as if dx had no term with the mean of g * xh"},
      {"layer_dx_with_gamma_outside_of_the_means", "as if gamma were outside of the means in dx"},
      {"instance_over_all_samples",
       "as if there were a statistic for each channel, over all samples"},
      {"instance_over_all_channels",
       "as if there were a statistic for each sample, over all channels"},
      {"instance_channels_last_taken_as_first",
       "as if the layout were the other one (ncl for nlc, nlc for ncl)"},
      {"instance_statistics_of_channels_first",
       "as if saved statistics were transposed (samples and channels)"},
      {"instance_statistics_read_channels_first",
       "as if saved statistics were transposed (samples and channels)"},
      {"instance_last_position_not_counted",
       "as if the variance were the unbiased one, divided by n - 1, or as if there were one value "
       "less, the last one"},
      {"instance_eps_forgotten", "as if there were no eps"},
      {"instance_gradients_of_the_last_sample_only",
       "as if dgamma and dbeta were of the last sample only, or as if only the last row of l "
       "counted"},
      {"instance_gradients_summed_over_mini_batches",
       "as if dgamma and dbeta were summed over the mini-batches so far"},
      {"instance_dx_without_the_mean_of_g", "as if dx had no term with the mean of g"},
      {"instance_dx_with_the_sums_of_all_samples",
       "as if the sums in dx were divided by the values of all samples"},
      {"group_interleaved", "as if groups were made of every channel in turn"},
      {"group_interleaved_in_inference", "as if groups were made of every channel in turn"},
      {"group_of_a_power_of_two", "as if groups had as many channels as the next power of two"},
      {"group_size_and_number_swapped",
       "as if the number of groups were taken for the channels of one"},
      {"group_over_all_samples",
       "nothing is written to mean, variance, rstd; and as if groups went over all samples"},
      {"group_gamma_by_group", "as if gamma and beta were one for each group"},
      {"group_channels_last_taken_as_first",
       "as if the layout were the other one (ncl for nlc, nlc for ncl)"},
      {"group_statistics_of_groups_first",
       "as if saved statistics were transposed (samples and channels)"},
      {"group_statistics_read_groups_first",
       "as if saved statistics were transposed (samples and channels)"},
      {"group_last_group_not_written", "nothing is written to y"},
      {"group_unbiased_variance", "as if the variance were saved unbiased, divided by n - 1"},
      {"group_gradients_of_the_last_sample_only",
       "as if dgamma and dbeta were of the last sample only"},
      {"group_gradients_by_group",
       "nothing is written to dbeta, dgamma; and as if gamma and beta were one for each group"},
      {"group_dx_without_the_mean_of_g", "as if dx had no term with the mean of g"},
      {"group_dx_with_the_sums_of_one_channel", "as if the sums in dx were of one channel only"},
      {"group_dx_with_gamma_outside_of_the_means", "as if gamma were outside of the means in dx"},
      {"rms_mean_subtracted", "as if the mean were subtracted in y, as in layer norm"},
      {"rms_variance_for_the_mean_square",
       "as if the mean were subtracted in the variance, as in layer norm"},
      {"rms_as_layer_norm_in_inference",
       "as if the mean were subtracted in the variance, as in layer norm"},
      {"rms_sum_of_squares_for_their_mean", "as if sums of squares were saved as the variance"},
      {"rms_eps_outside_of_the_root", "as if eps were added outside of the root"},
      {"rms_eps_forgotten", "as if there were no eps"},
      {"rms_gamma_by_channel", "as if gamma and beta were one for each channel"},
      {"rms_gamma_counted_from_one", "as if gamma were counted from one"},
      {"rms_dgamma_without_rstd",
       "as if xh were not scaled: x - mean, or as if x were taken for xh"},
      {"rms_dgamma_of_the_last_sample_only", "as if dgamma and dbeta were of the last sample only"},
      {"rms_dgamma_in_the_order_of_ncl", "as if gamma and beta were in the order of ncl"},
      {"rms_dx_with_the_mean_of_g", "as if the mean of g were subtracted in dx, as in layer norm"},
      {"rms_dx_without_the_term_of_xh",
       "as if dx had no term with the mean of g * xh, or as if dx were that of given statistics, g "
       "* rstd"},
      {"rms_dx_with_gamma_outside_of_the_mean", "as if gamma were outside of the means in dx"},
      {"none_scales", "right to about 22 bits: as of an approximation, or of a narrower type"},
      {"none_forgets_the_tail",
       "nothing is written to y behind the last whole 4 positions, from position 4 on"},
      {"none_forgets_the_tail_of_dx",
       "nothing is written to dx behind the last whole 4 positions, from position 4 on"},
      {"none_negates_dx", "as if the sign were changed"},
      {"none_changes_the_layout",
       "as if y were written in the other layout (ncl for nlc, nlc for ncl)"},
      {"none_by_way_of_float", "as if y were rounded to f32 on the way"},
      {"none_by_way_of_bf16", "as if dx were rounded to bf16 on the way"},
      {"f16_saturates_instead_of_overflowing",
       "as if what is too large for the type were its largest number"},
      {"bf16_y_cut_off", "as if y were cut off to the type, not rounded"},
      {"bf16_y_cut_off_in_inference", "as if y were cut off to the type, not rounded"},
      {"bf16_dx_cut_off", "as if dx were cut off to the type, not rounded"},
      {"bf16_dx_cut_off_in_inference", "as if dx were cut off to the type, not rounded"},
      {"bf16_saved_statistics", "as if statistics were kept in bf16"},
      {"bf16_statistics_of_y", "as if statistics were kept in bf16"},
      {"bf16_sums", "as if values were summed in bf16"},
      {"bf16_running_statistics", "as if running statistics were kept in bf16"},
      {"bf16_deviation", "as if x - mean were taken in bf16"},
      {"bf16_gradients", "as if dgamma and dbeta were kept in bf16"},
      {"f16_y_cut_off", "as if y were cut off to the type, not rounded"},
      {"f16_y_rounded_to_bf16_first", "as if y were rounded to bf16 on the way"},
      {"f16_dx_rounded_to_bf16_first", "as if dx were rounded to bf16 on the way"},
      {"f16_dx_rounded_to_bf16_first_in_inference", "as if dx were rounded to bf16 on the way"},
      {"f16_sum_of_squares_overflows",
       "as if a number had grown beyond its type, or there were a division by 0"},
      {"f16_subnormal_y_flushed", "as if numbers below the smallest normal one were taken for 0"},
      {"f16_subnormal_dx_flushed", "as if numbers below the smallest normal one were taken for 0"},
      {"f16_dgamma", "as if dgamma and dbeta were kept in f16"},
      {"double_statistics_in_float", "as if statistics were kept in f32"},
      {"double_sums_in_float", "as if statistics were kept in f32"},
      {"double_sums_in_float_in_inference", "as if statistics were kept in f32"},
      {"double_rstd_in_float", "as if rstd were taken in f32"},
      {"double_eps_in_float", "as if eps were taken in f32"},
      {"double_momentum_in_float", "as if momentum were taken in f32"},
      {"double_running_statistics_in_float", "as if running statistics were kept in f32"},
      {"double_x_read_as_float", "as if x were read as f32"},
      {"double_y_in_float", "as if y were rounded to f32 on the way"},
      {"double_dx_in_float", "as if dx were rounded to f32 on the way"},
      {"double_dx_in_float_in_inference", "as if dx were rounded to f32 on the way"},
      {"double_xh_in_float", "as if xh were taken in f32"},
      {"double_gradients_in_float", "as if dgamma and dbeta were kept in f32"},
  };
  return all;
}

class FaultyBackendCause : public testing::TestWithParam<Faulty> {
 protected:
  void SetUp() override {
    if (!GetParam().skip.empty()) GTEST_SKIP() << GetParam().skip;
    omp_set_num_threads(2);
  }
};

TEST_P(FaultyBackendCause, IsNamed) {
  const Faulty& fault = GetParam();
  Workspace workspace(fault.problem, 1);
  const auto backend = faulty::make_backend("under_test", fault.behavior);
  const std::array<Entrant, 1> one = {{{backend.get(), 1}}};
  const Checked checked = std::move(check_all(one, workspace, {.seed = 1})[0]);
  const auto expected = causes().find(fault.name);
  if (fault.output.empty()) {
    EXPECT_EQ(expected == causes().end(), checked.symptoms.empty()) << checked.verdict.reason;
    return;
  }
  ASSERT_NE(expected, causes().end()) << "no cause is expected of " << checked.verdict.reason;
  ASSERT_EQ(checked.symptoms.size(), 1U);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, expected->second, cause(checked.symptoms[0]));
  EXPECT_PRED_FORMAT2(testing::IsSubstring, expected->second, checked.verdict.reason);
}

INSTANTIATE_TEST_SUITE_P(, FaultyBackendCause, testing::ValuesIn(faulty_backends()),
                         [](const auto& info) { return info.param.name; });

TEST(Causes, AreOfFaultyBackends) {
  for (const auto& [name, words] : causes()) {
    EXPECT_TRUE(std::any_of(faulty_backends().begin(), faulty_backends().end(),
                            [&](const Faulty& fault) { return fault.name == name; }))
        << name;
  }
}

// Two mistakes in one backend, in different outputs.
TEST(Causes, AreToldOneAfterTheOther) {
  faulty::Behavior behavior = faulty::replaced(&faulty::Steps::running_variance,
                                               [](double variance, double) { return variance; });
  behavior.steps.saved_variance = [](double variance, double n) { return variance * n / (n - 1); };
  Workspace workspace({.n = 8, .c = 5, .l = 7, .batch = 8}, 1);
  const Verdict verdict = check(*faulty::make_backend("two", behavior), workspace, 1, 1);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "as if the variance were saved unbiased",
                      verdict.reason);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "; and as if running_var were updated with the biased",
                      verdict.reason);
}

// What the claim lets pass is not told as wrong beside what is.
TEST(Causes, LeaveOutNaNThatAClaimOfMomentsAllows) {
  // So much cancels of a mean that is a thousand deviations.
  faulty::Behavior behavior =
      faulty::replaced(&faulty::Steps::statistic, [](const Problem& p, faulty::Values x) {
        const faulty::Statistic right = faulty::two_pass(p, x);
        return faulty::Statistic{right.mean, right.variance - 5e-5 * right.mean * right.mean};
      });
  behavior.steps.update = [](double running, double, double) { return running; };
  const Problem problem{.n = 64, .c = 5, .l = 16, .batch = 64};
  behavior.claim = Accuracy::sequential(problem.longest_sum()).rounded_sums().by_moments();
  const auto backend = faulty::make_backend("moments", behavior);
  Workspace workspace(problem, 1);
  const std::array<Entrant, 1> one = {{{backend.get(), 1}}};
  const Checked checked = std::move(check_all(one, workspace, {.seed = 1, .every_kind = true})[0]);
  EXPECT_GT(checked.verdict.unjudged, 0);
  ASSERT_FALSE(checked.symptoms.empty());
  for (const Symptom& symptom : checked.symptoms) {
    for (const WrongOutput& wrong : symptom.explanation.outputs) {
      EXPECT_TRUE(wrong.name.starts_with("running_")) << name(symptom.kind) << ": " << wrong.name;
    }
  }
}

TEST(Causes, AreNotLookedForUnlessAsked) {
  const auto backend = faulty::make_backend(
      "wrong", faulty::replaced(&faulty::Steps::rstd, [](double v, double) { return v; }));
  Workspace workspace({.n = 8, .c = 5, .l = 7, .batch = 8}, 1);
  const std::array<Entrant, 1> one = {{{backend.get(), 1}}};
  const Checked checked = std::move(
      check_all(one, workspace, {.seed = 1, .explain = [](const Backend&) { return false; }})[0]);
  ASSERT_EQ(checked.symptoms.size(), 1U);
  EXPECT_TRUE(checked.symptoms[0].explanation.outputs.empty());
  EXPECT_GT(checked.symptoms[0].errors.at("rstd").bound, 1);
}

// What is wrong on each kind of input, where that is asked for.
TEST(Causes, AreToldForEveryKindOfInput) {
  const auto backend = faulty::make_backend(
      "wrong", faulty::replaced(&faulty::Steps::rstd, [](double v, double) { return v; }));
  Workspace workspace({.n = 8, .c = 5, .l = 7, .batch = 8}, 1);
  const std::array<Entrant, 1> one = {{{backend.get(), 1}}};
  const Checked checked = std::move(check_all(one, workspace, {.seed = 1, .every_kind = true})[0]);
  ASSERT_EQ(checked.symptoms.size(), kInputKinds.size());
  for (std::size_t at = 0; at < kInputKinds.size(); ++at) {
    EXPECT_EQ(checked.symptoms[at].kind, kInputKinds[at]);
  }
  EXPECT_EQ(checked.verdict.outcome, Outcome::kFailed);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "exact input, call 1: rstd", checked.verdict.reason);
  EXPECT_EQ(checked.verdict.error_in.count("mean"), 1U);
}

}  // namespace
}  // namespace normbench
