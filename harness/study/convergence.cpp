// The same network with each norm, over learning rates and seeds; and on each backend.
#include <array>
#include <cmath>
#include <utility>

#include "harness/study/network.h"
#include "harness/study/study.h"

namespace normbench::study {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t kBatch = 64;
constexpr std::array kRates = {0.03, 0.1, 0.3, 1.0, 3.0, 10.0};
constexpr int kSteps = 300;
constexpr int kBlock = 10;  // steps whose losses are averaged

struct Training {
  NetworkOptions options;
  double rate;
  int steps;
};

// Losses of mini-batches, as means of blocks of steps, until the end or until one is no number; the
// scores in evaluation afterwards.
void train(const Training& training, const Data& data, ordered_json& line) {
  Network network(training.options);
  Shuffled order(data.train.size(), kBatch, training.options.seed);
  Batch batch;
  std::vector<double> curve;
  double sum = 0;
  for (int step = 1; step <= training.steps && std::isfinite(sum); ++step) {
    data.train.take(order.next(), network.view(), batch);
    sum += network.step(batch, training.rate) / kBlock;
    if (step % kBlock == 0 && std::isfinite(sum)) curve.push_back(std::exchange(sum, 0.0));
  }
  line["curve"] = rounded(curve);
  line["finite"] = std::isfinite(sum);
  const Score test = network.evaluate(data.test.all(network.view()));
  line["test_loss"] = rounded(test.loss);
  line["test_accuracy"] = rounded(test.accuracy);
}

}  // namespace

std::vector<Measurement> convergence(const Settings& settings, const Data& data) {
  std::vector<Measurement> all;
  const int steps = settings.tiny ? 2 * kBlock : kSteps;
  for (const View view : {View::kFeatures, View::kRows}) {
    for (const double rate : kRates) {
      if (settings.tiny && rate != 0.1 && rate != 10.0) continue;
      for (const char* norm : kNorms) {
        for (int at = 0; at < settings.seeds; ++at) {
          const std::uint64_t seed = settings.seed + static_cast<std::uint64_t>(at);
          const Training training = {.options = {.view = view,
                                                 .norm = norm,
                                                 .seed = seed,
                                                 .on = {.backend = settings.backend}},
                                     .rate = rate,
                                     .steps = steps};
          all.push_back(
              {.keys = {{"network", name(view)},
                        {"norm", norm},
                        {"rate", rate},
                        {"seed", seed},
                        {"batch", kBatch},
                        {"steps", steps},
                        {"block", kBlock}},
               .measure = [training, &data](ordered_json& line) { train(training, data, line); }});
        }
      }
    }
  }
  return all;
}

}  // namespace normbench::study
