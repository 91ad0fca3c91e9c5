// The bounds against their derivation on top of oracle.cpp, worked out by hand for two values.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/check/filled.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;

// In units of u.
class BoundByHand : public testing::TestWithParam<double> {
 protected:
  static constexpr double kU = 0x1p-24;
  // x = 0, 2: mean 1, mean |x| 1, variance 1, and with eps = 3 rstd 1/2, xh -1/2 and 1/2.
  static Problem two_values(Pass pass) {
    Problem problem = batch_norm(pass, 2, 1, 1);
    problem.eps = 3;
    return problem;
  }
  static void put_two_values(const Workspace& workspace) {
    const Arguments& a = workspace.arguments();
    put(a.x, {0, 2});
    put(a.dy, {4, 8});
    put(a.gamma, {2});
    put(a.beta, {3});
    put(a.running_mean, {1});
    put(a.running_var, {1});
  }
  static void expect_bound(const Expected& got, double units) {
    EXPECT_NEAR(got.bound, units * kU, 1e-5 * units * kU);
  }
};

TEST_P(BoundByHand, OfTrainingIsAsDerived) {
  const double c = GetParam();
  const Accuracy claim{.roundings = c};
  const Workspace workspace(two_values(Pass::kForwardTraining));
  put_two_values(workspace);
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
  put_two_values(workspace);
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

// Of rstd = 1/2, y = 4 and |xh| = 1/2, if the variance 1 is off by e, in units of u.
struct OffByMoments {
  explicit OffByMoments(double e)
      : growth(1 / std::sqrt(1 - 2 * e * 0x1p-24 / 4) - 1), rstd((1 + growth) / 2) {}
  double growth, rstd;

  double bound_of_rstd() const { return 0.5 * (2 * 2 * (1 + growth) + growth * 0x1p24); }
  double bound_of_y(double d) const {
    return 2 * (2 * (rstd * d + 0.5 * (5 + growth * (8 + 0x1p23))) + 1 + 4);
  }
};

TEST_P(BoundByHand, OfMomentsIsAsDerived) {
  const double c = GetParam();
  const Accuracy claim = Accuracy{.roundings = c}.by_moments();
  const Workspace workspace(two_values(Pass::kForwardTraining));
  put_two_values(workspace);
  const Oracle oracle(workspace.problem(), workspace.arguments(), false);
  const double d = 1 + c;
  const double e = (c + 3) * 2 + 2 * d + d * d * kU + 2;
  expect_bound(oracle.mean(0, claim), 2 * d);
  expect_bound(oracle.variance(0, claim), 2 * e);
  const OffByMoments off(e);
  expect_bound(oracle.rstd(0, claim), off.bound_of_rstd());
  expect_bound(oracle.y(1, 0, 0, claim), off.bound_of_y(d));
  expect_bound(oracle.y(1, 0, 0, claim.folded()),
               off.bound_of_y(d) + 2 * (2 * off.rstd * 2 * (2 + 1) + 4));
  expect_bound(oracle.running_var(0, claim, 1),
               0.1 * (2 * e * 2 + 2 * 2) + 3 * (0.1 * 2 + 0.9) + 0.1);
}

// By x - 0, which is x, with one rounding more.
TEST_P(BoundByHand, OfShiftedMomentsIsAsDerived) {
  const double c = GetParam();
  const Accuracy claim = Accuracy{.roundings = c}.by_shifted_moments();
  const Workspace workspace(two_values(Pass::kForwardTraining));
  put_two_values(workspace);
  const Oracle oracle(workspace.problem(), workspace.arguments(), false);
  const double d = 1 + (c + 1) * std::sqrt(2.0);
  const double e = (c + 5) * 2 + 2 * d + d * d * kU + 2;
  expect_bound(oracle.mean(0, claim), 2 * (d + 1));
  expect_bound(oracle.variance(0, claim), 2 * e);
  expect_bound(oracle.rstd(0, claim), OffByMoments(e).bound_of_rstd());
  expect_bound(oracle.y(1, 0, 0, claim), OffByMoments(e).bound_of_y(d + 1));
}

// The mean is exact, and so are its square and what the sum of squares is divided into.
TEST_P(BoundByHand, OfMomentsOfExactInputHasNoErrorOfTheMean) {
  const double c = GetParam();
  const Accuracy claim = Accuracy{.roundings = c}.by_moments();
  const Workspace workspace(two_values(Pass::kForwardTraining));
  put_two_values(workspace);
  const Oracle oracle(workspace.problem(), workspace.arguments(), true);
  EXPECT_EQ(oracle.mean(0, claim).bound, 0);
  expect_bound(oracle.variance(0, claim), 2 * (c + 4) * 2);
  expect_bound(oracle.y(1, 0, 0, claim), OffByMoments((c + 4) * 2).bound_of_y(0));
}

TEST_P(BoundByHand, OfShiftedMomentsOfConstantInputIsNone) {
  const Workspace workspace(two_values(Pass::kForwardTraining));
  put_two_values(workspace);
  put(workspace.arguments().x, {2, 2});
  const Oracle oracle(workspace.problem(), workspace.arguments(), false);
  const Accuracy claim = Accuracy{.roundings = GetParam()}.by_shifted_moments();
  EXPECT_LT(oracle.variance(0, claim).bound, 1e-40);
}

// Where e may be as large as variance + eps, here twice it, rstd and y may be anything.
TEST(BoundOfMoments, IsNoneWhereTheyCancel) {
  const Workspace workspace(batch_norm(Pass::kForwardTraining, 2, 1, 1));
  put(workspace.arguments().x, {4096, 4098});
  put(workspace.arguments().gamma, {0});
  put(workspace.arguments().beta, {3});
  const Oracle oracle(workspace.problem(), workspace.arguments(), false);
  const Accuracy deviations = Accuracy::sequential(2);
  EXPECT_FALSE(is_unjudged(oracle.rstd(0, deviations)));
  EXPECT_FALSE(is_unjudged(oracle.y(0, 0, 0, deviations)));
  const Accuracy moments = deviations.by_moments();
  EXPECT_TRUE(is_unjudged(oracle.rstd(0, moments)));
  EXPECT_TRUE(is_unjudged(oracle.y(0, 0, 0, moments)));
  EXPECT_LT(oracle.variance(0, moments).bound, 100);
  EXPECT_TRUE(is_unjudged(oracle.variance(0, moments.variance_from_rstd())));
  EXPECT_FALSE(is_unjudged(oracle.rstd(0, deviations.by_shifted_moments())));
}

TEST_P(BoundByHand, OfAVarianceFromRstdIsAsDerived) {
  const double c = GetParam();
  const Accuracy claim = Accuracy{.roundings = c}.variance_from_rstd();
  const Workspace workspace(two_values(Pass::kForwardTraining));
  put_two_values(workspace);
  const double e = c + 3 + (1 + c) * (1 + c) * kU;
  const Oracle oracle(workspace.problem(), workspace.arguments(), false);
  expect_bound(oracle.variance(0, claim), 2 * (e + 4 * (4 + e * kU) + 1));
  const Oracle exact(workspace.problem(), workspace.arguments(), true);
  expect_bound(exact.variance(0, claim), 2 * (4 * 4 + 1));
}

TEST_P(BoundByHand, OfExactInputHasNoErrorOfStatistics) {
  const Accuracy claim{.roundings = GetParam()};
  const Workspace workspace(two_values(Pass::kForwardTraining));
  put_two_values(workspace);
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
  put_two_values(workspace);
  const Oracle oracle(workspace.problem(), workspace.arguments(), false);
  expect_bound(oracle.y(1, 0, 0, {.roundings = GetParam()}), 2 * (2 * 5 * 0.5 + 1 + 4));
}

TEST_P(BoundByHand, OfBackwardIsAsDerived) {
  const double c = GetParam();
  const Accuracy claim{.roundings = c};
  const Workspace workspace(two_values(Pass::kBackward));
  put_two_values(workspace);
  const Oracle oracle(workspace.problem(), workspace.arguments(), false);
  // sum |dy| = 12, sum |dy * xh| = 6, rstd * |mean| = 1/2, gamma * rstd = 1.
  expect_bound(oracle.dbeta(0, claim), (1 + c) * 12);
  expect_bound(oracle.dgamma(0, claim), (4 + c) * 6 + 4 * 0.5 * 12);
  // In halves of g = 8 and 16, mean |g| = mean g = 12, mean |g * xh| = 6 and mean (g * xh) = 2.
  const double sums = (1 + c) * 6 + 6 * 6 + 0.5 * ((4 + c) * 3 + 10 * 1);
  const double mean_part = 0.5 * (3 + 0.5 * 6);
  expect_bound(oracle.dx(0, 0, 0, claim), 5 * 4 + sums + 4 * mean_part);
  expect_bound(oracle.dx(1, 0, 0, claim), 5 * 8 + sums + 4 * mean_part);
}

TEST_P(BoundByHand, OfFoldedBackwardIsAsDerived) {
  const double c = GetParam();
  const Accuracy folded{.grade = Grade::kB, .roundings = c};
  const Workspace workspace(two_values(Pass::kBackward));
  put_two_values(workspace);
  const Oracle oracle(workspace.problem(), workspace.arguments(), false);
  expect_bound(oracle.dbeta(0, folded), (1 + c) * 12);
  expect_bound(oracle.dgamma(0, folded), (4 + c) * 6 + (4 + 2 * c + 4) * 0.5 * 12);
  // mean |g| = 12 and mean |g * xh| = 6, with gamma = 2; rstd = 1/2 is a factor of all.
  const double off = (c + 4) * (2 * 0.5 * 12 + 6);
  const double more = 0.5 * (0.5 * off + 4 * (0.5 + 2 * 0.5) * (6 + off * kU));
  // As centered: g = 8, mean g = 12, |xh| = 1/2, mean (g * xh) = 2, rstd * |mean| = 1/2.
  const double means = (1 + c) * 12 + 6 * 12 + 0.5 * ((4 + c) * 6 + 10 * 2);
  const double centered = 0.5 * (5 * 8 + means + 4 * 0.5 * (6 + 0.5 * 12));
  expect_bound(oracle.dx(0, 0, 0, folded), centered + more);
}

TEST_P(BoundByHand, OfBackwardInInferenceIsAsDerived) {
  const double c = GetParam();
  const Accuracy claim{.roundings = c};
  const Workspace workspace(two_values(Pass::kBackwardInference));
  put_two_values(workspace);
  const Oracle oracle(workspace.problem(), workspace.arguments(), false);
  expect_bound(oracle.dbeta(0, claim), (1 + c) * 12);
  expect_bound(oracle.dgamma(0, claim), (4 + c) * 6 + 4 * 0.5 * 12);
  expect_bound(oracle.dx(0, 0, 0, claim), 4 * 4);
}

// Layer norm of the same two values, as channels of one sample: another gamma for each.
TEST_P(BoundByHand, OfLayerNormTakesTheGammaOfTheElement) {
  const double c = GetParam();
  const Accuracy claim{.roundings = c};
  Problem problem{.norm = Norm::kLayer, .n = 1, .c = 2, .l = 1, .eps = 3};
  const Workspace forward(problem);
  put(forward.arguments().x, {0, 2});
  put(forward.arguments().gamma, {2, 4});
  put(forward.arguments().beta, {3, 1});
  const Oracle oracle = oracle_of(forward);
  const double d = 1 + c;
  expect_bound(oracle.mean(0, claim), 2 * d);
  const double off_center = d / 2;
  const double per_gamma = off_center + (5 + c / 2 + off_center * off_center * kU / 2) / 2 + 0.5;
  expect_bound(oracle.y(0, 0, 0, claim), 2 * (2 * per_gamma + 2));
  expect_bound(oracle.y(0, 1, 0, claim), 2 * (4 * per_gamma + 3));

  problem.pass = Pass::kBackward;
  const Workspace workspace(problem);
  put(workspace.arguments().x, {0, 2});
  put(workspace.arguments().dy, {4, 8});
  put(workspace.arguments().gamma, {2, 4});
  const Oracle backward = oracle_of(workspace);
  expect_bound(backward.dbeta(1, claim), (1 + c) * 8);
  expect_bound(backward.dgamma(1, claim), (4 + c) * 4 + 4 * 0.5 * 8);
  // g = 8 and 32: mean |g| = mean g = 20, mean |g * xh| = 10 and mean (g * xh) = 6.
  const double sums = (1 + c) * 20 + 6 * 20 + 0.5 * ((4 + c) * 10 + 10 * 6);
  const double mean_part = 0.5 * (10 + 0.5 * 20);
  expect_bound(backward.dx(0, 1, 0, claim), 0.5 * (5 * 32 + sums + 4 * mean_part));
}

// 0 and 2 have a mean square of 2: with eps = 2, rstd = 1/2 and xh = 0 and 1.
TEST_P(BoundByHand, OfRmsNormHasNoTermsOfAMean) {
  const double c = GetParam();
  const Accuracy claim{.roundings = c};
  Problem problem{.norm = Norm::kRms, .n = 1, .c = 2, .l = 1, .eps = 2};
  const Workspace forward(problem);
  put(forward.arguments().x, {0, 2});
  put(forward.arguments().gamma, {2, 4});
  const Oracle oracle = oracle_of(forward);
  expect_bound(oracle.variance(0, claim), 2 * 2 * (c + 3));
  expect_bound(oracle.rstd(0, claim), 2 * 0.5 * (2 + 2 * (c + 3) / 4 / 2));
  expect_bound(oracle.y(0, 1, 0, claim), 2 * (4 * (5 + c / 2) + 4 + 4));

  problem.pass = Pass::kBackward;
  const Workspace workspace(problem);
  put(workspace.arguments().x, {0, 2});
  put(workspace.arguments().dy, {4, 8});
  put(workspace.arguments().gamma, {2, 4});
  const Oracle backward = oracle_of(workspace);
  expect_bound(backward.dgamma(1, claim), (4 + c) * 8);
  // g = 8 and 32: mean |g * xh| = mean (g * xh) = 16.
  expect_bound(backward.dx(0, 1, 0, claim), 0.5 * (4 * 32 + (3 + c) * 16 + 9 * 16));
}

// One rounding more where y and dx are stored in 16 bits, and half of the smallest number.
TEST(BoundOfStorage, IsARoundingOfTheType) {
  struct Type {
    DType dtype;
    double rounding, lost_near_zero;
  };
  for (const Type& type :
       {Type{DType::kBf16, 0x1p-8, 0x1p-126}, Type{DType::kF16, 0x1p-11, 0x1p-25}}) {
    for (const Norm norm : kEveryNorm) {
      if (norm == Norm::kNone) continue;
      for (const Pass pass : {Pass::kForwardTraining, Pass::kBackward}) {
        Problem problem = faulty::small(norm, pass, type.dtype);
        const Workspace narrow = filled(problem, InputKind::kRandom, 3);
        problem.dtype = DType::kF32;
        const Workspace wide = filled(problem, InputKind::kRandom, 3);
        for (Tensor Arguments::*member : {&Arguments::x, &Arguments::dy}) {
          put(wide.arguments().*member, all_of(narrow.arguments().*member));
        }
        const Oracle oracle = oracle_of(narrow);
        const Oracle oracle_of_wide = oracle_of(wide);
        for_each_of(problem, [&](faulty::Element e) {
          const auto [i, k, j] = e;
          const auto at = [&, i = i, k = k, j = j](const Oracle& of) {
            return pass == Pass::kBackward ? of.dx(i, k, j, {}) : of.y(i, k, j, {});
          };
          const Expected got = at(oracle);
          EXPECT_EQ(got.value, at(oracle_of_wide).value);
          EXPECT_NEAR(got.bound,
                      at(oracle_of_wide).bound + type.rounding * std::abs(got.value) +
                          2 * type.lost_near_zero,
                      1e-9 * got.bound + 0x1p-140);
        });
        // Statistics and gradients are not stored in 16 bits.
        if (pass == Pass::kBackward) {
          EXPECT_EQ(oracle.dgamma(4, {}).bound, oracle_of_wide.dgamma(4, {}).bound);
        } else {
          EXPECT_EQ(oracle.rstd(4, {}).bound, oracle_of_wide.rstd(4, {}).bound);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Roundings, BoundByHand, testing::Values(0.0, 1.0, 1e6),
                         [](const auto& info) {
                           return "c" + std::to_string(static_cast<int>(info.param));
                         });

}  // namespace
}  // namespace normbench
