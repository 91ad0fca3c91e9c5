// The rules of torch.nn.BatchNorm1d, one by one. tests/conformance/batch_histories_test.cpp has
// them in random orders beside torch::nn itself.
#include "harness/nn/batch_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/nn/arrays.h"

namespace normbench::nn {
namespace {

std::int64_t count_of(BatchNorm1d& module) {
  return module.num_batches_tracked->as<std::int64_t>()[0];
}

void expect_near(const Array& array, const std::vector<double>& values, double bound) {
  ASSERT_EQ(array.values().size(), values.size());
  for (std::size_t at = 0; at < values.size(); ++at) {
    EXPECT_LE(std::abs(array.values()[at] - values[at]), bound) << at;
  }
}

template <class Layer>
concept TakesATemporary = requires(Layer& layer) {
  layer.forward(Array());
};
static_assert(!TakesATemporary<BatchNorm1d>, "backward() would read what is gone");

// Two channels of one sample, whose results are known by hand.
Array golden_x() { return of({1, 2, 3}, {-1, 0, 1, 2, 3, 4}); }

BatchNorm1d golden_module(const On& on = {}) {
  BatchNorm1d module(2, {}, on);
  module.weight = of({2}, {1, 1.5});
  module.bias = of({2}, {0, 1});
  module.running_mean = of({2}, {0, 3});
  module.running_var = of({2}, {1, 1.5});
  return module;
}

class OnEveryBackend : public testing::TestWithParam<std::string> {};

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& backend : backends()) all.emplace_back(backend->name());
  return all;
}
INSTANTIATE_TEST_SUITE_P(Backends, OnEveryBackend, testing::ValuesIn(names()),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& letter : name) letter = letter == '-' ? '_' : letter;
                           return name;
                         });

// The numbers are known to six digits after the point.
TEST_P(OnEveryBackend, GoldenTraining) {
  BatchNorm1d module = golden_module({.backend = GetParam(), .threads = 2});
  const Array x = golden_x();
  expect_near(module.forward(x), {-1.224736, 0, 1.224736, -0.837104, 1, 2.837104}, 1.5e-6);
  expect_near(*module.running_mean, {0, 3}, 1e-6);
  expect_near(*module.running_var, {1, 1.45}, 1e-6);
  EXPECT_EQ(count_of(module), 1);
}

TEST_P(OnEveryBackend, GoldenEvaluation) {
  BatchNorm1d module = golden_module({.backend = GetParam()});
  module.eval();
  const Array x = golden_x();
  expect_near(module.forward(x), {-0.999995, 0, 0.999995, -0.224741, 1, 2.224741}, 1.5e-6);
  EXPECT_EQ(count_of(module), 0);
  expect_near(*module.running_var, {1, 1.5}, 0);
}

TEST(BatchNorm1d, BeginsAsPyTorchDoes) {
  BatchNorm1d module(3);
  const StateDict state = module.state_dict();
  std::vector<std::string> keys;
  for (const auto& entry : state.entries) keys.push_back(entry.first);
  EXPECT_EQ(keys, (std::vector<std::string>{"weight", "bias", "running_mean", "running_var",
                                            "num_batches_tracked"}));
  EXPECT_EQ(*state.find("weight"), of({3}, {1, 1, 1}));
  EXPECT_EQ(*state.find("running_var"), of({3}, {1, 1, 1}));
  EXPECT_EQ(*state.find("num_batches_tracked"), Array({}, ElementType::kI64));
  EXPECT_EQ(module.parameters().size(), 2U);
  EXPECT_TRUE(module.training());
}

TEST(BatchNorm1d, HasNoKeysForWhatItIsWithout) {
  EXPECT_TRUE(
      BatchNorm1d(3, {.affine = false, .track_running_stats = false}).state_dict().entries.empty());
  BatchNorm1d weight_only(3, {.bias = false, .track_running_stats = false});
  ASSERT_EQ(weight_only.slots().size(), 1U);
  EXPECT_EQ(weight_only.slots()[0].name, "weight");
}

TEST(BatchNorm1d, WeightAloneIsAsABiasOfZero) {
  BatchNorm1d weight_only(3, {.bias = false});
  BatchNorm1d both(3);
  const Array x = random_array({4, 3}, 1);
  const Array dy = random_array({4, 3}, 2);
  EXPECT_EQ(weight_only.forward(x), both.forward(x));
  EXPECT_EQ(weight_only.backward(dy), both.backward(dy));
  EXPECT_EQ(*weight_only.parameters()[0].gradient, *both.parameters()[0].gradient);
}

TEST(BatchNorm1d, BiasAloneIsAsAWeightOfOne) {
  BatchNorm1d bias_only(3);
  bias_only.weight.reset();
  BatchNorm1d both(3);
  for (BatchNorm1d* module : {&bias_only, &both}) module->bias = of({3}, {1, 2, 3});
  const Array x = random_array({4, 3}, 1);
  const Array dy = random_array({4, 3}, 2);
  EXPECT_EQ(bias_only.forward(x), both.forward(x));
  EXPECT_EQ(bias_only.backward(dy), both.backward(dy));
  ASSERT_EQ(bias_only.parameters().size(), 1U);
  EXPECT_EQ(*bias_only.parameters()[0].gradient, *both.parameters()[1].gradient);
}

TEST(BatchNorm1d, CumulativeAverageIsTheMeanOfTheBatches) {
  BatchNorm1d module(2, {.momentum = std::nullopt});
  const Array first = of({2, 2}, {0, 10, 2, 14});
  const Array second = of({2, 2}, {4, 20, 8, 28});
  module.forward(first);
  module.forward(second);
  EXPECT_EQ(*module.running_mean, of({2}, {(1 + 6) / 2.0, (12 + 24) / 2.0}));
  EXPECT_EQ(*module.running_var, of({2}, {(2 + 8) / 2.0, (8 + 32) / 2.0}));
  EXPECT_EQ(count_of(module), 2);
}

// Of one NaN the average is NaN, but another module, or batch, is not.
TEST(BatchNorm1d, AverageBeginsAnewForEachBatch) {
  BatchNorm1d module(1, {.momentum = std::nullopt});
  const Array bad = of({2, 1}, {NAN, 1});
  module.forward(bad);
  EXPECT_TRUE(std::isnan(module.running_mean->get(0)));
  module.running_mean->fill(0);
  module.running_var->fill(0);
  const Array good = of({2, 1}, {1, 3});
  module.forward(good);
  EXPECT_EQ(module.running_mean->get(0), 1);  // half of 2
}

TEST(BatchNorm1d, MomentumHasNoRange) {
  for (const double momentum : {0.0, 1.0, -1.2, 1.00001}) {
    BatchNorm1d module(1, {.momentum = momentum});
    const Array x = of({2, 1}, {1, 3});
    module.forward(x);
    EXPECT_EQ(module.running_mean->get(0), static_cast<float>(momentum * 2));
  }
}

TEST(BatchNorm1d, WithoutTrackingFromNowOn) {
  BatchNorm1d module(2);
  const Array x = random_array({6, 2}, 1);
  module.forward(x);
  const StateDict before = module.state_dict();
  module.track_running_stats = false;
  const Array by_batch = module.forward(x);
  EXPECT_EQ(module.state_dict().entries, before.entries) << "training leaves all buffers alone";
  module.eval();
  const Array by_buffers = module.forward(x);
  EXPECT_FALSE(by_batch == by_buffers) << "evaluation still uses them";
  BatchNorm1d tracking(2);
  tracking.load_state_dict(before);
  tracking.eval();
  EXPECT_EQ(by_buffers, tracking.forward(x));
}

TEST(BatchNorm1d, BuiltWithoutTrackingUsesTheBatchInEvaluationToo) {
  BatchNorm1d module(2, {.track_running_stats = false});
  const Array x = random_array({6, 2}, 1);
  const Array training = module.forward(x);
  module.eval();
  EXPECT_EQ(module.forward(x), training);
  const Array one = random_array({1, 2}, 1);
  expect_error<std::invalid_argument>([&] { module.forward(one); },
                                      "Expected more than 1 value per channel when training, got "
                                      "input size torch.Size([1, 2])");
  // Tracking that begins later has nothing to track with.
  module.track_running_stats = true;
  module.train();
  EXPECT_EQ(module.forward(x), training);
  EXPECT_TRUE(module.state_dict().find("running_mean") == nullptr);
}

TEST(BatchNorm1d, OneValueCountsBeforeItIsRefused) {
  BatchNorm1d module(10);
  const Array one = random_array({1, 10, 1}, 1);
  expect_error<std::invalid_argument>([&] { module.forward(one); },
                                      "Expected more than 1 value per channel when training, got "
                                      "input size torch.Size([1, 10, 1])");
  EXPECT_EQ(count_of(module), 1);
  EXPECT_EQ(*module.running_mean, Array({10}));
  module.eval();
  EXPECT_EQ(module.forward(one).sizes(), (Sizes{1, 10, 1}));
}

TEST(BatchNorm1d, EmptyBatchCountsAndChangesNothingElse) {
  BatchNorm1d module(5, {.eps = 1e-3, .momentum = 0.3});
  for (const Sizes& sizes : {Sizes{0, 5, 9}, Sizes{3, 5, 0}, Sizes{0, 7}}) {
    const Array x(sizes);
    EXPECT_EQ(module.forward(x).sizes(), sizes);
    module.parameters()[0].gradient->fill(7);
    EXPECT_EQ(module.backward(x).sizes(), sizes);
    EXPECT_EQ(*module.parameters()[0].gradient, Array({5}));
    EXPECT_EQ(*module.parameters()[1].gradient, Array({5}));
  }
  EXPECT_EQ(count_of(module), 3);
  EXPECT_EQ(*module.running_mean, Array({5}));
  EXPECT_EQ(*module.running_var, of({5}, {1, 1, 1, 1, 1}));
}

TEST(BatchNorm1d, RanksThatAreNone) {
  BatchNorm1d module(4);
  const Array four({1, 4, 2, 2});
  const Array one({4});
  expect_error<std::invalid_argument>([&] { module.forward(four); },
                                      "expected 2D or 3D input (got 4D input)");
  expect_error<std::invalid_argument>([&] { module.forward(one); },
                                      "expected 2D or 3D input (got 1D input)");
  EXPECT_EQ(count_of(module), 0) << "this is looked at before anything is counted";
}

TEST(BatchNorm1d, WrongChannelsAreNamedInTheOrderOfPyTorch) {
  BatchNorm1d module(5);
  const Array x = random_array({2, 3}, 1);
  const auto expect = [&](const std::string& text) {
    expect_error<std::runtime_error>([&] { module.forward(x); }, text);
  };
  expect("running_mean should contain 3 elements not 5");
  module.running_mean = Array({3});
  expect("running_var should contain 3 elements not 5");
  module.running_var = Array({3});
  expect("weight should contain 3 elements not 5");
  module.weight.reset();
  expect("bias should contain 3 elements not 5");
  module.bias.reset();
  module.forward(x);
  EXPECT_EQ(count_of(module), 5);
}

TEST(BatchNorm1d, BuffersThatAreNotUsedMayHaveAnyNumber) {
  BatchNorm1d module(5, {.affine = false});
  module.track_running_stats = false;
  const Array x = random_array({4, 3}, 1);
  module.forward(x);
  module.eval();
  expect_error<std::runtime_error>([&] { module.forward(x); },
                                   "running_mean should contain 3 elements not 5");
}

// PyTorch takes this on a CPU and refuses it on a GPU (issue 137172): as on a CPU.
TEST(BatchNorm1d, OneBufferAlone) {
  const Array x = random_array({4, 3}, 1);
  BatchNorm1d both(3);
  both.forward(x);
  BatchNorm1d without_mean(3);
  without_mean.running_mean.reset();
  without_mean.forward(x);
  EXPECT_EQ(*without_mean.running_var, *both.running_var);
  BatchNorm1d without_var(3);
  without_var.running_var.reset();
  without_var.forward(x);
  EXPECT_EQ(*without_var.running_mean, *both.running_mean);
  without_mean.eval();
  expect_error<std::runtime_error>([&] { without_mean.forward(x); },
                                   "running_mean must be defined in evaluation mode");
  without_var.eval();
  expect_error<std::runtime_error>([&] { without_var.forward(x); },
                                   "running_var must be defined in evaluation mode");
}

TEST(BatchNorm1d, Eps) {
  const Array x = random_array({4, 3}, 1);
  BatchNorm1d module(3);
  const auto refused = [&](double eps, const std::string& text) {
    module.eps = eps;
    expect_error<std::invalid_argument>([&] { module.forward(x); }, text);
  };
  refused(0, "batch_norm eps must be positive during training, but got 0.0");
  refused(-1, "batch_norm eps must be positive during training, but got -1.0");
  EXPECT_EQ(count_of(module), 2);
  module.eval();
  refused(-1, "batch_norm eps must be non-negative, but got -1.0");
  module.eps = 0;
  EXPECT_EQ(module.forward(x), x) << "a mean of 0 and a variance of 1 change nothing";
}

TEST(BatchNorm1d, ChangedFlagsHoldFromTheNextForwardOn) {
  const Array x = random_array({4, 3}, 1);
  BatchNorm1d module(3);
  module.forward(x);
  module.momentum = 1.0;
  module.eps = 0.5;
  module.forward(x);
  BatchNorm1d fresh(3, {.eps = 0.5, .momentum = 1.0});
  EXPECT_EQ(module.forward(x), fresh.forward(x));
  EXPECT_EQ(*module.running_mean, *fresh.running_mean);
}

TEST(BatchNorm1d, TypesThatDoNotGoTogether) {
  BatchNorm1d module(3);
  const Array wide({4, 3}, ElementType::kF64);
  const Array counts({4, 3}, ElementType::kI64);
  expect_error<std::invalid_argument>([&] { module.forward(wide); },
                                      "BatchNorm1d with parameters of f32 cannot take data of f64: "
                                      "it must be f32, bf16 or f16");
  expect_error<std::invalid_argument>([&] { module.forward(counts); },
                                      "BatchNorm1d with parameters of f32 cannot take data of i64: "
                                      "it must be f32, bf16 or f16");
  expect_error<std::invalid_argument>([] { BatchNorm1d(3, {.dtype = DType::kBf16}); },
                                      "parameters are of f32, also for data in bf16, or of f64");
}

// Parameters and buffers are anybody's to replace.
TEST(BatchNorm1d, VectorsOfOtherTypesAreRefused) {
  BatchNorm1d module(3);
  const Array x = random_array({4, 3}, 1);
  module.bias = Array({3}, ElementType::kF64);
  expect_error<std::invalid_argument>(
      [&] { module.forward(x); },
      "bias must be of f32, as in the module it belongs to, but is of f64");
  module.bias.reset();
  module.num_batches_tracked = Array();
  expect_error<std::invalid_argument>(
      [&] { module.forward(x); },
      "num_batches_tracked must be of i64, as in the module it belongs to, but is of f32");
}

TEST(BatchNorm1d, GradientsAreAsLargeAsTheParameters) {
  BatchNorm1d module(1, {.track_running_stats = false});
  module.weight = random_array({100}, 1);
  module.bias = random_array({100}, 2);
  const Array x = random_array({4, 100}, 3);
  BatchNorm1d other(100, {.track_running_stats = false});
  other.weight = module.weight;
  other.bias = module.bias;
  for (BatchNorm1d* each : {&module, &other}) {
    each->forward(x);
    each->backward(x);
  }
  EXPECT_EQ(*module.parameters()[0].gradient, *other.parameters()[0].gradient);
}

TEST(BatchNorm1d, BackendsByName) {
  expect_error<std::invalid_argument>([] { BatchNorm1d(3, {}, {.threads = 0}); },
                                      "threads must be at least 1, but got 0");
  try {
    const BatchNorm1d module(3, {}, {.backend = "nobody"});
    ADD_FAILURE();
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(std::string(error.what()).find("there is no backend 'nobody': choose one of naive"),
              0U);
  }
  expect_error<std::invalid_argument>([] { BatchNorm1d(0); },
                                      "num_features must be at least 1, but got 0");
}

TEST(BatchNorm1d, ABackendDeclinesInItsOwnWords) {
  const Problem problem = {.dtype = DType::kF64, .n = 4, .c = 3, .batch = 4};
  const Array x({4, 3}, ElementType::kF64);
  int declined = 0;
  for (const auto& backend : backends()) {
    const Support support = backend->supports(problem);
    if (support.supported) continue;
    ++declined;
    const std::string name(backend->name());
    BatchNorm1d module(3, {.dtype = DType::kF64}, {.backend = name});
    expect_error<std::runtime_error>([&] { module.forward(x); },
                                     "BatchNorm1d on " + name + ": " + support.reason);
  }
  if (declined == 0) GTEST_SKIP() << "every backend of this build takes f64";
}

TEST(BatchNorm1d, BackwardWantsAForwardLikeIt) {
  BatchNorm1d module(3);
  const Array x = random_array({4, 3}, 1);
  expect_error<std::logic_error>([&] { module.backward(x); },
                                 "BatchNorm1d: backward() wants a forward() before it");
  module.forward(x);
  const Array other({3, 4});
  expect_error<std::invalid_argument>(
      [&] { module.backward(other); },
      "BatchNorm1d: dy must be like the output, torch.Size([4, 3]) of f32, ncl, but got "
      "torch.Size([3, 4]) of f32, ncl");
  module.load_state_dict(module.state_dict());
  expect_error<std::logic_error>([&] { module.backward(x); },
                                 "BatchNorm1d: backward() wants a forward() before it");
}

TEST(BatchNorm1d, BackwardIsThatOfTheLastForward) {
  BatchNorm1d module(3);
  module.running_var = of({3}, {4, 4, 4});
  const Array x = random_array({4, 3}, 1);
  const Array dy = random_array({4, 3}, 2);
  module.eval();
  module.forward(x);
  module.train();
  const Array& dx = module.backward(dy);
  const double rstd = 1 / std::sqrt(4 + 1e-5);
  for (std::int64_t at = 0; at < dx.size(); ++at) {
    EXPECT_LE(std::abs(dx.get(at) - dy.get(at) * rstd), 0x1p-22 * std::abs(dx.get(at)));
  }
}

TEST(BatchNorm1d, TakesEveryTypeAndLayout) {
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kBf16, DType::kF16}) {
    for (const Layout layout : {Layout::kNcl, Layout::kNlc}) {
      BatchNorm1d module(3, {.dtype = parameter_dtype(dtype)});
      const Array x = random_array({4, 3, 5}, 1, element_type(dtype), layout);
      const Array& y = module.forward(x);
      EXPECT_EQ(y.type(), x.type());
      EXPECT_EQ(y.layout(), layout);
      double sum = 0;
      for (const double value : laid_out(y, Layout::kNcl).values()) sum += value;
      EXPECT_LE(std::abs(sum), 60 * 4 * 0x1p-8);
    }
  }
}

TEST(BatchNorm1d, OfOtherShapesInTurn) {
  BatchNorm1d module(3, {}, {.backend = "openmp"});
  for (const std::int64_t n : {8, 3, 8, 2}) {
    const Array x = random_array({n, 3, 2}, static_cast<std::uint64_t>(n));
    BatchNorm1d fresh(3, {}, {.backend = "openmp"});
    EXPECT_EQ(module.forward(x), fresh.forward(x));
    EXPECT_EQ(module.backward(x), fresh.backward(x));
  }
}

TEST(BatchNorm1d, CanBeMoved) {
  BatchNorm1d module(3);
  const Array x = random_array({4, 3}, 1);
  const Array y = module.forward(x);
  BatchNorm1d other = std::move(module);
  EXPECT_EQ(other.forward(x), y);
  EXPECT_EQ(count_of(other), 2);
}

}  // namespace
}  // namespace normbench::nn
