// What the other layers take, and what they say of the rest.
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "harness/nn/conv1d.h"
#include "harness/nn/instance_norm.h"
#include "harness/nn/linear.h"
#include "harness/nn/products.h"
#include "harness/nn/relu.h"
#include "harness/nn/sample_norms.h"
#include "harness/nn/sequential.h"
#include "tests/nn/arrays.h"

namespace normbench::nn {
namespace {

template <class Error>
void expect_refused(Module& module, const Sizes& sizes, const std::string& text) {
  const Array x = random_array(sizes, 1);
  expect_error<Error>([&] { module.forward(x); }, text);
}

TEST(InstanceNorm, Refuses) {
  InstanceNorm1d plain(3);
  expect_refused<std::invalid_argument>(plain, {3}, "expected 2D or 3D input (got 1D input)");
  expect_refused<std::invalid_argument>(
      plain, {2, 3, 1},
      "Expected more than 1 spatial element when training, got input size torch.Size([2, 3, 1])");
  expect_refused<std::invalid_argument>(
      plain, {3, 1},
      "Expected more than 1 spatial element when training, got input size torch.Size([1, 3, 1])");
  InstanceNorm1d affine(5, {.affine = true});
  expect_refused<std::invalid_argument>(
      affine, {2, 3, 4}, "expected input's size at dim=1 to match num_features (5), but got: 3.");
  expect_refused<std::invalid_argument>(
      affine, {3, 4}, "expected input's size at dim=0 to match num_features (5), but got: 3.");
  InstanceNorm1d tracked(5, {.track_running_stats = true});
  expect_refused<std::runtime_error>(tracked, {2, 3, 4},
                                     "running_mean should contain 6 elements not 10");
  InstanceNorm1d later(3);
  later.track_running_stats = true;
  later.eval();
  expect_refused<std::runtime_error>(
      later, {2, 3, 4},
      "Expected running_mean and running_var to be defined when use_input_stats is false");
}

TEST(InstanceNorm, OfOtherChannelsWhereItHasNoVectors) {
  InstanceNorm1d plain(5);
  const Array x = random_array({2, 3, 4}, 1);
  EXPECT_EQ(plain.forward(x).sizes(), x.sizes());
}

TEST(InstanceNorm, RunningStatisticsAreMeansOverSamples) {
  InstanceNorm1d module(1, {.momentum = 0.5, .track_running_stats = true});
  const Array x = of({2, 1, 2}, {0, 2, 10, 14});
  module.forward(x);
  EXPECT_EQ(module.running_mean->get(0), 0.5 * (1 + 12) / 2);
  EXPECT_EQ(module.running_var->get(0), 0.5 + 0.5 * (2 + 8) / 2);
  EXPECT_EQ(module.num_batches_tracked->get(0), 0);
  // It uses the input, and so updates, wherever the flag was taken away.
  module.track_running_stats = false;
  module.eval();
  module.forward(x);
  EXPECT_EQ(module.running_mean->get(0), 0.5 * 3.25 + 0.5 * 6.5);
  module.track_running_stats = true;
  const Array before = *module.running_mean;
  module.forward(x);
  EXPECT_EQ(*module.running_mean, before);
  const Array none({0, 1, 2});
  module.train();
  module.forward(none);
  EXPECT_EQ(*module.running_mean, before);
}

TEST(LayerNorm, Refuses) {
  expect_error<std::runtime_error>([] { LayerNorm({}); },
                                   "Expected normalized_shape to be at least 1-dimensional, i.e., "
                                   "containing at least one element, but got normalized_shape = "
                                   "[]");
  expect_error<std::invalid_argument>(
      [] {
        LayerNorm({2, 3, 4});
      },
      "normalized_shape must be (C) or (C, L), but is [2, 3, 4]");
  LayerNorm module({2, 2});
  expect_refused<std::runtime_error>(module, {2, 2, 3},
                                     "Given normalized_shape=[2, 2], expected input with shape "
                                     "[*, 2, 2], but got input of size[2, 2, 3]");
  module.weight = Array({4});
  expect_refused<std::runtime_error>(module, {2, 2, 2},
                                     "Expected weight to be of same shape as normalized_shape, but "
                                     "got weight of shape [4] and normalized_shape = [2, 2]");
  LayerNorm last({3});
  const Array nlc({2, 4, 3}, ElementType::kF32, Layout::kNlc);
  expect_error<std::invalid_argument>(
      [&] { last.forward(nlc); },
      "LayerNorm: in the layout nlc the positions of a channel are no sample: normalized_shape "
      "must be (C, L), but is [3]");
}

TEST(LayerNorm, LayoutsAgree) {
  LayerNorm module({3, 5});
  module.weight = random_array({3, 5}, 5);
  module.bias = random_array({3, 5}, 6);
  const Array x = random_array({4, 3, 5}, 1);
  const Array dy = random_array({4, 3, 5}, 2);
  const Array y = module.forward(x);
  const Array dx = module.backward(dy);
  const Array gradient = *module.parameters()[0].gradient;
  const Array x_nlc = laid_out(x, Layout::kNlc);
  const Array y_nlc = laid_out(module.forward(x_nlc), Layout::kNcl);
  const Array dx_nlc = laid_out(module.backward(laid_out(dy, Layout::kNlc)), Layout::kNcl);
  // Sums of 15 numbers around 1, in another order.
  for (std::int64_t at = 0; at < y.size(); ++at) {
    EXPECT_NEAR(y_nlc.get(at), y.get(at), 64 * 0x1p-24);
    EXPECT_NEAR(dx_nlc.get(at), dx.get(at), 256 * 0x1p-24);
  }
  for (std::int64_t at = 0; at < gradient.size(); ++at) {
    EXPECT_NEAR(module.parameters()[0].gradient->get(at), gradient.get(at), 256 * 0x1p-24);
  }
}

TEST(LayerNorm, OfAnyLeadingDimensions) {
  LayerNorm module({4});
  const Array flat = random_array({6, 4}, 1);
  Array deep = flat;
  deep.resize({2, 1, 3, 4}, flat.type());
  EXPECT_EQ(module.forward(flat).values(), module.forward(deep).values());
}

TEST(RMSNorm, EpsIsThatOfTheType) {
  RMSNorm module({2});
  const Array zero({3, 2});
  EXPECT_EQ(module.forward(zero), zero);
  const Array x = of({1, 2}, {0x1p-12, 0x1p-12});
  // Mean square 2^-24 beside an eps of 2^-23.
  EXPECT_NEAR(module.forward(x).get(0), 1 / std::sqrt(3), 4 * 0x1p-24);
  module.eps = 0.0;
  EXPECT_NEAR(module.forward(x).get(0), 1, 4 * 0x1p-24);
}

TEST(GroupNorm, Refuses) {
  expect_error<std::invalid_argument>([] { GroupNorm(3, 10); },
                                      "num_channels (10) must be divisible by num_groups (3)");
  GroupNorm six(6, 6);
  expect_refused<std::invalid_argument>(
      six, {1, 6, 1},
      "Expected more than 1 value per channel when training, got input size [1, 6, 1]");
  expect_refused<std::invalid_argument>(
      six, {1, 6}, "Expected more than 1 value per channel when training, got input size [1, 6]");
  GroupNorm two(2, 6);
  expect_refused<std::runtime_error>(
      two, {4}, "Expected at least 2 dimensions for input tensor but received 1");
  expect_refused<std::runtime_error>(two, {2, 7, 4},
                                     "Expected number of channels in input to be divisible by "
                                     "num_groups, but got input of shape [2, 7, 4] and "
                                     "num_groups=2");
  expect_refused<std::runtime_error>(
      two, {2, 4, 4},
      "Expected weight to be a vector of size equal to the number of "
      "channels in input, but got weight of shape [6] and input of "
      "shape [2, 4, 4]");
}

TEST(Linear, Refuses) {
  Linear module(3, 2);
  expect_refused<std::runtime_error>(module, {2, 4},
                                     "mat1 and mat2 shapes cannot be multiplied (2x4 and 3x2)");
  expect_error<std::invalid_argument>([] { Linear(0, 2); },
                                      "in_features must be at least 1, but got 0");
  expect_error<std::invalid_argument>([] { Linear(3, 2, {}, 0); },
                                      "threads must be at least 1, but got 0");
}

TEST(Linear, IsWhatItSays) {
  Linear module(2, 3);
  module.weight = of({3, 2}, {1, 2, 3, 4, 5, 6});
  module.bias = of({3}, {-5, 0, 100});
  const Array x = of({2, 2}, {1, 1, -1, 2});
  EXPECT_EQ(module.forward(x), of({2, 3}, {-2, 7, 111, -2, 5, 107}));
  module.relu = true;
  EXPECT_EQ(module.forward(x), of({2, 3}, {0, 7, 111, 0, 5, 107}));
  const Array empty({0, 2});
  EXPECT_EQ(module.forward(empty).sizes(), (Sizes{0, 3}));
  EXPECT_EQ(module.backward(Array({0, 3})).sizes(), (Sizes{0, 2}));
  EXPECT_EQ(*module.parameters()[0].gradient, Array({3, 2}));
}

TEST(Linear, OfReplacedParameters) {
  Linear module(2, 3);
  const Array x = random_array({4, 2}, 1);
  module.bias = Array({2});
  expect_refused<std::runtime_error>(module, {4, 2}, "bias should contain 3 elements not 2");
  module.bias.reset();
  module.weight = Array({50, 2}, ElementType::kF64);
  expect_refused<std::invalid_argument>(
      module, {4, 2}, "weight must be of f32, as in the module it belongs to, but is of f64");
  module.weight = Array({2});
  expect_refused<std::invalid_argument>(module, {4, 2},
                                        "weight must have 2 dimensions, but is torch.Size([2])");
  module.weight = random_array({50, 2}, 2);
  const Array dy(module.forward(x).sizes());
  module.backward(dy);
  EXPECT_EQ(*module.parameters()[0].gradient, Array({50, 2}));
}

TEST(Linear, IsDrawnBySeed) {
  const Linear first(16, 8, {.seed = 1});
  EXPECT_EQ(first.weight, Linear(16, 8, {.seed = 1}).weight);
  EXPECT_FALSE(first.weight == Linear(16, 8, {.seed = 2}).weight);
  double most = 0;
  for (const double value : first.weight.values()) most = std::max(most, std::abs(value));
  EXPECT_LE(most, 0.25);
  EXPECT_GT(most, 0.24);
}

TEST(Conv1d, Refuses) {
  Conv1d module(3, 2, 3);
  expect_refused<std::runtime_error>(
      module, {2, 4, 5},
      "Given groups=1, weight of size [2, 3, 3], expected input[2, 4, 5] to have 3 channels, but "
      "got 4 channels instead");
  expect_refused<std::runtime_error>(
      module, {2, 3},
      "Given groups=1, weight of size [2, 3, 3], expected input[1, 2, 3] to have 3 channels, but "
      "got 2 channels instead");
  expect_refused<std::runtime_error>(module, {2, 3, 2},
                                     "Calculated padded input size per channel: (2). Kernel size: "
                                     "(3). Kernel size can't be greater than actual input size");
  expect_refused<std::runtime_error>(
      module, {5},
      "Expected 2D (unbatched) or 3D (batched) input to conv1d, but got input of size: [5]");
}

TEST(Conv1d, IsWhatItSays) {
  Conv1d module(1, 2, 2, {.padding = 1});
  module.weight = of({2, 1, 2}, {1, 10, 1, -1});
  module.bias = of({2}, {0, 1});
  const Array x = of({1, 1, 3}, {1, 2, 3});
  const Array y = of({1, 2, 4}, {10, 21, 32, 3, 0, 0, 0, 4});
  EXPECT_EQ(module.forward(x), y);
  const Array x_nlc = laid_out(x, Layout::kNlc);
  EXPECT_EQ(laid_out(module.forward(x_nlc), Layout::kNcl), y);
  Conv1d strided(1, 2, 2, {.stride = 2, .padding = 1});
  strided.weight = module.weight;
  strided.bias = module.bias;
  EXPECT_EQ(strided.forward(x), of({1, 2, 2}, {10, 32, 0, 0}));
}

// By the definition, over kernels, strides and paddings, also of padding that is longer than x.
TEST(Conv1d, IsTheSumOverItsTaps) {
  for (const std::int64_t size : {1, 2, 3, 5}) {
    for (const std::int64_t stride : {1, 2, 3}) {
      for (const std::int64_t padding : {0, 1, 4, 7}) {
        for (const Layout layout : {Layout::kNcl, Layout::kNlc}) {
          Conv1d module(2, 3, size, {.stride = stride, .padding = padding, .dtype = DType::kF64});
          const Array x = random_array({2, 2, 5}, 1, ElementType::kF64);
          const Array in_layout = laid_out(x, layout);
          const Array y = laid_out(module.forward(in_layout), Layout::kNcl);
          const std::int64_t m = (5 + 2 * padding - size) / stride + 1;
          ASSERT_EQ(y.sizes(), (Sizes{2, 3, m}));
          for (std::int64_t at = 0; at < y.size(); ++at) {
            const std::int64_t i = at / m / 3;
            const std::int64_t k = at / m % 3;
            double sum = module.bias->get(k);
            for (std::int64_t c = 0; c < 2; ++c) {
              for (std::int64_t t = 0; t < size; ++t) {
                const std::int64_t j = at % m * stride + t - padding;
                if (j < 0 || j >= 5) continue;
                sum += module.weight.get((k * 2 + c) * size + t) * x.get((i * 2 + c) * 5 + j);
              }
            }
            EXPECT_NEAR(y.get(at), sum, 12 * 12 * 4 * 0x1p-53) << "at most 10 terms below 4";
          }
        }
      }
    }
  }
}

// Each sample is the same, and the gradient of the weight a sum of two parts.
TEST(Conv1d, OfTwoThreads) {
  Conv1d one(3, 4, 3, {.seed = 5});
  Conv1d two(3, 4, 3, {.seed = 5}, 2);
  const Array x = random_array({7, 3, 9}, 1);
  const Array dy = random_array({7, 4, 7}, 2);
  EXPECT_EQ(one.forward(x), two.forward(x));
  EXPECT_EQ(one.backward(dy), two.backward(dy));
  const Array& expected = *one.parameters()[0].gradient;
  const Array& gradient = *two.parameters()[0].gradient;
  for (std::int64_t at = 0; at < expected.size(); ++at) {
    EXPECT_NEAR(gradient.get(at), expected.get(at), 50 * 49 * 16 * 0x1p-24)
        << "49 products of numbers below 4, in another order";
  }
}

TEST(Conv1d, LayoutsAndTypesAgree) {
  Conv1d module(3, 4, 3, {.stride = 2, .padding = 1}, 2);
  const Array x = converted(random_array({5, 3, 9}, 1, ElementType::kBf16), ElementType::kF32);
  const Array y = module.forward(x);
  const Array x_nlc = laid_out(x, Layout::kNlc);
  const Array y_nlc = laid_out(module.forward(x_nlc), Layout::kNcl);
  const Array x_bf16 = converted(x, ElementType::kBf16);
  const Array y_bf16 = module.forward(x_bf16);
  ASSERT_EQ(y_bf16.type(), ElementType::kBf16);
  for (std::int64_t at = 0; at < y.size(); ++at) {
    EXPECT_NEAR(y_nlc.get(at), y.get(at), 32 * 0x1p-24) << "9 terms, each about 1";
    EXPECT_NEAR(y_bf16.get(at), y.get(at), 0x1p-8 * std::abs(y.get(at)));
  }
}

TEST(ReLU, KeepsNaN) {
  ReLU module;
  const Array x = of({4}, {-1, 0, 2, NAN});
  const Array& y = module.forward(x);
  EXPECT_EQ(y.get(0), 0);
  EXPECT_EQ(y.get(2), 2);
  EXPECT_TRUE(std::isnan(y.get(3)));
  EXPECT_EQ(module.backward(of({4}, {1, 1, 1, 1})), of({4}, {0, 0, 1, 1}));
}

TEST(Sequential, HasTheStateOfItsLayers) {
  Sequential network;
  network.add<Linear>(2, 3);
  network.add<ReLU>();
  auto& norm = network.add<LayerNorm>(Sizes{3});
  network.eval();
  EXPECT_FALSE(norm.training());
  std::vector<std::string> names;
  for (const Slot& slot : network.slots()) names.push_back(slot.name);
  EXPECT_EQ(names, (std::vector<std::string>{"0.weight", "0.bias", "2.weight", "2.bias"}));
  StateDict state = network.state_dict();
  state.entries.pop_back();
  expect_error<std::runtime_error>([&] { network.load_state_dict(state); },
                                   "Error(s) in loading state_dict for Sequential:\n\tMissing "
                                   "key(s) in state_dict: \"2.bias\". ");
}

TEST(Products, AreByALibraryOrSaySo) { EXPECT_FALSE(product_library().empty()); }

TEST(Products, AgreeWithLoops) {
  const std::int64_t m = 5;
  const std::int64_t n = 7;
  const std::int64_t k = 11;
  const Array a = random_array({m * k}, 1);
  const Array b = random_array({k * n}, 2);
  for (const bool transposed_a : {false, true}) {
    for (const bool transposed_b : {false, true}) {
      for (const bool add : {false, true}) {
        Array c = random_array({m * n}, 3);
        Array wide = converted(c, ElementType::kF64);
        const Array a64 = converted(a, ElementType::kF64);
        const Array b64 = converted(b, ElementType::kF64);
        multiply(m, n, k, Matrix<float>{a.as<float>().data(), transposed_a},
                 Matrix<float>{b.as<float>().data(), transposed_b}, c.as<float>().data(), add, 2);
        multiply(m, n, k, Matrix<double>{a64.as<double>().data(), transposed_a},
                 Matrix<double>{b64.as<double>().data(), transposed_b}, wide.as<double>().data(),
                 add, 2);
        // 11 products of numbers below 4, and what is there before.
        for (std::int64_t at = 0; at < c.size(); ++at) {
          EXPECT_NEAR(c.get(at), wide.get(at), 12 * (11 * 16 + 4) * 0x1p-24);
        }
      }
    }
  }
}

}  // namespace
}  // namespace normbench::nn
