// The small networks of the studies: what is trained, how, and how well it does.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/nn/batch_norm.h"
#include "harness/nn/sequential.h"
#include "harness/study/checked_norm.h"
#include "harness/study/data.h"

namespace normbench::study {

// "none", and the names of Norm.
inline constexpr std::array kNorms = {"none", "batch", "layer", "instance", "group", "rms"};

// `linear`: three times Linear with 32 outputs, norm, ReLU. `conv`: twice Conv1d with 16 channels
// over 3 positions, norm, ReLU. At the end a Linear to the ten classes.
struct NetworkOptions {
  View view = View::kFeatures;  // kFeatures: linear, kRows: conv
  std::string norm = "batch";
  std::optional<double> momentum = kDefaultMomentum;
  std::uint64_t seed = 1;
  nn::On on = {};
  bool checked = false;  // whether each call of a batch norm is held to its bounds
};

inline constexpr std::int64_t kGroups = 4;

std::string_view name(View view);  // "linear", "conv": the network that takes it

// On one batch: the mean cross entropy, and the share of right answers.
struct Score {
  double loss, accuracy;
};

class Network {
 public:
  // Throws what the layers throw: instance norm refuses a single position.
  explicit Network(const NetworkOptions& options);

  // One step of plain gradient descent; gives the loss before it.
  double step(const Batch& batch, double rate);
  // In evaluation, with the running statistics of a batch norm.
  Score evaluate(const Batch& batch);
  // With the statistics of each mini-batch of `size`, as in training; the running ones stay. What
  // is left over at the end is left out.
  Score evaluate_by_batches(const Digits& digits, std::int64_t size);
  // Makes the running statistics of all batch norms those of these digits together.
  void take_statistics_of(const Batch& batch);

  const std::vector<nn::BatchNorm1d*>& batch_norms() const { return batch_norms_; }
  nn::Sequential& layers() { return layers_; }
  // The largest error of a checked norm so far, in units of its bound.
  double worst() const;
  View view() const { return view_; }

 private:
  void add_norm(const NetworkOptions& options, std::int64_t channels, std::int64_t positions);

  View view_;
  nn::Sequential layers_;
  std::vector<nn::BatchNorm1d*> batch_norms_;
  std::vector<CheckedBatchNorm*> checked_;
  nn::Array gradient_;
};

// Digits in a random order, mini-batch after mini-batch, each epoch anew; what is left over at the
// end of one is left out.
class Shuffled {
 public:
  Shuffled(std::int64_t digits, std::int64_t batch, std::uint64_t seed);
  std::span<const std::int64_t> next();

 private:
  std::vector<std::int64_t> order_;
  std::size_t batch_, at_;
  std::uint64_t state_;
};

// The same numbers on every machine: splitmix64 (Steele, Lea and Flood, 2014).
std::uint64_t next_random(std::uint64_t& state);
// `count` of them with replacement, so that the theory of independent samples is exact.
void draw(std::int64_t digits, std::size_t count, std::uint64_t& state,
          std::vector<std::int64_t>& which);

}  // namespace normbench::study
