// Every option of simd together with every instruction set, small caches and storage types. A slice
// of the matrix for each combination: together they are all of it.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "harness/check/check.h"
#include "harness/check/matrix.h"
#include "harness/core/backend.h"
#include "tests/impls/backends.h"

std::unique_ptr<normbench::Backend> make_simd();

namespace normbench {
namespace {

constexpr std::uint64_t kSeed = 1;

std::vector<std::string> values_of(const std::string& option) {
  for (const BackendOption& one : make_simd()->options()) {
    if (one.name == option) return one.values;
  }
  return {};
}

struct Combination {
  std::string target, caches;
  std::pair<std::string, std::string> other;  // an option, and its value
  std::size_t slice, slices;
};
void PrintTo(const Combination& combination, std::ostream* out) { *out << combination.target; }

std::vector<std::pair<std::string, std::string>> others() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const BackendOption& one : make_simd()->options()) {
    if (one.name == "target" || one.name == "caches") continue;
    for (const std::string& value : one.values) all.emplace_back(one.name, value);
    if (!one.number.empty()) all.emplace_back(one.name, "4096");
  }
  return all;
}

std::vector<Combination> combinations() {
  std::vector<Combination> all;
  for (const std::string& target : values_of("target")) {
    for (const std::string& caches : values_of("caches")) {
      for (const auto& other : others()) all.push_back({target, caches, other, all.size(), 0});
    }
  }
  for (Combination& one : all) one.slices = all.size();
  return all;
}

class Combined : public testing::TestWithParam<Combination> {};

TEST_P(Combined, AgreesWithTheOracle) {
  const auto& [target, caches, other, slice, slices] = GetParam();
  const auto on_target = make_simd()->with_option("target", target);
  const auto planned = on_target->with_option("caches", caches);
  const auto backend = planned->with_option(other.first, other.second);
  // More threads than CPUs wait for whole time slices: a few problems are enough for twelve.
  constexpr std::array<int, 8> kThreads = {2, 3, 2, 3, 2, 3, 2, 12};
  const std::vector<Problem> all = problem_matrix();
  for (std::size_t i = slice; i < all.size(); i += slices) {
    Workspace workspace(all[i], kSeed);
    const Verdict verdict =
        check_briefly(*backend, workspace, kThreads[i / slices % kThreads.size()]);
    EXPECT_TRUE(verdict.passed()) << id(all[i]) << " -b " << backend->name() << ": "
                                  << verdict.reason << " (seed " << kSeed << ")";
  }
}

std::string combination_name(const testing::TestParamInfo<Combination>& info) {
  const Combination& c = info.param;
  return c.target + "_" + c.caches + "_" + c.other.first + "_" + c.other.second;
}

INSTANTIATE_TEST_SUITE_P(, Combined, testing::ValuesIn(combinations()), combination_name);

}  // namespace
}  // namespace normbench
