// That each kind of input has the properties that the bounds rely on.
#include "harness/check/inputs.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "harness/check/oracle.h"
#include "tests/faulty/honest.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;

std::vector<float> channel(const Workspace& workspace, std::int64_t batch, std::int64_t k) {
  const Problem& p = workspace.problem();
  return faulty::channel_of(p, mini_batch(p, workspace.arguments(), batch).x, k);
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
  const auto n = static_cast<float>(p.values_per_channel());
  for (std::int64_t row = 0; row < p.mini_batches() * p.c; ++row) {
    const std::vector<float> forward = channel(workspace, row / p.c, row % p.c);
    const std::vector<float> backward(forward.rbegin(), forward.rend());
    std::vector<float> sorted = forward;
    std::sort(sorted.begin(), sorted.end());
    double squares = 0;
    for (const double x : forward) squares += x * x;
    const auto at = static_cast<std::size_t>(row);
    EXPECT_EQ(oracle.mean(at, {}).bound, 0);
    EXPECT_EQ(oracle.variance(at, {}).bound, 0);
    for (const auto& values : {forward, backward, by_lanes(forward), sorted}) {
      const float mean = float_sum(values, [](float x) { return x; }) / n;
      const float variance =
          float_sum(values, [mean](float x) { return (x - mean) * (x - mean); }) / n;
      EXPECT_EQ(mean, oracle.mean(at, {}).value) << "row " << row;
      EXPECT_EQ(variance, oracle.variance(at, {}).value) << "row " << row;
      EXPECT_EQ(float_sum(values, [](float x) { return x * x; }), squares) << "row " << row;
    }
  }
}

// Sums of few different values would be exact, and tell nothing.
TEST_P(ExactInput, HasManyDifferentValues) {
  const Problem& p = GetParam();
  Workspace workspace(p);
  fill(workspace, InputKind::kExact, 5);
  const std::vector<float> values = channel(workspace, 0, 0);
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

// The kinds that test algorithms, on enough values for their statistics to be what was asked for.
class FilledKind : public testing::TestWithParam<InputKind> {
 protected:
  static Workspace filled(const Problem& problem, std::uint64_t seed = 5) {
    Workspace workspace(problem);
    fill(workspace, GetParam(), seed);
    return workspace;
  }
};

TEST(IllConditionedInput, HasAMeanFarFromZero) {
  const Problem p = batch_norm(Pass::kForwardTraining, 64, 6, 16);
  Workspace workspace(p);
  fill(workspace, InputKind::kIllConditioned, 5);
  for (const Statistics& statistic : statistics_of(p, workspace.arguments())) {
    EXPECT_GE(std::abs(statistic.mean), 500 * std::sqrt(statistic.variance));
    EXPECT_GT(statistic.variance, 0.1);
  }
}

TEST(RandomInput, HasAMeanNearZeroAndADeviationNearOne) {
  const Problem p = batch_norm(Pass::kForwardTraining, 64, 6, 16);
  Workspace workspace(p);
  fill(workspace, InputKind::kRandom, 5);
  for (const Statistics& statistic : statistics_of(p, workspace.arguments())) {
    EXPECT_LT(std::abs(statistic.mean), 1.2);
    EXPECT_GT(statistic.variance, 0.2);
    EXPECT_LT(statistic.variance, 2.6);
  }
}

TEST(ConstantInput, HasNoVarianceAtAll) {
  const Problem p = batch_norm(Pass::kForwardTraining, 31, 6, 7);
  Workspace workspace(p);
  fill(workspace, InputKind::kConstant, 5);
  for (const Statistics& statistic : statistics_of(p, workspace.arguments())) {
    EXPECT_EQ(statistic.variance, 0);
    EXPECT_GE(std::abs(statistic.mean), 50);
  }
}

std::vector<Problem> all_passes() {
  std::vector<Problem> problems;
  for (const Pass pass : {Pass::kForwardTraining, Pass::kForwardInference, Pass::kBackward,
                          Pass::kBackwardInference}) {
    problems.push_back(batch_norm(pass, 12, 5, 7, 4));
  }
  return problems;
}

TEST_P(FilledKind, HasOnlyOrdinaryNumbersInEveryInput) {
  for (const Problem& p : all_passes()) {
    const Workspace workspace = filled(p);
    for (const BufferSpec& spec : buffer_specs(p)) {
      if (spec.role != Role::kInput && spec.role != Role::kUpdated) continue;
      for (const float value : (workspace.arguments().*spec.member).as<float>()) {
        EXPECT_TRUE(value == 0 || std::isnormal(value)) << spec.name << " holds " << value;
      }
    }
  }
}

TEST_P(FilledKind, PoisonsEveryOutput) {
  for (const Problem& p : all_passes()) {
    const Workspace workspace = filled(p);
    for (const BufferSpec& spec : buffer_specs(p)) {
      if (spec.role != Role::kOutput) continue;
      for (const float value : (workspace.arguments().*spec.member).as<float>()) {
        EXPECT_TRUE(std::isnan(value)) << spec.name << " holds " << value;
      }
    }
  }
}

TEST_P(FilledKind, SavesTheStatisticsOfXForTheBackwardPass) {
  const Problem p = batch_norm(Pass::kBackward, 12, 5, 7, 4);
  const Workspace workspace = filled(p);
  const Arguments& a = workspace.arguments();
  const auto statistics = statistics_of(p, a);
  for (std::size_t at = 0; at < statistics.size(); ++at) {
    EXPECT_EQ(a.mean.as<float>()[at], static_cast<float>(statistics[at].mean));
    EXPECT_EQ(a.variance.as<float>()[at], static_cast<float>(statistics[at].variance));
    EXPECT_EQ(a.rstd.as<float>()[at], static_cast<float>(statistics[at].rstd));
  }
}

// A dy that is constant, or the same for every position, would hide terms of dx.
TEST_P(FilledKind, HasDyThatIsNeitherConstantNorCentered) {
  const Problem p = batch_norm(Pass::kBackward, 16, 4, 8);
  const Workspace workspace = filled(p);
  for (std::int64_t k = 0; k < p.c; ++k) {
    const auto dy = faulty::two_pass(faulty::channel_of(p, workspace.arguments().dy, k));
    EXPECT_GT(dy.variance, 0.5) << "channel " << k;
    EXPECT_GT(std::abs(dy.mean), 1e-3) << "channel " << k;
  }
}

std::vector<float> all_inputs(const Workspace& workspace) {
  std::vector<float> values;
  for (const BufferSpec& spec : buffer_specs(workspace.problem())) {
    if (spec.role != Role::kInput && spec.role != Role::kUpdated) continue;
    const auto part = (workspace.arguments().*spec.member).as<float>();
    values.insert(values.end(), part.begin(), part.end());
  }
  return values;
}

bool same_bytes(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST_P(FilledKind, DependsOnTheSeedAndNotOnTheThreads) {
  // Large enough to be filled in parallel, and wide enough for several threads to have a share.
  const Problem p = batch_norm(Pass::kBackward, 16, 130, 64, 8);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const std::vector<float> by_one = all_inputs(filled(p, 5));
  const std::vector<float> other_seed = all_inputs(filled(p, 6));
  omp_set_num_threads(2);
  const std::vector<float> by_two = all_inputs(filled(p, 5));
  omp_set_num_threads(threads);
  EXPECT_TRUE(same_bytes(by_one, by_two));
  EXPECT_FALSE(same_bytes(by_one, other_seed));
}

TEST_P(FilledKind, CanBeFilledAnew) {
  const Problem p = batch_norm(Pass::kForwardTraining, 4, 3, 5);
  Workspace workspace = filled(p);
  const std::vector<float> first = all_inputs(workspace);
  workspace.arguments().x.as<float>()[7] += 1;
  EXPECT_EQ(workspace.damage(), "changed its input x");
  fill(workspace, GetParam(), 5);
  EXPECT_EQ(workspace.damage(), std::nullopt);
  EXPECT_TRUE(same_bytes(all_inputs(workspace), first));
}

INSTANTIATE_TEST_SUITE_P(, FilledKind, testing::ValuesIn(kInputKinds),
                         [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace normbench
