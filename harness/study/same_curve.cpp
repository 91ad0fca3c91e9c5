// One training on every backend, with each call of its norms held to the bounds of the check.
#include <utility>

#include "harness/study/network.h"
#include "harness/study/study.h"

namespace normbench::study {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t kBatch = 64;
constexpr double kRate = 0.1;
constexpr int kSteps = 100;

void train(const NetworkOptions& options, int steps, const Data& data, ordered_json& line) {
  Network network(options);
  Shuffled order(data.train.size(), kBatch, options.seed);
  Batch batch;
  std::vector<double> losses;
  for (int step = 0; step < steps; ++step) {
    data.train.take(order.next(), network.view(), batch);
    losses.push_back(network.step(batch, kRate));
  }
  line["losses"] = losses;
  line["worst"] = rounded(network.worst());
}

}  // namespace

std::vector<Measurement> same_curve(const Settings& settings, const Data& data) {
  std::vector<Measurement> all;
  const int steps = settings.tiny ? 3 : kSteps;
  for (const View view : {View::kFeatures, View::kRows}) {
    for (const std::string& backend : settings.backends) {
      const NetworkOptions options = {
          .view = view, .seed = settings.seed, .on = {.backend = backend}, .checked = true};
      all.push_back({.keys = {{"network", name(view)},
                              {"backend", backend},
                              {"seed", settings.seed},
                              {"rate", kRate},
                              {"batch", kBatch},
                              {"steps", steps}},
                     .measure = [options, steps, &data](ordered_json& line) {
                       train(options, steps, data, line);
                     }});
    }
  }
  return all;
}

}  // namespace normbench::study
