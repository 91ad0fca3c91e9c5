// Small problems for tests, and their names.
#pragma once

#include <cctype>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "harness/core/problem.h"

namespace normbench {

// GoogleTest prints problems with this; without it, their bytes.
inline void PrintTo(const Problem& problem, std::ostream* out) { *out << id(problem); }

namespace faulty {

// Batch norm in f32 and ncl, with the defaults of PyTorch; one mini-batch unless told.
inline Problem batch_norm(Pass pass, std::int64_t n, std::int64_t c, std::int64_t l,
                          std::int64_t batch = 0) {
  return {.pass = pass, .n = n, .c = c, .l = l, .batch = batch == 0 ? n : batch};
}

// `text` with everything that GoogleTest does not take in a name replaced: "onednn_blocked".
inline std::string test_name(std::string_view text) {
  std::string name(text);
  for (char& letter : name) {
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
  }
  return name;
}

// The id as a name, without the usual dtype and layout: "batch_backward_n33_c65_l7".
inline std::string test_name(const Problem& problem) {
  std::string text = id(problem);
  constexpr std::string_view kUsual = "/f32/ncl";
  const std::size_t at = text.find(kUsual);
  if (at != std::string::npos) text.erase(at, kUsual.size());
  return test_name(text);
}

}  // namespace faulty
}  // namespace normbench
