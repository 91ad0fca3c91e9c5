// A second opinion on the backward passes: differences of a forward pass written for this test.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "harness/check/inputs.h"
#include "harness/check/oracle.h"
#include "harness/check/workspace.h"
#include "tests/faulty/honest.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::small;
using Real = long double;

constexpr Accuracy kClaim{};

std::vector<Real> copy_of(const Tensor& tensor, std::int64_t size, Real otherwise) {
  std::vector<Real> values(static_cast<std::size_t>(size), otherwise);
  if (!tensor.present()) return values;
  for (std::size_t at = 0; at < values.size(); ++at) {
    values[at] = faulty::load(tensor, static_cast<std::ptrdiff_t>(at));
  }
  return values;
}

// The inputs of one problem, in the order of memory, free to be varied.
struct Inputs {
  Problem problem;
  std::int64_t parameters;
  std::vector<Real> x, dy, gamma, beta, running_mean, running_var;

  explicit Inputs(const Workspace& workspace) : problem(workspace.problem()) {
    const Arguments& a = workspace.arguments();
    const bool per_element = problem.norm == Norm::kLayer || problem.norm == Norm::kRms;
    parameters = problem.c * (per_element ? problem.l : 1);
    x = copy_of(a.x, problem.elements(), 0);
    dy = copy_of(a.dy, problem.elements(), 0);
    gamma = copy_of(a.gamma, parameters, 1);
    beta = copy_of({}, parameters, 0);
    running_mean = copy_of(a.running_mean, problem.c, 0);
    running_var = copy_of(a.running_var, problem.c, 1);
  }
};

std::size_t place_of(const Problem& p, std::int64_t i, std::int64_t k, std::int64_t j) {
  return static_cast<std::size_t>(faulty::position(p, {i, k, j}));
}

// What element (i, k, j) shares its statistic with.
std::pair<std::int64_t, std::int64_t> family_of(const Problem& p, std::int64_t i, std::int64_t k) {
  switch (p.norm) {
    case Norm::kLayer:
    case Norm::kRms:
      return {i, 0};
    case Norm::kInstance:
      return {i, k};
    case Norm::kGroup:
      return {i, k * p.groups / p.c};
    case Norm::kBatch:
    case Norm::kNone:
      break;
  }
  return {i / p.batch, k};
}

std::size_t parameter_of(const Problem& p, std::int64_t k, std::int64_t j) {
  if (p.norm != Norm::kLayer && p.norm != Norm::kRms) return static_cast<std::size_t>(k);
  return place_of(p, 0, k, j);
}

// Calls visit(i, k, j) for every element of mini-batch `batch`.
template <class Visit>
void for_each(const Problem& p, std::int64_t batch, Visit visit) {
  for (std::int64_t i = batch * p.batch; i < (batch + 1) * p.batch; ++i) {
    for (std::int64_t k = 0; k < p.c; ++k) {
      for (std::int64_t j = 0; j < p.l; ++j) visit(i, k, j);
    }
  }
}

// Sum of dy * y over mini-batch `batch`: what its dx, dgamma and dbeta are the derivatives of.
Real loss(const Inputs& inputs, std::int64_t batch) {
  struct Moments {
    Real count = 0, mean = 0, variance = 0;
  };
  const Problem& p = inputs.problem;
  std::map<std::pair<std::int64_t, std::int64_t>, Moments> all;
  for_each(p, batch, [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    Moments& moments = all[family_of(p, i, k)];
    moments.count += 1;
    if (p.norm != Norm::kRms) moments.mean += inputs.x[place_of(p, i, k, j)];
  });
  for (auto& [family, moments] : all) moments.mean /= moments.count;
  for_each(p, batch, [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    Moments& moments = all[family_of(p, i, k)];
    const Real deviation = inputs.x[place_of(p, i, k, j)] - moments.mean;
    moments.variance += deviation * deviation / moments.count;
  });
  Real sum = 0;
  for_each(p, batch, [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    Moments moments = all[family_of(p, i, k)];
    if (p.pass == Pass::kBackwardInference) {
      moments.mean = inputs.running_mean[static_cast<std::size_t>(k)];
      moments.variance = inputs.running_var[static_cast<std::size_t>(k)];
    }
    const std::size_t parameter = parameter_of(p, k, j);
    const std::size_t at = place_of(p, i, k, j);
    const Real xh =
        (inputs.x[at] - moments.mean) / std::sqrt(moments.variance + static_cast<Real>(p.eps));
    sum += inputs.dy[at] * (xh * inputs.gamma[parameter] + inputs.beta[parameter]);
  });
  return sum;
}

// Of fourth order: for deviations around 1 the step to the fourth power, and the rounding of the
// loss divided by the step, are far below 4e-11. Larger values bring as many times the rounding.
// Drawn values may have small deviations, of which a step is a smaller part.
Real step_for(InputKind kind) { return is_drawn(kind) ? 2e-6L : 1e-4L; }

double error_of_differences(const std::vector<Real>& x) {
  Real largest = 0;
  for (const Real value : x) largest = std::max(largest, std::abs(value));
  return 4e-11 + 1e-13 * static_cast<double>(largest);
}

template <class Loss>
double derivative(Real& value, Real step, Loss function) {
  const Real at = value;
  const auto moved = [&](int steps) {
    value = at + static_cast<Real>(steps) * step;
    return function();
  };
  const Real near = moved(1) - moved(-1);
  const Real far = moved(2) - moved(-2);
  value = at;
  return static_cast<double>((8 * near - far) / (12 * step));
}

class Gradients : public testing::TestWithParam<std::tuple<Problem, InputKind>> {};

TEST_P(Gradients, AreDerivativesOfTheForwardPass) {
  const auto& [problem, kind] = GetParam();
  const Problem& p = problem;
  for (const std::uint64_t seed : {1U, 2U}) {
    Workspace workspace(p);
    fill(workspace, kind, seed);
    // Of tiny variances the differences are those of large numbers.
    with_storage(workspace.arguments().running_var.dtype, [&]<class T>(T) {
      const auto all = workspace.arguments().running_var.as<T>();
      std::fill(all.begin(), all.end(), static_cast<T>(0.75));
    });
    const Oracle oracle(p, workspace.arguments(), kind == InputKind::kExact);
    Inputs inputs(workspace);
    // A hundredth of the bound: far less than anything that the check would have to notice. f64,
    // whose bounds are below the error of the differences, has no formula that is nearly right.
    const double error = error_of_differences(inputs.x);
    const auto expect_near = [error](const Expected& got, double expected,
                                     const std::string& what) {
      EXPECT_NEAR(got.value, expected, std::max(got.bound / 100, error)) << what;
    };
    for (std::int64_t batch = 0; batch < p.mini_batches(); ++batch) {
      const auto function = [&] { return loss(inputs, batch); };
      for (std::int64_t at = 0; at < inputs.parameters; ++at) {
        const auto row = static_cast<std::size_t>(batch * inputs.parameters + at);
        expect_near(
            oracle.dgamma(row, kClaim),
            derivative(inputs.gamma[static_cast<std::size_t>(at)], step_for(kind), function),
            "dgamma of row " + std::to_string(row));
        expect_near(oracle.dbeta(row, kClaim),
                    derivative(inputs.beta[static_cast<std::size_t>(at)], step_for(kind), function),
                    "dbeta of row " + std::to_string(row));
      }
      for_each(p, batch, [&](std::int64_t i, std::int64_t k, std::int64_t j) {
        const std::size_t at = place_of(p, i, k, j);
        expect_near(oracle.dx(i, k, j, kClaim), derivative(inputs.x[at], step_for(kind), function),
                    "dx at " + std::to_string(at));
      });
    }
  }
}

Problem shaped(Problem problem, std::int64_t n, std::int64_t c, std::int64_t l,
               std::int64_t batch) {
  problem.n = n;
  problem.c = c;
  problem.l = l;
  problem.batch = batch;
  return problem;
}

std::vector<Problem> problems() {
  std::vector<Problem> list;
  for (const Norm norm : kEveryNorm) {
    if (norm == Norm::kNone) continue;
    for (const DType dtype : {DType::kF32, DType::kF64}) {
      const Problem ncl = small(norm, Pass::kBackward, dtype);
      const Problem nlc = small(norm, Pass::kBackward, dtype, Layout::kNlc);
      Problem large_eps = shaped(nlc, 2, 3, 5, 2);
      large_eps.eps = 0.6;
      list.insert(list.end(), {shaped(ncl, 4, 6, 3, 2), shaped(nlc, 3, 9, 2, 3),
                               faulty::plain(shaped(ncl, 2, 3, 4, 2)), large_eps});
      if (norm != Norm::kInstance) list.push_back(shaped(ncl, 5, 12, 1, 5));
      if (norm != Norm::kBatch) continue;
      const Problem inference = small(norm, Pass::kBackwardInference, dtype);
      list.insert(list.end(), {shaped(ncl, 1, 3, 9, 1), shaped(inference, 5, 3, 2, 5),
                               shaped(inference, 6, 3, 4, 2)});
    }
  }
  return list;
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
