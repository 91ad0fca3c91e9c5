// A folded layer, and the two layers that it stands for, are both within their bounds of what both
// should give.
//
// u is the relative error of a rounding in the type of the parameters, v when data is stored in 16
// bits, else 0. With K terms in a sum, z = sum w x + b is off by (K + 1) u (sum |w x| + |b|), as
// each term goes through K products and sums and one more for b, and by v |z|. Batch norm makes |s|
// times that of it, and adds (harness/check/oracle.cpp, where statistics are given)
//   2 (5u |gamma xh| + u (|gamma xh| + |y|)), and folded 2u (|s| (2 |z| + 2 |mean|) + |y|),
// and v |y|. Of the folded layer each weight and the bias b' have been rounded once, so it is off
// by (K + 2) u (|s| sum |w x| + |b'|) + v |y|. Terms of second order are at most (K + 20) u of
// these: less than 2^-16.
#include "harness/nn/fold.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "harness/nn/relu.h"
#include "tests/nn/arrays.h"

namespace normbench::nn {
namespace {

using Wide = long double;

constexpr double kSecondOrder = 1 + 0x1p-16;

struct Units {
  double u, v;
};

Units units_of(ElementType type) {
  if (type == ElementType::kF64) return {0x1p-53, 0};
  if (type == ElementType::kBf16) return {0x1p-24, 0x1p-8};
  return {0x1p-24, 0};
}

BatchNorm1d trained_norm(std::int64_t channels, DType dtype, const std::string& backend) {
  BatchNorm1d norm(channels, {.dtype = dtype}, {.backend = backend});
  for (std::int64_t k = 0; k < channels; ++k) {
    const auto at = static_cast<double>(k);
    norm.weight->set(k, k % 2 == 0 ? 0.7 + at : -0.3 * at);
    norm.bias->set(k, 0.3 - at / 4);
    norm.running_mean->set(k, 0.1 * at - 0.2);
    norm.running_var->set(k, 0.01 + at);
  }
  norm.eval();
  return norm;
}

// One output: what it should be, and how far the two ways may be off.
struct Output {
  Wide y;
  double unfused, folded;
};

// `z` and `size` are the sum of the products, and of their sizes.
Output expected(Wide z, Wide size, Wide b, std::int64_t terms, const BatchNorm1d& norm,
                std::int64_t k, Grade grade, Units units) {
  const Wide gamma = norm.weight->get(k);
  const Wide beta = norm.bias->get(k);
  const Wide mean = norm.running_mean->get(k);
  const Wide rstd = 1 / std::sqrt(static_cast<Wide>(norm.running_var->get(k)) + Wide{norm.eps});
  const Wide s = std::abs(gamma * rstd);
  const Wide sum = z + b;
  const Wide scaled = gamma * rstd * (sum - mean);
  const Wide y = scaled + beta;
  const Wide u = units.u;
  const auto count = static_cast<Wide>(terms);
  const Wide of_sum = (count + 1) * u * (size + std::abs(b)) + units.v * std::abs(sum);
  Wide of_norm = 2 * (5 * u * std::abs(scaled) + u * (std::abs(scaled) + std::abs(y)));
  if (grade == Grade::kB)
    of_norm += 2 * u * (s * 2 * (std::abs(sum) + std::abs(mean)) + std::abs(y));
  const Wide shift = gamma * rstd * (b - mean) + beta;
  const Wide stored = units.v * std::abs(y);
  const Wide folded = (count + 2) * u * (s * size + std::abs(shift)) + stored;
  return {y, static_cast<double>((s * of_sum + of_norm + stored) * kSecondOrder),
          static_cast<double>(folded * kSecondOrder)};
}

// The worst errors in units of their bounds.
struct Errors {
  double unfused = 0, folded = 0;
};

void see(double& worst, double error, double bound) {
  if (!(error <= worst * bound)) worst = error / bound;
}

// Output (i, k, j) of a convolution or, with one position and tap, of a linear layer.
struct Sum {
  Wide z = 0, size = 0;
};
Sum sum_at(const Array& x, const Array& weight, std::int64_t i, std::int64_t k, std::int64_t j) {
  const std::int64_t in = weight.sizes()[1];
  const std::int64_t taps = weight.sizes().size() == 3 ? weight.sizes()[2] : 1;
  const std::int64_t length = x.sizes().size() == 3 ? x.sizes()[2] : 1;
  Sum sum;
  for (std::int64_t c = 0; c < in; ++c) {
    for (std::int64_t t = 0; t < taps; ++t) {
      const Wide product = static_cast<Wide>(weight.get((k * in + c) * taps + t)) *
                           x.get((i * in + c) * length + j + t);
      sum.z += product;
      sum.size += std::abs(product);
    }
  }
  return sum;
}

template <class Layer>
Errors errors_of(Layer& layer, BatchNorm1d& norm, Module& folded, const Array& x, Grade grade,
                 bool relu) {
  ReLU rectifier;
  const Array& z = layer.forward(x);
  const Array& normalized = norm.forward(z);
  const Array& unfused = relu ? rectifier.forward(normalized) : normalized;
  const Array& y = folded.forward(x);
  const std::int64_t out = layer.weight.sizes()[0];
  const std::int64_t length = y.sizes().size() == 3 ? y.sizes()[2] : 1;
  Errors errors;
  for (std::int64_t at = 0; at < y.size(); ++at) {
    const std::int64_t k = at / length % out;
    const Sum sum = sum_at(x, layer.weight, at / length / out, k, at % length);
    const Output output = expected(sum.z, sum.size, layer.bias ? layer.bias->get(k) : 0,
                                   layer.weight.size() / out, norm, k, grade, units_of(x.type()));
    // ReLU brings nothing further apart.
    const Wide right = relu ? std::max(output.y, Wide{0}) : output.y;
    see(errors.unfused, static_cast<double>(std::abs(unfused.get(at) - right)), output.unfused);
    see(errors.folded, static_cast<double>(std::abs(y.get(at) - right)), output.folded);
  }
  return errors;
}

TEST(Fold, IsWithinTheBoundsOnEveryBackend) {
  for (const auto& backend : backends()) {
    for (const DType dtype : {DType::kF32, DType::kF64, DType::kBf16}) {
      const Problem problem = {
          .pass = Pass::kForwardInference, .dtype = dtype, .n = 6, .c = 5, .l = 7, .batch = 6};
      if (!backend->supports(problem).supported) continue;
      const Grade grade = backend->accuracy(problem).grade;
      const DType parameters = parameter_dtype(dtype);
      BatchNorm1d norm = trained_norm(5, parameters, std::string(backend->name()));
      for (const bool relu : {false, true}) {
        for (const bool bias : {false, true}) {
          const std::string what = std::string(backend->name()) + " " + std::string(name(dtype));
          Linear linear(9, 5, {.bias = bias, .dtype = parameters});
          Linear folded_linear = fold(linear, norm, relu);
          const Array flat = random_array({6, 9}, 1, element_type(dtype));
          const Errors of_linear = errors_of(linear, norm, folded_linear, flat, grade, relu);
          EXPECT_LE(of_linear.unfused, 1) << what;
          EXPECT_LE(of_linear.folded, 1) << what;
          Conv1d conv(3, 5, 3, {.bias = bias, .dtype = parameters});
          Conv1d folded_conv = fold(conv, norm, relu);
          const Array signal = random_array({6, 3, 9}, 2, element_type(dtype));
          const Errors of_conv = errors_of(conv, norm, folded_conv, signal, grade, relu);
          EXPECT_LE(of_conv.unfused, 1) << what;
          EXPECT_LE(of_conv.folded, 1) << what;
          // Of 210 outputs, one has half of its roundings to one side, or 16 bits are rounded.
          EXPECT_GT(of_conv.folded, 0.05) << what << ": the bound is too wide";
          EXPECT_GT(of_conv.unfused, 0.02) << what << ": the bound is too wide";
        }
      }
    }
  }
}

TEST(Fold, AWrongOneIsOutOfItsBounds) {
  BatchNorm1d norm = trained_norm(5, DType::kF32, "naive");
  Linear linear(9, 5);
  const Array x = random_array({6, 9}, 1);
  Linear folded = fold(linear, norm);
  folded.bias->set(2, folded.bias->get(2) * (1 + 1e-5));
  EXPECT_GT(errors_of(linear, norm, folded, x, Grade::kA, false).folded, 1);
  norm.eps = 2e-5;  // of one channel, whose variance is 0.01, 0.05% of the scale
  Linear other = fold(linear, norm);
  norm.eps = 1e-5;
  EXPECT_GT(errors_of(linear, norm, other, x, Grade::kA, false).folded, 1);
}

TEST(Fold, KeepsStrideAndPadding) {
  BatchNorm1d norm = trained_norm(4, DType::kF32, "naive");
  Conv1d conv(2, 4, 3, {.stride = 2, .padding = 1});
  Conv1d folded = fold(conv, norm);
  const Array x = random_array({2, 2, 9}, 1);
  const Array y = norm.forward(conv.forward(x));
  const Array& same = folded.forward(x);
  ASSERT_EQ(same.sizes(), y.sizes());
  // Outputs of sums of 6 terms, scaled by at most 10.
  for (std::int64_t at = 0; at < y.size(); ++at) EXPECT_NEAR(same.get(at), y.get(at), 1e-4);
}

TEST(Fold, RefusesWhatDoesNotGoTogether) {
  Linear linear(3, 4);
  expect_error<std::invalid_argument>(
      [&] { fold(linear, BatchNorm1d(4, {.track_running_stats = false})); },
      "a batch norm without running statistics cannot be folded: it uses those of its input");
  expect_error<std::invalid_argument>([&] { fold(linear, BatchNorm1d(3)); },
                                      "a batch norm of 3 features does not go with 4 outputs");
  expect_error<std::invalid_argument>(
      [&] { fold(linear, BatchNorm1d(4, {.dtype = DType::kF64})); },
      "a batch norm with parameters of f64 does not go with a layer of f32");
  linear.relu = true;
  expect_error<std::invalid_argument>([&] { fold(linear, BatchNorm1d(4)); },
                                      "a batch norm behind a ReLU cannot be folded");
}

// Scale and shift are rounded once, the product and the sum once more: 3u of |x * scale| and 2u of
// |shift|, and the bound of grade A for batch norm itself.
TEST(ScaleShift, IsBatchNormAndReLU) {
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kBf16}) {
    for (const Layout layout : {Layout::kNcl, Layout::kNlc}) {
      for (const bool relu : {false, true}) {
        BatchNorm1d norm = trained_norm(5, parameter_dtype(dtype), "naive");
        ScaleShift fused(norm, relu, 2);
        ReLU rectifier;
        const Array x = random_array({6, 5, 7}, 1, element_type(dtype), layout);
        const Array& normalized = norm.forward(x);
        const Array& unfused = relu ? rectifier.forward(normalized) : normalized;
        const Array& y = fused.forward(x);
        const Units units = units_of(x.type());
        for (std::int64_t at = 0; at < x.size(); ++at) {
          const std::int64_t k = layout == Layout::kNcl ? at / 7 % 5 : at % 5;
          const Output output = expected(x.get(at), 0, 0, 0, norm, k, Grade::kA, {units.u, 0});
          const double product = std::abs(x.get(at) * fused.scale.get(k));
          const double bound = units.u * (3 * product + 2 * std::abs(fused.shift.get(k))) +
                               output.unfused + 2 * units.v * std::abs(unfused.get(at));
          EXPECT_LE(std::abs(y.get(at) - unfused.get(at)), bound * kSecondOrder) << at;
        }
      }
    }
  }
}

TEST(ScaleShift, IsForEvaluation) {
  ScaleShift module(trained_norm(3, DType::kF32, "naive"));
  const Array x = random_array({4, 3}, 1);
  module.forward(x);
  expect_error<std::logic_error>([&] { module.backward(x); },
                                 "ScaleShift is for evaluation: it has no backward()");
  const Array other = random_array({4, 2}, 1);
  expect_error<std::invalid_argument>(
      [&] { module.forward(other); },
      "ScaleShift of 3 channels cannot take data of torch.Size([4, 2])");
}

}  // namespace
}  // namespace normbench::nn
