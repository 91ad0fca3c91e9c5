// What simd reads and measures of a machine.
#include "impls/simd/machine.h"

#include <gtest/gtest.h>

namespace simd {
namespace {

TEST(CpusIn, CountsThoseOfAMask) {
  EXPECT_EQ(cpus_in("1"), 1);
  EXPECT_EQ(cpus_in("00000000,00000007"), 3);
  EXPECT_EQ(cpus_in("ff,00000001"), 9);
  EXPECT_EQ(cpus_in(""), 0);
}

TEST(Available, IsLessWhereThreadsShareACache) {
  constexpr Index kBytes = 2 * 1024 * 1024;
  EXPECT_EQ(available(kBytes, 1, 8, 8), kBytes);
  // Two CPUs of each core: a thread has its own core until there are more threads than cores.
  EXPECT_EQ(available(kBytes, 2, 1, 16), kBytes);
  EXPECT_EQ(available(kBytes, 2, 8, 16), kBytes);
  EXPECT_EQ(available(kBytes, 2, 9, 16), kBytes / 2);
  EXPECT_EQ(available(kBytes, 2, 16, 16), kBytes / 2);
  // Four cores with one L2.
  EXPECT_EQ(available(kBytes, 4, 4, 4), kBytes / 4);
  EXPECT_EQ(available(kBytes, 4, 2, 4), kBytes / 2);
  // More threads than CPUs take turns.
  EXPECT_EQ(available(kBytes, 2, 64, 16), kBytes / 2);
  // Nothing is known.
  EXPECT_EQ(available(0, 0, 2, 2), 0);
  EXPECT_EQ(available(kBytes, 0, 2, 0), kBytes);
}

TEST(ThisMachine, HasACostForEachTeam) {
  const Machine& machine = this_machine(3);
  EXPECT_EQ(machine.threads, 3);
  EXPECT_GT(machine.first, 0);
  EXPECT_GE(machine.own, machine.first);
  EXPECT_GT(machine.bytes_per_ns, 0);
  ASSERT_EQ(machine.regions.size(), 2U);
  EXPECT_EQ(machine.regions[0].threads, 2);
  EXPECT_EQ(machine.regions[1].threads, 3);
  EXPECT_TRUE(this_machine(1).regions.empty());
}

}  // namespace
}  // namespace simd
