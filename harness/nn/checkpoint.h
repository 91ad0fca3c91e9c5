// State dicts in files: safetensors.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/nn/state_dict.h"

namespace normbench::nn {

// The format (github.com/huggingface/safetensors) is
//   8 bytes       the length of the header, a little-endian number
//   the header    JSON: {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [FIRST, END]}},
//                 with "__metadata__": {"KEY": "TEXT"} where there is any
//   the data      of all tensors in ncl order, without gaps, at these offsets from its start
// Types are F64, F32, F16, BF16 and I64. As the library does, larger types come first and names in
// order within a type, the header is filled up to a multiple of 8 bytes with spaces, and "format"
// is "pt". "normbench.version" has the version of the state dict.

// The most bytes that a header may have, as in the library.
inline constexpr std::size_t kMostHeader = 100'000'000;

// The same state gives the same bytes. Arrays in nlc are written as ncl. Throws
// std::invalid_argument where a name comes twice, is "__metadata__" or is not UTF-8.
std::vector<std::byte> to_safetensors(const StateDict& state);

// The entries in the order of the data. Throws std::runtime_error, with `where` before the reason,
// when the bytes are not such a file: nothing is allocated for what is not there.
StateDict from_safetensors(std::span<const std::byte> file, std::string_view where);

// The same in a file. The new one is written beside the old one and then takes its place, so that
// there is one that is whole at any moment. Throw std::runtime_error, also where a file cannot be
// read or written.
void save_checkpoint(const StateDict& state, const std::string& path);
StateDict load_checkpoint(const std::string& path);

}  // namespace normbench::nn
