// Faults in the statistics of a mini-batch, and in what y makes of them.
#include <cmath>

#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench::faulty {
namespace {

const Problem kTraining = batch_norm(Pass::kForwardTraining, 8, 5, 7);
const Problem kMiniBatches = batch_norm(Pass::kForwardTraining, 12, 5, 3, 4);
const Problem kInference = batch_norm(Pass::kForwardInference, 8, 5, 7);
// Enough values for the error of a float sum to show, and enough near their mean for that of a
// folded y.
const Problem kLong = batch_norm(Pass::kForwardTraining, 64, 2, 1024);
const Problem kWide = batch_norm(Pass::kForwardTraining, 16, 16, 16);

constexpr int kDigitsOfF16 = 11;
// Too few by four, as when a fast approximation is not refined.
constexpr int kDigitsOfAnApproximation = 20;

Statistic summed_in_half_precision(const Problem& p, Values values) {
  double sum = 0;
  for (const double value : values) sum = truncated(sum + value, kDigitsOfF16);
  return {sum / static_cast<double>(values.size()), two_pass(p, values).variance};
}

Behavior claiming(Behavior behavior, double roundings) {
  behavior.claim.roundings = roundings;
  return behavior;
}

// The statistics of all samples, for every mini-batch.
void ignore_mini_batches(const Work& work) {
  Problem whole = work.problem;
  whole.batch = whole.n;
  normalize(whole, work.arguments, work.steps);
  for (const Tensor& rows : {work.arguments.mean, work.arguments.variance, work.arguments.rstd}) {
    const auto values = rows.as<float>();
    const auto c = static_cast<std::size_t>(whole.c);
    for (std::size_t at = c; at < values.size(); ++at) values[at] = values[at - c];
  }
}

void first_mini_batch_only(const Work& work) {
  const Problem& p = work.problem;
  Problem first = p;
  first.n = p.batch;
  normalize(first, mini_batch(p, work.arguments, 0), work.steps);
}

Statistic variance_of_running(const Problem&, const Arguments& a, std::int64_t k, Statistic due) {
  return {due.mean, a.running_var.as<float>()[static_cast<std::size_t>(k)]};
}

Statistic of_the_batch(const Problem& p, const Arguments& a, std::int64_t k, Statistic) {
  return two_pass(p, values_of(p, a.x, k));
}

}  // namespace

Statistic two_pass_in_float(const Problem& p, Values values) {
  const auto count = static_cast<float>(values.size());
  float sum = 0;
  for (const double value : values) sum += static_cast<float>(value);
  const float mean = p.norm == Norm::kRms ? 0 : sum / count;
  float squares = 0;
  for (const double value : values) {
    const float deviation = static_cast<float>(value) - mean;
    squares += deviation * deviation;
  }
  return {mean, squares / count};
}

Statistic one_pass_in_float(const Problem&, Values values) {
  const auto count = static_cast<float>(values.size());
  float sum = 0;
  float squares = 0;
  for (const double value : values) {
    const auto x = static_cast<float>(value);
    sum += x;
    squares += x * x;
  }
  const float mean = sum / count;
  return {mean, (squares - sum * mean) / count};
}

Statistic shifted_one_pass_in_float(const Problem&, Values values) {
  const auto first = static_cast<float>(values[0]);
  const auto count = static_cast<float>(values.size());
  float sum = 0;
  float squares = 0;
  for (const double value : values) {
    const float difference = static_cast<float>(value) - first;
    sum += difference;
    squares += difference * difference;
  }
  const float mean = sum / count;
  return {first + mean, squares / count - mean * mean};
}

double folded_y(const Output& t) {
  const auto in_float = [](double value) { return rounded(DType::kF32, value); };
  const double scale = in_float(t.rstd * t.gamma);
  const double shift = in_float(t.beta - in_float(t.mean * scale));
  return in_float(in_float(t.x * scale) + shift);
}

std::vector<Faulty> statistics_faults() {
  return {
      {"unbiased_variance_saved", kTraining, "variance", "exact input, call 1: variance at",
       replaced(&Steps::saved_variance, [](double v, double n) { return v * n / (n - 1); })},
      {"rstd_saved_as_variance", kTraining, "variance", "exact input, call 1: variance at",
       replaced(&Steps::saved_variance,
                [](double v, double) { return 1 / std::sqrt(v + kDefaultEps); })},
      {"eps_outside_the_root", kTraining, "rstd", "rstd at mini-batch 0",
       replaced(&Steps::rstd, [](double v, double eps) { return 1 / (std::sqrt(v) + eps); })},
      {"eps_forgotten", kTraining, "rstd", "rstd at mini-batch 0",
       replaced(&Steps::rstd, [](double v, double) { return 1 / std::sqrt(v); })},
      {"eps_forgotten_in_inference", kInference, "y", "y at sample",
       replaced(&Steps::rstd, [](double v, double) { return 1 / std::sqrt(v); })},
      {"zero_variance_without_eps", kTraining, "rstd", "constant input, call 1: rstd at",
       replaced(&Steps::rstd,
                [](double v, double eps) { return v > 0 ? 1 / std::sqrt(v + eps) : 0; })},
      {"approximate_rstd", kTraining, "rstd", "rstd at",
       replaced(&Steps::rstd,
                [](double v, double eps) {
                  return truncated(1 / std::sqrt(v + eps), kDigitsOfAnApproximation);
                })},
      {"approximate_y_in_inference", kInference, "y", "y at sample",
       replaced(&Steps::y,
                [](const Output& t) {
                  return truncated((t.x - t.mean) * t.rstd * t.gamma + t.beta,
                                   kDigitsOfAnApproximation);
                })},
      {"last_value_not_counted", kTraining, "mean", "exact input, call 1: mean at",
       replaced(&Steps::statistic,
                [](const Problem& p, Values x) { return two_pass(p, x.first(x.size() - 1)); })},
      {"sums_in_half_precision", kTraining, "mean", "mean at",
       replaced(&Steps::statistic, summed_in_half_precision)},
      {"one_pass_variance", kTraining, "variance", "input, call 1: variance at",
       claiming(replaced(&Steps::statistic, one_pass_in_float), 55)},
      {"float_sums_claimed_as_double", kLong, "mean", "random input, call 1: mean at",
       replaced(&Steps::statistic, two_pass_in_float)},
      {"folded_y_claimed_as_centered", kWide, "y", "exact input, call 1: y at sample",
       replaced(&Steps::y, folded_y)},
      {"mini_batches_ignored", kMiniBatches, "mean", "exact input, call 1: mean at mini-batch",
       replaced(&Behavior::run, ignore_mini_batches)},
      {"first_mini_batch_only", kMiniBatches, "mean", "mean at mini-batch 1, channel 0 is ",
       replaced(&Behavior::run, first_mini_batch_only)},
      {"running_variance_where_variance_is_due", kTraining, "y", "y at sample",
       replaced(&Steps::statistic_of_y, variance_of_running)},
      {"inference_by_the_batch", kInference, "y", "y at sample",
       replaced(&Steps::statistic_of_y, of_the_batch)},
      {"beta_forgotten", kTraining, "y", "y at sample",
       replaced(&Steps::y, [](const Output& t) { return (t.x - t.mean) * t.rstd * t.gamma; })},
      {"sign_of_gamma_lost", kTraining, "y", "random input, call 1: y at sample",
       replaced(
           &Steps::y,
           [](const Output& t) { return (t.x - t.mean) * t.rstd * std::abs(t.gamma) + t.beta; })},
  };
}

}  // namespace normbench::faulty
