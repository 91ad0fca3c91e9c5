// What a model knows, by name: its parameters and buffers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/nn/array.h"

namespace normbench::nn {

// torch.nn.Module.state_dict(). Names are unique; a model's own come in the order of its modules.
struct StateDict {
  // That of torch.nn's batch norm: since 2 there is num_batches_tracked. A file of another program
  // has none, and is taken for an old one, as PyTorch does.
  static constexpr int kVersion = 2;

  std::vector<std::pair<std::string, Array>> entries = {};
  std::optional<int> version = {};

  // nullptr when there is no entry of this name.
  const Array* find(std::string_view name) const {
    for (const auto& [own, array] : entries) {
      if (own == name) return &array;
    }
    return nullptr;
  }
};

// The names that differ, as torch.nn.Module.load_state_dict() returns them.
struct LoadReport {
  std::vector<std::string> missing;     // in the state dict, which the model has
  std::vector<std::string> unexpected;  // in the state dict, which the model has not
};

}  // namespace normbench::nn
