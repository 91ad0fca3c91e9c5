// What OpenMP makes of a request for threads.
#include "harness/bench/team.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>

namespace normbench {
namespace {

using testing::HasSubstr;

TEST(Threads, CanBeStartedHere) {
  EXPECT_EQ(startable_threads(1), 1);
  EXPECT_EQ(startable_threads(4), 4);
}

TEST(Team, HasAsManyThreadsAsWereAskedFor) {
  EXPECT_EQ(team_of(1).threads, 1);
  EXPECT_EQ(team_of(1).cpus, 1);
  EXPECT_EQ(team_of(3).threads, 3);
}

// On CPUs of their own, though nobody binds them here.
TEST(Team, IsLocated) {
  cpu_set_t before;
  sched_getaffinity(0, sizeof(before), &before);
  if (CPU_COUNT(&before) < 2) GTEST_SKIP() << "there is one CPU";
  // Where other programs have one of the CPUs, both threads may be on the other for a while.
  int most = 0;
  for (int attempt = 0; attempt < 100 && most < 2; ++attempt) {
    most = std::max(most, team_of(2).cpus);
  }
  EXPECT_EQ(most, 2);
}

TEST(Objection, IsMadeToFewerThreads) {
  const auto objection = objection_to({.threads = 1, .cpus = 1}, 2, 2);
  ASSERT_TRUE(objection);
  EXPECT_THAT(*objection, HasSubstr("OpenMP gives 1 of 2 threads"));
  EXPECT_THAT(*objection, HasSubstr("OMP_THREAD_LIMIT"));
}

TEST(Objection, IsMadeToFewerCpusWhileOthersAreFree) {
  const auto objection = objection_to({.threads = 4, .cpus = 2}, 4, 8);
  ASSERT_TRUE(objection);
  EXPECT_THAT(*objection, HasSubstr("4 threads run on 2 of 8 CPUs"));
  EXPECT_THAT(*objection, HasSubstr("OMP_PLACES"));
}

TEST(Objection, IsNotMadeWhereAllCpusAreInUse) {
  EXPECT_FALSE(objection_to({.threads = 2, .cpus = 2}, 2, 2));
  EXPECT_FALSE(objection_to({.threads = 8, .cpus = 2}, 8, 2));
  EXPECT_FALSE(objection_to({.threads = 1, .cpus = 1}, 1, 64));
}

}  // namespace
}  // namespace normbench
