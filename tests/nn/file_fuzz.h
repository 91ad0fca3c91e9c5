// What is asked of any bytes at all, and bytes that are nearly a file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include "harness/nn/batch_norm.h"
#include "harness/nn/checkpoint.h"

namespace normbench::nn {

using Bytes = std::vector<std::byte>;

// Whether these bytes are a file. They end in a state or in std::runtime_error, and in nothing
// else: any other exception, and a state that does not come back from what is written of it, abort.
inline bool survives(std::span<const std::byte> file) {
  StateDict state;
  try {
    state = from_safetensors(file, "it");
  } catch (const std::runtime_error&) {
    return false;
  } catch (...) {
    std::abort();
  }
  std::size_t bytes = 0;
  for (const auto& entry : state.entries) bytes += entry.second.bytes().size();
  if (bytes > file.size()) std::abort();
  const Bytes again = to_safetensors(state);
  if (to_safetensors(from_safetensors(again, "what was written")) != again) std::abort();
  BatchNorm1d module(3);
  try {
    module.load_state_dict(state, false);
  } catch (const std::runtime_error&) {
  }
  return true;
}

// `file` with some bytes changed, taken away, doubled, or digits replaced, as the seed has it.
inline Bytes changed(Bytes file, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&random](std::size_t end) {
    return static_cast<std::size_t>(random() % end);
  };
  for (std::size_t times = 1 + below(4); times > 0 && !file.empty(); --times) {
    const std::size_t at =
        below(2) == 0 ? below(file.size()) : below(std::min<std::size_t>(file.size(), 400));
    const auto place = file.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(6)) {
      case 0:
        *place = static_cast<std::byte>(below(256));
        break;
      case 1:
        *place ^= static_cast<std::byte>(1U << below(8));
        break;
      case 2:
        file.resize(at);
        break;
      case 3:
        file.erase(place);
        break;
      case 4:
        file.insert(place, *place);
        break;
      default:
        *place = static_cast<std::byte>("0123456789[]{},:\"-.e"[below(20)]);
    }
  }
  return file;
}

}  // namespace normbench::nn
