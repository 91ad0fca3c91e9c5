// What PyTorch refuses, invalid() refuses, in the words of PyTorch; what it takes, it takes. Where
// versions and front ends differ from libtorch 1.13, the newest Python is followed, and the row
// says so.
//
// Errors of PyTorch that no problem can have: input of another rank than 2 or 3, C that does not
// match the parameters or running statistics, or these not given, an empty normalized_shape, one
// that does not match the input. A problem has a rank of 3 and one C, and brings what it needs.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include "tests/conformance/torch_views.h"

namespace normbench::conformance {
namespace {

namespace nn = torch::nn;

struct Row {
  std::string name;
  Problem problem;
  std::string torch;    // part of what torch says; empty when it takes the problem
  std::string harness;  // the same of invalid()
};

std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.name; }

// What torch says about zeros of the shape (N, C, L), or nothing.
std::optional<std::string> refusal_of_torch(const Problem& p) {
  const at::Tensor x = at::zeros({p.n, p.c, p.l});
  try {
    if (p.norm == Norm::kBatch) {
      nn::BatchNorm1d module(nn::BatchNormOptions(p.c).eps(p.eps).momentum(p.momentum));
      module->train(p.pass == Pass::kForwardTraining);
      module(x);
    } else if (p.norm == Norm::kInstance) {
      nn::InstanceNorm1d(nn::InstanceNormOptions(p.c).eps(p.eps))(x);
    } else if (p.norm == Norm::kGroup) {
      nn::GroupNorm(nn::GroupNormOptions(p.groups, p.c).eps(p.eps))(x);
    } else {
      nn::LayerNorm(nn::LayerNormOptions({p.c, p.l}).eps(p.eps))(x);
    }
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return std::nullopt;
}

void expect_refusal(const std::optional<std::string>& said, const std::string& words) {
  if (words.empty()) {
    EXPECT_EQ(said, std::nullopt);
  } else {
    EXPECT_NE(said.value_or("nothing").find(words), std::string::npos) << said.value_or("nothing");
  }
}

class Refused : public testing::TestWithParam<Row> {};

TEST_P(Refused, ByBothOrByNeither) {
  const Row& row = GetParam();
  {
    SCOPED_TRACE("torch");
    expect_refusal(refusal_of_torch(row.problem), row.torch);
  }
  SCOPED_TRACE("invalid()");
  expect_refusal(invalid(row.problem), row.harness);
}

// Changes `problem`, for tables.
Problem with(Problem problem, double eps, double momentum = kDefaultMomentum) {
  problem.eps = eps;
  problem.momentum = momentum;
  return problem;
}

Problem shaped(Norm norm, std::int64_t n, std::int64_t c, std::int64_t l, std::int64_t groups = 1,
               Pass pass = Pass::kForwardTraining) {
  return {.norm = norm, .pass = pass, .n = n, .c = c, .l = l, .batch = n, .groups = groups};
}

Problem batch(std::int64_t n, std::int64_t c, std::int64_t l, Pass pass = Pass::kForwardTraining) {
  return shaped(Norm::kBatch, n, c, l, 1, pass);
}

const auto kName = [](const auto& info) { return info.param.name; };
constexpr Pass kInference = Pass::kForwardInference;

const std::string kOneValue =
    "Expected more than 1 value per channel when training, got input size";
const std::string kDivisible =
    "Expected number of channels in input to be divisible by num_groups, but got";
const std::string kGroups = "Expected num groups to be greater than 0, got ";

INSTANTIATE_TEST_SUITE_P(
    InTheSameWords, Refused,
    testing::Values(
        Row{"one_value_per_channel", batch(1, 10, 1), kOneValue, kOneValue},
        Row{"groups_4_of_6", shaped(Norm::kGroup, 4, 6, 5, 4), kDivisible, kDivisible},
        Row{"groups_3_of_10", shaped(Norm::kGroup, 4, 10, 1, 3), kDivisible, kDivisible},
        Row{"groups_5_of_13", shaped(Norm::kGroup, 4, 13, 1, 5), kDivisible, kDivisible},
        Row{"no_groups", shaped(Norm::kGroup, 4, 6, 5, 0), kGroups + "0", kGroups + "0"},
        Row{"negative_groups", shaped(Norm::kGroup, 4, 6, 5, -1), kGroups + "-1", kGroups + "-1"}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Taken, Refused,
    testing::Values(
        Row{"two_samples", batch(2, 10, 1), "", ""}, Row{"two_positions", batch(1, 10, 2), "", ""},
        Row{"one_value_per_channel_in_inference", batch(1, 10, 1, kInference), "", ""},
        Row{"momentum_above_one", with(batch(4, 10, 1), 1e-5, 1.00001), "", ""},
        Row{"momentum_negative", with(batch(4, 10, 1), 1e-5, -1.2), "", ""},
        Row{"eps_zero_in_inference", with(batch(4, 10, 1, kInference), 0), "", ""},
        Row{"layer_of_one_value", shaped(Norm::kLayer, 1, 1, 1), "", ""},
        Row{"layer_of_negative_eps", with(shaped(Norm::kLayer, 2, 2, 3), -0.5), "", ""},
        Row{"group_of_negative_eps", with(shaped(Norm::kGroup, 2, 6, 3, 2), -0.5), "", ""},
        Row{"instance_of_negative_eps", with(shaped(Norm::kInstance, 4, 6, 5), -0.5), "", ""},
        Row{"group_of_one_value_in_each_sample", shaped(Norm::kGroup, 4, 6, 1, 6), "", ""}),
    kName);

// Checks that Python has and the C++ front end has not: torch.nn.functional.instance_norm has
// _verify_spatial_size, group_norm has _verify_batch_size.
INSTANTIATE_TEST_SUITE_P(
    RefusedByPython, Refused,
    testing::Values(Row{"instance_of_one_position", shaped(Norm::kInstance, 4, 6, 1), "",
                        "Expected more than 1 spatial element when training, got input size "
                        "torch.Size([4, 6, 1])"},
                    Row{"group_of_one_value", shaped(Norm::kGroup, 1, 6, 1, 6), "",
                        "Expected more than 1 value per channel when training, got input size "
                        "torch.Size([1, 6, 1])"}),
    kName);

// PyTorch 2.10 refuses eps <= 0 (#166756); since #175508 it takes 0 in inference.
INSTANTIATE_TEST_SUITE_P(RefusedByNewerVersions, Refused,
                         testing::Values(Row{"eps_zero", with(batch(4, 10, 1), 0), "",
                                             "batch_norm eps must be positive during training"},
                                         Row{"eps_negative", with(batch(4, 10, 1), -1), "",
                                             "batch_norm eps must be positive during training"},
                                         Row{"eps_negative_in_inference",
                                             with(batch(4, 10, 1, kInference), -1), "",
                                             "and non-negative otherwise, but got -1"}),
                         kName);

// What torch takes and a benchmark has no use for: nothing to measure, or nothing but NaN to check.
INSTANTIATE_TEST_SUITE_P(
    RefusedByTheHarnessAlone, Refused,
    testing::Values(
        Row{"no_samples", batch(0, 5, 9), "", "N must be at least 1, but got 0"},
        Row{"no_positions", batch(3, 5, 0), "", "L must be at least 1, but got 0"},
        Row{"no_channels", shaped(Norm::kGroup, 2, 0, 1), "", "C must be at least 1, but got 0"},
        Row{"layer_without_samples", shaped(Norm::kLayer, 0, 1, 1), "",
            "N must be at least 1, but got 0"},
        Row{"eps_infinite", with(batch(4, 10, 1), HUGE_VAL), "", "batch_norm eps must be positive"},
        Row{"momentum_not_a_number", with(batch(4, 10, 1), 1e-5, std::nan("")), "",
            "momentum must be finite"}),
    kName);

// A group of one channel and one position, in each of several samples, is its beta: PyTorch counts
// the values of all samples.
TEST(OneValue, InEachSampleIsBeta) {
  nn::GroupNorm module(nn::GroupNormOptions(6, 6));
  const at::Tensor y = module(at::full({4, 6, 1}, 0.5));
  EXPECT_TRUE(at::allclose(y, at::zeros({4, 6, 1})));
}

// An empty batch leaves the running statistics alone, but counts.
TEST(EmptyBatch, LeavesRunningStatisticsAlone) {
  nn::BatchNorm1d module(nn::BatchNormOptions(5).eps(1e-3).momentum(0.3));
  EXPECT_EQ(module(at::zeros({0, 5, 9})).numel(), 0);
  EXPECT_TRUE(at::equal(module->running_mean, at::zeros({5})));
  EXPECT_TRUE(at::equal(module->running_var, at::ones({5})));
  EXPECT_EQ(module->num_batches_tracked.item<std::int64_t>(), 1);
}

}  // namespace
}  // namespace normbench::conformance
