// The gradients of every layer, on every backend that has f64, pass finite differences.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "harness/core/backend.h"
#include "harness/nn/batch_norm.h"
#include "harness/nn/conv1d.h"
#include "harness/nn/instance_norm.h"
#include "harness/nn/linear.h"
#include "harness/nn/relu.h"
#include "harness/nn/sample_norms.h"
#include "harness/nn/sequential.h"
#include "tests/nn/differences.h"

namespace normbench::nn {
namespace {

constexpr DType kDType = DType::kF64;
constexpr ElementType kType = ElementType::kF64;

// Parameters that are not all alike.
void draw_state(Module& module) {
  std::uint64_t seed = 100;
  for (const Slot& slot : module.slots()) {
    if (slot.value->type() != kType) continue;
    const Array drawn = random_array(slot.value->sizes(), ++seed, kType);
    const bool positive = slot.name.ends_with("running_var");
    for (std::int64_t at = 0; at < drawn.size(); ++at) {
      slot.value->set(at, positive ? 0.5 + std::abs(drawn.get(at)) : drawn.get(at));
    }
  }
}

std::string check(Module& module, const Sizes& sizes, Layout layout, std::int64_t terms) {
  draw_state(module);
  Array x = random_array(sizes, 1, kType, layout);
  const Array& y = module.forward(x);
  const Array dy = random_array(y.sizes(), 2, kType, layout);
  const Difference difference = compare_with_differences(module, x, dy, terms);
  return difference.worst <= 1 ? "" : std::to_string(difference.worst) + " in " + difference.where;
}

class GradientsOf : public testing::TestWithParam<std::string> {
 protected:
  On on() const { return {.backend = GetParam(), .threads = 2}; }
};

std::vector<std::string> with_f64() {
  std::vector<std::string> names;
  for (const auto& backend : backends()) {
    if (backend->supports({.dtype = kDType, .n = 4, .c = 3, .l = 2, .batch = 4}).supported) {
      names.emplace_back(backend->name());
    }
  }
  return names;
}
INSTANTIATE_TEST_SUITE_P(Backends, GradientsOf, testing::ValuesIn(with_f64()),
                         [](const auto& info) { return info.param; });

TEST_P(GradientsOf, BatchNorm) {
  for (const Layout layout : {Layout::kNcl, Layout::kNlc}) {
    BatchNorm1d module(3, {.dtype = kDType}, on());
    EXPECT_EQ(check(module, {4, 3, 5}, layout, 20), "");
    module.eval();
    EXPECT_EQ(check(module, {4, 3, 5}, layout, 20), "");
  }
  BatchNorm1d flat(3, {.bias = false, .dtype = kDType}, on());
  EXPECT_EQ(check(flat, {6, 3}, Layout::kNcl, 6), "");
}

TEST_P(GradientsOf, InstanceNorm) {
  for (const Layout layout : {Layout::kNcl, Layout::kNlc}) {
    InstanceNorm1d module(3, {.affine = true, .track_running_stats = true, .dtype = kDType}, on());
    EXPECT_EQ(check(module, {4, 3, 5}, layout, 20), "");
    module.eval();
    EXPECT_EQ(check(module, {4, 3, 5}, layout, 20), "");
  }
  InstanceNorm1d plain(3, {.dtype = kDType}, on());
  EXPECT_EQ(check(plain, {3, 7}, Layout::kNcl, 7), "");
}

TEST_P(GradientsOf, SampleNorms) {
  for (const Layout layout : {Layout::kNcl, Layout::kNlc}) {
    LayerNorm layer({3, 5}, {.dtype = kDType}, on());
    EXPECT_EQ(check(layer, {4, 3, 5}, layout, 15), "");
    RMSNorm rms({3, 5}, {.dtype = kDType}, on());
    EXPECT_EQ(check(rms, {4, 3, 5}, layout, 15), "");
    GroupNorm group(2, 6, {.dtype = kDType}, on());
    EXPECT_EQ(check(group, {3, 6, 4}, layout, 12), "");
  }
  LayerNorm last({5}, {.bias = false, .dtype = kDType}, on());
  EXPECT_EQ(check(last, {2, 3, 5}, Layout::kNcl, 6), "");
}

TEST(Gradients, Linear) {
  for (const bool relu : {false, true}) {
    Linear module(4, 3, {.dtype = kDType});
    module.relu = relu;
    EXPECT_EQ(check(module, {5, 4}, Layout::kNcl, 5), "");
    EXPECT_EQ(check(module, {2, 3, 4}, Layout::kNcl, 6), "");
  }
  Linear plain(4, 3, {.bias = false, .dtype = kDType});
  EXPECT_EQ(check(plain, {5, 4}, Layout::kNcl, 5), "");
}

TEST(Gradients, Conv1d) {
  for (const Layout layout : {Layout::kNcl, Layout::kNlc}) {
    for (const bool relu : {false, true}) {
      Conv1d module(2, 3, 3, {.stride = 2, .padding = 1, .dtype = kDType});
      module.relu = relu;
      EXPECT_EQ(check(module, {2, 2, 7}, layout, 8), "");
    }
    Conv1d plain(2, 3, 2, {.bias = false, .dtype = kDType});
    EXPECT_EQ(check(plain, {2, 2, 5}, layout, 8), "");
  }
  Conv1d unbatched(2, 3, 2, {.dtype = kDType});
  EXPECT_EQ(check(unbatched, {2, 5}, Layout::kNcl, 5), "");
}

TEST(Gradients, OfANetwork) {
  Sequential network;
  network.add<Conv1d>(2, 4, 3, Conv1dOptions{.dtype = kDType});
  network.add<BatchNorm1d>(4, BatchNormOptions{.dtype = kDType});
  network.add<ReLU>();
  network.add<Linear>(5, 2, LinearOptions{.dtype = kDType});
  // The gradient passes sums of 6, 15 and 5 terms.
  EXPECT_EQ(check(network, {3, 2, 7}, Layout::kNcl, 15 * 6), "");
}

// Off by one part in a million.
class Wrong : public Module {
 public:
  std::string_view name() const override { return "Wrong"; }

 private:
  const Array& run_forward(const Array& x) override { return inner_.forward(x); }
  const Array& run_backward(const Array&, const Array& dy) override {
    dx_ = inner_.backward(dy);
    dx_.set(1, dx_.get(1) * (1 + 1e-6));
    return dx_;
  }

  BatchNorm1d inner_{3, {.dtype = kDType}};
  Array dx_;
};

TEST(Gradients, ThatAreWrongDoNotPass) {
  Wrong module;
  Array x = random_array({6, 3}, 1, kType);
  const Array dy = random_array({6, 3}, 2, kType);
  const Difference difference = compare_with_differences(module, x, dy, 6);
  EXPECT_GT(difference.worst, 1);
  EXPECT_EQ(difference.where, "x 1");
}

}  // namespace
}  // namespace normbench::nn
