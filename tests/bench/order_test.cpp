// That any first part of a plan is a fair picture of it.
#include "harness/bench/order.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "source_dir.h"

namespace normbench {
namespace {

std::vector<Case> models() {
  return read_plan(NORMBENCH_SOURCE_DIR "/configs/models.toml", 2).cases;
}

std::string pass_of(const Case& c) {
  return fmt::format("{}/{}", name(c.problem.norm), name(c.problem.pass));
}

std::vector<std::string> ids(const std::vector<Case>& cases) {
  std::vector<std::string> all;
  for (const Case& c : cases) all.push_back(fmt::format("{} {}", id(c), c.name));
  return all;
}

TEST(MixedOrder, HasTheSameCases) {
  auto before = ids(models());
  auto after = ids(mixed_order(models()));
  EXPECT_NE(before, after);
  std::sort(before.begin(), before.end());
  std::sort(after.begin(), after.end());
  EXPECT_EQ(before, after);
}

TEST(MixedOrder, DependsOnTheCasesOnly) {
  std::vector<Case> shuffled = models();
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937_64(5));
  EXPECT_EQ(ids(mixed_order(models())), ids(mixed_order(shuffled)));
}

TEST(MixedOrder, BeginsWithEveryNormAndPass) {
  const std::vector<Case> cases = mixed_order(models());
  std::set<std::string> all, first;
  for (const Case& c : cases) all.insert(pass_of(c));
  for (std::size_t at = 0; at < all.size(); ++at) first.insert(pass_of(cases[at]));
  EXPECT_EQ(first, all);
}

// A tenth, a quarter and a half have both numbers of threads and data from the smallest to the
// largest, and each norm and pass has a share between an equal one and its own.
TEST(MixedOrder, HasAllKindsInAnyFirstPart) {
  const std::vector<Case> cases = mixed_order(models());
  std::map<std::string, double> all;
  for (const Case& c : cases) ++all[pass_of(c)];
  for (const std::size_t part : {10U, 4U, 2U}) {
    const std::size_t count = cases.size() / part;
    std::map<std::string, double> seen;
    std::map<int, int> threads;
    std::int64_t least = 1 << 30;
    std::int64_t most = 0;
    for (std::size_t at = 0; at < count; ++at) {
      ++seen[pass_of(cases[at])];
      ++threads[cases[at].threads];
      least = std::min(least, compulsory_bytes(cases[at].problem));
      most = std::max(most, compulsory_bytes(cases[at].problem));
    }
    EXPECT_EQ(threads.size(), 2U) << count;
    EXPECT_LT(least, 200'000) << count;
    EXPECT_GT(most, 60'000'000) << count;
    for (const auto& [pass, number] : all) {
      const double share = number / static_cast<double>(cases.size());
      EXPECT_GE(seen[pass], std::min(number, 1.0)) << pass << " of " << count;
      EXPECT_LE(seen[pass] / static_cast<double>(count), std::max(share, 2.0 / 15)) << pass;
    }
  }
}

TEST(MixedOrder, TakesEmptyAndLargePlans) {
  EXPECT_TRUE(mixed_order({}).empty());
  std::vector<Case> many;
  for (std::int64_t n = 1; n <= 50'000; ++n) {
    many.push_back({.problem = {.n = n, .c = 3, .l = 4, .batch = n}});
  }
  EXPECT_EQ(mixed_order(many).size(), many.size());
}

}  // namespace
}  // namespace normbench
