// What is read twice from one place.
#include "harness/bench/bound.h"

#include <gtest/gtest.h>

#include "harness/bench/read.h"
#include "harness/check/inputs.h"

namespace normbench {
namespace {

constexpr std::int64_t kKibi = 1024;

Machine machine() {
  return {.cores = 2,
          .affinity = 2,
          .caches = {{.level = 1, .bytes = 32 * kKibi, .instances = 2},
                     {.level = 2, .bytes = 1024 * kKibi, .instances = 2},
                     {.level = 3, .bytes = 32 * 1024 * kKibi, .shared_by = 2}}};
}

Problem problem(Norm norm, Pass pass, std::int64_t n, std::int64_t c, std::int64_t l) {
  return {.norm = norm, .pass = pass, .n = n, .c = c, .l = l, .batch = n};
}

TEST(MustReadTwice, IsWhatFindsItsStatisticsItself) {
  EXPECT_TRUE(must_read_twice(problem(Norm::kBatch, Pass::kForwardTraining, 4, 4, 4)));
  EXPECT_FALSE(must_read_twice(problem(Norm::kBatch, Pass::kForwardInference, 4, 4, 4)));
  EXPECT_TRUE(must_read_twice(problem(Norm::kBatch, Pass::kBackward, 4, 4, 4)));
  EXPECT_FALSE(must_read_twice(problem(Norm::kBatch, Pass::kBackwardInference, 4, 4, 4)));
  EXPECT_TRUE(must_read_twice(problem(Norm::kLayer, Pass::kForwardInference, 4, 4, 4)));
  EXPECT_FALSE(must_read_twice(problem(Norm::kNone, Pass::kForwardTraining, 4, 4, 4)));
}

TEST(RereadBytes, AreThoseOfOneStatisticInWholeLines) {
  const auto bytes = [](const Problem& p) { return reread_bytes(p); };
  EXPECT_EQ(bytes(problem(Norm::kBatch, Pass::kForwardTraining, 10, 4, 100)), 10 * 400);
  EXPECT_EQ(bytes(problem(Norm::kBatch, Pass::kBackward, 10, 4, 100)), 2 * 10 * 400);
  EXPECT_EQ(bytes(problem(Norm::kBatch, Pass::kForwardTraining, 10, 64, 1)), 10 * 64);
  EXPECT_EQ(bytes(problem(Norm::kBatch, Pass::kForwardTraining, 10, 64, 3)), 10 * 64);
  EXPECT_EQ(bytes(problem(Norm::kLayer, Pass::kForwardTraining, 10, 64, 3)), 64 * 3 * 4);
  Problem last = problem(Norm::kBatch, Pass::kForwardTraining, 10, 64, 3);
  last.layout = Layout::kNlc;
  EXPECT_EQ(bytes(last), 30 * 64);
  Problem batches = problem(Norm::kBatch, Pass::kForwardTraining, 10, 4, 100);
  batches.batch = 5;
  EXPECT_EQ(bytes(batches), 5 * 400);
}

TEST(ReadTwice, DependsOnWhatFitsACloserCache) {
  const auto twice = [](const Problem& p) { return is_read_twice(p, machine(), 1); };
  // In L1 there is no closer one.
  EXPECT_TRUE(twice(problem(Norm::kBatch, Pass::kForwardTraining, 4, 8, 100)));
  // 800 KB in L2, with channels of 6.4 KB, which fit L1, or of 100 KB, which do not.
  EXPECT_FALSE(twice(problem(Norm::kBatch, Pass::kForwardTraining, 16, 64, 100)));
  EXPECT_TRUE(twice(problem(Norm::kBatch, Pass::kForwardTraining, 16, 4, 1600)));
  // 80 MB from memory, with channels of 1.3 MB, which fit L3, or of 40 MB, which do not.
  EXPECT_FALSE(twice(problem(Norm::kBatch, Pass::kForwardTraining, 100, 32, 3125)));
  EXPECT_TRUE(twice(problem(Norm::kBatch, Pass::kForwardTraining, 100, 1, 100000)));
  EXPECT_FALSE(twice(problem(Norm::kBatch, Pass::kForwardInference, 4, 8, 100)));
}

TEST(Bound, IsTheCopyOfAsManyBytesAndASecondRead) {
  const auto bound = [](const Problem& p) { return bound_ns({.problem = p}, machine(), 100, 30); };
  EXPECT_DOUBLE_EQ(bound(problem(Norm::kBatch, Pass::kForwardInference, 4, 8, 100)), 100);
  EXPECT_DOUBLE_EQ(bound(problem(Norm::kBatch, Pass::kForwardTraining, 4, 8, 100)), 130);
  EXPECT_DOUBLE_EQ(bound(problem(Norm::kBatch, Pass::kForwardTraining, 16, 64, 100)), 100);
  EXPECT_DOUBLE_EQ(bound(problem(Norm::kBatch, Pass::kBackward, 4, 4, 100)), 180);
  EXPECT_DOUBLE_EQ(bound(problem(Norm::kBatch, Pass::kBackwardInference, 4, 8, 100)), 150);
  EXPECT_DOUBLE_EQ(bound(problem(Norm::kNone, Pass::kBackward, 4, 8, 100)), 100);
}

// The copy is followed by that read already: what backward reads beyond it is half of the control.
TEST(Bound, HasTheReadOfTheOutputOnce) {
  const auto bound = [](const Problem& p) {
    return bound_ns({.problem = p, .then = Then::kRead}, machine(), 140, 30);
  };
  EXPECT_DOUBLE_EQ(bound(problem(Norm::kBatch, Pass::kForwardInference, 4, 8, 100)), 140);
  EXPECT_DOUBLE_EQ(bound(problem(Norm::kBatch, Pass::kForwardTraining, 4, 8, 100)), 170);
  EXPECT_DOUBLE_EQ(bound(problem(Norm::kBatch, Pass::kBackward, 4, 4, 100)), 185);
  EXPECT_DOUBLE_EQ(bound(problem(Norm::kBatch, Pass::kBackwardInference, 4, 8, 100)), 155);
  EXPECT_DOUBLE_EQ(bound(problem(Norm::kNone, Pass::kBackward, 4, 8, 100)), 140);
}

TEST(Read, CoversWhatAPassWrites) {
  for (const auto& [pass, output] : {std::pair(Pass::kForwardTraining, &Arguments::y),
                                     std::pair(Pass::kBackward, &Arguments::dx)}) {
    Workspace workspace(problem(Norm::kBatch, pass, 4, 8, 100));
    const std::vector<Tensor> tensors = tensors_written(workspace.arguments());
    ASSERT_EQ(tensors.size(), 1U);
    EXPECT_EQ(tensors[0].data, (workspace.arguments().*output).data);
  }
}

TEST(Read, CoversWhatAPassReads) {
  const auto names = [](Norm norm, Pass pass) {
    Workspace workspace(problem(norm, pass, 4, 8, 100));
    return tensors_read(workspace.arguments()).size();
  };
  EXPECT_EQ(names(Norm::kBatch, Pass::kForwardTraining), 1U);
  EXPECT_EQ(names(Norm::kBatch, Pass::kBackward), 2U);
  EXPECT_EQ(names(Norm::kNone, Pass::kBackward), 1U);
}

}  // namespace
}  // namespace normbench
