// torch::nn, the oracle and every backend on the matrix of problems: shapes, passes, with and
// without affine, momenta, layouts and dtypes; inputs and threads vary inside of a test.
//
// BatchNorm1d(affine=True, bias=False), which newer versions have, is no problem of the harness:
// there gamma comes with beta. Neither is a slice with a step: its tensors are dense.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <vector>

#include "tests/conformance/agreement.h"

namespace normbench::conformance {
namespace {

struct Shape {
  std::int64_t n, c, l;
};

constexpr std::array<Shape, 12> kShapes = {{{2, 1, 1},
                                            {4, 10, 1},
                                            {7, 3, 1},
                                            {32, 128, 1},
                                            {257, 33, 1},
                                            {1, 1, 2},
                                            {1, 32, 30},
                                            {4, 5, 3},
                                            {9, 128, 1},
                                            {32, 27, 7},
                                            {5, 33, 27},
                                            {2, 251, 28}}};

// One of the divisors of c that is neither 1 nor c, if there is one.
std::int64_t groups_of(Norm norm, std::int64_t c) {
  if (norm != Norm::kGroup) return 1;
  for (std::int64_t groups = 2; groups < c; ++groups) {
    if (c % groups == 0) return groups;
  }
  return 1;
}

std::set<double> momenta(Norm norm, Pass pass) {
  if (norm == Norm::kBatch && pass == Pass::kForwardTraining) return {kDefaultMomentum, 0, 1};
  return {kDefaultMomentum};
}

void add_problems(Norm norm, Pass pass, DType dtype, Layout layout, std::vector<Spelled>& all) {
  for (const Shape& shape : kShapes) {
    for (const double momentum : momenta(norm, pass)) {
      for (const bool affine : {true, false}) {
        const Problem problem{.norm = norm,
                              .pass = pass,
                              .dtype = dtype,
                              .layout = layout,
                              .n = shape.n,
                              .c = shape.c,
                              .l = shape.l,
                              .batch = shape.n,
                              .groups = groups_of(norm, shape.c),
                              .momentum = momentum,
                              .affine = affine};
        // (9, 128, 1) is meant with its last dimension.
        const bool is_3d = shape.n == 9 || shape.l != 1;
        const Spelled spelled = is_3d ? Spelled(problem, {shape.l}) : Spelled(problem);
        if (!invalid(problem) && torch_supports(spelled)) all.push_back(spelled);
      }
    }
  }
}

std::vector<Spelled> matrix() {
  std::vector<Spelled> all;
  for (const Norm norm : kEveryNorm) {
    for (const Pass pass : kEveryPass) {
      for (const DType dtype : kEveryDType) {
        for (const Layout layout : kEveryLayout) add_problems(norm, pass, dtype, layout, all);
      }
    }
  }
  return all;
}

class Matrix : public testing::TestWithParam<Spelled> {};

TEST_P(Matrix, Agrees) { expect_conformance(GetParam()); }

INSTANTIATE_TEST_SUITE_P(, Matrix, testing::ValuesIn(matrix()),
                         [](const auto& info) { return test_name(info.param); });

}  // namespace
}  // namespace normbench::conformance
