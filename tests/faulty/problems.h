// Small problems for tests, and their names.
#pragma once

#include <cctype>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

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

// 6 samples of 9 channels, in 3 groups if there are groups, at 7 positions.
inline Problem small(Norm norm, Pass pass, DType dtype = DType::kF32,
                     Layout layout = Layout::kNcl) {
  return {.norm = norm,
          .pass = pass,
          .dtype = dtype,
          .layout = layout,
          .n = 6,
          .c = 9,
          .l = 7,
          .batch = 6,
          .groups = norm == Norm::kGroup ? 3 : 1};
}

inline Problem plain(Problem problem) {
  problem.affine = false;
  return problem;
}

inline Problem in_batches_of(std::int64_t batch, Problem problem) {
  problem.batch = batch;
  return problem;
}

// Of every norm and pass that there is, in every dtype and layout.
inline std::vector<Problem> all_small_problems() {
  std::vector<Problem> problems;
  for (const Norm norm : kEveryNorm) {
    for (const Pass pass : kEveryPass) {
      for (const DType dtype : kEveryDType) {
        for (const Layout layout : kEveryLayout) {
          const Problem problem = small(norm, pass, dtype, layout);
          if (!invalid(problem)) problems.push_back(problem);
        }
      }
    }
  }
  return problems;
}

// Calls visit(i, k, j) for every element of all samples.
template <class Visit>
void for_each_place(const Problem& p, Visit visit) {
  for (std::int64_t i = 0; i < p.n; ++i) {
    for (std::int64_t k = 0; k < p.c; ++k) {
      for (std::int64_t j = 0; j < p.l; ++j) visit(i, k, j);
    }
  }
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
