// Every option of simd together with every instruction set, small caches and storage types. A slice
// of the matrix for each combination: together they are all of it.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <tuple>
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

// A target, what is planned for, and another option with its value, as "name=value".
using Combination = std::tuple<std::string, std::string, std::pair<std::string, std::string>>;

std::vector<std::pair<std::string, std::string>> others() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const BackendOption& one : make_simd()->options()) {
    if (one.name == "target" || one.name == "caches") continue;
    for (const std::string& value : one.values) all.emplace_back(one.name, value);
    if (!one.number.empty()) all.emplace_back(one.name, "4096");
  }
  return all;
}

class Combined : public testing::TestWithParam<Combination> {};

TEST_P(Combined, AgreesWithTheOracle) {
  const auto& [target, caches, other] = GetParam();
  const auto on_target = make_simd()->with_option("target", target);
  const auto planned = on_target->with_option("caches", caches);
  const auto backend = planned->with_option(other.first, other.second);
  constexpr std::size_t kSlices = 61;
  const auto number = std::hash<std::string>()(std::string(backend->name())) % kSlices;
  const std::vector<Problem> all = problem_matrix();
  for (std::size_t i = number; i < all.size(); i += kSlices) {
    Workspace workspace(all[i], kSeed);
    const Verdict verdict = check_briefly(*backend, workspace, i % 2 == 0 ? 2 : 3);
    EXPECT_TRUE(verdict.passed()) << id(all[i]) << " -b " << backend->name() << ": "
                                  << verdict.reason << " (seed " << kSeed << ")";
  }
}

std::string combination_name(const testing::TestParamInfo<Combination>& info) {
  const auto& [target, caches, other] = info.param;
  std::string text = target;
  for (const auto& part : {caches, other.first, other.second}) text += "_" + part;
  return text;
}

INSTANTIATE_TEST_SUITE_P(, Combined,
                         testing::Combine(testing::ValuesIn(values_of("target")),
                                          testing::ValuesIn(values_of("caches")),
                                          testing::ValuesIn(others())),
                         combination_name);

}  // namespace
}  // namespace normbench
