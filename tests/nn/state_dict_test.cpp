// Loading state, and what is said when it does not fit.
#include "harness/nn/state_dict.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "harness/nn/batch_norm.h"
#include "tests/nn/arrays.h"

namespace normbench::nn {
namespace {

Array& entry(StateDict& state, const std::string& name) {
  return std::find_if(state.entries.begin(), state.entries.end(),
                      [&](const auto& each) { return each.first == name; })
      ->second;
}

void remove(StateDict& state, const std::string& name) {
  std::erase_if(state.entries, [&](const auto& each) { return each.first == name; });
}

// After three batches.
BatchNorm1d trained() {
  BatchNorm1d module(3);
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Array x = random_array({4, 3}, seed);
    module.forward(x);
  }
  return module;
}

TEST(StateDict, IsTakenOverBitForBit) {
  const StateDict state = trained().state_dict();
  BatchNorm1d other(3);
  const LoadReport report = other.load_state_dict(state);
  EXPECT_TRUE(report.missing.empty() && report.unexpected.empty());
  EXPECT_EQ(other.state_dict().entries, state.entries);
}

TEST(StateDict, IsACopy) {
  BatchNorm1d module = trained();
  const StateDict state = module.state_dict();
  module.running_mean->fill(9);
  EXPECT_NE(state.find("running_mean")->get(0), 9);
}

TEST(StateDict, AFailedLoadListsAllAndChangesNothing) {
  StateDict state = trained().state_dict();
  remove(state, "bias");
  entry(state, "weight") = Array({4});
  entry(state, "running_mean") = Array({1, 3});
  entry(state, "running_var").fill(5);
  state.entries.emplace_back("other", Array({2}));
  BatchNorm1d module = trained();
  const StateDict before = module.state_dict();
  expect_error<std::runtime_error>(
      [&] { module.load_state_dict(state); },
      "Error(s) in loading state_dict for BatchNorm1d:\n"
      "\tMissing key(s) in state_dict: \"bias\". \n"
      "\tUnexpected key(s) in state_dict: \"other\". \n"
      "\tsize mismatch for weight: copying a param with shape torch.Size([4]) from checkpoint, the "
      "shape in current model is torch.Size([3]).\n"
      "\tsize mismatch for running_mean: copying a param with shape torch.Size([1, 3]) from "
      "checkpoint, the shape in current model is torch.Size([3]).");
  EXPECT_EQ(module.state_dict().entries, before.entries);
}

TEST(StateDict, NotStrictReportsNamesAndRefusesSizes) {
  StateDict state = trained().state_dict();
  remove(state, "bias");
  state.entries.emplace_back("other", Array({2}));
  entry(state, "weight").fill(7);
  BatchNorm1d module(3);
  const LoadReport report = module.load_state_dict(state, false);
  EXPECT_EQ(report.missing, std::vector<std::string>{"bias"});
  EXPECT_EQ(report.unexpected, std::vector<std::string>{"other"});
  EXPECT_EQ(module.weight->get(0), 7);
  entry(state, "weight") = Array({4});
  EXPECT_THROW(module.load_state_dict(state, false), std::runtime_error);
}

TEST(StateDict, AnOldOneKeepsTheCount) {
  for (const std::optional<int> version : {std::optional<int>(), std::optional<int>(1)}) {
    StateDict state = trained().state_dict();
    remove(state, "num_batches_tracked");
    state.version = version;
    BatchNorm1d module = trained();
    EXPECT_TRUE(module.load_state_dict(state).missing.empty());
    EXPECT_EQ(module.num_batches_tracked->get(0), 3);
  }
  StateDict state = trained().state_dict();
  remove(state, "num_batches_tracked");
  BatchNorm1d module(3);
  expect_error<std::runtime_error>([&] { module.load_state_dict(state); },
                                   "Error(s) in loading state_dict for BatchNorm1d:\n\tMissing "
                                   "key(s) in state_dict: \"num_batches_tracked\". ");
}

TEST(StateDict, ACounterMayHaveOneDimensionOfOne) {
  StateDict state = trained().state_dict();
  entry(state, "num_batches_tracked") = of({1}, {41}, ElementType::kI64);
  BatchNorm1d module(3);
  module.load_state_dict(state);
  EXPECT_EQ(module.num_batches_tracked->get(0), 41);
  EXPECT_TRUE(module.num_batches_tracked->sizes().empty());
}

TEST(StateDict, TypesAreRoundedButCountersAreCounters) {
  StateDict state = trained().state_dict();
  entry(state, "weight") = of({3}, {1 + 0x1p-40, 2, 3}, ElementType::kF64);
  entry(state, "bias") = of({3}, {0.5, -2, 3}, ElementType::kBf16);
  BatchNorm1d module(3);
  module.load_state_dict(state);
  EXPECT_EQ(*module.weight, of({3}, {1, 2, 3}));
  EXPECT_EQ(*module.bias, of({3}, {0.5, -2, 3}));
  entry(state, "num_batches_tracked") = Array();
  expect_error<std::runtime_error>(
      [&] { module.load_state_dict(state); },
      "Error(s) in loading state_dict for BatchNorm1d:\n\ttype mismatch for num_batches_tracked: "
      "copying a param of f32 from checkpoint, the type in current model is i64.");
}

// Above 2^53 not every count is a double.
TEST(StateDict, CountsAreNoDoubles) {
  BatchNorm1d module(3);
  constexpr std::int64_t kOdd = (std::int64_t{1} << 53) + 1;
  module.num_batches_tracked->as<std::int64_t>()[0] = kOdd;
  BatchNorm1d other(3);
  other.load_state_dict(module.state_dict());
  EXPECT_EQ(other.num_batches_tracked->as<std::int64_t>()[0], kOdd);
}

}  // namespace
}  // namespace normbench::nn
