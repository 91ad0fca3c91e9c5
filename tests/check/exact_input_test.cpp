// That the exact kind of input is exact: in float, in any order of summation, in every norm.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "harness/check/grouping.h"
#include "tests/check/filled.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;
using faulty::small;

// The values of x by statistic.
std::vector<std::vector<float>> by_statistic(const Workspace& workspace) {
  const Problem& p = workspace.problem();
  std::vector<std::vector<float>> values(static_cast<std::size_t>(statistic_count(p)));
  for_each_of(p, [&](faulty::Element e) {
    const double x = faulty::load(workspace.arguments().x, faulty::position(p, e));
    values[static_cast<std::size_t>(statistic_of(p, e.i, e.k, e.j))].push_back(
        static_cast<float>(x));
  });
  return values;
}

// One float sum over all values, in the order given.
template <class Term>
float float_sum(const std::vector<float>& values, Term term) {
  float sum = 0;
  for (const float value : values) sum += term(value);
  return sum;
}

// As `kLanes` lanes of a vector would sum, each one every kLanes-th value.
std::vector<float> by_lanes(const std::vector<float>& values) {
  constexpr std::size_t kLanes = 16;
  std::vector<float> ordered;
  ordered.reserve(values.size());
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    for (std::size_t at = lane; at < values.size(); at += kLanes) ordered.push_back(values[at]);
  }
  return ordered;
}

class ExactInput : public testing::TestWithParam<Problem> {};

TEST_P(ExactInput, HasExactFloatSumsInAnyOrder) {
  const Problem& p = GetParam();
  Workspace workspace(p);
  fill(workspace, InputKind::kExact, 5);
  const Oracle oracle(p, workspace.arguments(), true);
  const auto n = static_cast<float>(values_per_statistic(p));
  const bool centered = p.norm != Norm::kRms;
  std::size_t at = 0;
  for (const std::vector<float>& forward : by_statistic(workspace)) {
    const std::vector<float> backward(forward.rbegin(), forward.rend());
    std::vector<float> sorted = forward;
    std::sort(sorted.begin(), sorted.end());
    double squares = 0;
    for (const double x : forward) squares += x * x;
    if (p.dtype != DType::kF64) {
      EXPECT_EQ(oracle.mean(at, {}).bound, 0);
      EXPECT_EQ(oracle.variance(at, {}).bound, 0);
    }
    for (const auto& values : {forward, backward, by_lanes(forward), sorted}) {
      const float sum = float_sum(values, [](float x) { return x; });
      const float mean = centered ? sum / n : 0;
      const float variance =
          float_sum(values, [mean](float x) { return (x - mean) * (x - mean); }) / n;
      EXPECT_EQ(mean, oracle.mean(at, {}).value) << "statistic " << at;
      EXPECT_EQ(variance, static_cast<float>(oracle.variance(at, {}).value)) << "statistic " << at;
      EXPECT_EQ(float_sum(values, [](float x) { return x * x; }), squares) << "statistic " << at;
    }
    ++at;
  }
}

// Sums of few different values would be exact, and tell nothing.
TEST_P(ExactInput, HasManyDifferentValues) {
  const Problem& p = GetParam();
  Workspace workspace(p);
  fill(workspace, InputKind::kExact, 5);
  const std::vector<float> values = by_statistic(workspace).front();
  const std::set<float> different(values.begin(), values.end());
  EXPECT_GE(different.size(), std::min<std::size_t>(15, values.size() / 2));
}

std::vector<Problem> problems_of_many_sizes() {
  std::vector<Problem> problems;
  for (const std::int64_t count :
       {2,     3,     4,     5,     7,     8,     15,     16,     17,     63,
        64,    65,    100,   255,   256,   1000,  1023,   1024,   1025,   4096,
        10000, 16384, 16385, 65535, 65536, 65537, 100000, 262144, 1000000}) {
    problems.push_back(batch_norm(Pass::kForwardTraining, 1, count > 10000 ? 2 : 8, count));
  }
  // Mini-batches of an even and of an odd number of values.
  problems.push_back(batch_norm(Pass::kForwardTraining, 9, 8, 5, 3));
  problems.push_back(batch_norm(Pass::kForwardTraining, 12, 8, 6, 4));
  problems.push_back(batch_norm(Pass::kForwardTraining, 35, 8, 1, 5));
  for (const Problem& p : faulty::all_small_problems()) {
    if (p.norm != Norm::kNone && p.pass == Pass::kForwardTraining) problems.push_back(p);
  }
  for (const Norm norm : {Norm::kLayer, Norm::kGroup, Norm::kRms}) {
    Problem large = small(norm, Pass::kForwardTraining);
    large.c = 96;
    large.l = 1031;
    problems.push_back(large);
  }
  return problems;
}

INSTANTIATE_TEST_SUITE_P(, ExactInput, testing::ValuesIn(problems_of_many_sizes()),
                         [](const auto& info) { return faulty::test_name(info.param); });

TEST(ExactInputs, VaryFromChannelToChannelAndBatchToBatch) {
  const Problem p = batch_norm(Pass::kForwardTraining, 16, 7, 6, 8);
  Workspace workspace(p);
  fill(workspace, InputKind::kExact, 5);
  const auto statistics = statistics_of(p, workspace.arguments());
  for (std::size_t a = 0; a < 7; ++a) {
    for (std::size_t b = 0; b < a; ++b) EXPECT_NE(statistics[a].mean, statistics[b].mean);
    EXPECT_GT(statistics[a].variance, 0);
    EXPECT_NE(statistics[a].variance, statistics[a + 7].variance);
  }
}

}  // namespace
}  // namespace normbench
