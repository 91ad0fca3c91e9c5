// A third opinion on the oracle: relations that hold for batch norm whatever the numbers are.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "harness/check/inputs.h"
#include "harness/check/oracle.h"
#include "harness/check/random.h"
#include "harness/check/workspace.h"
#include "tests/faulty/honest.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;
using faulty::Element;

constexpr Accuracy kClaim{};
// Double precision over fewer than a thousand values, most of them about 1 in size.
constexpr double kRounding = 1e-11;

// A problem of some small shape, of one mini-batch or several.
Problem random_problem(Pass pass, std::uint64_t seed) {
  const auto number = [seed](std::uint64_t index, std::uint64_t below) {
    return static_cast<std::int64_t>(1 + random_bits(seed, index) % below);
  };
  const std::int64_t batch = 1 + number(0, 6);
  Problem problem = batch_norm(pass, batch * number(1, 3), number(2, 9), number(3, 8), batch);
  problem.layout = seed % 2 == 0 ? Layout::kNcl : Layout::kNlc;
  problem.eps = seed % 3 == 0 ? 0.25 : kDefaultEps;
  return problem;
}

// Calls visit(element), with the sample counted over the whole problem.
template <class Visit>
void for_each(const Problem& p, Visit visit) {
  for (std::int64_t i = 0; i < p.n; ++i) {
    for (std::int64_t k = 0; k < p.c; ++k) {
      for (std::int64_t j = 0; j < p.l; ++j) visit(Element{i, k, j});
    }
  }
}

std::size_t row_of(const Problem& p, const Element& element) {
  return static_cast<std::size_t>(element.i / p.batch * p.c + element.k);
}

float& value_at(const Problem& p, const Tensor& tensor, const Element& element) {
  return tensor.as<float>()[static_cast<std::size_t>(faulty::position(p, element))];
}

class Identity : public testing::TestWithParam<std::uint64_t> {
 protected:
  static Workspace filled(const Problem& problem, InputKind kind = InputKind::kRandom) {
    Workspace workspace(problem);
    fill(workspace, kind, GetParam());
    return workspace;
  }
  static Oracle oracle_of(const Workspace& workspace) {
    return {workspace.problem(), workspace.arguments(), false};
  }
};

TEST_P(Identity, MomentsOfYAreThoseOfGammaAndBeta) {
  const Problem p = random_problem(Pass::kForwardTraining, GetParam());
  const Workspace workspace = filled(p);
  const Oracle oracle = oracle_of(workspace);
  const auto count = static_cast<double>(p.values_per_channel());
  std::vector<double> sums(static_cast<std::size_t>(p.mini_batches() * p.c));
  std::vector<double> squares(sums.size());
  for_each(p, [&](const Element& element) {
    const auto [i, k, j] = element;
    const double beta = workspace.arguments().beta.as<float>()[static_cast<std::size_t>(k)];
    const double y = oracle.y(i, k, j, kClaim).value;
    sums[row_of(p, element)] += y;
    squares[row_of(p, element)] += (y - beta) * (y - beta);
  });
  for (std::size_t row = 0; row < sums.size(); ++row) {
    const std::size_t k = row % static_cast<std::size_t>(p.c);
    const double gamma = workspace.arguments().gamma.as<float>()[k];
    const double beta = workspace.arguments().beta.as<float>()[k];
    const double variance = oracle.variance(row, kClaim).value;
    EXPECT_NEAR(sums[row] / count, beta, kRounding) << id(p);
    EXPECT_NEAR(squares[row] / count, gamma * gamma * variance / (variance + p.eps), kRounding)
        << id(p);
  }
}

TEST_P(Identity, DxHasNoPartAlongOnesOrX) {
  const Problem p = random_problem(Pass::kBackward, GetParam());
  const Workspace workspace = filled(p);
  const Oracle oracle = oracle_of(workspace);
  std::vector<double> sums(static_cast<std::size_t>(p.mini_batches() * p.c));
  std::vector<double> along_xh(sums.size());
  std::vector<double> sizes(sums.size());
  for_each(p, [&](const Element& element) {
    const auto [i, k, j] = element;
    const std::size_t row = row_of(p, element);
    const double xh =
        (value_at(p, workspace.arguments().x, element) - oracle.mean(row, kClaim).value) *
        oracle.rstd(row, kClaim).value;
    const double dx = oracle.dx(i, k, j, kClaim).value;
    sums[row] += dx;
    along_xh[row] += dx * xh;
    sizes[row] += std::abs(dx) + std::abs(dx * xh) + 1;
  });
  for (std::size_t row = 0; row < sums.size(); ++row) {
    const double gamma =
        workspace.arguments().gamma.as<float>()[row % static_cast<std::size_t>(p.c)];
    const double rstd = oracle.rstd(row, kClaim).value;
    const double left = gamma * rstd * oracle.dgamma(row, kClaim).value * p.eps * rstd * rstd;
    EXPECT_NEAR(sums[row], 0, kRounding * sizes[row]) << id(p);
    EXPECT_NEAR(along_xh[row], left, kRounding * sizes[row]) << id(p);
  }
}

// y(4x + 8) with 16 eps is y(x) with eps; exact input can be scaled so without rounding.
TEST_P(Identity, ScalingAndShiftingXDoesNotShow) {
  const Problem p = random_problem(Pass::kForwardTraining, GetParam());
  Problem scaled = p;
  scaled.eps = 16 * p.eps;
  const Workspace before = filled(p, InputKind::kExact);
  const Workspace after = filled(scaled, InputKind::kExact);
  for (float& x : after.arguments().x.as<float>()) x = 4 * x + 8;
  const Oracle oracle = oracle_of(before);
  const Oracle oracle_of_scaled = oracle_of(after);
  for_each(p, [&](const Element& element) {
    const auto [i, k, j] = element;
    EXPECT_NEAR(oracle_of_scaled.y(i, k, j, kClaim).value, oracle.y(i, k, j, kClaim).value,
                kRounding)
        << id(p);
  });
}

// Fills `to` with the elements of `from` that `source` names, with channel 0 of `to` being channel
// `channel` of `from`, and expects that all results are those of `from` in the same places.
template <class Source>
void expect_same_after(const Workspace& from, const Workspace& to, std::int64_t channel,
                       Source source) {
  const auto copy = [&](Tensor Arguments::*member) {
    if (!(from.arguments().*member).present()) return;
    for_each(to.problem(), [&](const Element& element) {
      value_at(to.problem(), to.arguments().*member, element) =
          value_at(from.problem(), from.arguments().*member, source(element));
    });
  };
  copy(&Arguments::x);
  copy(&Arguments::dy);
  for (Tensor Arguments::*member : {&Arguments::gamma, &Arguments::beta}) {
    const auto values = (to.arguments().*member).as<float>();
    const auto source_values = (from.arguments().*member).as<float>();
    for (std::size_t k = 0; k < values.size(); ++k) {
      values[k] = source_values[k + static_cast<std::size_t>(channel)];
    }
  }
  const Oracle oracle(from.problem(), from.arguments(), false);
  const Oracle moved(to.problem(), to.arguments(), false);
  for_each(to.problem(), [&](const Element& element) {
    const auto [i, k, j] = element;
    const Element origin = source(element);
    const bool backward = to.problem().backward();
    const Expected got = backward ? moved.dx(i, k, j, kClaim) : moved.y(i, k, j, kClaim);
    const Expected expected = backward ? oracle.dx(origin.i, origin.k, origin.j, kClaim)
                                       : oracle.y(origin.i, origin.k, origin.j, kClaim);
    EXPECT_NEAR(got.value, expected.value, kRounding * std::max(1.0, std::abs(expected.value)))
        << id(to.problem());
    EXPECT_NEAR(got.bound, expected.bound, 1e-6 * expected.bound) << id(to.problem());
  });
}

constexpr std::array<Pass, 2> kTrainingPasses = {Pass::kForwardTraining, Pass::kBackward};

TEST_P(Identity, OrderOfSamplesAndPositionsDoesNotMatter) {
  for (const Pass pass : kTrainingPasses) {
    const Problem p = random_problem(pass, GetParam());
    expect_same_after(filled(p), filled(p), 0, [&p](Element element) {
      element.i = element.i / p.batch * p.batch + (p.batch - 1 - element.i % p.batch);
      element.j = (element.j + 1) % p.l;
      return element;
    });
  }
}

TEST_P(Identity, AChannelIsAProblemOfItsOwn) {
  for (const Pass pass : kTrainingPasses) {
    const Problem p = random_problem(pass, GetParam());
    Problem one = p;
    one.c = 1;
    for (std::int64_t k = 0; k < p.c; ++k) {
      expect_same_after(filled(p), filled(one), k, [k](Element element) {
        element.k = k;
        return element;
      });
    }
  }
}

TEST_P(Identity, AMiniBatchIsAProblemOfItsOwn) {
  for (const Pass pass : kTrainingPasses) {
    const Problem p = random_problem(pass, GetParam());
    Problem one = p;
    one.n = p.batch;
    for (std::int64_t batch = 0; batch < p.mini_batches(); ++batch) {
      expect_same_after(filled(p), filled(one), 0, [&](Element element) {
        element.i += batch * p.batch;
        return element;
      });
    }
  }
}

TEST_P(Identity, LayoutDoesNotMatter) {
  for (const Pass pass : kTrainingPasses) {
    const Problem p = random_problem(pass, GetParam());
    Problem other = p;
    other.layout = p.layout == Layout::kNcl ? Layout::kNlc : Layout::kNcl;
    expect_same_after(filled(p), filled(other), 0, [](Element element) { return element; });
  }
}

INSTANTIATE_TEST_SUITE_P(RandomShapes, Identity, testing::Range<std::uint64_t>(1, 21),
                         [](const auto& info) { return "seed_" + std::to_string(info.param); });

}  // namespace
}  // namespace normbench
