// Which problems are refused, in which words; and what a problem costs.
#include "harness/core/problem.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <ostream>
#include <string>

#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;

const Problem kValid = batch_norm(Pass::kForwardTraining, 12, 6, 5, 4);

// A valid problem with one field changed, and what is said about it; nothing when it stays valid.
struct Change {
  std::string name;
  void (*apply)(Problem&);
  std::string words;
};

std::ostream& operator<<(std::ostream& out, const Change& change) { return out << change.name; }

class Invalid : public testing::TestWithParam<Change> {};

TEST_P(Invalid, SaysWhatToChange) {
  Problem problem = kValid;
  ASSERT_EQ(invalid(problem), std::nullopt);
  GetParam().apply(problem);
  EXPECT_EQ(invalid(problem).value_or(""), GetParam().words) << id(problem);
}

const auto kName = [](const auto& info) { return info.param.name; };
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

INSTANTIATE_TEST_SUITE_P(
    Size, Invalid,
    testing::Values(
        Change{"no_samples", [](Problem& p) { p.n = 0; }, "N must be at least 1, but got 0"},
        Change{"no_channels", [](Problem& p) { p.c = 0; }, "C must be at least 1, but got 0"},
        Change{"negative_positions", [](Problem& p) { p.l = -3; },
               "L must be at least 1, but got -3"},
        Change{"too_many_elements", [](Problem& p) { p.c = std::int64_t{1} << 60; },
               "N*C*L is too large to address: make N, C or L smaller"},
        Change{"product_overflows",
               [](Problem& p) { p.n = p.batch = p.c = p.l = std::int64_t{1} << 21; },
               "N*C*L is too large to address: make N, C or L smaller"},
        Change{"large_but_addressable",
               [](Problem& p) { p.n = p.batch = p.c = p.l = std::int64_t{1} << 18; }, ""}),
    kName);

INSTANTIATE_TEST_SUITE_P(Batch, Invalid,
                         testing::Values(Change{"none", [](Problem& p) { p.batch = 0; },
                                                "batch must be at least 1, but got 0"},
                                         Change{"not_a_divisor", [](Problem& p) { p.batch = 5; },
                                                "batch must divide N: 5 does not divide 12"},
                                         Change{"larger_than_n", [](Problem& p) { p.batch = 24; },
                                                "batch must divide N: 24 does not divide 12"},
                                         Change{"of_one_sample", [](Problem& p) { p.batch = 1; },
                                                ""}),
                         kName);

INSTANTIATE_TEST_SUITE_P(
    Groups, Invalid,
    testing::Values(
        Change{"none",
               [](Problem& p) {
                 p.norm = Norm::kGroup;
                 p.groups = 0;
               },
               "Expected num groups to be greater than 0, got 0"},
        Change{"not_a_divisor",
               [](Problem& p) {
                 p.norm = Norm::kGroup;
                 p.groups = 4;
               },
               "Expected number of channels in input to be divisible by num_groups, but got C = 6 "
               "and groups = 4"},
        Change{"a_divisor",
               [](Problem& p) {
                 p.norm = Norm::kGroup;
                 p.groups = 3;
               },
               ""},
        Change{"of_batch_norm", [](Problem& p) { p.groups = 2; },
               "groups belongs to norm = \"group\" only"}),
    kName);

// The sentence of torch.nn.functional.batch_norm, followed by what to change.
const std::string kOneValue =
    "Expected more than 1 value per channel when training, got input size torch.Size([1, 6, 1]): "
    "make N, L or batch larger";

INSTANTIATE_TEST_SUITE_P(
    OneValuePerChannel, Invalid,
    testing::Values(Change{"in_training", [](Problem& p) { p.n = p.batch = p.l = 1; }, kOneValue},
                    Change{"in_each_mini_batch", [](Problem& p) { p.batch = p.l = 1; }, kOneValue},
                    Change{"in_backward",
                           [](Problem& p) {
                             p.n = p.batch = p.l = 1;
                             p.pass = Pass::kBackward;
                           },
                           kOneValue},
                    Change{"in_inference",
                           [](Problem& p) {
                             p.n = p.batch = p.l = 1;
                             p.pass = Pass::kForwardInference;
                           },
                           ""},
                    Change{"in_backward_inference",
                           [](Problem& p) {
                             p.n = p.batch = p.l = 1;
                             p.pass = Pass::kBackwardInference;
                           },
                           ""},
                    Change{"of_layer_norm",
                           [](Problem& p) {
                             p.n = p.batch = p.l = 1;
                             p.norm = Norm::kLayer;
                           },
                           ""},
                    Change{"of_instance_norm",
                           [](Problem& p) {
                             p.l = 1;
                             p.norm = Norm::kInstance;
                           },
                           "Expected more than 1 spatial element when training, got input size "
                           "torch.Size([4, 6, 1]): make L larger"},
                    Change{"of_group_norm",
                           [](Problem& p) {
                             p.n = p.batch = p.l = 1;
                             p.norm = Norm::kGroup;
                             p.groups = 6;
                           },
                           "Expected more than 1 value per channel when training, got input size "
                           "torch.Size([1, 6, 1]): make N, L, batch or C / groups larger"},
                    // PyTorch counts the values of all samples, and returns beta.
                    Change{"of_group_norm_in_each_sample",
                           [](Problem& p) {
                             p.l = 1;
                             p.norm = Norm::kGroup;
                             p.groups = 6;
                           },
                           ""},
                    Change{"two_positions", [](Problem& p) { p = batch_norm(p.pass, 1, 6, 2); },
                           ""},
                    Change{"two_samples", [](Problem& p) { p = batch_norm(p.pass, 2, 6, 1); }, ""}),
    kName);

const std::string kEps =
    "batch_norm eps must be positive during training and non-negative otherwise, but got ";

INSTANTIATE_TEST_SUITE_P(
    Number, Invalid,
    testing::Values(Change{"eps_zero_in_training", [](Problem& p) { p.eps = 0; }, kEps + "0"},
                    Change{"eps_zero_in_inference",
                           [](Problem& p) {
                             p.eps = 0;
                             p.pass = Pass::kForwardInference;
                           },
                           ""},
                    Change{"eps_negative",
                           [](Problem& p) {
                             p.eps = -0.5;
                             p.pass = Pass::kForwardInference;
                           },
                           kEps + "-0.5"},
                    Change{"eps_not_a_number", [](Problem& p) { p.eps = kNan; }, kEps + "nan"},
                    Change{"eps_infinite", [](Problem& p) { p.eps = HUGE_VAL; }, kEps + "inf"},
                    Change{"momentum_not_a_number", [](Problem& p) { p.momentum = kNan; },
                           "momentum must be finite, but got nan"},
                    Change{"momentum_infinite", [](Problem& p) { p.momentum = -HUGE_VAL; },
                           "momentum must be finite, but got -inf"},
                    Change{"eps_of_layer_norm_infinite",
                           [](Problem& p) {
                             p.eps = HUGE_VAL;
                             p.norm = Norm::kLayer;
                           },
                           "eps must be finite, but got inf"},
                    // PyTorch takes any, and returns NaN where it makes the variance negative.
                    Change{"eps_of_layer_norm_negative",
                           [](Problem& p) {
                             p.eps = -0.5;
                             p.norm = Norm::kLayer;
                           },
                           ""},
                    // PyTorch does not check the range.
                    Change{"momentum_out_of_range", [](Problem& p) { p.momentum = -1.2; }, ""}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    BackwardInference, Invalid,
    testing::Values(Change{"of_batch_norm", [](Problem& p) { p.pass = Pass::kBackwardInference; },
                           ""},
                    Change{"of_layer_norm",
                           [](Problem& p) {
                             p.pass = Pass::kBackwardInference;
                             p.norm = Norm::kLayer;
                           },
                           "backward_inference exists for norm = \"batch\" only"}),
    kName);

TEST(Problem, HasTheDefaultsOfPyTorch) {
  const Problem problem;
  EXPECT_EQ(problem.eps, 1e-5);
  EXPECT_EQ(problem.momentum, 0.1);
  EXPECT_TRUE(problem.affine);
}

TEST(Problem, CountsElementsAndMiniBatches) {
  EXPECT_EQ(kValid.elements(), 12 * 6 * 5);
  EXPECT_EQ(kValid.mini_batches(), 3);
  EXPECT_EQ(kValid.values_per_channel(), 4 * 5);
}

TEST(Problem, KnowsItsLongestSum) {
  const auto longest = [](Norm norm, Pass pass) {
    return Problem{.norm = norm, .pass = pass, .n = 24, .c = 6, .l = 5, .batch = 12, .groups = 3}
        .longest_sum();
  };
  EXPECT_EQ(longest(Norm::kBatch, Pass::kForwardTraining), 12 * 5);
  EXPECT_EQ(longest(Norm::kBatch, Pass::kBackward), 12 * 5);
  EXPECT_EQ(longest(Norm::kLayer, Pass::kForwardTraining), 6 * 5);
  EXPECT_EQ(longest(Norm::kInstance, Pass::kForwardTraining), 5);
  EXPECT_EQ(longest(Norm::kInstance, Pass::kBackward), 12 * 5);
  EXPECT_EQ(longest(Norm::kGroup, Pass::kForwardInference), 2 * 5);
  EXPECT_EQ(longest(Norm::kGroup, Pass::kBackward), 12 * 5);
  // Gradients of layer norm and rms are sums over samples alone.
  EXPECT_EQ(longest(Norm::kRms, Pass::kBackward), 6 * 5);
}

TEST(Problem, KnowsItsBackwardPasses) {
  EXPECT_FALSE(batch_norm(Pass::kForwardTraining, 2, 1, 1).backward());
  EXPECT_FALSE(batch_norm(Pass::kForwardInference, 2, 1, 1).backward());
  EXPECT_TRUE(batch_norm(Pass::kBackward, 2, 1, 1).backward());
  EXPECT_TRUE(batch_norm(Pass::kBackwardInference, 2, 1, 1).backward());
}

TEST(CompulsoryBytes, CountEveryLargeTensorOnce) {
  Problem problem = kValid;
  EXPECT_EQ(compulsory_bytes(problem), 2 * 360 * 4);
  problem.pass = Pass::kForwardInference;
  EXPECT_EQ(compulsory_bytes(problem), 2 * 360 * 4);
  problem.pass = Pass::kBackward;
  EXPECT_EQ(compulsory_bytes(problem), 3 * 360 * 4);
  problem.pass = Pass::kBackwardInference;
  EXPECT_EQ(compulsory_bytes(problem), 3 * 360 * 4);
  problem.dtype = DType::kF64;
  EXPECT_EQ(compulsory_bytes(problem), 3 * 360 * 8);
  problem.dtype = DType::kBf16;
  EXPECT_EQ(compulsory_bytes(problem), 3 * 360 * 2);
}

TEST(CompulsoryBytes, OfTheControlAreThoseOfACopy) {
  Problem problem = kValid;
  problem.norm = Norm::kNone;
  EXPECT_EQ(compulsory_bytes(problem), 2 * 360 * 4);
  problem.pass = Pass::kBackward;
  EXPECT_EQ(compulsory_bytes(problem), 2 * 360 * 4);
}

TEST(CompulsoryBytes, DoNotOverflow) {
  const Problem problem = batch_norm(Pass::kBackward, 1 << 16, 1 << 10, 1 << 14);
  EXPECT_EQ(compulsory_bytes(problem), std::int64_t{12} << 40);
}

TEST(DType, HasASizeAndAParameterType) {
  EXPECT_EQ(size_of(DType::kF64), 8U);
  EXPECT_EQ(size_of(DType::kF32), 4U);
  EXPECT_EQ(size_of(DType::kBf16), 2U);
  EXPECT_EQ(size_of(DType::kF16), 2U);
  EXPECT_EQ(parameter_dtype(DType::kF64), DType::kF64);
  for (const DType dtype : {DType::kF32, DType::kBf16, DType::kF16}) {
    EXPECT_EQ(parameter_dtype(dtype), DType::kF32);
  }
}

}  // namespace
}  // namespace normbench
