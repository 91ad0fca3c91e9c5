// A layer, its norm and its ReLU, timed in the forms that a user can choose from.
#include <algorithm>
#include <functional>
#include <memory>
#include <random>

#include "harness/bench/stopwatch.h"
#include "harness/nn/conv1d.h"
#include "harness/nn/fold.h"
#include "harness/nn/linear.h"
#include "harness/nn/relu.h"
#include "harness/study/network.h"
#include "harness/study/study.h"

namespace normbench::study {
namespace {

using nlohmann::ordered_json;

constexpr int kRounds = 61;
constexpr double kSlotSeconds = 1e-3;  // that a sample fills

// After Linear: 256 samples, 256 features in and out. After Conv1d: 32 samples, 64 channels in and
// out, 128 positions, 3 taps.
struct Place {
  const char* after;
  nn::Sizes sizes;
};

struct Form {
  const char* pass;
  const char* name;
  std::unique_ptr<nn::Sequential> layers;
};

// The layer with each of what can stand behind it, and folded with it.
template <class Layer>
std::vector<Form> forms_of(const std::function<Layer()>& make, std::int64_t channels,
                           const nn::On& on) {
  const auto add = [](const char* pass, const char* name, Layer layer,
                      const std::function<void(nn::Sequential&)>& rest) {
    auto layers = std::make_unique<nn::Sequential>();
    layers->add<Layer>(std::move(layer));
    if (rest) rest(*layers);
    layers->train(std::string_view(pass) == "training");
    return Form{pass, name, std::move(layers)};
  };
  const auto relu = [&on](nn::Sequential& layers) { layers.add<nn::ReLU>(on.threads); };
  const auto norm_and_relu = [&](nn::Sequential& layers) {
    layers.add<nn::BatchNorm1d>(channels, nn::BatchNormOptions{}, on);
    relu(layers);
  };
  const nn::BatchNorm1d norm(channels, {}, on);
  const auto with_relu = [&make] {
    Layer layer = make();
    layer.relu = true;
    return layer;
  };
  std::vector<Form> forms;
  forms.push_back(add("training", "none", make(), relu));
  forms.push_back(add("training", "separate", make(), norm_and_relu));
  forms.push_back(add("inference", "none", with_relu(), nullptr));
  forms.push_back(add("inference", "separate", make(), norm_and_relu));
  forms.push_back(add("inference", "fused", make(), [&](nn::Sequential& layers) {
    layers.add<nn::ScaleShift>(norm, true, on.threads);
  }));
  forms.push_back(add("inference", "folded", nn::fold(make(), norm, true), nullptr));
  return forms;
}

std::vector<Form> forms_at(const Place& place, const nn::On& on) {
  const std::int64_t channels = place.sizes[1];
  if (place.sizes.size() == 2) {
    return forms_of<nn::Linear>(
        [&] { return nn::Linear(channels, channels, {.seed = 1}, on.threads); }, channels, on);
  }
  return forms_of<nn::Conv1d>(
      [&] { return nn::Conv1d(channels, channels, 3, {.padding = 1, .seed = 1}, on.threads); },
      channels, on);
}

// Once through it; in training also back, and one step of plain gradient descent.
void pass_through(nn::Sequential& layers, const nn::Array& x, const nn::Array& dy) {
  layers.forward(x);
  if (!layers.training()) return;
  layers.backward(dy);
  for (const nn::Slot& slot : layers.parameters()) {
    const std::span<float> values = slot.value->as<float>();
    const std::span<const float> gradients = std::as_const(*slot.gradient).as<float>();
    for (std::size_t at = 0; at < values.size(); ++at) values[at] -= 1e-6F * gradients[at];
  }
}

// All forms in each round, in an order that is new each time. The calls of a sample are as many as
// fill its slot, and at least one.
void time_forms(const Place& place, const nn::On& on, int rounds, ordered_json& line) {
  std::vector<Form> forms = forms_at(place, on);
  std::mt19937_64 random(1);
  nn::Array x(place.sizes), dy(place.sizes);
  for (nn::Array* array : {&x, &dy}) {
    for (float& value : array->as<float>()) {
      value = static_cast<float>(static_cast<double>(random() >> 11) * 0x1p-52 - 1);
    }
  }
  std::vector<int> calls;
  for (Form& form : forms) {
    pass_through(*form.layers, x, dy);
    const Stopwatch watch;
    pass_through(*form.layers, x, dy);
    calls.push_back(std::clamp(static_cast<int>(kSlotSeconds / watch.seconds()), 1, 1000));
  }
  std::vector<std::vector<double>> samples(forms.size());
  std::vector<std::size_t> order(forms.size());
  for (std::size_t at = 0; at < order.size(); ++at) order[at] = at;
  for (int round = 0; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t at : order) {
      const Stopwatch watch;
      for (int call = 0; call < calls[at]; ++call) pass_through(*forms[at].layers, x, dy);
      samples[at].push_back(rounded(1e9 * watch.seconds() / calls[at]));
    }
  }
  line["samples_ns"] = ordered_json::object();
  for (std::size_t at = 0; at < forms.size(); ++at) {
    line["samples_ns"][forms[at].pass][forms[at].name] = samples[at];
  }
}

}  // namespace

std::vector<Measurement> cost(const Settings& settings, const Data&) {
  std::vector<Measurement> all;
  const int rounds = settings.tiny ? 6 : kRounds;
  for (const Place& place : {Place{"Linear", {256, 256}}, Place{"Conv1d", {32, 64, 128}}}) {
    for (const std::string& backend : settings.backends) {
      const nn::On on{.backend = backend, .threads = settings.threads};
      all.push_back({.keys = {{"after", place.after},
                              {"sizes", place.sizes},
                              {"backend", backend},
                              {"threads", settings.threads},
                              {"rounds", rounds}},
                     .measure = [place, on, rounds](ordered_json& line) {
                       time_forms(place, on, rounds, line);
                     }});
    }
  }
  return all;
}

}  // namespace normbench::study
