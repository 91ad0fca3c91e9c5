// Faults in the backward passes.
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
float approximate(float value) { return truncated(value, 20); }

Behavior input_gradient(float (*dx)(const InputGradient&)) { return replaced(&Steps::dx, dx); }

Sums in_float(std::span<const float> dy, std::span<const float> xh) {
  float sum = 0;
  float sum_xh = 0;
  for (std::size_t at = 0; at < dy.size(); ++at) {
    sum += dy[at];
    sum_xh += dy[at] * xh[at];
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

}  // namespace

std::vector<Faulty> gradient_faults() {
  return {
      {"row_missing_in_dbeta", kRows, "dbeta", "exact input, call 1: dbeta at",
       replaced(&Steps::sums,
                [](std::span<const float> dy, std::span<const float> xh) {
                  const Sums right = sums_in_double(dy, xh);
                  return Sums{right.dy - dy.back(), right.dy_xh};
                })},
      {"dgamma_not_centered", kBackward, "dgamma", "dgamma at",
       replaced(&Steps::xh, [](float x, float, float rstd) { return x * rstd; })},
      {"dgamma_and_dbeta_swapped", kBackward, "dbeta", "dbeta at",
       replaced(&Steps::sums,
                [](std::span<const float> dy, std::span<const float> xh) {
                  const Sums right = sums_in_double(dy, xh);
                  return Sums{right.dy_xh, right.dy};
                })},
      {"float_gradient_sums_claimed_as_double", kLong, "dbeta", "random input, call 1: dbeta at",
       replaced(&Steps::sums, in_float)},
      {"gradients_summed_over_mini_batches", kMiniBatches, "dbeta", "dbeta at mini-batch",
       followed_by(sum_over_mini_batches)},
      {"dgamma_accumulates_over_calls", kBackward, "dgamma", "exact input, call 2: dgamma at",
       followed_by(accumulate_over_calls)},
      {"dgamma_added_to_what_was_there", kBackward, "dgamma",
       "exact input, call 1: dgamma at mini-batch 0, channel 0 is ",
       replaced(&Behavior::run, add_to_what_was_there)},
      {"gamma_forgotten_in_dx", kBackward, "dx", "dx at sample",
       input_gradient([](const InputGradient& t) {
         return t.rstd * (t.dy - t.mean_dy - t.xh * t.mean_dy_xh);
       })},
      {"rstd_forgotten_in_dx", kBackward, "dx", "dx at sample",
       input_gradient([](const InputGradient& t) {
         return t.gamma * (t.dy - t.mean_dy - t.xh * t.mean_dy_xh);
       })},
      {"dx_without_the_mean_of_dy", kBackward, "dx", "dx at sample",
       input_gradient(
           [](const InputGradient& t) { return t.gamma * t.rstd * (t.dy - t.xh * t.mean_dy_xh); })},
      {"dx_without_the_term_of_xh", kBackward, "dx", "dx at sample",
       input_gradient(
           [](const InputGradient& t) { return t.gamma * t.rstd * (t.dy - t.mean_dy); })},
      {"approximate_dx", kBackward, "dx", "dx at sample",
       input_gradient([](const InputGradient& t) {
         return approximate(t.gamma * t.rstd * (t.dy - t.mean_dy - t.xh * t.mean_dy_xh));
       })},
      {"approximate_dx_in_inference", kInference, "dx", "dx at sample",
       input_gradient([](const InputGradient& t) { return approximate(t.gamma * t.rstd * t.dy); })},
      {"approximate_dgamma", kMiniBatches, "dgamma", "dgamma at",
       replaced(&Steps::sums,
                [](std::span<const float> dy, std::span<const float> xh) {
                  const Sums right = sums_in_double(dy, xh);
                  return Sums{right.dy, approximate(static_cast<float>(right.dy_xh))};
                })},
      {"dx_of_inference_as_in_training", kInference, "dx", "dx at sample",
       input_gradient(
           [](const InputGradient& t) { return t.gamma * t.rstd * (t.dy - t.xh / 56); })},
      {"dx_not_scaled_in_inference", kInference, "dx", "dx at sample",
       input_gradient([](const InputGradient& t) { return t.gamma * t.dy; })},
  };
}

}  // namespace normbench::faulty
