// Every backend of the build against the oracle, over the shapes where implementations go wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/check/check.h"
#include "harness/core/backend.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

constexpr std::uint64_t kSeed = 1;
constexpr std::array<int, 3> kThreads = {1, 2, 3};

struct Shape {
  std::int64_t n, c, l;
};

// The fewest values that a statistic may have, odd sizes around those of vectors and blocks, and
// shapes on which oneDNN once failed its own tests.
constexpr std::array<Shape, 13> kShapes = {{{2, 1, 1},
                                            {3, 2, 9},
                                            {4, 10, 1},
                                            {7, 3, 1},
                                            {32, 128, 1},
                                            {257, 33, 1},
                                            {1, 1, 2},
                                            {1, 32, 30},
                                            {4, 5, 3},
                                            {9, 128, 1},
                                            {32, 27, 7},
                                            {5, 33, 27},
                                            {2, 251, 28}}};

// The whole of n, and the smallest and the largest mini-batch below that, as long as they are few.
std::set<std::int64_t> batches(std::int64_t n) {
  constexpr std::int64_t kMostMiniBatches = 32;
  std::set<std::int64_t> divisors;
  for (std::int64_t batch = 1; batch < n; ++batch) {
    if (n % batch == 0 && n / batch <= kMostMiniBatches) divisors.insert(batch);
  }
  std::set<std::int64_t> chosen = {n};
  if (!divisors.empty()) chosen.insert({*divisors.begin(), *divisors.rbegin()});
  return chosen;
}

std::vector<Problem> problems() {
  std::vector<Problem> list;
  for (const Shape& shape : kShapes) {
    for (const std::int64_t batch : batches(shape.n)) {
      for (const Pass pass : {Pass::kForwardTraining, Pass::kForwardInference, Pass::kBackward}) {
        for (const double eps : {1e-5, 1e-3}) {
          for (const double momentum : {0.1, 0.0, 1.0}) {
            for (const bool affine : {true, false}) {
              Problem problem = faulty::batch_norm(pass, shape.n, shape.c, shape.l, batch);
              problem.eps = eps;
              problem.momentum = momentum;
              problem.affine = affine;
              // Only training reads the momentum.
              const bool repeats = pass != Pass::kForwardTraining && momentum != kDefaultMomentum;
              if (!repeats && !invalid(problem)) list.push_back(problem);
            }
          }
        }
      }
    }
  }
  return list;
}

std::vector<const Backend*> all_backends() {
  std::vector<const Backend*> list;
  for (const auto& backend : backends()) list.push_back(backend.get());
  return list;
}

struct Trial {
  const Backend* backend;
  Problem problem;
  int threads;
};

std::ostream& operator<<(std::ostream& out, const Trial& trial) {
  return out << trial.backend->name() << " on " << id(trial.problem) << "/t" << trial.threads;
}

std::vector<Trial> trials() {
  std::vector<Trial> list;
  for (const Backend* backend : all_backends()) {
    for (const Problem& problem : problems()) {
      const bool usual = problem.eps == kDefaultEps && problem.momentum == kDefaultMomentum;
      for (const int threads : kThreads) {
        // Another eps is no other work for the threads. And where there are more of them than CPUs,
        // a barrier that spins waits for whole time slices, in each mini-batch.
        const bool few_barriers = threads <= 2 || problem.mini_batches() == 1;
        if (threads == 1 || (usual && few_barriers)) list.push_back({backend, problem, threads});
      }
    }
  }
  return list;
}

std::string trial_name(const testing::TestParamInfo<Trial>& info) {
  const auto& [backend, problem, threads] = info.param;
  return faulty::test_name(backend->name()) + "_" + faulty::test_name(problem) + "_t" +
         std::to_string(threads);
}

class EveryBackend : public testing::TestWithParam<Trial> {};

TEST_P(EveryBackend, AgreesWithTheReference) {
  const auto& [backend, problem, threads] = GetParam();
  Workspace workspace(problem, kSeed);
  const Verdict verdict = check(*backend, workspace, threads, kSeed);
  // A gap in silence is excluded below, where nothing may be unsupported.
  if (verdict.outcome == Outcome::kUnsupported) GTEST_SKIP() << verdict.reason;
  EXPECT_TRUE(verdict.passed()) << verdict.reason << " (seed " << kSeed << ")";
}

INSTANTIATE_TEST_SUITE_P(, EveryBackend, testing::ValuesIn(trials()), trial_name);

class OneBackend : public testing::TestWithParam<const Backend*> {};

TEST_P(OneBackend, SupportsBatchNormInF32AndNcl) {
  std::vector<std::string> unsupported;
  for (const Problem& problem : problems()) {
    const Support support = GetParam()->supports(problem);
    if (!support.supported) unsupported.push_back(id(problem) + ": " + support.reason);
  }
  EXPECT_EQ(unsupported, std::vector<std::string>{});
}

TEST_P(OneBackend, GivesAReasonForWhatItDoesNotSupport) {
  for (const Norm norm : {Norm::kLayer, Norm::kInstance, Norm::kGroup, Norm::kRms}) {
    for (const DType dtype : {DType::kF32, DType::kF64, DType::kBf16, DType::kF16}) {
      for (const Layout layout : {Layout::kNcl, Layout::kNlc}) {
        Problem problem = faulty::batch_norm(Pass::kForwardTraining, 4, 6, 5);
        problem.norm = norm;
        problem.dtype = dtype;
        problem.layout = layout;
        const Support support = GetParam()->supports(problem);
        EXPECT_EQ(support.supported, support.reason.empty()) << id(problem);
      }
    }
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

INSTANTIATE_TEST_SUITE_P(, OneBackend, testing::ValuesIn(all_backends()),
                         [](const auto& info) { return faulty::test_name(info.param->name()); });

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

// GoogleTest would print the bytes of a pointer.
void PrintTo(const Backend* backend, std::ostream* out) { *out << backend->name(); }

}  // namespace normbench
