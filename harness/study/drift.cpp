// How far running statistics are behind: those of a network that learns, and those of a series that
// rises.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "harness/study/network.h"
#include "harness/study/study.h"

namespace normbench::study {
namespace {

using nlohmann::ordered_json;

using Momentum = std::optional<double>;  // nothing: the average over all batches

constexpr std::array kMomenta = {Momentum(0.5), Momentum(0.1), Momentum(0.01), Momentum()};
constexpr std::int64_t kBatch = 32;
constexpr double kRate = 0.3;
constexpr std::array kSteps = {0, 1, 2, 5, 10, 20, 50, 100, 200, 500};
constexpr std::int64_t kWeeks = 13;  // of a mini-batch of the series: a quarter
constexpr std::int64_t kWeeksOfAYear = 52;

struct Statistics {
  std::vector<double> mean, variance;
};

Statistics statistics_of(const nn::BatchNorm1d& norm) {
  return {norm.running_mean->values(), norm.running_var->values()};
}

// Root mean squares over channels of the differences, in deviations and variances of `right`.
std::pair<double, double> distance(const Statistics& running, const Statistics& right) {
  double mean = 0, variance = 0;
  const auto channels = static_cast<double>(right.mean.size());
  for (std::size_t k = 0; k < right.mean.size(); ++k) {
    mean += std::pow(running.mean[k] - right.mean[k], 2) / right.variance[k] / channels;
    variance += std::pow(running.variance[k] / right.variance[k] - 1, 2) / channels;
  }
  return {std::sqrt(mean), std::sqrt(variance)};
}

// A network whose batches are drawn with replacement; with a rate of 0 its weights stay, and theory
// knows the first norm. The lag is that of the first norm. What inference pays is the difference
// between its scores with the running statistics and with those of all training digits.
void network_lag(const NetworkOptions& options, double rate, int most, const Data& data,
                 ordered_json& line) {
  Network network(options);
  const Batch train = data.train.all(network.view());
  const Batch test = data.test.all(network.view());
  Batch batch;
  std::vector<std::int64_t> which;
  std::uint64_t state = options.seed;
  std::vector<int> steps;
  std::vector<double> mean_lag, variance_lag, loss, right_loss, accuracy, right_accuracy;
  for (int step = 0; step <= most; ++step) {
    if (step > 0) {
      draw(data.train.size(), kBatch, state, which);
      data.train.take(which, network.view(), batch);
      network.step(batch, rate);
    }
    if (std::find(kSteps.begin(), kSteps.end(), step) == kSteps.end()) continue;
    const Score running = network.evaluate(test);
    const nn::StateDict saved = network.layers().state_dict();
    const Statistics own = statistics_of(*network.batch_norms()[0]);
    network.take_statistics_of(train);
    const auto [mean, variance] = distance(own, statistics_of(*network.batch_norms()[0]));
    const Score right = network.evaluate(test);
    network.layers().load_state_dict(saved);
    steps.push_back(step);
    mean_lag.push_back(mean);
    variance_lag.push_back(variance);
    loss.push_back(running.loss);
    right_loss.push_back(right.loss);
    accuracy.push_back(running.accuracy);
    right_accuracy.push_back(right.accuracy);
  }
  line["steps"] = steps;
  line["mean_lag"] = rounded(mean_lag);
  line["variance_lag"] = rounded(variance_lag);
  if (rate == 0) return;
  line["loss"] = rounded(loss);
  line["right_loss"] = rounded(right_loss);
  line["accuracy"] = rounded(accuracy);
  line["right_accuracy"] = rounded(right_accuracy);
}

// Quarter after quarter of the series: first in evaluation, as inference meets data that no batch
// has had, then in training. The mean of the first year is taken away, so that the running mean
// begins where the series does.
void series_lag(Momentum momentum, const nn::On& on, const Data& data, ordered_json& line) {
  nn::BatchNorm1d norm(1, {.momentum = momentum}, on);
  nn::Array x({kWeeks, 1});
  std::vector<double> mean, running, output_mean;
  const auto count = static_cast<std::int64_t>(data.co2.size()) / kWeeks;
  const double first =
      std::accumulate(data.co2.begin(), data.co2.begin() + kWeeksOfAYear, 0.0) / kWeeksOfAYear;
  for (std::int64_t at = 0; at < count; ++at) {
    double sum = 0, output_sum = 0;
    for (std::int64_t week = 0; week < kWeeks; ++week) {
      const double value = data.co2[static_cast<std::size_t>(at * kWeeks + week)] - first;
      x.set(week, value);
      sum += value;
    }
    running.push_back(norm.running_mean->get(0));
    norm.eval();
    const nn::Array& y = norm.forward(x);
    for (std::int64_t week = 0; week < kWeeks; ++week) output_sum += y.get(week);
    norm.train();
    norm.forward(x);
    mean.push_back(sum / kWeeks);
    output_mean.push_back(output_sum / kWeeks);
  }
  line["mean"] = rounded(mean);
  line["running_mean"] = rounded(running);
  line["output_mean"] = rounded(output_mean);
}

ordered_json json(Momentum momentum) {
  return momentum ? ordered_json(*momentum) : ordered_json(nullptr);
}

}  // namespace

std::vector<Measurement> drift(const Settings& settings, const Data& data) {
  std::vector<Measurement> all;
  const int most = settings.tiny ? 5 : kSteps.back();
  const nn::On on{.backend = settings.backend};
  for (const Momentum momentum : kMomenta) {
    all.push_back({.keys = {{"kind", "series"}, {"momentum", json(momentum)}, {"weeks", kWeeks}},
                   .measure = [momentum, on, &data](ordered_json& line) {
                     series_lag(momentum, on, data, line);
                   }});
    for (const double rate : {0.0, kRate}) {
      for (int at = 0; at < settings.seeds; ++at) {
        const std::uint64_t seed = settings.seed + static_cast<std::uint64_t>(at);
        const NetworkOptions options = {.momentum = momentum, .seed = seed, .on = on};
        all.push_back({.keys = {{"kind", "network"},
                                {"momentum", json(momentum)},
                                {"rate", rate},
                                {"seed", seed},
                                {"batch", kBatch}},
                       .measure = [options, rate, most, &data](ordered_json& line) {
                         network_lag(options, rate, most, data, line);
                       }});
      }
    }
  }
  return all;
}

}  // namespace normbench::study
