// Where in a tensor its wrong elements are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/problem.h"
#include "harness/core/tensor.h"

namespace normbench {

// The smallest part that has a name and holds all of these elements (in the order of memory, true
// where wrong), and hardly any other: "only in the last channel". Empty when there is none, or when
// all are wrong. `row` is what its rows are, of which `batch` make a mini-batch.
std::string where(const Tensor& tensor, const std::vector<bool>& wrong, std::int64_t batch,
                  std::string_view row);

}  // namespace normbench
