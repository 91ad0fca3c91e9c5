// Numbers as Python writes them, since messages have PyTorch's words.
#pragma once

#include <string>

#include "harness/nn/array.h"

namespace normbench::nn {

// "0.0", "1e-05", "-1.0": repr() of a float.
std::string python_number(double value);

// "[2, 3]": a list.
std::string list_text(const Sizes& sizes);

// '"weight", "bias"'.
std::string quoted(const std::vector<std::string>& names);

}  // namespace normbench::nn
