// That loops over memory see the groups that grouping.h defines.
#include "harness/check/elements.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "harness/check/check.h"
#include "harness/check/inputs.h"
#include "harness/check/matrix.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

// Of every norm and layout, the shapes of the matrix and some with longer runs.
std::vector<Problem> problems() {
  std::vector<Problem> all;
  for (const Norm norm : kEveryNorm) {
    for (const Layout layout : kEveryLayout) {
      const auto some = problem_matrix(norm, Pass::kBackward, DType::kF32, layout);
      all.insert(all.end(), some.begin(), some.end());
      for (Problem p : {Problem{.n = 6, .c = 12, .l = 100, .batch = 3},
                        Problem{.n = 4, .c = 1000, .l = 1, .batch = 2},
                        Problem{.n = 3, .c = 2, .l = 700, .batch = 3}}) {
        p.norm = norm;
        p.layout = layout;
        p.pass = Pass::kBackward;
        p.groups = norm == Norm::kGroup ? 2 : 1;
        if (!invalid(p)) all.push_back(p);
      }
    }
  }
  return all;
}

TEST(Grouping, AgreesWithTheDefinitions) {
  for (const Problem& p : problems()) {
    const Sharing sharing(p);
    for (std::int64_t i = 0; i < p.n; ++i) {
      for (std::int64_t k = 0; k < p.c; ++k) {
        for (std::int64_t j = 0; j < p.l; ++j) {
          const std::int64_t at = offset_of(p, i, k, j);
          ASSERT_EQ(sharing.statistics.index(at), statistic_of(p, i, k, j)) << id(p);
          ASSERT_EQ(sharing.parameters.index(at), affine_of(p, i, k, j)) << id(p);
          ASSERT_EQ(sharing.gradients.index(at), gradient_of(p, i, k, j)) << id(p);
          ASSERT_EQ(sharing.channels.index(at), k) << id(p);
        }
      }
    }
  }
}

TEST(Grouping, NumbersTheMembersOfEachGroup) {
  for (const Problem& p : problems()) {
    const Grouping groups = Sharing(p).statistics;
    std::vector<std::set<std::int64_t>> members(static_cast<std::size_t>(statistic_count(p)));
    for (std::int64_t at = 0; at < p.elements(); ++at) {
      members[static_cast<std::size_t>(groups.index(at))].insert(groups.member(at));
    }
    for (const auto& numbers : members) {
      ASSERT_EQ(static_cast<std::int64_t>(numbers.size()), values_per_statistic(p)) << id(p);
      ASSERT_EQ(*numbers.rbegin(), values_per_statistic(p) - 1) << id(p);
    }
  }
}

TEST(Pieces, CoverEachElementOnceWithItsGroups) {
  for (const Problem& p : problems()) {
    const Sharing sharing(p);
    for (const std::int64_t unit : {p.elements(), sharing.gradients.row}) {
      for (const auto& [begin, end] : {std::pair{std::int64_t{0}, p.elements()},
                                       std::pair{p.elements() / 3, p.elements() - 1}}) {
        std::int64_t next = begin;
        for_each_piece(begin, end, sharing.statistics, sharing.parameters, unit,
                       [&](std::int64_t first, std::int64_t count, auto s, auto parameter) {
                         ASSERT_EQ(first, next) << id(p);
                         ASSERT_LE(count, kMostInPiece);
                         ASSERT_EQ(first / unit, (first + count - 1) / unit) << id(p);
                         for (std::int64_t t = 0; t < count; ++t) {
                           ASSERT_EQ(s(t), sharing.statistics.index(first + t)) << id(p);
                           ASSERT_EQ(parameter(t), sharing.parameters.index(first + t)) << id(p);
                         }
                         next = first + count;
                       });
        EXPECT_EQ(next, end) << id(p);
      }
    }
  }
}

TEST(Ranges, CoverAllElementsInOrder) {
  for (const std::int64_t elements : {0, 1, 1000, 16384, 100000, 1234567}) {
    for (const std::int64_t most : {0, 1, 7, 64}) {
      for (const std::int64_t step : {1, 64, 100, 50000}) {
        const auto ranges = ranges_of(elements, most, step);
        std::int64_t next = 0;
        for (const Range& range : ranges) {
          EXPECT_EQ(range.first, next);
          EXPECT_LT(range.first, range.last);
          EXPECT_EQ(range.first % step, 0);
          next = range.last;
        }
        EXPECT_EQ(next, elements);
        EXPECT_LE(ranges.size(), static_cast<std::size_t>(std::max<std::int64_t>(1, most)));
      }
    }
  }
}

// What is asked of the memory of a machine before a case is measured.
TEST(CheckBytes, AreNoLessThanWhatTheOracleHolds) {
  std::vector<Problem> all = faulty::all_small_problems();
  for (Problem p : problems()) {
    for (const Pass pass : {Pass::kForwardTraining, Pass::kForwardInference, Pass::kBackward}) {
      p.pass = pass;
      if (!invalid(p)) all.push_back(p);
    }
  }
  for (const Problem& p : all) {
    Workspace workspace(p);
    fill(workspace, InputKind::kRandom, 1);
    const Oracle oracle(p, workspace.arguments(), false);
    EXPECT_LE(oracle.bytes(), check_bytes(p)) << id(p);
  }
}

// As many sums as there are elements.
TEST(CheckBytes, OfOneMiniBatchForEachSampleAreCounted) {
  const Problem p{.norm = Norm::kLayer, .pass = Pass::kBackward, .n = 512, .c = 512, .batch = 1};
  Workspace workspace(p);
  fill(workspace, InputKind::kRandom, 1);
  const Oracle oracle(p, workspace.arguments(), false);
  EXPECT_GE(oracle.bytes(), 5 * 8 * p.elements());
  EXPECT_LE(oracle.bytes(), check_bytes(p));
  EXPECT_LE(check_bytes(p), 3 * oracle.bytes());
}

}  // namespace
}  // namespace normbench
