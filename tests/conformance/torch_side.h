// torch::nn as one more implementation of the problems of the harness.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/core/backend.h"

namespace normbench::conformance {

// A problem, and the shape in which torch sees its data.
struct Spelled {
  // (N, C) when there is one position, else (N, C, L).
  explicit Spelled(const Problem& of) : problem(of) {
    if (of.l != 1) positions = {of.l};
  }
  // (N, C, positions...): 4-D input, or (N, C, 1).
  Spelled(const Problem& of, std::vector<std::int64_t> sizes)
      : problem(of), positions(std::move(sizes)) {}

  Problem problem;
  std::vector<std::int64_t> positions;
  bool unbatched = false;  // (C, L): the one sample of instance norm without its dimension
  bool tracked = true;     // whether a BatchNorm has running statistics
};

// Whether libtorch 1.13 has CPU kernels that keep statistics and parameters in the types of the
// harness. Those that it lacks are named in the source.
bool torch_supports(const Spelled& spelled);

// Runs the module of torch::nn that stands for the norm, in the mode of the pass, on the inputs of
// `arguments`, and fills the outputs that torch has. Backward is by autograd, with dy.
void run_torch(const Spelled& spelled, const Arguments& arguments, int threads);

// Whether run_torch() fills or updates the buffer of this name: no operator returns the variance,
// and instance and RMS norm return no statistics at all.
bool torch_fills(const Spelled& spelled, std::string_view name);

// The accuracy of torch's algorithms for the pass, as read in the source of 1.13.
Accuracy torch_accuracy(const Spelled& spelled);

}  // namespace normbench::conformance
