// The inverse of a normalization: x from y and the statistics.
#pragma once

#include <span>
#include <vector>

#include "harness/core/backend.h"
#include "harness/nn/array.h"

namespace normbench::nn {

// x as it can be known from y, and how far each element may be from what was normalized, in the
// order of memory. It is infinite where nothing is known: where gamma is 0 or y is not finite, and
// after a variance by moments.
struct Denormalized {
  Array x;
  std::vector<double> bound;
};

// x = mean + (y - beta) / (gamma * rstd), for any norm. `problem` is that of a forward pass by a
// backend of this accuracy, and reads y, gamma, beta, and what the pass left: mean and rstd in
// training; in inference it reads the running statistics. `x` gets the result and `bound` one
// number per element, derived in denormalize.cpp from the forward bounds of
// harness/check/oracle.cpp.
void denormalize(const Problem& problem, const Arguments& arguments, const Accuracy& accuracy,
                 const Tensor& x, std::span<double> bound);

}  // namespace normbench::nn
