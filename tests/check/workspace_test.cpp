// That the workspace notices every access that is not allowed, in every buffer.
#include "harness/check/workspace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "harness/check/inputs.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;

// Every buffer of every norm and pass.
using Buffer = std::tuple<Problem, BufferSpec>;

std::vector<Buffer> buffers(bool inputs_only) {
  std::vector<Buffer> list;
  for (const Problem& small : faulty::all_small_problems()) {
    // Layouts are the same memory, and f64 is always a multiple of eight bytes, as nothing else is.
    const bool repeats = small.layout == Layout::kNlc || small.dtype == DType::kBf16 ||
                         (small.dtype == DType::kF64 && small.norm != Norm::kBatch);
    if (repeats) continue;
    Problem problem = small;
    problem.n = 15;
    problem.batch = 5;
    for (const BufferSpec& spec : buffer_specs(problem)) {
      const bool chosen = inputs_only ? spec.role == Role::kInput : spec.role != Role::kUnused;
      if (chosen) list.emplace_back(problem, spec);
    }
  }
  return list;
}

std::string test_name(const testing::TestParamInfo<Buffer>& info) {
  const auto& [problem, spec] = info.param;
  return std::string(spec.name) + "_of_" + faulty::test_name(problem);
}

std::byte* start_of(const Workspace& workspace, const BufferSpec& spec) {
  return static_cast<std::byte*>((workspace.arguments().*spec.member).data);
}

std::ptrdiff_t size_of(const Workspace& workspace, const BufferSpec& spec) {
  return static_cast<std::ptrdiff_t>((workspace.arguments().*spec.member).bytes());
}

class EveryBuffer : public testing::TestWithParam<Buffer> {};

TEST_P(EveryBuffer, StartsAtA64ByteBoundary) {
  const auto& [problem, spec] = GetParam();
  for (const std::uint64_t seed : {0U, 1U, 2U}) {
    const Workspace workspace(problem, seed);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(start_of(workspace, spec)) % 64, 0U);
  }
}

// Memory that nobody has written to is one page of zeros: reading it is not reading memory.
TEST_P(EveryBuffer, HasBeenWrittenTo) {
  const auto& [problem, spec] = GetParam();
  const Workspace workspace(problem);
  const std::byte* start = start_of(workspace, spec);
  EXPECT_TRUE(std::none_of(start, start + size_of(workspace, spec),
                           [](std::byte value) { return value == std::byte{0}; }));
}

TEST_P(EveryBuffer, IsGuardedOnBothSides) {
  const auto& [problem, spec] = GetParam();
  Workspace workspace(problem);
  fill(workspace, InputKind::kRandom, 1);
  ASSERT_EQ(workspace.damage(), std::nullopt);
  const std::ptrdiff_t end = size_of(workspace, spec);
  const std::string name(spec.name);
  for (const auto& [at, expected] : {std::pair{std::ptrdiff_t{-1}, "wrote before the start of "},
                                     {std::ptrdiff_t{-512}, "wrote before the start of "},
                                     {end, "wrote past the end of "},
                                     {end + 511, "wrote past the end of "}}) {
    std::byte& guard = start_of(workspace, spec)[at];
    const std::byte before = std::exchange(guard, guard ^ std::byte{1});
    EXPECT_EQ(workspace.damage(), expected + name) << "byte " << at;
    guard = before;
    EXPECT_EQ(workspace.damage(), std::nullopt);
  }
}

TEST_P(EveryBuffer, LiesApartFromAllOthers) {
  const auto& [problem, spec] = GetParam();
  const Workspace workspace(problem);
  for (const BufferSpec& other : buffer_specs(problem)) {
    if (other.role == Role::kUnused || other.name == spec.name) continue;
    const std::byte* start = start_of(workspace, spec);
    const std::byte* other_start = start_of(workspace, other);
    EXPECT_TRUE(start + size_of(workspace, spec) + 512 <= other_start ||
                other_start + size_of(workspace, other) + 512 <= start)
        << spec.name << " and " << other.name;
  }
}

INSTANTIATE_TEST_SUITE_P(, EveryBuffer, testing::ValuesIn(buffers(false)), test_name);

class EveryInput : public testing::TestWithParam<Buffer> {};

TEST_P(EveryInput, ShowsASingleChangedBit) {
  const auto& [problem, spec] = GetParam();
  Workspace workspace(problem);
  fill(workspace, InputKind::kRandom, 1);
  const std::ptrdiff_t size = size_of(workspace, spec);
  for (const std::ptrdiff_t at : {std::ptrdiff_t{0}, size / 2, size - 1}) {
    for (const unsigned bit : {0U, 7U}) {
      std::byte& byte = start_of(workspace, spec)[at];
      byte ^= std::byte{1} << bit;
      EXPECT_EQ(workspace.damage(), "changed its input " + std::string(spec.name))
          << "byte " << at << ", bit " << bit;
      byte ^= std::byte{1} << bit;
      EXPECT_EQ(workspace.damage(), std::nullopt);
    }
  }
}

TEST_P(EveryInput, MayBeChangedAndRemembered) {
  const auto& [problem, spec] = GetParam();
  Workspace workspace(problem);
  fill(workspace, InputKind::kRandom, 1);
  start_of(workspace, spec)[0] ^= std::byte{1};
  workspace.remember_inputs();
  EXPECT_EQ(workspace.damage(), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(, EveryInput, testing::ValuesIn(buffers(true)), test_name);

TEST(Workspace, ShowsAChangedBitInALargeInput) {
  // Several blocks of the digest, and blocks that trade places.
  const Problem problem = batch_norm(Pass::kForwardInference, 8, 64, 1025);
  Workspace workspace(problem);
  fill(workspace, InputKind::kRandom, 1);
  const auto x = workspace.arguments().x.as<float>();
  constexpr std::size_t kBlock = (std::size_t{1} << 20) / sizeof(float);
  ASSERT_GT(x.size(), 2 * kBlock);
  std::swap_ranges(x.begin(), x.begin() + kBlock, x.begin() + kBlock);
  EXPECT_EQ(workspace.damage(), "changed its input x");
  std::swap_ranges(x.begin(), x.begin() + kBlock, x.begin() + kBlock);
  EXPECT_EQ(workspace.damage(), std::nullopt);
  x.back() += 1;
  EXPECT_EQ(workspace.damage(), "changed its input x");
}

TEST(Workspace, PoisonsOutputsAndOnlyThose) {
  const Problem problem = batch_norm(Pass::kForwardTraining, 4, 3, 5);
  Workspace workspace(problem);
  fill(workspace, InputKind::kRandom, 1);
  const Arguments& a = workspace.arguments();
  a.y.as<float>().back() = 1;
  a.rstd.as<float>().front() = 1;
  a.running_mean.as<float>()[0] = 17;
  workspace.poison();
  for (const float value : a.y.as<float>()) EXPECT_TRUE(std::isnan(value));
  for (const float value : a.rstd.as<float>()) EXPECT_TRUE(std::isnan(value));
  EXPECT_EQ(a.running_mean.as<float>()[0], 17);
  EXPECT_EQ(workspace.damage(), std::nullopt);
}

TEST(Workspace, PoisonRepairsTheGuards) {
  Workspace workspace(batch_norm(Pass::kForwardInference, 2, 3, 4));
  fill(workspace, InputKind::kRandom, 1);
  const auto y = workspace.arguments().y;
  static_cast<float*>(y.data)[y.size()] = 1;
  ASSERT_NE(workspace.damage(), std::nullopt);
  workspace.poison();
  EXPECT_EQ(workspace.damage(), std::nullopt);
}

TEST(Workspace, TakesRunningStatisticsBack) {
  const Problem problem = batch_norm(Pass::kForwardTraining, 4, 3, 5);
  Workspace workspace(problem);
  fill(workspace, InputKind::kRandom, 1);
  const auto mean = workspace.arguments().running_mean.as<float>();
  const auto variance = workspace.arguments().running_var.as<float>();
  const std::vector<float> old_mean(mean.begin(), mean.end());
  const std::vector<float> old_variance(variance.begin(), variance.end());
  workspace.save_running();
  for (const int time : {1, 2}) {
    for (float& value : mean) value += 1;
    for (float& value : variance) value *= 3;
    workspace.restore_running();
    EXPECT_TRUE(std::equal(mean.begin(), mean.end(), old_mean.begin())) << time;
    EXPECT_TRUE(std::equal(variance.begin(), variance.end(), old_variance.begin())) << time;
  }
  mean[0] = 17;
  workspace.save_running();
  mean[0] = 18;
  workspace.restore_running();
  EXPECT_EQ(mean[0], 17);
  EXPECT_TRUE(std::equal(variance.begin(), variance.end(), old_variance.begin()));
}

TEST(Workspace, MovesItsOffsetsWithTheSeed) {
  const Problem problem = batch_norm(Pass::kForwardTraining, 4, 3, 5);
  std::set<std::uintptr_t> offsets;
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    const Workspace workspace(problem, seed);
    offsets.insert(reinterpret_cast<std::uintptr_t>(workspace.arguments().x.data) % 4096);
  }
  EXPECT_GT(offsets.size(), 8U);
}

TEST(Workspace, MayBeMoved) {
  std::vector<Workspace> workspaces;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    fill(workspaces.emplace_back(batch_norm(Pass::kForwardInference, 2, 3, 4), seed),
         InputKind::kRandom, seed);
  }
  for (const Workspace& workspace : workspaces) EXPECT_EQ(workspace.damage(), std::nullopt);
}

}  // namespace
}  // namespace normbench
