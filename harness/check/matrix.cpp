// The product of all kinds of problems and some shapes.
#include "harness/check/matrix.h"

#include <array>
#include <set>

namespace normbench {
namespace {

struct Shape {
  std::int64_t n, c, l;
};

// The fewest values that a statistic may have, odd sizes around those of vectors and blocks, shapes
// on which oneDNN once failed its own tests, more channels than any block has, and so many
// statistics of two values that some of them have all roundings on one side.
constexpr std::array<Shape, 17> kShapes = {{{2, 1, 1},
                                            {3, 2, 9},
                                            {4, 10, 1},
                                            {7, 3, 1},
                                            {32, 128, 1},
                                            {257, 33, 1},
                                            {1, 1, 2},
                                            {1, 32, 30},
                                            {4, 5, 3},
                                            {4, 6, 65},
                                            {9, 128, 1},
                                            {32, 27, 7},
                                            {5, 33, 27},
                                            {2, 251, 28},
                                            {6, 24, 64},
                                            {3, 300, 5},
                                            {1024, 2, 1}}};

// One group, one for each channel, three channels to a group, and the largest groups but one.
std::set<std::int64_t> group_counts(Norm norm, std::int64_t c) {
  if (norm != Norm::kGroup) return {1};
  std::set<std::int64_t> counts = {1, c};
  if (c % 3 == 0) counts.insert(c / 3);
  for (std::int64_t groups = 2; groups < c; ++groups) {
    if (c % groups != 0) continue;
    counts.insert(groups);
    break;
  }
  return counts;
}

// The whole of n, and the largest mini-batch below that, which is the smallest where n is prime.
std::set<std::int64_t> batches(std::int64_t n) {
  for (std::int64_t parts = 2; parts <= n; ++parts) {
    if (n % parts == 0 && parts <= 32) return {n, n / parts};
  }
  return {n};
}

std::set<double> momenta(Norm norm, Pass pass) {
  if (norm == Norm::kBatch && pass == Pass::kForwardTraining) return {kDefaultMomentum, 0, 1};
  return {kDefaultMomentum};
}

// More than a million values per statistic.
Problem long_statistics(Norm norm, Pass pass) {
  constexpr std::int64_t kLength = 524'309;  // a prime number
  const bool over_samples = norm == Norm::kBatch;
  return {.norm = norm,
          .pass = pass,
          .n = over_samples ? 2 : 1,
          .c = over_samples || norm == Norm::kInstance ? 1 : 2,
          .l = norm == Norm::kInstance ? 2 * kLength : kLength,
          .batch = over_samples ? 2 : 1};
}

}  // namespace

std::vector<Problem> problem_matrix(Norm norm, Pass pass, DType dtype, Layout layout) {
  std::vector<Problem> all;
  for (const auto& [n, c, l] : kShapes) {
    for (const std::int64_t batch : batches(n)) {
      for (const std::int64_t groups : group_counts(norm, c)) {
        // Groups know nothing of mini-batches: one kind of them meets both.
        if (batch != n && groups != 1) continue;
        for (const double momentum : momenta(norm, pass)) {
          for (const bool affine : {true, false}) {
            const Problem problem{.norm = norm,
                                  .pass = pass,
                                  .dtype = dtype,
                                  .layout = layout,
                                  .n = n,
                                  .c = c,
                                  .l = l,
                                  .batch = batch,
                                  .groups = groups,
                                  .eps = affine ? kDefaultEps : 1e-3,
                                  .momentum = momentum,
                                  .affine = affine};
            if (!invalid(problem)) all.push_back(problem);
          }
        }
      }
    }
  }
  // Once for each norm and pass.
  if (dtype == DType::kF32 && layout == Layout::kNcl && norm != Norm::kNone) {
    const Problem problem = long_statistics(norm, pass);
    if (!invalid(problem)) all.push_back(problem);
  }
  return all;
}

std::vector<Problem> problem_matrix() {
  std::vector<Problem> all;
  for (const Norm norm : kEveryNorm) {
    for (const Pass pass : kEveryPass) {
      for (const DType dtype : kEveryDType) {
        for (const Layout layout : kEveryLayout) {
          const auto some = problem_matrix(norm, pass, dtype, layout);
          all.insert(all.end(), some.begin(), some.end());
        }
      }
    }
  }
  return all;
}

}  // namespace normbench
