// Faults in the backward passes.
#include <cmath>

#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench::faulty {
namespace {

const Problem kBackward = batch_norm(Pass::kBackward, 8, 5, 7);
const Problem kMiniBatches = batch_norm(Pass::kBackward, 12, 5, 3, 4);
const Problem kInference = batch_norm(Pass::kBackwardInference, 8, 5, 7);
// One value per row.
const Problem kRows = batch_norm(Pass::kBackward, 16, 5, 1);
const Problem kLong = batch_norm(Pass::kBackward, 64, 2, 1024);

// Too few by four.
double approximate(double value) { return truncated(value, 20); }

Behavior input_gradient(double (*dx)(const Problem&, const InputGradient&)) {
  return replaced(&Steps::dx, dx);
}

Sums in_float(const Problem&, Values dy, Values xh) {
  float sum = 0;
  float sum_xh = 0;
  for (std::size_t at = 0; at < dy.size(); ++at) {
    sum += static_cast<float>(dy[at]);
    sum_xh += static_cast<float>(dy[at]) * static_cast<float>(xh[at]);
  }
  return {sum, sum_xh};
}

// The gradients of all mini-batches so far, in every row: as if there were one set of parameters.
void sum_over_mini_batches(const Work& work) {
  for (const Tensor& rows : {work.arguments.dgamma, work.arguments.dbeta}) {
    const auto values = rows.as<float>();
    const auto c = static_cast<std::size_t>(work.problem.c);
    for (std::size_t at = c; at < values.size(); ++at) values[at] += values[at - c];
  }
}

// As the gradient buffers of a framework, which are zeroed by somebody else.
void accumulate_over_calls(const Work& work) {
  const auto dgamma = work.arguments.dgamma.as<float>();
  work.memory.resize(dgamma.size());
  for (std::size_t at = 0; at < dgamma.size(); ++at) {
    work.memory[at] += dgamma[at];
    dgamma[at] = work.memory[at];
  }
}

void add_to_what_was_there(const Work& work) {
  const auto dgamma = work.arguments.dgamma.as<float>();
  const std::vector<float> before(dgamma.begin(), dgamma.end());
  normalize_all(work);
  for (std::size_t at = 0; at < dgamma.size(); ++at) dgamma[at] += before[at];
}

// As if x were of a mini-batch of training.
void with_statistics_of_the_batch(const Work& work) {
  Problem training = work.problem;
  training.pass = Pass::kForwardTraining;
  std::vector<float> mean, rstd;
  for (std::int64_t k = 0; k < training.c; ++k) {
    const Statistic statistic = two_pass(training, values_of(training, work.arguments.x, k));
    mean.push_back(static_cast<float>(statistic.mean));
    rstd.push_back(static_cast<float>(work.steps.rstd(statistic.variance, training.eps)));
  }
  training.pass = Pass::kBackward;
  Arguments arguments = work.arguments;
  arguments.mean = {.data = mean.data(), .n = 1, .c = training.c, .l = 1};
  arguments.rstd = {.data = rstd.data(), .n = 1, .c = training.c, .l = 1};
  normalize(training, arguments, work.steps);
}

}  // namespace

std::vector<Faulty> gradient_faults() {
  return {
      {"row_missing_in_dbeta", kRows, "dbeta", "exact input, call 1: dbeta at",
       replaced(&Steps::gradients,
                [](const Problem&, Values dy, Values xh) {
                  const Sums right = sums_of(dy, xh);
                  return Sums{right.g - dy.back(), right.g_xh};
                })},
      {"dgamma_not_centered", kBackward, "dgamma", "dgamma at",
       replaced(&Steps::xh, [](double x, double, double rstd) { return x * rstd; })},
      {"dgamma_and_dbeta_swapped", kBackward, "dbeta", "dbeta at",
       replaced(&Steps::gradients,
                [](const Problem&, Values dy, Values xh) {
                  const Sums right = sums_of(dy, xh);
                  return Sums{right.g_xh, right.g};
                })},
      {"float_gradient_sums_claimed_as_double", kLong, "dbeta", "random input, call 1: dbeta at",
       replaced(&Steps::gradients, in_float)},
      {"gradients_summed_over_mini_batches", kMiniBatches, "dbeta", "dbeta at mini-batch",
       followed_by(sum_over_mini_batches)},
      {"dgamma_accumulates_over_calls", kBackward, "dgamma", "exact input, call 2: dgamma at",
       followed_by(accumulate_over_calls)},
      {"dgamma_added_to_what_was_there", kBackward, "dgamma",
       "exact input, call 1: dgamma at mini-batch 0, channel 0 is ",
       replaced(&Behavior::run, add_to_what_was_there)},
      {"gamma_forgotten_in_dx", kBackward, "dx", "dx at sample",
       input_gradient([](const Problem&, const InputGradient& t) {
         return t.rstd * (t.g - t.mean_g - t.xh * t.mean_g_xh) / t.gamma;
       })},
      {"rstd_forgotten_in_dx", kBackward, "dx", "dx at sample",
       input_gradient([](const Problem&, const InputGradient& t) {
         return t.g - t.mean_g - t.xh * t.mean_g_xh;
       })},
      {"dx_without_the_mean_of_dy", kBackward, "dx", "dx at sample",
       input_gradient([](const Problem&, const InputGradient& t) {
         return t.rstd * (t.g - t.xh * t.mean_g_xh);
       })},
      {"dx_without_the_term_of_xh", kBackward, "dx", "dx at sample",
       input_gradient(
           [](const Problem&, const InputGradient& t) { return t.rstd * (t.g - t.mean_g); })},
      {"approximate_dx", kBackward, "dx", "dx at sample",
       input_gradient([](const Problem&, const InputGradient& t) {
         return approximate(t.rstd * (t.g - t.mean_g - t.xh * t.mean_g_xh));
       })},
      {"approximate_dx_in_inference", kInference, "dx", "dx at sample",
       input_gradient(
           [](const Problem&, const InputGradient& t) { return approximate(t.rstd * t.g); })},
      {"approximate_dgamma", kMiniBatches, "dgamma", "dgamma at",
       replaced(&Steps::gradients,
                [](const Problem&, Values dy, Values xh) {
                  const Sums right = sums_of(dy, xh);
                  return Sums{right.g, approximate(right.g_xh)};
                })},
      {"backward_inference_by_the_batch", kInference, "dgamma", "exact input, call 1: dgamma at",
       replaced(&Behavior::run, with_statistics_of_the_batch)},
      {"eps_outside_the_root_in_backward_inference", kInference, "dgamma",
       "exact input, call 1: dgamma at",
       replaced(&Steps::rstd, [](double v, double eps) { return 1 / (std::sqrt(v) + eps); })},
      {"dx_of_inference_as_in_training", kInference, "dx", "dx at sample",
       input_gradient([](const Problem&, const InputGradient& t) {
         return t.rstd * (t.g - t.mean_g - t.xh * t.mean_g_xh);
       })},
      {"dx_not_scaled_in_inference", kInference, "dx", "dx at sample",
       input_gradient([](const Problem&, const InputGradient& t) { return t.g; })},
  };
}

}  // namespace normbench::faulty
