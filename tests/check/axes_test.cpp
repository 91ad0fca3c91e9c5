// What failing cases share.
#include "harness/check/axes.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "harness/check/matrix.h"

namespace normbench {
namespace {

// All of batch norm's forward training in f32, in both layouts, on one thread and on two.
std::string shared_where(const std::function<bool(const Tried&)>& fails) {
  std::vector<Tried> cases;
  for (const Layout layout : kEveryLayout) {
    for (const Problem& problem :
         problem_matrix(Norm::kBatch, Pass::kForwardTraining, DType::kF32, layout)) {
      for (const int threads : {1, 2}) {
        Tried tried{.problem = problem, .threads = threads};
        tried.failed = fails(tried);
        cases.push_back(tried);
      }
    }
  }
  return shared_by_failures(cases);
}

TEST(SharedByFailures, AreTails) {
  EXPECT_EQ(shared_where([](const Tried& t) { return t.problem.l % 8 != 0; }),
            "only where l % 8 != 0, and in all of these cases");
  EXPECT_EQ(shared_where([](const Tried& t) { return t.problem.c % 4 != 0; }),
            "only where c % 4 != 0, and in all of these cases");
}

TEST(SharedByFailures, AreThreadsMiniBatchesAndParameters) {
  EXPECT_EQ(shared_where([](const Tried& t) { return t.threads == 2; }),
            "only where there is more than one thread, and in all of these cases");
  EXPECT_EQ(shared_where([](const Tried& t) { return t.problem.batch < t.problem.n; }),
            "only where there are several mini-batches (_b), and in all of these cases");
  EXPECT_EQ(shared_where([](const Tried& t) { return t.problem.momentum != 0; }),
            "only where momentum != 0, and in all of these cases");
}

TEST(SharedByFailures, AreLimits) {
  EXPECT_EQ(shared_where([](const Tried& t) { return t.problem.c >= 128; }),
            "only where c >= 128, and in all of these cases");
}

TEST(SharedByFailures, MayBeTwoAtOnce) {
  EXPECT_EQ(shared_where(
                [](const Tried& t) { return t.threads == 2 && t.problem.layout == Layout::kNlc; }),
            "only where there is more than one thread and the layout is nlc, and in all of these "
            "cases");
}

TEST(SharedByFailures, AreCountedWhereOthersHaveThemToo) {
  bool every_other = false;
  const std::string words = shared_where([&](const Tried& t) {
    every_other = !every_other;
    return t.threads == 1 && t.problem.l % 8 != 0 && t.problem.c > 2;
  });
  EXPECT_TRUE(words.starts_with("only where ")) << words;
  EXPECT_TRUE(words.ends_with(" such cases") || words.ends_with("of these cases")) << words;
}

TEST(SharedByFailures, AreNoneWhereAllOrNoneFail) {
  EXPECT_EQ(shared_where([](const Tried&) { return true; }), "which are all");
  EXPECT_EQ(shared_where([](const Tried&) { return false; }), "");
  EXPECT_EQ(shared_by_failures({}), "");
}

TEST(SharedByFailures, AreNoneWhereItIsChance) {
  std::size_t number = 0;
  EXPECT_EQ(shared_where([&](const Tried&) { return number++ * 7919 % 13 < 4; }), "");
}

}  // namespace
}  // namespace normbench
