// A few numbers that become others for a while.
#include "harness/check/changes.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "harness/check/grouping.h"
#include "harness/check/inputs.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

class EveryProblem : public testing::TestWithParam<Problem> {};

TEST_P(EveryProblem, HasOnePlaceInEachStatisticThatIsNotItsFirst) {
  const Problem& p = GetParam();
  const Changes changes(p, InputKind::kRandom, 1);
  const std::set<std::int64_t> places(changes.places().begin(), changes.places().end());
  std::set<std::int64_t> first_of, met;
  std::vector<std::int64_t> by_memory(static_cast<std::size_t>(p.elements()));
  faulty::for_each_place(p, [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    by_memory[static_cast<std::size_t>(offset_of(p, i, k, j))] = statistic_of(p, i, k, j);
  });
  for (std::size_t at = 0; at < by_memory.size(); ++at) {
    const bool is_first = first_of.insert(by_memory[at]).second;
    if (!places.contains(static_cast<std::int64_t>(at))) continue;
    EXPECT_FALSE(is_first) << at;
    EXPECT_TRUE(met.insert(by_memory[at]).second) << "two places in one statistic";
  }
  EXPECT_EQ(met.size(), static_cast<std::size_t>(statistic_count(p)));
}

TEST_P(EveryProblem, ChangesOnlyTheseAndTakesThemBack) {
  const Problem& p = GetParam();
  Workspace workspace(p, 1);
  fill(workspace, InputKind::kRandom, 1);
  const Arguments& a = workspace.arguments();
  const Tensor& large = a.dy.present() ? a.dy : a.x;
  const auto* begin = static_cast<const std::byte*>(large.data);
  const std::vector<std::byte> before(begin, begin + large.bytes());
  Changes changes(p, InputKind::kRandom, 1);
  changes.make(workspace);
  EXPECT_NE(workspace.damage(), std::nullopt);
  std::size_t different = 0;
  const std::size_t size = size_of(large.dtype);
  for (std::size_t at = 0; at < before.size(); at += size) {
    different += std::equal(begin + at, begin + at + size, before.data() + at) ? 0 : 1;
  }
  EXPECT_EQ(different, changes.places().size());
  changes.take_back(workspace);
  EXPECT_EQ(workspace.damage(), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(, EveryProblem, testing::ValuesIn(faulty::all_small_problems()),
                         [](const auto& info) { return faulty::test_name(info.param); });

TEST(Changes, HaveOtherPlacesWithAnotherSeed) {
  const Problem problem = faulty::batch_norm(Pass::kForwardTraining, 8, 5, 7);
  EXPECT_EQ(Changes(problem, InputKind::kRandom, 1).places(),
            Changes(problem, InputKind::kRandom, 1).places());
  EXPECT_NE(Changes(problem, InputKind::kRandom, 1).places(),
            Changes(problem, InputKind::kRandom, 2).places());
}

TEST(Changes, HaveNoPlaceWhereAStatisticHasOneValue) {
  Problem problem = faulty::batch_norm(Pass::kForwardInference, 1, 5, 1);
  problem.batch = 1;
  EXPECT_TRUE(Changes(problem, InputKind::kRandom, 1).places().empty());
}

// Inputs that are disturbed are others, and once more the same.
TEST_P(EveryProblem, CanBeDisturbedAndTakenBack) {
  Workspace workspace(GetParam(), 1);
  fill(workspace, InputKind::kRandom, 1);
  workspace.disturb_inputs();
  EXPECT_NE(workspace.damage(), std::nullopt);
  workspace.disturb_inputs();
  EXPECT_EQ(workspace.damage(), std::nullopt);
}

}  // namespace
}  // namespace normbench
