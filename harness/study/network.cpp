// Layers of harness/nn, cross entropy, and gradient descent.
#include "harness/study/network.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "harness/nn/conv1d.h"
#include "harness/nn/instance_norm.h"
#include "harness/nn/linear.h"
#include "harness/nn/relu.h"
#include "harness/nn/sample_norms.h"

namespace normbench::study {
namespace {

// (N, C, L) as (N, C * L).
class Flatten : public nn::Module {
 public:
  std::string_view name() const override { return "Flatten"; }

 private:
  static const nn::Array& copy(const nn::Array& from, const nn::Sizes& sizes, nn::Array& to) {
    to.resize(sizes, from.type());
    std::copy_n(from.bytes().data(), from.bytes().size(), to.bytes().data());
    return to;
  }
  const nn::Array& run_forward(const nn::Array& x) override {
    return copy(x, {x.sizes()[0], x.sizes()[1] * x.sizes()[2]}, y_);
  }
  const nn::Array& run_backward(const nn::Array& x, const nn::Array& dy) override {
    return copy(dy, x.sizes(), dx_);
  }

  nn::Array y_, dx_;
};

// The score of these outputs and, where asked for, the gradient of the loss by them.
Score score(const nn::Array& outputs, std::span<const int> labels, nn::Array* gradient) {
  const auto classes = static_cast<std::size_t>(outputs.sizes()[1]);
  const std::span<const float> values = outputs.as<float>();
  const auto n = static_cast<double>(labels.size());
  std::vector<double> powers(classes);
  Score total{0, 0};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = values.subspan(i * classes, classes);
    const auto label = static_cast<std::size_t>(labels[i]);
    const auto best = std::max_element(row.begin(), row.end());
    double sum = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      powers[k] = std::exp(static_cast<double>(row[k]) - static_cast<double>(*best));
      sum += powers[k];
    }
    total.loss +=
        (std::log(sum) + static_cast<double>(*best) - static_cast<double>(row[label])) / n;
    total.accuracy += static_cast<std::size_t>(best - row.begin()) == label ? 1 / n : 0;
    if (gradient == nullptr) continue;
    const auto to = gradient->as<float>().subspan(i * classes, classes);
    for (std::size_t k = 0; k < classes; ++k) {
      to[k] = static_cast<float>((powers[k] / sum - (k == label ? 1 : 0)) / n);
    }
  }
  return total;
}

}  // namespace

std::string_view name(View view) { return view == View::kRows ? "conv" : "linear"; }

Network::Network(const NetworkOptions& options) : view_(options.view) {
  std::uint64_t seed = options.seed << 8;
  const int threads = options.on.threads;
  if (view_ == View::kFeatures) {
    constexpr std::int64_t kWidth = 32;
    for (const std::int64_t in : {kSide * kSide, kWidth, kWidth}) {
      layers_.add<nn::Linear>(in, kWidth, nn::LinearOptions{.seed = ++seed}, threads);
      add_norm(options, kWidth, 1);
      layers_.add<nn::ReLU>(threads);
    }
    layers_.add<nn::Linear>(kWidth, kClasses, nn::LinearOptions{.seed = ++seed}, threads);
    return;
  }
  constexpr std::int64_t kChannels = 16;
  for (const std::int64_t in : {kSide, kChannels}) {
    layers_.add<nn::Conv1d>(in, kChannels, 3, nn::Conv1dOptions{.padding = 1, .seed = ++seed},
                            threads);
    add_norm(options, kChannels, kSide);
    layers_.add<nn::ReLU>(threads);
  }
  layers_.add<Flatten>();
  layers_.add<nn::Linear>(kChannels * kSide, kClasses, nn::LinearOptions{.seed = ++seed}, threads);
}

void Network::add_norm(const NetworkOptions& options, std::int64_t channels,
                       std::int64_t positions) {
  const std::string& norm = options.norm;
  const nn::Sizes sample = positions == 1 ? nn::Sizes{channels} : nn::Sizes{channels, positions};
  if (norm == "batch" && options.checked) {
    checked_.push_back(&layers_.add<CheckedBatchNorm>(
        channels, nn::BatchNormOptions{.momentum = options.momentum}, options.on));
    batch_norms_.push_back(&checked_.back()->norm);
  } else if (norm == "batch") {
    batch_norms_.push_back(&layers_.add<nn::BatchNorm1d>(
        channels, nn::BatchNormOptions{.momentum = options.momentum}, options.on));
  } else if (norm == "layer") {
    layers_.add<nn::LayerNorm>(sample, nn::LayerNormOptions{}, options.on);
  } else if (norm == "instance") {
    if (positions == 1) throw std::invalid_argument("instance norm needs more than one position");
    layers_.add<nn::InstanceNorm1d>(channels, nn::InstanceNormOptions{.affine = true}, options.on);
  } else if (norm == "group") {
    layers_.add<nn::GroupNorm>(kGroups, channels, nn::GroupNormOptions{}, options.on);
  } else if (norm == "rms") {
    layers_.add<nn::RMSNorm>(sample, nn::RMSNormOptions{.eps = kDefaultEps}, options.on);
  }
}

double Network::step(const Batch& batch, double rate) {
  layers_.train();
  const nn::Array& outputs = layers_.forward(batch.x);
  gradient_.resize(outputs.sizes(), outputs.type());
  const double loss = score(outputs, batch.labels, &gradient_).loss;
  layers_.backward(gradient_);
  for (const nn::Slot& slot : layers_.parameters()) {
    const std::span<float> values = slot.value->as<float>();
    const std::span<const float> gradients = std::as_const(*slot.gradient).as<float>();
    for (std::size_t at = 0; at < values.size(); ++at) {
      values[at] -= static_cast<float>(rate) * gradients[at];
    }
  }
  return loss;
}

double Network::worst() const {
  double worst = 0;
  for (const CheckedBatchNorm* norm : checked_) worst = std::max(worst, norm->worst());
  return worst;
}

Score Network::evaluate(const Batch& batch) {
  layers_.eval();
  return score(layers_.forward(batch.x), batch.labels, nullptr);
}

Score Network::evaluate_by_batches(const Digits& digits, std::int64_t size) {
  for (nn::BatchNorm1d* norm : batch_norms_) norm->track_running_stats = false;
  layers_.train();
  std::vector<std::int64_t> which(static_cast<std::size_t>(size));
  Batch batch;
  Score total{0, 0};
  const std::int64_t count = digits.size() / size;
  // Every count-th digit, as neighbors are by one hand.
  for (std::int64_t first = 0; first < count; ++first) {
    for (std::size_t at = 0; at < which.size(); ++at) {
      which[at] = first + static_cast<std::int64_t>(at) * count;
    }
    digits.take(which, view_, batch);
    const Score own = score(layers_.forward(batch.x), batch.labels, nullptr);
    total.loss += own.loss / static_cast<double>(count);
    total.accuracy += own.accuracy / static_cast<double>(count);
  }
  for (nn::BatchNorm1d* norm : batch_norms_) norm->track_running_stats = true;
  return total;
}

void Network::take_statistics_of(const Batch& batch) {
  std::vector<std::optional<double>> momenta;
  for (nn::BatchNorm1d* norm : batch_norms_) {
    momenta.push_back(std::exchange(norm->momentum, 1.0));
  }
  layers_.train();
  layers_.forward(batch.x);
  for (std::size_t at = 0; at < momenta.size(); ++at) batch_norms_[at]->momentum = momenta[at];
}

Shuffled::Shuffled(std::int64_t digits, std::int64_t batch, std::uint64_t seed)
    : order_(static_cast<std::size_t>(digits)),
      batch_(static_cast<std::size_t>(batch)),
      at_(order_.size()),
      state_(seed) {
  std::iota(order_.begin(), order_.end(), 0);
}

std::span<const std::int64_t> Shuffled::next() {
  if (at_ + batch_ > order_.size()) {
    for (std::size_t left = order_.size(); left > 1; --left) {
      std::swap(order_[left - 1], order_[next_random(state_) % left]);
    }
    at_ = 0;
  }
  at_ += batch_;
  return std::span(order_).subspan(at_ - batch_, batch_);
}

std::uint64_t next_random(std::uint64_t& state) {
  std::uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void draw(std::int64_t digits, std::size_t count, std::uint64_t& state,
          std::vector<std::int64_t>& which) {
  which.resize(count);
  for (std::int64_t& digit : which) {
    digit = static_cast<std::int64_t>(next_random(state) % static_cast<std::uint64_t>(digits));
  }
}

}  // namespace normbench::study
