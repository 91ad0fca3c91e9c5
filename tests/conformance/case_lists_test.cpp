// PyTorch's own test cases: OpInfo, ModuleInfo and test_nn, as far as they are problems of the
// harness. 4-D input is one of H * W positions. Values are those of the harness: its kinds of input
// ask for more than torch.randn.
//
// Cases without a counterpart, and why:
// - batch_norm on (0,), BatchNorm1d on (0, 5, 9), layer_norm on (0, 1), group_norm on (0, 2): an
//   empty batch is refused in a config; that kernels take it is tested with the backends, that
//   torch does in invalid_test.cpp.
// - BatchNorm1d(track_running_stats=False): a pass of training without its running statistics,
//   which the harness always updates; y and the gradients are compared.
// - BatchNorm1d(momentum=None): running_statistics_test.cpp.
// - Wrong sizes of weight, bias and running statistics: a problem has one C for all of them.
// - Only one of weight and bias (layer_norm, group_norm): affine is both or none.
// - instance_norm with running statistics: no part of the harness.
// - bf16 data with bf16 parameters: parameters are f32 there.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "harness/check/check.h"
#include "harness/check/inputs.h"
#include "tests/conformance/agreement.h"

namespace normbench::conformance {
namespace {

struct Setting {
  double eps = kDefaultEps;
  double momentum = kDefaultMomentum;
  bool affine = true;
};

Problem problem_of(Norm norm, std::int64_t n, std::int64_t c, std::int64_t l, Setting setting) {
  return {.norm = norm,
          .n = n,
          .c = c,
          .l = l,
          .batch = n,
          .eps = setting.eps,
          .momentum = setting.momentum,
          .affine = setting.affine};
}

Spelled batch(std::int64_t n, std::int64_t c, std::int64_t l, Setting setting = {}) {
  return Spelled(problem_of(Norm::kBatch, n, c, l, setting));
}

Spelled image(Norm norm, std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w,
              Setting setting = {}, Layout layout = Layout::kNcl) {
  Problem problem = problem_of(norm, n, c, h * w, setting);
  problem.layout = layout;
  return {problem, {h, w}};
}

Spelled group(std::int64_t n, std::int64_t c, std::int64_t l, std::int64_t groups,
              Setting setting = {}) {
  Problem problem = problem_of(Norm::kGroup, n, c, l, setting);
  problem.groups = groups;
  return Spelled(problem);
}

Spelled other(Norm norm, std::int64_t n, std::int64_t c, std::int64_t l, Setting setting = {}) {
  return Spelled(problem_of(norm, n, c, l, setting));
}

Spelled untracked(Spelled spelled) {
  spelled.tracked = false;
  return spelled;
}

Spelled unbatched(Spelled spelled) {
  spelled.unbatched = true;
  return spelled;
}

// Each once; every pass and dtype is added to them.
const std::vector<Spelled>& listed() {
  static const std::vector<Spelled> all = {
      // sample_inputs_batch_norm
      batch(5, 5, 5, {.eps = 0.6, .momentum = 0.5}), batch(3, 2, 4, {.momentum = -1.2}),
      batch(3, 1, 1, {.momentum = 0}),
      image(Norm::kBatch, 3, 2, 3, 4, {.eps = 0.5, .momentum = -1}), batch(2, 1, 1),
      untracked(batch(1, 2, 3, {.affine = false})),
      // module_inputs_torch_nn_BatchNorm1d
      batch(4, 10, 1), batch(4, 5, 3),
      batch(4, 10, 1, {.eps = 1e-3, .momentum = 0.3, .affine = false}),
      untracked(batch(4, 10, 1, {.eps = 1e-3, .momentum = 0.3})),
      batch(4, 5, 3, {.eps = 1e-3, .momentum = 0.3, .affine = false}),
      // test_batchnorm_nhwc_cpu
      image(Norm::kBatch, 4, 8, 10, 10, {}, Layout::kNlc),
      image(Norm::kBatch, 4, 1, 9, 9, {}, Layout::kNlc),
      image(Norm::kBatch, 4, 9, 1, 1, {}, Layout::kNlc),
      // sample_inputs_instance_norm and module_inputs_torch_nn_InstanceNormNd
      other(Norm::kInstance, 5, 5, 5, {.eps = 0.6}), other(Norm::kInstance, 3, 2, 4),
      image(Norm::kInstance, 3, 2, 3, 4, {.eps = 0.5}),
      other(Norm::kInstance, 4, 3, 15, {.eps = 1e-3}),
      unbatched(other(Norm::kInstance, 1, 3, 15, {.eps = 1e-3})),
      // sample_inputs_layer_norm. (1, 2, 3) over all of it is one sample of (2, 3); a negative eps
      // gives NaN where it makes the variance negative.
      other(Norm::kLayer, 1, 2, 3, {.eps = 0.5}), other(Norm::kLayer, 2, 2, 3, {.eps = -0.5}),
      other(Norm::kLayer, 1, 1, 1), other(Norm::kLayer, 1, 2, 1),
      other(Norm::kLayer, 1, 2, 1, {.affine = false}),
      // RMSNorm of [5] on (4, 5, 5), which has 20 rows, and of [2, 2, 5] on (4, 2, 2, 5)
      other(Norm::kRms, 20, 5, 1, {.eps = 1e-3}), image(Norm::kRms, 4, 2, 2, 5),
      // sample_inputs_group_norm
      group(1, 6, 3, 2, {.eps = 0.5}), group(2, 6, 3, 2, {.eps = -0.5}), group(1, 3, 1, 1),
      group(5, 5, 5, 1, {.eps = 0.5}), group(1, 6, 3, 2, {.eps = 0.5, .affine = false}),
      // module_inputs_torch_nn_GroupNorm
      group(4, 6, 5, 3, {.eps = 1e-3}), group(4, 12, 1, 3, {.eps = 1e-3}),
      group(150, 6, 1, 1, {.eps = 1e-3}), group(4, 5, 5, 5, {.eps = 1e-3, .affine = false}),
      group(4, 10, 1, 1, {.eps = 1e-3, .affine = false})};
  return all;
}

std::vector<Spelled> all_cases() {
  std::vector<Spelled> all;
  for (Spelled spelled : listed()) {
    for (const Pass pass : kEveryPass) {
      for (const DType dtype : kEveryDType) {
        spelled.problem.pass = pass;
        spelled.problem.dtype = dtype;
        // Without running statistics there is no other mode than training.
        const bool in_training = pass == Pass::kForwardTraining || pass == Pass::kBackward;
        if (!spelled.tracked && !in_training) continue;
        if (!invalid(spelled.problem) && torch_supports(spelled)) all.push_back(spelled);
      }
    }
  }
  return all;
}

class Listed : public testing::TestWithParam<Spelled> {};

TEST_P(Listed, Agrees) { expect_conformance(GetParam()); }

INSTANTIATE_TEST_SUITE_P(, Listed, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return test_name(info.param); });

// arange(6) of (1, 3, 2, 1), permuted to (1, 2, 3, 1) by test_batchnorm_non_contig_cpu: here nlc.
// The channels are 0, 2, 4 and 1, 3, 5.
TEST(NonContiguous, ArangePermutedGivesWhatPyTorchGives) {
  const Problem problem{.layout = Layout::kNlc, .n = 1, .c = 2, .l = 3, .batch = 1};
  const auto run = [&](auto forward) {
    Workspace workspace(problem);
    fill(workspace, InputKind::kRandom, 1);
    const Arguments& a = workspace.arguments();
    for (std::size_t at = 0; at < 6; ++at) a.x.as<float>()[at] = static_cast<float>(at);
    for (std::size_t at = 0; at < 2; ++at) {
      a.gamma.as<float>()[at] = 1;
      a.beta.as<float>()[at] = 0;
    }
    forward(a);
    return values_of(a.y);
  };
  // -2, 0, 2 over the deviation of sqrt(8 / 3 + eps). Of double statistics float leaves an ulp.
  const double end = 2 / std::sqrt(8.0 / 3 + kDefaultEps);
  const auto expect_ends = [&](const std::vector<double>& y) {
    const std::array<double, 6> wanted = {-end, -end, 0, 0, end, end};
    for (std::size_t at = 0; at < 6; ++at) EXPECT_NEAR(y[at], wanted[at], 4 * 0x1p-24 * end) << at;
  };
  expect_ends(run([&](const Arguments& a) { run_torch(Spelled(problem), a, 1); }));
  expect_ends(run([&](const Arguments& a) { run_torch({problem, {3, 1}}, a, 1); }));
  for (const auto& backend : backends()) {
    if (!backend->supports(problem).supported) continue;
    SCOPED_TRACE(backend->name());
    expect_ends(run([&](const Arguments& a) {
      const auto kernel = backend->prepare(problem, a, 1);
      kernel->load();
      kernel->run();
      kernel->collect();
    }));
  }
}

}  // namespace
}  // namespace normbench::conformance
