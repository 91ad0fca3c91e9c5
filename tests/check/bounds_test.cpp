// How sharp the check is: an error within the bound passes, and one of two bounds does not.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "harness/check/check.h"
#include "tests/faulty/honest.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;

// One output of one problem, and the expectation of its element at some place in memory.
struct Output {
  std::string name;
  Problem problem;
  Tensor Arguments::*tensor;
  Expected (*expected)(const Oracle&, const Problem&, std::int64_t at);
  bool zero_bound_when_exact = false;
};

std::ostream& operator<<(std::ostream& out, const Output& output) { return out << output.name; }

constexpr Accuracy kClaim{};

template <auto kMember>
Expected large(const Oracle& oracle, const Problem& p, std::int64_t at) {
  return (oracle.*kMember)(at / (p.c * p.l), at / p.l % p.c, at % p.l, kClaim);
}

template <auto kMember>
Expected small(const Oracle& oracle, const Problem&, std::int64_t at) {
  return (oracle.*kMember)(static_cast<std::size_t>(at), kClaim);
}

template <auto kMember>
Expected running(const Oracle& oracle, const Problem&, std::int64_t at) {
  return (oracle.*kMember)(static_cast<std::size_t>(at), kClaim, 1);
}

std::vector<Output> all_outputs() {
  const Problem training = batch_norm(Pass::kForwardTraining, 6, 3, 5, 2);
  const Problem inference = batch_norm(Pass::kForwardInference, 6, 3, 5);
  const Problem backward = batch_norm(Pass::kBackward, 6, 3, 5, 2);
  const Problem backward_inference = batch_norm(Pass::kBackwardInference, 6, 3, 5, 2);
  return {
      {"mean", training, &Arguments::mean, small<&Oracle::mean>, true},
      {"variance", training, &Arguments::variance, small<&Oracle::variance>, true},
      {"rstd", training, &Arguments::rstd, small<&Oracle::rstd>},
      {"running_mean", training, &Arguments::running_mean, running<&Oracle::running_mean>},
      {"running_var", training, &Arguments::running_var, running<&Oracle::running_var>},
      {"y", training, &Arguments::y, large<&Oracle::y>},
      {"y", inference, &Arguments::y, large<&Oracle::y>},
      {"dbeta", backward, &Arguments::dbeta, small<&Oracle::dbeta>},
      {"dgamma", backward, &Arguments::dgamma, small<&Oracle::dgamma>},
      {"dx", backward, &Arguments::dx, large<&Oracle::dx>},
      {"dbeta", backward_inference, &Arguments::dbeta, small<&Oracle::dbeta>},
      {"dgamma", backward_inference, &Arguments::dgamma, small<&Oracle::dgamma>},
      {"dx", backward_inference, &Arguments::dx, large<&Oracle::dx>},
  };
}

class Bound : public testing::TestWithParam<Output> {
 protected:
  // What the check says about an honest result with `value(expected)` put at `at`.
  template <class Value>
  Verdict verdict(InputKind kind, std::int64_t at, Value value) {
    const Output& output = GetParam();
    Workspace workspace(output.problem);
    fill(workspace, kind, 7);
    const Oracle oracle(output.problem, workspace.arguments(), kind == InputKind::kExact);
    faulty::normalize(output.problem, workspace.arguments(), {});
    const Tensor& tensor = workspace.arguments().*output.tensor;
    tensor.as<float>()[static_cast<std::size_t>(at)] =
        static_cast<float>(value(output.expected(oracle, output.problem, at)));
    return check_outputs(workspace, oracle, kClaim, 1);
  }
  std::int64_t last() const {
    Workspace workspace(GetParam().problem);
    return (workspace.arguments().*GetParam().tensor).size() - 1;
  }
};

constexpr std::array<InputKind, 3> kKinds = {InputKind::kExact, InputKind::kRandom,
                                             InputKind::kIllConditioned};

TEST_P(Bound, AcceptsHalfOfIt) {
  for (const InputKind kind : kKinds) {
    for (const double half : {-0.5, 0.5}) {
      const Verdict got = verdict(kind, last(), [half](const Expected& expected) {
        return expected.value + half * expected.bound;
      });
      EXPECT_TRUE(got.passed()) << name(kind) << " input: " << got.reason;
    }
  }
}

TEST_P(Bound, RejectsTwiceIt) {
  for (const InputKind kind : kKinds) {
    for (const double twice : {-2.0, 2.0}) {
      const Verdict got = verdict(kind, last(), [twice](const Expected& expected) {
        return expected.bound > 0 ? expected.value + twice * expected.bound
                                  : std::nextafter(static_cast<float>(expected.value),
                                                   static_cast<float>(twice) * 1e9F);
      });
      EXPECT_FALSE(got.passed()) << name(kind) << " input";
      EXPECT_EQ(got.output, GetParam().name) << name(kind) << " input";
      EXPECT_GT(got.error.bound, 1) << name(kind) << " input";
    }
  }
}

TEST_P(Bound, RejectsWhatIsNotANumber) {
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    for (const std::int64_t at : {std::int64_t{0}, last()}) {
      const Verdict got =
          verdict(InputKind::kRandom, at, [value](const Expected&) { return value; });
      EXPECT_FALSE(got.passed()) << value;
      EXPECT_EQ(got.output, GetParam().name) << value;
      EXPECT_TRUE(std::isinf(got.error.bound)) << got.error.bound;
    }
  }
}

// A bound is never 0 by accident, nor so wide that anything passes.
TEST_P(Bound, IsZeroOnlyForExactStatistics) {
  const Output& output = GetParam();
  for (const InputKind kind : kKinds) {
    Workspace workspace(output.problem);
    fill(workspace, kind, 7);
    const Oracle oracle(output.problem, workspace.arguments(), kind == InputKind::kExact);
    for (std::int64_t at = 0; at <= last(); ++at) {
      const Expected expected = output.expected(oracle, output.problem, at);
      const bool exact = kind == InputKind::kExact && output.zero_bound_when_exact;
      if (exact) {
        EXPECT_EQ(expected.bound, 0) << name(kind) << " input, at " << at;
      } else if (expected.value != 0) {
        EXPECT_GT(expected.bound, 0) << name(kind) << " input, at " << at;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, Bound, testing::ValuesIn(all_outputs()), [](const auto& info) {
  return info.param.name + "_of_" + std::string(name(info.param.problem.pass));
});

// The formulas on top of oracle.cpp, worked out for two values of one channel, in units of u.
class BoundByHand : public testing::TestWithParam<double> {
 protected:
  static constexpr double kU = 0x1p-24;
  // x = 0, 2: mean 1, mean |x| 1, variance 1, and with eps = 3 rstd 1/2, xh -1/2 and 1/2.
  static Problem two_values(Pass pass) {
    Problem problem = batch_norm(pass, 2, 1, 1);
    problem.eps = 3;
    return problem;
  }
  static void put(const Workspace& workspace) {
    const Arguments& a = workspace.arguments();
    const auto set = [](const Tensor& tensor, std::vector<float> values) {
      if (tensor.present()) std::copy(values.begin(), values.end(), tensor.as<float>().begin());
    };
    set(a.x, {0, 2});
    set(a.dy, {4, 8});
    set(a.gamma, {2});
    set(a.beta, {3});
    set(a.running_mean, {1});
    set(a.running_var, {1});
  }
  static void expect_bound(const Expected& got, double units) {
    EXPECT_NEAR(got.bound, units * kU, 1e-5 * units * kU);
  }
};

TEST_P(BoundByHand, OfTrainingIsAsDerived) {
  const double c = GetParam();
  const Accuracy claim{.roundings = c};
  const Workspace workspace(two_values(Pass::kForwardTraining));
  put(workspace);
  const Oracle oracle(workspace.problem(), workspace.arguments(), false);
  const double d = 1 + c;
  const double off_center = d / 2;
  const double variance = c + 3 + d * d * kU;
  expect_bound(oracle.mean(0, claim), 2 * d);
  expect_bound(oracle.variance(0, claim), 2 * variance);
  expect_bound(oracle.rstd(0, claim), 2 * 0.5 * (2 + variance / 4 / 2));
  // y = 2 and 4, |xh| = 1/2 and gamma = 2.
  const double centered = 2 * (off_center + (5 + c / 2 + off_center * off_center * kU / 2) / 2) + 1;
  expect_bound(oracle.y(0, 0, 0, claim), 2 * (centered + 2));
  expect_bound(oracle.y(1, 0, 0, claim), 2 * (centered + 4));
  // Folded, scale = 1: |x| + |mean| twice, and |y|.
  const Accuracy folded{.grade = Grade::kB, .roundings = c};
  expect_bound(oracle.y(1, 0, 0, folded), 2 * (centered + 4 + 2 * (2 + 1) + 4));
  // From 1, with momentum 0.1: 1 again, and from 1 with the unbiased variance 2.
  expect_bound(oracle.running_mean(0, claim, 1), 0.1 * 2 * d + 3 * (0.1 + 0.9) + 0.1);
  expect_bound(oracle.running_var(0, claim, 1),
               0.1 * (2 * variance * 2 + 2 * 2) + 3 * (0.1 * 2 + 0.9) + 0.1);
}

TEST_P(BoundByHand, OfUpdatingFormulasIsAsDerived) {
  const double c = GetParam();
  const Accuracy claim{.roundings = c, .exact_sums = false};
  const Workspace workspace(two_values(Pass::kForwardTraining));
  put(workspace);
  const Oracle oracle(workspace.problem(), workspace.arguments(), true);
  const double d = 1 + c;
  const double updating = c * std::sqrt(2.0);
  const double variance = c + 3 + d * d * kU + updating;
  expect_bound(oracle.mean(0, claim), 2 * d);
  expect_bound(oracle.variance(0, claim), 2 * variance);
  expect_bound(oracle.rstd(0, claim), 2 * 0.5 * (2 + variance / 4 / 2));
  const double relative = 5 + (c + d * d / 4 * kU + updating / 4) / 2;
  expect_bound(oracle.y(1, 0, 0, claim), 2 * (2 * (d / 2 + relative / 2) + 1 + 4));
}

TEST_P(BoundByHand, OfExactInputHasNoErrorOfStatistics) {
  const Accuracy claim{.roundings = GetParam()};
  const Workspace workspace(two_values(Pass::kForwardTraining));
  put(workspace);
  const Oracle oracle(workspace.problem(), workspace.arguments(), true);
  EXPECT_EQ(oracle.mean(0, claim).bound, 0);
  EXPECT_EQ(oracle.variance(0, claim).bound, 0);
  expect_bound(oracle.rstd(0, claim), 2 * 0.5 * 2);
  expect_bound(oracle.y(1, 0, 0, claim), 2 * (2 * 5 * 0.5 + 1 + 4));
  expect_bound(oracle.running_mean(0, claim, 1), 3 * (0.1 + 0.9) + 0.1);
  expect_bound(oracle.running_var(0, claim, 1), 0.1 * 2 * 2 + 3 * (0.1 * 2 + 0.9) + 0.1);
}

TEST_P(BoundByHand, OfInferenceHasNoErrorOfStatistics) {
  const Workspace workspace(two_values(Pass::kForwardInference));
  put(workspace);
  const Oracle oracle(workspace.problem(), workspace.arguments(), false);
  expect_bound(oracle.y(1, 0, 0, {.roundings = GetParam()}), 2 * (2 * 5 * 0.5 + 1 + 4));
}

TEST_P(BoundByHand, OfBackwardIsAsDerived) {
  const double c = GetParam();
  const Accuracy claim{.roundings = c};
  const Workspace workspace(two_values(Pass::kBackward));
  put(workspace);
  const Oracle oracle(workspace.problem(), workspace.arguments(), false);
  // sum |dy| = 12, sum |dy * xh| = 6, rstd * |mean| = 1/2, gamma * rstd = 1.
  expect_bound(oracle.dbeta(0, claim), (1 + c) * 12);
  expect_bound(oracle.dgamma(0, claim), (4 + c) * 6 + 4 * 0.5 * 12);
  const double sums = 6 + 0.5 * 3;
  expect_bound(oracle.dx(0, 0, 0, claim), 4 * (4 + sums + 0.5 * (3 + 0.5 * 6)) + c * sums);
  expect_bound(oracle.dx(1, 0, 0, claim), 4 * (8 + sums + 0.5 * (3 + 0.5 * 6)) + c * sums);
}

TEST_P(BoundByHand, OfFoldedBackwardIsAsDerived) {
  const double c = GetParam();
  const Accuracy claim{.roundings = c};
  const Accuracy folded{.grade = Grade::kB, .roundings = c};
  const Workspace workspace(two_values(Pass::kBackward));
  put(workspace);
  const Oracle oracle(workspace.problem(), workspace.arguments(), false);
  expect_bound(oracle.dbeta(0, folded), (1 + c) * 12);
  expect_bound(oracle.dgamma(0, folded), (4 + c) * 6 + (4 + 2 * c + 4) * 0.5 * 12);
  // mean |g| = 12 and mean |g * xh| = 6, with gamma = 2; rstd = 1/2 is a factor of all.
  const double off = (c + 4) * (2 * 0.5 * 12 + 6);
  const double more = 0.5 * (0.5 * off + 4 * (0.5 + 2 * 0.5) * (6 + off * kU));
  expect_bound(oracle.dx(0, 0, 0, folded), oracle.dx(0, 0, 0, claim).bound / kU + more);
}

TEST_P(BoundByHand, OfBackwardInInferenceIsAsDerived) {
  const double c = GetParam();
  const Accuracy claim{.roundings = c};
  const Workspace workspace(two_values(Pass::kBackwardInference));
  put(workspace);
  const Oracle oracle(workspace.problem(), workspace.arguments(), false);
  expect_bound(oracle.dbeta(0, claim), (1 + c) * 12);
  expect_bound(oracle.dgamma(0, claim), (4 + c) * 6 + 4 * 0.5 * 12);
  expect_bound(oracle.dx(0, 0, 0, claim), 4 * 4);
}

INSTANTIATE_TEST_SUITE_P(Roundings, BoundByHand, testing::Values(0.0, 1.0, 1e6),
                         [](const auto& info) {
                           return "c" + std::to_string(static_cast<int>(info.param));
                         });

}  // namespace
}  // namespace normbench
