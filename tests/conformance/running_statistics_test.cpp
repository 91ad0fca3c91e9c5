// Running statistics over many steps: one module of torch::nn beside every backend.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "harness/check/check.h"
#include "harness/check/inputs.h"
#include "tests/conformance/agreement.h"
#include "tests/conformance/torch_views.h"

namespace normbench::conformance {
namespace {

namespace nn = torch::nn;

constexpr std::int64_t kChannels = 5;

// One mini-batch, in training or inference; x differs from step to step.
struct Step {
  Problem problem;
  std::uint64_t seed;
};

Step step(std::uint64_t number, Pass pass, double momentum, std::int64_t n = 6) {
  return {{.pass = pass, .n = n, .c = kChannels, .l = 7, .batch = n, .momentum = momentum}, number};
}

bool takes(const Backend& backend, const std::vector<Step>& steps) {
  return std::all_of(steps.begin(), steps.end(), [&backend](const Step& step) {
    return backend.supports(step.problem).supported;
  });
}

// What has a state: a module, or a backend with its running statistics carried from step to step.
struct Subject {
  std::function<void(const Problem&, const Arguments&)> run;
  std::function<Accuracy(const Problem&)> accuracy;
};

// The running statistics by the formula, in double, and how far a subject may be off: each step
// adds the bound of one step, and what was there counts for 1 - momentum.
struct Exact {
  std::vector<double> mean = std::vector<double>(kChannels, 0);
  std::vector<double> var = std::vector<double>(kChannels, 1);
  std::vector<double> mean_bound = std::vector<double>(kChannels, 0);
  std::vector<double> var_bound = std::vector<double>(kChannels, 0);

  void update(const Step& step, const Workspace& workspace, const std::vector<Output>& outputs) {
    const double m = step.problem.momentum;
    const auto n = static_cast<double>(step.problem.values_per_channel());
    const auto statistics = statistics_of(step.problem, workspace.arguments());
    for (std::size_t k = 0; k < mean.size(); ++k) {
      mean[k] = (1 - m) * mean[k] + m * static_cast<double>(statistics[k].mean);
      var[k] = (1 - m) * var[k] + m * static_cast<double>(statistics[k].variance) * n / (n - 1);
    }
    for (const Output& output : outputs) {
      const bool is_mean = output.name == "running_mean";
      if (!is_mean && output.name != "running_var") continue;
      std::vector<double>& bound = is_mean ? mean_bound : var_bound;
      for (std::size_t k = 0; k < bound.size(); ++k) {
        bound[k] = std::abs(1 - m) * bound[k] + output.expected[k].bound;
      }
    }
  }
};

void put(const Tensor& tensor, const std::vector<double>& values) {
  for (std::size_t k = 0; k < values.size(); ++k) {
    tensor.as<float>()[k] = static_cast<float>(values[k]);
  }
}

// Takes `subject` through the steps, and holds it to the formula after each.
Exact follow(const Subject& subject, const std::vector<Step>& steps) {
  Exact exact;
  std::vector<double> mean = exact.mean;
  std::vector<double> var = exact.var;
  for (const Step& step : steps) {
    SCOPED_TRACE("step " + std::to_string(step.seed));
    Workspace workspace(step.problem);
    const Arguments& a = workspace.arguments();
    fill(workspace, InputKind::kRandom, step.seed);
    put(a.running_mean, mean);
    put(a.running_var, var);
    workspace.remember_inputs();
    const Oracle oracle(step.problem, a, false);
    subject.run(step.problem, a);
    EXPECT_EQ(workspace.damage(), std::nullopt);
    const auto outputs = outputs_of(workspace, oracle, subject.accuracy(step.problem));
    for (const Output& output : outputs) {
      const bool is_statistic =
          output.name == "mean" || output.name == "variance" || output.name == "rstd";
      if (!is_statistic) expect_within_bounds(output);
    }
    mean = values_of(a.running_mean);
    var = values_of(a.running_var);
    if (step.problem.pass == Pass::kForwardTraining) exact.update(step, workspace, outputs);
    for (std::size_t k = 0; k < mean.size(); ++k) {
      EXPECT_LE(std::abs(mean[k] - exact.mean[k]), exact.mean_bound[k]) << "running_mean " << k;
      EXPECT_LE(std::abs(var[k] - exact.var[k]), exact.var_bound[k]) << "running_var " << k;
    }
  }
  return exact;
}

// One module for all steps. Its buffers must stay what it was handed back before.
Subject torch_subject(std::optional<double> momentum) {
  nn::BatchNorm1d module(nn::BatchNormOptions(kChannels).momentum(
      momentum ? c10::optional<double>(*momentum) : c10::nullopt));
  const auto run = [module](const Problem& p, const Arguments& a) mutable {
    const at::NoGradGuard no_gradients;
    module->train(p.pass == Pass::kForwardTraining);
    EXPECT_TRUE(at::equal(module->running_mean, vector_view(a.running_mean)));
    EXPECT_TRUE(at::equal(module->running_var, vector_view(a.running_var)));
    module->weight.copy_(vector_view(a.gamma));
    module->bias.copy_(vector_view(a.beta));
    const Spelled spelled(p);
    data_view(spelled, a.y).copy_(module(data_view(spelled, a.x)));
    vector_view(a.running_mean).copy_(module->running_mean);
    vector_view(a.running_var).copy_(module->running_var);
  };
  return {run, [](const Problem& p) { return torch_accuracy(Spelled(p)); }};
}

Subject subject_of(const Backend& backend) {
  const auto run = [&backend](const Problem& p, const Arguments& a) {
    const auto kernel = backend.prepare(p, a, 1);
    kernel->load();
    kernel->run();
    kernel->collect();
  };
  return {run, [&backend](const Problem& p) { return backend.accuracy(p); }};
}

// torch and all backends that take the steps, through the same ones.
Exact follow_all(const std::vector<Step>& steps, std::optional<double> momentum) {
  for (const auto& backend : backends()) {
    if (!takes(*backend, steps)) continue;
    SCOPED_TRACE(backend->name());
    follow(subject_of(*backend), steps);
  }
  SCOPED_TRACE("torch");
  return follow(torch_subject(momentum), steps);
}

class OfMomentum : public testing::TestWithParam<double> {};

TEST_P(OfMomentum, TrainingAndInferenceTakeTurns) {
  const double momentum = GetParam();
  std::vector<Step> steps;
  for (std::uint64_t number = 1; number <= 12; ++number) {
    const bool training = number % 3 != 0;
    const Pass pass = training ? Pass::kForwardTraining : Pass::kForwardInference;
    // The size of mini-batches changes, and with it n / (n - 1).
    steps.push_back(step(number, pass, momentum, 2 + static_cast<std::int64_t>(number % 4)));
  }
  follow_all(steps, momentum);
}

INSTANTIATE_TEST_SUITE_P(, OfMomentum, testing::Values(0, 0.1, 0.5, 1, 1.00001),
                         [](const auto& info) {
                           return std::to_string(static_cast<int>(info.param * 100000));
                         });

// test_batchnorm_simple_average: momentum None is the momentum 1 / k in step k, and leaves the
// average of what single batches give.
TEST(RunningStatistics, WithoutMomentumAreTheAverage) {
  std::vector<Step> steps;
  Exact sum;
  sum.mean.assign(kChannels, 0);
  sum.var.assign(kChannels, 0);
  for (std::uint64_t number = 1; number <= 4; ++number) {
    steps.push_back(step(number, Pass::kForwardTraining, 1 / static_cast<double>(number)));
    const Exact alone = follow(torch_subject(1), {step(number, Pass::kForwardTraining, 1)});
    for (std::size_t k = 0; k < sum.mean.size(); ++k) {
      sum.mean[k] += alone.mean[k];
      sum.var[k] += alone.var[k];
    }
  }
  const Exact after = follow_all(steps, std::nullopt);
  for (std::size_t k = 0; k < sum.mean.size(); ++k) {
    EXPECT_NEAR(after.mean[k], sum.mean[k] / 4, 0x1p-48);
    EXPECT_NEAR(after.var[k], sum.var[k] / 4, 0x1p-48);
  }
}

// Runs of one kernel on unchanged buffers are steps of one module on the same x.
TEST(RunningStatistics, OfARepeatedKernelAreThoseOfARepeatedModule) {
  const Problem problem = step(1, Pass::kForwardTraining, 0.1).problem;
  constexpr std::int64_t kCalls = 5;
  for (const auto& backend : backends()) {
    if (!backend->supports(problem).supported) continue;
    SCOPED_TRACE(backend->name());
    Workspace mine(problem);
    Workspace torch(problem);
    for (Workspace* workspace : {&mine, &torch}) fill(*workspace, InputKind::kRandom, 1);
    const Oracle oracle(problem, mine.arguments(), false);
    const auto kernel = backend->prepare(problem, mine.arguments(), 1);
    kernel->load();
    for (std::int64_t call = 0; call < kCalls; ++call) {
      kernel->run();
      run_torch(Spelled(problem), torch.arguments(), 1);
    }
    kernel->collect();
    const Accuracy claim = backend->accuracy(problem);
    const Accuracy of_torch = torch_accuracy(Spelled(problem));
    for (std::size_t k = 0; k < kChannels; ++k) {
      EXPECT_LE(std::abs(mine.arguments().running_mean.as<float>()[k] -
                         torch.arguments().running_mean.as<float>()[k]),
                oracle.running_mean(k, claim, kCalls).bound +
                    oracle.running_mean(k, of_torch, kCalls).bound);
      EXPECT_LE(std::abs(mine.arguments().running_var.as<float>()[k] -
                         torch.arguments().running_var.as<float>()[k]),
                oracle.running_var(k, claim, kCalls).bound +
                    oracle.running_var(k, of_torch, kCalls).bound);
    }
  }
}

// x[i][k][j] = 1 + i + 4k + j has means 4, 8, 12 and the biased variance 2.5: y is formed with
// that, running_var with the unbiased 40 / 15 (pytorch#60528).
TEST(RunningStatistics, VarianceIsUnbiasedAndThatOfYIsNot) {
  const Problem problem{.n = 4, .c = 3, .l = 4, .batch = 4, .affine = false};
  const auto expect_golden = [&](auto run) {
    Workspace workspace(problem);
    fill(workspace, InputKind::kRandom, 1);
    const Arguments& a = workspace.arguments();
    for (std::size_t at = 0; at < 48; ++at) {
      a.x.as<float>()[at] = static_cast<float>(1 + at / 12 + 4 * (at / 4 % 3) + at % 4);
    }
    put(a.running_mean, {0, 0, 0});
    put(a.running_var, {1, 1, 1});
    run(a);
    // The report gives six decimals.
    for (std::size_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(a.running_mean.as<float>()[k], 0.4 * static_cast<double>(k + 1), 1e-6);
      EXPECT_NEAR(a.running_var.as<float>()[k], 1.166667, 1e-6);
      EXPECT_NEAR(a.y.as<float>()[4 * k], -1.897363, 1e-5);
      EXPECT_NEAR(a.y.as<float>()[36 + 4 * k + 3], 1.897363, 1e-5);
    }
  };
  expect_golden([&](const Arguments& a) { run_torch(Spelled(problem), a, 1); });
  for (const auto& backend : backends()) {
    if (!backend->supports(problem).supported) continue;
    SCOPED_TRACE(backend->name());
    expect_golden([&](const Arguments& a) { subject_of(*backend).run(problem, a); });
  }
}

}  // namespace
}  // namespace normbench::conformance
