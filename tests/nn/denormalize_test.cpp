// x comes back from y within its bound, of every backend, and the bound is no wider than it must.
#include "harness/nn/denormalize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "harness/nn/batch_norm.h"
#include "harness/nn/instance_norm.h"
#include "harness/nn/sample_norms.h"
#include "tests/nn/arrays.h"

namespace normbench::nn {
namespace {

// The largest error in units of its bound, of a module that normalized x.
double worst(const Denormalized& back, const Array& x) {
  double most = 0;
  for (std::int64_t at = 0; at < x.size(); ++at) {
    const double error = std::abs(back.x.get(at) - x.get(at));
    const double bound = back.bound[static_cast<std::size_t>(at)];
    most = !(error <= bound * most) ? error / bound : most;
  }
  return most;
}

BatchNorm1d module_for(std::int64_t channels, DType dtype, const On& on) {
  BatchNorm1d module(channels, {.dtype = parameter_dtype(dtype)}, on);
  for (std::int64_t k = 0; k < channels; ++k) {
    module.weight->set(k, 0.5 + static_cast<double>(k));
    module.bias->set(k, 3 - static_cast<double>(k));
    module.running_mean->set(k, static_cast<double>(k));
    module.running_var->set(k, 0.25 + static_cast<double>(k));
  }
  return module;
}

TEST(Denormalize, GivesXBackWithinTheBound) {
  for (const auto& backend : backends()) {
    for (const DType dtype : {DType::kF32, DType::kF64, DType::kBf16}) {
      for (const double mean : {0.0, 100.0}) {
        for (const Layout layout : {Layout::kNcl, Layout::kNlc}) {
          const Problem problem = {
              .dtype = dtype, .layout = layout, .n = 16, .c = 3, .l = 9, .batch = 16};
          if (!backend->supports(problem).supported) continue;
          BatchNorm1d module = module_for(3, dtype, {.backend = std::string(backend->name())});
          const Array x = random_array({16, 3, 9}, 1, element_type(dtype), layout, mean);
          for (const bool training : {true, false}) {
            // After a variance by moments nothing is known.
            const bool moments = backend->accuracy(problem).variance != VarianceForm::kDeviations;
            if (training && moments) continue;
            module.train(training);
            const Array y = module.forward(x);
            const double error = worst(module.denormalize(y), x);
            EXPECT_LE(error, 1) << backend->name() << " " << name(dtype) << " " << mean;
            // x that is far from 0 has few digits to lose. In training sums claim up to 143
            // roundings, which are not all to one side.
            const double least = mean != 0 ? -1 : training ? 1e-3 : 0.05;
            EXPECT_GT(error, least) << "too wide a bound: " << backend->name();
          }
        }
      }
    }
  }
}

template <class Norm>
void expect_back(Norm& module, const Sizes& sizes, Layout layout) {
  const Array x = random_array(sizes, 1, ElementType::kF32, layout);
  const Array y = module.forward(x);
  const double error = worst(module.denormalize(y), x);
  EXPECT_LE(error, 1) << module.name();
  EXPECT_GT(error, 1e-3) << module.name() << ": too wide a bound";
}

TEST(Denormalize, OfEveryNorm) {
  for (const Layout layout : {Layout::kNcl, Layout::kNlc}) {
    InstanceNorm1d instance(4, {.affine = true, .track_running_stats = true});
    instance.running_var = of({4}, {1, 2, 3, 4});
    instance.weight = of({4}, {1, -2, 3, 4});
    expect_back(instance, {3, 4, 9}, layout);
    instance.eval();
    expect_back(instance, {3, 4, 9}, layout);
    GroupNorm group(2, 4);
    group.weight = of({4}, {1, -2, 3, 4});
    expect_back(group, {3, 4, 9}, layout);
    LayerNorm layer({4, 9});
    layer.weight = random_array({4, 9}, 5);
    expect_back(layer, {3, 4, 9}, layout);
    RMSNorm rms({4, 9});
    rms.weight = random_array({4, 9}, 5);
    expect_back(rms, {3, 4, 9}, layout);
  }
}

// Where gamma is small beside beta, the digits of x are lost, and the bound says it.
TEST(Denormalize, SaysWhatALargeBetaCosts) {
  BatchNorm1d module = module_for(1, DType::kF32, {});
  module.weight->fill(1e-3);
  module.bias->fill(100);
  const Array x = random_array({64, 1}, 1);
  const Array y = module.forward(x);
  const Denormalized back = module.denormalize(y);
  EXPECT_LE(worst(back, x), 1);
  EXPECT_GT(back.bound[0], 1e-3);
}

TEST(Denormalize, KnowsNothingWithoutGamma) {
  BatchNorm1d module = module_for(2, DType::kF32, {});
  module.weight->set(0, 0);
  const Array x = of({2, 2}, {1, 2, 3, 4});
  const Array y = module.forward(x);
  const Denormalized back = module.denormalize(y);
  EXPECT_TRUE(std::isinf(back.bound[0]) && std::isinf(back.bound[2]));
  EXPECT_EQ(back.x.get(0), 2) << "the mean";
  EXPECT_TRUE(std::isfinite(back.bound[1]));
}

TEST(Denormalize, OtherStatisticsAreOutsideOfTheBound) {
  BatchNorm1d module = module_for(2, DType::kF32, {});
  module.eval();
  const Array x = random_array({8, 2}, 1);
  const Array y = module.forward(x);
  EXPECT_LE(worst(module.denormalize(y), x), 1);
  module.running_mean->set(0, module.running_mean->get(0) + 1e-4);
  EXPECT_GT(worst(module.denormalize(y), x), 1);
}

TEST(Denormalize, WantsAnOutput) {
  BatchNorm1d module(2);
  const Array x = random_array({8, 2}, 1);
  module.forward(x);
  expect_error<std::invalid_argument>(
      [&] {
        module.denormalize(Array({2, 2}));
      },
      "BatchNorm1d: y must be like the output of the last forward(), torch.Size([8, 2]), but got "
      "torch.Size([2, 2])");
}

}  // namespace
}  // namespace normbench::nn
