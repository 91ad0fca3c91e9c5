// What happens at the edges, on every backend: impls/EDGE_CASES.md in code.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/check/check.h"
#include "harness/check/grouping.h"
#include "harness/check/known_defects.h"
#include "harness/check/random.h"
#include "tests/impls/backends.h"

namespace normbench {
namespace {

constexpr std::uint64_t kSeed = 1;

// Every norm, pass, dtype and layout of one shape, as far as it is valid.
std::vector<Problem> variants(std::int64_t n, std::int64_t c, std::int64_t l) {
  std::vector<Problem> all;
  for (const Norm norm : kEveryNorm) {
    for (const Pass pass : kEveryPass) {
      for (const DType dtype : kEveryDType) {
        for (const Layout layout : kEveryLayout) {
          const bool grouped = norm == Norm::kGroup && c % 2 == 0;
          const Problem problem{.norm = norm,
                                .pass = pass,
                                .dtype = dtype,
                                .layout = layout,
                                .n = n,
                                .c = c,
                                .l = l,
                                .batch = n,
                                .groups = grouped ? 2 : 1};
          if (!invalid(problem)) all.push_back(problem);
        }
      }
    }
  }
  return all;
}

// Backends, and those with an option at another value than usual, which live as long as the
// program.
std::vector<const Backend*> backends_and_variants() {
  static std::vector<std::unique_ptr<Backend>> variants;
  std::vector<const Backend*> all = all_backends();
  for (const Backend* backend : all_backends()) {
    for (const normbench::BackendOption& option : backend->options()) {
      for (std::size_t i = 1; i < option.values.size(); ++i) {
        all.push_back(
            variants.emplace_back(backend->with_option(option.name, option.values[i])).get());
      }
    }
  }
  return all;
}

class EdgeCases : public testing::TestWithParam<const Backend*> {
 protected:
  static const Backend& backend() { return *GetParam(); }
  static bool is_variant() { return backend().name().find('[') != std::string_view::npos; }

  static std::vector<Problem> supported(std::vector<Problem> problems) {
    std::erase_if(problems,
                  [](const Problem& problem) { return !backend().supports(problem).supported; });
    return problems;
  }

  // Without those on which the library is known to be wrong, whatever the values.
  static std::vector<Problem> sound(std::vector<Problem> problems) {
    problems = supported(std::move(problems));
    std::erase_if(problems, [](const Problem& problem) {
      return known_defect(backend().name(), backend().version(), problem) != nullptr;
    });
    return problems;
  }

  // What the check says about one run on random input that `change` has been applied to.
  template <class Change>
  static Verdict verdict_on(const Problem& problem, Change change, int threads = 2) {
    Workspace workspace(problem, kSeed);
    fill(workspace, InputKind::kRandom, kSeed);
    change(workspace.arguments());
    workspace.remember_inputs();
    const Oracle oracle(problem, workspace.arguments(), false);
    run_once(problem, workspace, threads);
    return check_outputs(workspace, oracle, backend().accuracy(problem), 1);
  }

  static void run_once(const Problem& problem, const Workspace& workspace, int threads = 2) {
    const auto kernel = backend().prepare(problem, workspace.arguments(), threads);
    kernel->load();
    kernel->run();
    kernel->collect();
  }

  static void expect_passed(const Problem& problem, const Verdict& verdict) {
    EXPECT_TRUE(verdict.passed()) << id(problem) << ": " << verdict.reason;
  }
};

// Applies change(value) to every element, in the type of the tensor.
template <class Change>
void change_each(const Tensor& tensor, Change change) {
  with_storage(tensor.dtype, [&]<class T>(T) {
    std::uint64_t at = 0;
    for (T& value : tensor.as<T>())
      value = static_cast<T>(change(static_cast<double>(value), at++));
  });
}

double value_of(const Tensor& tensor, std::size_t at) {
  return with_storage(tensor.dtype,
                      [&]<class T>(T) { return static_cast<double>(tensor.as<T>()[at]); });
}

void set(const Tensor& tensor, std::size_t at, double value) {
  with_storage(tensor.dtype, [&]<class T>(T) { tensor.as<T>()[at] = static_cast<T>(value); });
}

// As PyTorch refuses them; in its words, if there is no other reason.
TEST_P(EdgeCases, OneValuePerChannelIsNotSupportedInTraining) {
  std::size_t refused = 0;
  for (const Norm norm : {Norm::kBatch, Norm::kInstance, Norm::kGroup}) {
    for (const Pass pass : {Pass::kForwardTraining, Pass::kBackward}) {
      Problem problem = faulty::small(norm, pass);
      problem.n = problem.batch = problem.l = 1;
      problem.groups = norm == Norm::kGroup ? problem.c : 1;
      const Support support = backend().supports(problem);
      EXPECT_FALSE(support.supported) << id(problem);
      ++refused;
      Problem with_two_values = problem;
      with_two_values.l = 2;
      if (!backend().supports(with_two_values).supported) continue;
      EXPECT_PRED_FORMAT2(testing::IsSubstring, "Expected more than 1", support.reason);
    }
  }
  EXPECT_EQ(refused, 6U);
}

// Nothing of no samples, of no positions, and of neither.
std::vector<Problem> empty_problems(const std::vector<Problem>& problems) {
  std::vector<Problem> all;
  for (const Problem& problem : problems) {
    for (const auto& [n, l] : {std::array{0, 5}, {4, 0}, {0, 0}}) {
      Problem& empty = all.emplace_back(problem);
      empty.n = empty.batch = n;
      empty.l = l;
      if (n == 0) continue;
      all.emplace_back(empty).batch = n / 2;
    }
  }
  return all;
}

TEST_P(EdgeCases, AnEmptyBatchLeavesStateAloneAndHasZeroGradients) {
  for (const Problem& problem : supported(empty_problems(supported(variants(4, 6, 5))))) {
    Workspace workspace(problem, kSeed);
    const Arguments& a = workspace.arguments();
    for (const Tensor* running : {&a.running_mean, &a.running_var}) {
      if (running->present()) change_each(*running, [](double, std::uint64_t) { return 0.25; });
    }
    workspace.remember_inputs();
    const auto kernel = backend().prepare(problem, a, 2);
    kernel->load();
    kernel->run();
    kernel->collect();
    EXPECT_EQ(workspace.damage(), std::nullopt) << id(problem);
    for (const Tensor* running : {&a.running_mean, &a.running_var}) {
      if (!running->present()) continue;
      change_each(*running, [&](double value, std::uint64_t) {
        EXPECT_EQ(value, 0.25) << id(problem);
        return value;
      });
    }
    for (const Tensor* gradient : {&a.dgamma, &a.dbeta}) {
      if (!gradient->present()) continue;
      change_each(*gradient, [&](double value, std::uint64_t) {
        EXPECT_EQ(value, 0) << id(problem);
        return value;
      });
    }
  }
}

TEST_P(EdgeCases, OneValuePerStatistic) {
  std::vector<Problem> problems;
  for (Problem problem : variants(4, 1, 1)) {
    if (problem.norm != Norm::kBatch) problems.push_back(problem);
  }
  for (Problem problem : variants(4, 6, 1)) {
    if (problem.norm != Norm::kGroup) continue;
    problem.groups = 6;
    problems.push_back(problem);
  }
  for (const Problem& problem : variants(1, 6, 1)) {
    if (problem.norm == Norm::kBatch) problems.push_back(problem);
  }
  for (const Problem& problem : sound(problems)) {
    Workspace workspace(problem, kSeed);
    expect_passed(problem, check_briefly(backend(), workspace, 2));
  }
}

// Those of which impls/EDGE_CASES.md says so: others add up squares as floats, and may.
bool holds_sums_beyond_float(const Backend& backend) {
  const std::string_view name = backend.name().substr(0, backend.name().find('['));
  constexpr std::array<std::string_view, 4> kNames = {"naive", "eigen", "openmp", "simd"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

std::vector<Problem> in_f32(std::vector<Problem> problems, Pass pass) {
  std::erase_if(problems, [pass](const Problem& problem) {
    return problem.dtype != DType::kF32 || problem.pass != pass;
  });
  return problems;
}

// x around 1e30 has a variance that no float holds. Who keeps it in double returns the right y; who
// does not finds a rstd of 0, and returns beta, or NaN. Only the statistic itself may suffer.
TEST_P(EdgeCases, AVarianceThatOverflowsSpoilsNoOtherStatistic) {
  for (const Pass pass : {Pass::kForwardTraining, Pass::kForwardInference}) {
    for (const Problem& problem : sound(in_f32(variants(6, 4, 65), pass))) {
      if (problem.uses_running_statistics() || problem.norm == Norm::kNone) continue;
      Workspace workspace(problem, kSeed);
      fill(workspace, InputKind::kRandom, kSeed);
      const Arguments& a = workspace.arguments();
      const std::int64_t bad = statistic_of(problem, 1, 2, 0);
      const auto x = a.x.as<float>();
      faulty::for_each_place(problem, [&](std::int64_t i, std::int64_t k, std::int64_t j) {
        if (statistic_of(problem, i, k, j) != bad) return;
        x[static_cast<std::size_t>(offset_of(problem, i, k, j))] *= 1e30F;
      });
      workspace.remember_inputs();
      const Oracle oracle(problem, a, false);
      run_once(problem, workspace);
      const Accuracy claim = backend().accuracy(problem);
      if (a.variance.present()) {
        EXPECT_FALSE(std::isfinite(a.variance.as<float>()[static_cast<std::size_t>(bad)]));
      }
      faulty::for_each_place(problem, [&](std::int64_t i, std::int64_t k, std::int64_t j) {
        const float y = a.y.as<float>()[static_cast<std::size_t>(offset_of(problem, i, k, j))];
        const Expected expected = oracle.y(i, k, j, claim);
        const bool is_right = std::abs(y - expected.value) <= expected.bound;
        const auto parameter = static_cast<std::size_t>(affine_of(problem, i, k, j));
        const float beta = a.beta.present() ? a.beta.as<float>()[parameter] : 0;
        const bool is_bad = statistic_of(problem, i, k, j) == bad;
        ASSERT_TRUE(is_right || (is_bad && (y == beta || std::isnan(y))))
            << y << " at " << i << ", " << k << ", " << j << " of " << id(problem);
      });
    }
  }
}

// The mean square of 1e19 fits in a float, the sum of four of them does not.
TEST_P(EdgeCases, SquaresWhoseSumOverflows) {
  if (!holds_sums_beyond_float(backend())) GTEST_SKIP() << "it does not promise it";
  for (const float value : {1e19F, -1.8e19F}) {
    for (const Pass pass : {Pass::kForwardTraining, Pass::kForwardInference}) {
      for (const auto& [n, c, l] : {std::array{1, 512, 1}, {4, 6, 9}, {16, 3, 130}, {64, 2, 3}}) {
        for (const Problem& problem : sound(in_f32(variants(n, c, l), pass))) {
          expect_passed(problem, verdict_on(problem, [value](const Arguments& a) {
                          // Around zero for those that subtract the mean.
                          change_each(a.x, [value](double, std::uint64_t at) {
                            return at % 3 == 1 ? -value : value;
                          });
                        }));
        }
      }
    }
  }
}

// Values near the largest float: their mean is a float, whatever becomes of their sum.
TEST_P(EdgeCases, SumsOfTheLargestNumbers) {
  if (!holds_sums_beyond_float(backend())) GTEST_SKIP() << "it does not promise it";
  for (const auto& [n, c, l] : {std::array{4, 6, 9}, {16, 3, 130}, {64, 2, 3}}) {
    for (const Problem& problem : sound(in_f32(variants(n, c, l), Pass::kForwardTraining))) {
      if (problem.norm == Norm::kRms) continue;  // whose squares are beyond f32
      Workspace workspace(problem, kSeed);
      fill(workspace, InputKind::kRandom, kSeed);
      const Arguments& a = workspace.arguments();
      change_each(a.x, [](double, std::uint64_t) { return 0x1.8p127; });
      run_once(problem, workspace);
      for (const float mean : a.mean.as<float>()) EXPECT_EQ(mean, 0x1.8p127F) << id(problem);
      for (const float variance : a.variance.as<float>()) EXPECT_EQ(variance, 0) << id(problem);
    }
  }
}

// As in PyTorch: the mean is infinite, the variance is NaN, and so are the running statistics.
TEST_P(EdgeCases, OneInfinityMakesAnInfiniteRunningMean) {
  for (const double infinity :
       {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
    for (const auto& [n, c, l] : {std::array{4, 6, 9}, {16, 3, 130}, {64, 40, 1}}) {
      for (const Problem& problem : sound(variants(n, c, l))) {
        if (problem.norm != Norm::kBatch || problem.pass != Pass::kForwardTraining) continue;
        // The first value of a channel, and another one.
        for (const std::int64_t sample : {std::int64_t{0}, problem.n - 1}) {
          Workspace workspace(problem, kSeed);
          fill(workspace, InputKind::kRandom, kSeed);
          const Arguments& a = workspace.arguments();
          set(a.x, static_cast<std::size_t>(offset_of(problem, sample, 1, 0)), infinity);
          run_once(problem, workspace);
          EXPECT_EQ(value_of(a.running_mean, 1), infinity) << id(problem) << " in " << sample;
          EXPECT_TRUE(std::isnan(value_of(a.running_var, 1))) << id(problem) << " in " << sample;
          EXPECT_TRUE(std::isfinite(value_of(a.running_mean, 0))) << id(problem);
        }
      }
    }
  }
}

TEST_P(EdgeCases, NanAndInfinityStayInTheirStatistic) {
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    for (const Problem& problem : sound(variants(4, 6, 9))) {
      for (Tensor Arguments::*input : {&Arguments::x, &Arguments::dy}) {
        const auto spoil = [&](const Arguments& a) {
          // Sample 1, channel 2, position 4: the first value of no statistic.
          const auto at = static_cast<std::size_t>(offset_of(problem, 1, 2, 4));
          if (!(a.*input).present()) return;
          set(a.*input, at, value);
          if (input == &Arguments::dy || problem.pass != Pass::kBackward) return;
          // As the forward pass has saved it.
          const auto statistic = static_cast<std::size_t>(statistic_of(problem, 1, 2, 4));
          const bool is_rms = problem.norm == Norm::kRms;
          const double nan = std::numeric_limits<double>::quiet_NaN();
          if (!is_rms) set(a.mean, statistic, nan);
          set(a.variance, statistic, is_rms ? value : nan);
          set(a.rstd, statistic, is_rms && !std::isnan(value) ? 0 : nan);
        };
        const Verdict verdict = verdict_on(problem, spoil);
        EXPECT_TRUE(verdict.passed()) << value << " in " << (input == &Arguments::x ? "x" : "dy")
                                      << " of " << id(problem) << ": " << verdict.reason;
      }
    }
  }
}

TEST_P(EdgeCases, ANegativeEpsIsAddedAsItIs) {
  for (Problem problem : sound(variants(4, 6, 9))) {
    if (problem.norm == Norm::kBatch) continue;  // refuses it
    // Below the variance of some statistics, and above that of others.
    for (const double eps : {-0.5, -1e-3}) {
      problem.eps = eps;
      expect_passed(problem, verdict_on(problem, [](const Arguments&) {}));
    }
  }
}

TEST_P(EdgeCases, SubnormalsAreNotLost) {
  for (const Problem& problem : sound(variants(4, 6, 9))) {
    const double scale = scale_of(InputKind::kDenormal, problem.dtype);
    const auto shrink = [scale](double value, std::uint64_t) { return value * scale; };
    expect_passed(problem, verdict_on(problem, [&](const Arguments& a) {
                    // The saved statistics of a backward pass stay as they are: what is tiny is dy.
                    change_each(problem.backward() ? a.dy : a.x, shrink);
                  }));
  }
}

TEST_P(EdgeCases, GammasBelowTheSmallestNormalNumber) {
  for (const Problem& problem : sound(variants(4, 6, 9))) {
    const double scale = scale_of(InputKind::kDenormal, parameter_dtype(problem.dtype));
    expect_passed(problem, verdict_on(problem, [scale](const Arguments& a) {
                    if (a.gamma.present()) {
                      change_each(a.gamma,
                                  [=](double gamma, std::uint64_t) { return gamma * scale; });
                    }
                  }));
  }
}

TEST_P(EdgeCases, OffsetsOfAMillionDeviations) {
  for (const Problem& problem : sound(variants(8, 6, 25))) {
    const bool has_digits = problem.dtype == DType::kF32 || problem.dtype == DType::kF64;
    if (!has_digits || problem.backward()) continue;
    expect_passed(problem, verdict_on(problem, [](const Arguments& a) {
                    change_each(a.x, [](double x, std::uint64_t) { return x + 1e6; });
                  }));
  }
}

TEST_P(EdgeCases, FourMillionValuesPerStatistic) {
  if (is_variant()) GTEST_SKIP() << "takes long";
  std::vector<Problem> problems;
  for (const Problem& problem : variants(4, 2, 1'000'000)) {
    if (problem.dtype == DType::kF32 && problem.norm == Norm::kBatch) problems.push_back(problem);
  }
  for (const Problem& problem : variants(1, 2, 2'000'000)) {
    if (problem.dtype == DType::kF32 && problem.norm == Norm::kLayer) problems.push_back(problem);
  }
  for (const Problem& problem : sound(problems)) {
    // A mean of one half, as pixels have it: what a float sum loses digits to.
    expect_passed(problem, verdict_on(problem, [](const Arguments& a) {
                    if (!a.y.present()) return;
                    change_each(a.x,
                                [](double, std::uint64_t at) { return random_uniform(kSeed, at); });
                  }));
  }
}

// Batch norm whose running statistics lie where gamma and beta do, checked against one whose do
// not.
void expect_shared_memory_is_safe(const Backend& backend, const Problem& problem, int threads) {
  Workspace separate(problem, kSeed);
  fill(separate, InputKind::kRandom, kSeed);
  const Arguments& a = separate.arguments();
  const auto copy = [](const Tensor& from, const Tensor& to) {
    std::memcpy(to.data, from.data, from.bytes());
  };
  // Positive, as a variance must be.
  change_each(a.gamma, [](double value, std::uint64_t) { return std::abs(value); });
  copy(a.beta, a.running_mean);
  copy(a.gamma, a.running_var);
  separate.remember_inputs();
  Workspace shared(problem, kSeed);
  fill(shared, InputKind::kRandom, kSeed);
  Arguments b = shared.arguments();
  copy(a.beta, b.beta);
  copy(a.gamma, b.gamma);
  b.running_mean = b.beta;
  b.running_var = b.gamma;
  const auto kernel = backend.prepare(problem, b, threads);
  kernel->load();
  kernel->run();
  kernel->collect();
  // One mini-batch sees the gamma and beta that the one before has left, so only the first is as if
  // they were separate.
  const Oracle oracle(problem, a, false);
  const Accuracy claim = backend.accuracy(problem);
  for (std::int64_t i = 0; i < problem.batch; ++i) {
    for (std::int64_t k = 0; k < problem.c; ++k) {
      for (std::int64_t j = 0; j < problem.l; ++j) {
        const auto at = static_cast<std::size_t>(offset_of(problem, i, k, j));
        const Expected expected = oracle.y(i, k, j, claim);
        ASSERT_NEAR(b.y.as<float>()[at], expected.value, expected.bound)
            << id(problem) << "/t" << threads << " at " << at;
      }
    }
  }
}

// y is due before the running statistics change: they may lie where gamma and beta do.
TEST_P(EdgeCases, RunningStatisticsMayShareMemoryWithGammaAndBeta) {
  for (const Layout layout : kEveryLayout) {
    for (const int threads : {1, 2}) {
      Problem problem = faulty::batch_norm(Pass::kForwardTraining, 8, 40, 9, 4);
      problem.layout = layout;
      if (!backend().supports(problem).supported) continue;
      expect_shared_memory_is_safe(backend(), problem, threads);
    }
  }
  // Of threads that share a channel, one may be done before another has read gamma; most likely
  // where there are more of them than CPUs.
  const Problem large = faulty::batch_norm(Pass::kForwardTraining, 2048, 64, 1, 2048);
  if (!backend().supports(large).supported) return;
  constexpr int kThreads = 8;
  for (int repeat = 0; repeat < 3; ++repeat) {
    expect_shared_memory_is_safe(backend(), large, kThreads);
  }
}

TEST_P(EdgeCases, PointersAlignedToTheirElementsOnly) {
  for (const Problem& problem : sound(variants(4, 34, 9))) {
    Workspace workspace(problem, kSeed, Placement::kElement);
    expect_passed(problem, check_briefly(backend(), workspace, 2));
  }
}

TEST_P(EdgeCases, MoreThreadsThanWork) {
  std::vector<Problem> problems = variants(2, 2, 3);
  for (const Problem& problem : variants(3, 1, 2)) problems.push_back(problem);
  for (const Problem& problem : sound(problems)) {
    if (problem.dtype != DType::kF32) continue;
    for (int threads = 1; threads <= 8; ++threads) {
      Workspace workspace(problem, kSeed);
      const Verdict verdict = check_briefly(backend(), workspace, threads);
      EXPECT_TRUE(verdict.passed()) << id(problem) << "/t" << threads << ": " << verdict.reason;
    }
  }
}

// The bytes of all outputs of one run.
std::vector<std::byte> outputs(const Workspace& workspace) {
  std::vector<std::byte> bytes;
  for (const BufferSpec& spec : buffer_specs(workspace.problem())) {
    if (spec.role != Role::kOutput) continue;
    const Tensor& tensor = workspace.arguments().*spec.member;
    const auto* data = static_cast<const std::byte*>(tensor.data);
    bytes.insert(bytes.end(), data, data + tensor.bytes());
  }
  return bytes;
}

TEST_P(EdgeCases, RepeatedRunsAgreeToTheLastBit) {
  std::vector<Problem> problems = variants(64, 6, 300);
  for (const Problem& problem : variants(2048, 48, 1)) problems.push_back(problem);
  for (const Problem& problem : supported(problems)) {
    if (problem.dtype != DType::kF32 || !backend().repeatable(problem)) continue;
    Workspace workspace(problem, kSeed);
    fill(workspace, InputKind::kRandom, kSeed);
    const auto kernel = backend().prepare(problem, workspace.arguments(), 2);
    kernel->load();
    const auto run = [&] {
      kernel->run();
      kernel->collect();
      return outputs(workspace);
    };
    const auto first = run();
    for (int repeat = 0; repeat < 5; ++repeat) EXPECT_TRUE(run() == first) << id(problem);
  }
}

INSTANTIATE_TEST_SUITE_P(, EdgeCases, testing::ValuesIn(backends_and_variants()), backend_name);

}  // namespace
}  // namespace normbench
