// What it costs to read: a second read of data cannot take less.
#pragma once

#include <memory>
#include <vector>

#include "harness/core/backend.h"

namespace normbench {

// A kernel that sums up all bits of the tensors with `threads` threads.
std::unique_ptr<Kernel> make_read(std::vector<Tensor> tensors, int threads);

// The large tensors that a pass reads: x, and dy backward.
std::vector<Tensor> tensors_read(const Arguments& arguments);
// And the one that it writes: y, or dx backward.
std::vector<Tensor> tensors_written(const Arguments& arguments);

}  // namespace normbench
