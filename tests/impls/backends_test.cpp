// Every backend of the build against the oracle, on everything that it supports.
#include "tests/impls/backends.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "harness/check/check.h"
#include "harness/check/known_defects.h"
#include "harness/check/matrix.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

constexpr std::uint64_t kSeed = 1;

using Kind = std::tuple<Norm, Pass, DType, Layout>;

class EveryBackend : public testing::TestWithParam<Kind> {};

// More threads are tried on what they may share differently. And where there are more of them than
// CPUs, a barrier that spins waits for whole time slices, in each mini-batch.
std::vector<int> thread_counts(const Problem& problem) {
  const bool is_usual = problem.affine && problem.momentum == kDefaultMomentum;
  if (!is_usual) return {1};
  if (problem.mini_batches() > 1) return {1, 2};
  return {1, 2, 3};
}

// All backends on one problem together: inputs, and what is expected, are made once.
TEST_P(EveryBackend, AgreesWithTheOracle) {
  const auto& [norm, pass, dtype, layout] = GetParam();
  for (const Problem& problem : problem_matrix(norm, pass, dtype, layout)) {
    std::vector<Entrant> all;
    for (const int threads : thread_counts(problem)) {
      const auto some = entrants(all_backends(), threads);
      all.insert(all.end(), some.begin(), some.end());
    }
    Workspace workspace(problem, kSeed);
    for (const Checked& checked : check_all(all, workspace, kBriefly)) {
      const Verdict& verdict = checked.verdict;
      // Not a gap in silence: impls/SUPPORT.md has the reasons.
      if (verdict.outcome == Outcome::kUnsupported) continue;
      const Backend& backend = *checked.backend;
      const std::string what = id(problem) + "/t" + std::to_string(checked.threads) + " -b " +
                               std::string(backend.name());
      const KnownDefect* defect = known_defect(backend.name(), backend.version(), problem);
      if (defect != nullptr) {
        EXPECT_TRUE(defect->explains(verdict))
            << what << " is listed in known_defects.cpp, but: "
            << (verdict.passed() ? "it passed, and the list is stale" : verdict.reason);
        continue;
      }
      EXPECT_TRUE(verdict.passed()) << what << ": " << verdict.reason << " (seed " << kSeed << ")";
    }
  }
}

std::vector<Kind> kinds() {
  std::vector<Kind> all;
  for (const Norm norm : kEveryNorm) {
    for (const Pass pass : kEveryPass) {
      for (const DType dtype : kEveryDType) {
        for (const Layout layout : kEveryLayout) {
          if (!problem_matrix(norm, pass, dtype, layout).empty()) {
            all.emplace_back(norm, pass, dtype, layout);
          }
        }
      }
    }
  }
  return all;
}

// tests/CMakeLists.txt chooses by the norm, with which the name begins.
std::string kind_name(const testing::TestParamInfo<Kind>& info) {
  const auto& [norm, pass, dtype, layout] = info.param;
  std::string text;
  for (const std::string_view part : {name(norm), name(pass), name(dtype), name(layout)}) {
    text.append(text.empty() ? "" : "_").append(part);
  }
  return text;
}

INSTANTIATE_TEST_SUITE_P(, EveryBackend, testing::ValuesIn(kinds()), kind_name);

// A backend, an option of it, and one of its values that is not the default.
using Setting = std::tuple<const Backend*, std::string, std::string>;

class EveryOption : public testing::TestWithParam<Setting> {};

// Options that cut the work differently are tried with threads, where there is more to go wrong.
TEST_P(EveryOption, AgreesWithTheOracle) {
  const auto& [backend, option, value] = GetParam();
  const auto variant = backend->with_option(option, value);
  EXPECT_EQ(variant->name(), std::string(backend->name()) + "[" + option + "=" + value + "]");
  for (const Problem& problem : problem_matrix()) {
    // The 16-bit types differ in how they are loaded and stored: one of them, in one layout, will
    // do.
    const bool is_chosen = problem.dtype == DType::kF32 ||
                           (problem.dtype == DType::kF16 && problem.layout == Layout::kNlc);
    if (!is_chosen || !problem.affine || problem.momentum != kDefaultMomentum) continue;
    if (!variant->supports(problem).supported) continue;
    Workspace workspace(problem, kSeed);
    const Verdict verdict = check_briefly(*variant, workspace, 2);
    EXPECT_TRUE(verdict.passed()) << id(problem) << "/t2: " << verdict.reason << " (seed " << kSeed
                                  << ")";
  }
}

std::vector<Setting> settings() {
  std::vector<Setting> all;
  for (const Backend* backend : all_backends()) {
    for (const BackendOption& option : backend->options()) {
      for (std::size_t i = 1; i < option.values.size(); ++i) {
        all.emplace_back(backend, option.name, option.values[i]);
      }
      if (!option.number.empty()) all.emplace_back(backend, option.name, "4096");
    }
  }
  return all;
}

std::string setting_name(const testing::TestParamInfo<Setting>& info) {
  const auto& [backend, option, value] = info.param;
  return option + "_" + value + "_" + faulty::test_name(backend->name());
}

INSTANTIATE_TEST_SUITE_P(, EveryOption, testing::ValuesIn(settings()), setting_name);
// Where one backend alone is tested, it may have no options.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EveryOption);

class OneBackend : public testing::TestWithParam<const Backend*> {};

// What it supports is in impls/SUPPORT.md. One that supports nothing would pass every test.
TEST_P(OneBackend, SupportsAtLeastOneProblem) {
  std::string reason;
  for (const Problem& problem : problem_matrix()) {
    const Support support = GetParam()->supports(problem);
    if (support.supported) return;
    if (reason.empty()) reason = id(problem) + ": " + support.reason;
  }
  FAIL() << GetParam()->name() << " supports no problem that backends are checked on, such as "
         << reason;
}

TEST_P(OneBackend, GivesAReasonForWhatItDoesNotSupport) {
  for (const Problem& problem : problem_matrix()) {
    const Support support = GetParam()->supports(problem);
    EXPECT_EQ(support.supported, support.reason.empty()) << id(problem);
  }
}

TEST_P(OneBackend, HasANameAndAVersion) {
  const auto is_part_of_a_name = [](char letter) {
    return std::islower(static_cast<unsigned char>(letter)) != 0 ||
           std::isdigit(static_cast<unsigned char>(letter)) != 0 || letter == '-';
  };
  const std::string_view name = GetParam()->name();
  EXPECT_FALSE(name.empty());
  EXPECT_TRUE(std::all_of(name.begin(), name.end(), is_part_of_a_name)) << name;
  EXPECT_NE(GetParam()->version(), "");
}

INSTANTIATE_TEST_SUITE_P(, OneBackend, testing::ValuesIn(all_backends()), backend_name);

// A bound that honest backends come nowhere near is too wide to catch anything: for every norm,
// dtype and output the worst of them must use more than an eighth of it, so that three doublings of
// that error are caught.
TEST(Bounds, AreUsedByHonestBackends) {
  const auto& backends = all_backends();
  const auto naive = std::find_if(backends.begin(), backends.end(), [](const Backend* backend) {
    return backend->name() == "naive";
  });
  ASSERT_NE(naive, backends.end());
  std::map<std::string, double> worst;
  for (const Problem& problem : problem_matrix()) {
    if (problem.norm == Norm::kNone) continue;  // copies are exact, and must be
    Workspace workspace(problem, kSeed);
    const Verdict verdict = check(**naive, workspace, 1, kSeed);
    for (const auto& [output, error] : verdict.error_in) {
      std::string key(name(problem.norm));
      key.append(" ").append(name(problem.dtype)).append(" ").append(output);
      worst[key] = std::max(worst[key], error.bound);
    }
  }
  EXPECT_GE(worst.size(), 4U * 5U * 5U);
  for (const auto& [key, error] : worst) EXPECT_GT(error, 0.125) << key;
}

TEST(Registry, NamesEachBackendOnce) {
  std::set<std::string_view> names;
  for (const Backend* backend : all_backends()) {
    EXPECT_TRUE(names.insert(backend->name()).second) << backend->name();
  }
  for (const NotBuilt& left_out : not_built_backends()) {
    EXPECT_TRUE(names.insert(left_out.name).second) << left_out.name;
    EXPECT_NE(left_out.reason, "") << left_out.name;
  }
  EXPECT_TRUE(names.contains("naive"));
}

}  // namespace
}  // namespace normbench
