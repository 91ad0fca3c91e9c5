// A second opinion on the backward passes: differences of a forward pass written for this test.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "harness/check/inputs.h"
#include "harness/check/oracle.h"
#include "harness/check/workspace.h"
#include "tests/faulty/honest.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;
using Real = long double;

constexpr Accuracy kClaim{};

std::vector<Real> copy_of(const Tensor& tensor, std::size_t size, Real otherwise) {
  const auto values = tensor.as<float>();
  return values.empty() ? std::vector<Real>(size, otherwise)
                        : std::vector<Real>(values.begin(), values.end());
}

// The inputs of one problem in f32 and ncl, free to be varied.
struct Inputs {
  Problem problem;
  std::vector<Real> x, dy, gamma, beta, running_mean, running_var;

  explicit Inputs(const Workspace& workspace) : problem(workspace.problem()) {
    const Arguments& a = workspace.arguments();
    const auto c = static_cast<std::size_t>(problem.c);
    x = copy_of(a.x, 0, 0);
    dy = copy_of(a.dy, 0, 0);
    gamma = copy_of(a.gamma, c, 1);
    beta = std::vector<Real>(c, 0);
    running_mean = copy_of(a.running_mean, c, 0);
    running_var = copy_of(a.running_var, c, 1);
  }
};

// Sum of dy * y over mini-batch `batch` and channel `k`: what dx, dgamma and dbeta are the
// derivatives of, as no other mini-batch or channel depends on the same values.
Real loss(const Inputs& inputs, std::int64_t batch, std::int64_t k) {
  const Problem& p = inputs.problem;
  std::vector<std::size_t> places;
  for (std::int64_t i = batch * p.batch; i < (batch + 1) * p.batch; ++i) {
    for (std::int64_t j = 0; j < p.l; ++j) {
      places.push_back(static_cast<std::size_t>((i * p.c + k) * p.l + j));
    }
  }
  const auto channel = static_cast<std::size_t>(k);
  Real mean = inputs.running_mean[channel];
  Real variance = inputs.running_var[channel];
  if (p.pass == Pass::kBackward) {
    const auto count = static_cast<Real>(places.size());
    mean = 0;
    for (const std::size_t at : places) mean += inputs.x[at] / count;
    variance = 0;
    for (const std::size_t at : places) {
      variance += (inputs.x[at] - mean) * (inputs.x[at] - mean) / count;
    }
  }
  const Real rstd = 1 / std::sqrt(variance + static_cast<Real>(p.eps));
  Real sum = 0;
  for (const std::size_t at : places) {
    const Real y = (inputs.x[at] - mean) * rstd * inputs.gamma[channel] + inputs.beta[channel];
    sum += inputs.dy[at] * y;
  }
  return sum;
}

// Central difference in `value`. Its own error is of the order of 1e-10 for values around 1.
template <class Loss>
double derivative(Real& value, Loss function) {
  constexpr Real kStep = 1e-5L;
  const Real at = value;
  value = at + kStep;
  const Real above = function();
  value = at - kStep;
  const Real below = function();
  value = at;
  return static_cast<double>((above - below) / (2 * kStep));
}

void expect_near(const Expected& got, double expected, const std::string& what) {
  // A hundredth of the bound: far less than anything that the check would have to notice.
  EXPECT_NEAR(got.value, expected, got.bound / 100) << what;
}

class Gradients : public testing::TestWithParam<std::tuple<Problem, InputKind>> {};

TEST_P(Gradients, AreDerivativesOfTheForwardPass) {
  const auto& [p, kind] = GetParam();
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Workspace workspace(p);
    fill(workspace, kind, seed);
    const Oracle oracle(p, workspace.arguments(), kind == InputKind::kExact);
    Inputs inputs(workspace);
    for (std::int64_t batch = 0; batch < p.mini_batches(); ++batch) {
      for (std::int64_t k = 0; k < p.c; ++k) {
        const auto channel = static_cast<std::size_t>(k);
        const auto row = static_cast<std::size_t>(batch * p.c + k);
        const auto function = [&] { return loss(inputs, batch, k); };
        expect_near(oracle.dgamma(row, kClaim), derivative(inputs.gamma[channel], function),
                    "dgamma of row " + std::to_string(row));
        expect_near(oracle.dbeta(row, kClaim), derivative(inputs.beta[channel], function),
                    "dbeta of row " + std::to_string(row));
        for (std::int64_t i = batch * p.batch; i < (batch + 1) * p.batch; ++i) {
          for (std::int64_t j = 0; j < p.l; ++j) {
            const auto at = static_cast<std::size_t>(faulty::position(p, {i, k, j}));
            expect_near(oracle.dx(i, k, j, kClaim), derivative(inputs.x[at], function),
                        "dx at " + std::to_string(at));
          }
        }
      }
    }
  }
}

std::vector<Problem> problems() {
  Problem plain = batch_norm(Pass::kBackward, 6, 3, 4);
  plain.affine = false;
  Problem large_eps = batch_norm(Pass::kBackward, 5, 2, 3);
  large_eps.eps = 0.6;
  return {batch_norm(Pass::kBackward, 12, 4, 1),
          batch_norm(Pass::kBackward, 1, 3, 9),
          batch_norm(Pass::kBackward, 4, 5, 6),
          batch_norm(Pass::kBackward, 12, 3, 2, 4),
          plain,
          large_eps,
          batch_norm(Pass::kBackwardInference, 5, 3, 2),
          batch_norm(Pass::kBackwardInference, 6, 3, 4, 2)};
}

INSTANTIATE_TEST_SUITE_P(, Gradients,
                         testing::Combine(testing::ValuesIn(problems()),
                                          testing::Values(InputKind::kRandom,
                                                          InputKind::kIllConditioned)),
                         [](const auto& info) {
                           return faulty::test_name(std::get<0>(info.param)) + "_" +
                                  std::string(name(std::get<1>(info.param)));
                         });

}  // namespace
}  // namespace normbench
