// What the size of a mini-batch does to the statistics, and to a network that is trained on them.
#include <algorithm>
#include <array>
#include <cmath>

#include "harness/study/network.h"
#include "harness/study/study.h"

namespace normbench::study {
namespace {

using nlohmann::ordered_json;

constexpr std::array<std::int64_t, 8> kSizes = {2, 4, 8, 16, 32, 64, 128, 256};
constexpr int kEpochs = 8;
// The rate grows with the mini-batch, from one that all norms take (Goyal et al., 2017).
constexpr double kRatePerDigit = 0.1 / 32;

// Batches are drawn with replacement and normalized by the backend, with momentum 1: what it leaves
// as running statistics are those of the batch, the variance unbiased. Errors are root mean squares
// over draws and channels, in deviations and variances of the population.
void statistics(const NetworkOptions& options, std::int64_t size, int draws, const Data& data,
                ordered_json& line) {
  Network network(options);
  const Batch population = data.train.all(network.view());
  const nn::Array& all = network.layers()[0].forward(population.x);  // (N, C)
  const std::int64_t channels = all.sizes()[1];
  const auto n = static_cast<double>(all.sizes()[0]);
  struct Moments {
    double mean = 0, variance = 0, kurtosis = 0;
  };
  std::vector<Moments> moments(static_cast<std::size_t>(channels));
  const auto for_each = [&](auto visit) {
    for (std::int64_t at = 0; at < all.size(); ++at) {
      visit(moments[static_cast<std::size_t>(at % channels)], all.get(at));
    }
  };
  for_each([n](Moments& own, double x) { own.mean += x / n; });
  for_each([n](Moments& own, double x) { own.variance += std::pow(x - own.mean, 2) / n; });
  for_each([n](Moments& own, double x) {
    own.kurtosis += std::pow(x - own.mean, 4) / (n * own.variance * own.variance);
  });

  nn::BatchNorm1d norm(channels, {.momentum = 1.0}, options.on);
  nn::Array x({size, channels});
  std::vector<std::int64_t> which;
  std::uint64_t state = options.seed;
  double mean_error = 0, variance_error = 0, kurtosis = 0;
  const double count = static_cast<double>(channels) * draws;
  for (int at = 0; at < draws; ++at) {
    draw(data.train.size(), static_cast<std::size_t>(size), state, which);
    float* to = x.as<float>().data();
    for (const std::int64_t digit : which) {
      to = std::copy_n(all.as<float>().data() + digit * channels, channels, to);
    }
    norm.forward(x);
    for (std::int64_t k = 0; k < channels; ++k) {
      const Moments& own = moments[static_cast<std::size_t>(k)];
      mean_error += std::pow(norm.running_mean->get(k) - own.mean, 2) / own.variance / count;
      variance_error += std::pow(norm.running_var->get(k) / own.variance - 1, 2) / count;
    }
  }
  for (const Moments& own : moments) kurtosis += own.kurtosis / static_cast<double>(channels);
  line["draws"] = draws;
  line["mean_error"] = rounded(std::sqrt(mean_error));
  line["variance_error"] = rounded(std::sqrt(variance_error));
  line["kurtosis"] = rounded(kurtosis);
}

void train(const NetworkOptions& options, std::int64_t size, double rate, int epochs,
           const Data& data, ordered_json& line) {
  Network network(options);
  Shuffled order(data.train.size(), size, options.seed);
  Batch batch;
  const std::int64_t steps = data.train.size() / size * epochs;
  for (std::int64_t step = 0; step < steps; ++step) {
    data.train.take(order.next(), network.view(), batch);
    network.step(batch, rate);
  }
  const Score inference = network.evaluate(data.test.all(network.view()));
  const Score training = network.evaluate_by_batches(data.test, size);
  line["steps"] = steps;
  line["inference_loss"] = rounded(inference.loss);
  line["inference_accuracy"] = rounded(inference.accuracy);
  line["training_loss"] = rounded(training.loss);
  line["training_accuracy"] = rounded(training.accuracy);
}

}  // namespace

std::vector<Measurement> mini_batch(const Settings& settings, const Data& data) {
  std::vector<Measurement> all;
  const int draws = settings.tiny ? 20 : 500;
  const int epochs = settings.tiny ? 1 : kEpochs;
  for (const std::int64_t size : kSizes) {
    if (settings.tiny && size != 4 && size != 64) continue;
    for (int at = 0; at < settings.seeds; ++at) {
      const std::uint64_t seed = settings.seed + static_cast<std::uint64_t>(at);
      const NetworkOptions options = {.seed = seed, .on = {.backend = settings.backend}};
      all.push_back({.keys = {{"kind", "statistics"}, {"batch", size}, {"seed", seed}},
                     .measure = [options, size, draws, &data](ordered_json& line) {
                       statistics(options, size, draws, data, line);
                     }});
      for (const View view : {View::kFeatures, View::kRows}) {
        for (const char* norm : {"batch", "group", "none"}) {
          NetworkOptions own = options;
          own.view = view;
          own.norm = norm;
          const double rate = kRatePerDigit * static_cast<double>(size);
          all.push_back({.keys = {{"kind", "training"},
                                  {"network", name(view)},
                                  {"norm", norm},
                                  {"batch", size},
                                  {"seed", seed},
                                  {"rate", rounded(rate)},
                                  {"epochs", epochs}},
                         .measure = [own, size, rate, epochs, &data](ordered_json& line) {
                           train(own, size, rate, epochs, data, line);
                         }});
        }
      }
    }
  }
  return all;
}

}  // namespace normbench::study
