// That each kind of input has the properties that the bounds rely on.
#include "harness/check/inputs.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "harness/check/number_format.h"
#include "tests/check/filled.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;

using faulty::small;

// The kinds that test algorithms, on enough values for their statistics to be what was asked for.
class FilledKind : public testing::TestWithParam<InputKind> {
 protected:
  static Workspace filled(const Problem& problem, std::uint64_t seed = 5) {
    return normbench::filled(problem, GetParam(), seed);
  }
};

// Every norm with statistics, in every dtype, on about a hundred values or more for each of them.
std::vector<Problem> problems_with_statistics() {
  std::vector<Problem> problems;
  for (Problem p : faulty::all_small_problems()) {
    if (p.norm == Norm::kNone || p.pass != Pass::kForwardTraining) continue;
    p.l = p.norm == Norm::kInstance ? 128 : 32;
    problems.push_back(p);
  }
  return problems;
}

// rms has no mean to subtract, but its values have one.
std::vector<Statistics> centered_statistics(const Workspace& workspace) {
  Problem p = workspace.problem();
  if (p.norm == Norm::kRms) p.norm = Norm::kLayer;
  return statistics_of(p, workspace.arguments());
}

// How many deviations the mean is away from zero: half the digits of the type, give or take.
double least_distance(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return 5e5;
    case DType::kBf16:
      return 8;
    case DType::kF16:
      return 24;
    case DType::kF32:
      break;
  }
  return 500;
}

TEST(IllConditionedInput, HasAMeanFarFromZero) {
  for (const Problem& p : problems_with_statistics()) {
    const Workspace workspace = filled(p, InputKind::kIllConditioned, 5);
    for (const Statistics& statistic : centered_statistics(workspace)) {
      EXPECT_GE(std::abs(statistic.mean), least_distance(p.dtype) * std::sqrt(statistic.variance))
          << id(p);
      EXPECT_GT(statistic.variance, 0.1) << id(p);
    }
  }
}

// Of one channel each: others mix them.
TEST(RandomInput, HasAMeanNearZeroAndDeviationsFromSmallToLarge) {
  std::vector<double> deviations;
  for (const Problem& p : problems_with_statistics()) {
    if (p.norm != Norm::kBatch) continue;
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      const Workspace workspace = filled(p, InputKind::kRandom, seed);
      for (const Statistics& statistic : centered_statistics(workspace)) {
        EXPECT_LT(std::abs(statistic.mean), 1.7) << id(p);
        deviations.push_back(std::sqrt(static_cast<double>(statistic.variance)));
      }
    }
  }
  const auto [least, most] = std::ranges::minmax(deviations);
  EXPECT_GT(most, 1);
  EXPECT_LT(most, 2.5);
  EXPECT_LT(least, 0x1p-8);
}

// What the names promise, in numbers.
TEST(NamedInput, IsWhatItIsCalled) {
  for (const DType dtype : kEveryDType) {
    Problem p = batch_norm(Pass::kForwardTraining, 64, 6, 16);
    p.dtype = dtype;
    const NumberFormat format = format_of(dtype);
    const double smallest = std::ldexp(1.0, format.smallest_exponent);
    const auto sizes = [&](InputKind kind) {
      std::vector<double> all;
      for (const double value : all_of(filled(p, kind, 5).arguments().x)) {
        all.push_back(std::abs(value));
      }
      return all;
    };
    const auto largest = [&](InputKind kind) { return std::ranges::max(sizes(kind)); };
    EXPECT_EQ(largest(InputKind::kZero), 0) << name(dtype);
    EXPECT_LT(largest(InputKind::kDenormal), smallest) << name(dtype);
    EXPECT_GT(largest(InputKind::kDenormal), 0) << name(dtype);
    EXPECT_LT(std::pow(largest(InputKind::kTiny), 2), kDefaultEps) << name(dtype);
    const double large = largest(InputKind::kLarge);
    EXPECT_TRUE(std::isfinite(large)) << name(dtype);
    if (dtype == DType::kF32 || dtype == DType::kBf16) {
      double squares = 0;
      for (const double size : sizes(InputKind::kLarge)) squares += size * size;
      EXPECT_LT(large * large, format.overflow()) << name(dtype);
      EXPECT_GT(squares, format.overflow()) << name(dtype);
    }
    const auto spiky = sizes(InputKind::kSpiky);
    const auto spikes = std::ranges::count_if(spiky, [](double size) { return size > 20; });
    EXPECT_GT(spikes, 0) << name(dtype);
    EXPECT_LT(spikes, std::ssize(spiky) / 32) << name(dtype);
  }
}

TEST(NamedInput, IsFoundByItsName) {
  for (const InputKind kind : kEveryInputKind) EXPECT_EQ(parse_input_kind(name(kind)), kind);
  EXPECT_EQ(parse_input_kind("huge"), std::nullopt);
}

TEST(ConstantInput, HasNoVarianceAtAll) {
  for (const Problem& p : problems_with_statistics()) {
    const Workspace workspace = filled(p, InputKind::kConstant, 5);
    for (const Statistics& statistic : centered_statistics(workspace)) {
      EXPECT_EQ(statistic.variance, 0) << id(p);
      EXPECT_GE(std::abs(statistic.mean), 50) << id(p);
    }
  }
}

TEST(AnyInput, TellsStatisticsApart) {
  for (const InputKind kind : kInputKinds) {
    for (const Problem& p : problems_with_statistics()) {
      const auto statistics = centered_statistics(filled(p, kind, 5));
      for (std::size_t at = 1; at < statistics.size(); ++at) {
        EXPECT_NE(statistics[at].mean, statistics[at - 1].mean) << name(kind) << " " << id(p);
      }
    }
  }
}

// Channels share a statistic in these norms: were all alike, their order would not matter.
TEST(RandomInput, TellsTheChannelsOfAStatisticApart) {
  for (const Norm norm : {Norm::kLayer, Norm::kGroup, Norm::kRms}) {
    Problem p = small(norm, Pass::kForwardTraining);
    p.l = 512;
    Problem instance = p;
    instance.norm = Norm::kInstance;
    instance.groups = 1;
    const Workspace workspace = filled(p, InputKind::kRandom, 5);
    const auto channels = statistics_of(instance, workspace.arguments());
    for (std::size_t k = 1; k < 9; ++k) {
      EXPECT_GT(std::abs(channels[k].variance / channels[k - 1].variance - 1), 0.05) << name(norm);
    }
  }
}

TEST_P(FilledKind, HasOnlyOrdinaryNumbersInEveryInput) {
  if (GetParam() == InputKind::kDenormal) GTEST_SKIP() << "they are not, on purpose";
  for (const Problem& p : faulty::all_small_problems()) {
    const Workspace workspace = filled(p);
    for (const BufferSpec& spec : buffer_specs(p)) {
      if (spec.role != Role::kInput && spec.role != Role::kUpdated) continue;
      for (const double value : all_of(workspace.arguments().*spec.member)) {
        const bool is_normal = p.dtype == DType::kF64 ? std::isnormal(value)
                                                      : std::isnormal(static_cast<float>(value));
        EXPECT_TRUE(value == 0 || is_normal) << spec.name << " holds " << value;
      }
    }
  }
}

TEST_P(FilledKind, PoisonsEveryOutput) {
  for (const Problem& p : faulty::all_small_problems()) {
    const Workspace workspace = filled(p);
    for (const BufferSpec& spec : buffer_specs(p)) {
      if (spec.role != Role::kOutput) continue;
      for (const double value : all_of(workspace.arguments().*spec.member)) {
        EXPECT_TRUE(std::isnan(value)) << spec.name << " holds " << value;
      }
    }
  }
}

TEST_P(FilledKind, SavesTheStatisticsOfXForTheBackwardPass) {
  for (const Problem& p : faulty::all_small_problems()) {
    if (p.pass != Pass::kBackward || p.norm == Norm::kNone) continue;
    const Workspace workspace = filled(faulty::in_batches_of(2, p));
    const Arguments& a = workspace.arguments();
    const auto statistics = statistics_of(workspace.problem(), a);
    const auto saved = [&](Wide value) {
      return faulty::rounded(parameter_dtype(p.dtype), static_cast<double>(value));
    };
    ASSERT_EQ(all_of(a.rstd).size(), statistics.size()) << id(p);
    for (std::size_t at = 0; at < statistics.size(); ++at) {
      if (a.mean.present()) {
        EXPECT_EQ(all_of(a.mean)[at], saved(statistics[at].mean));
      }
      EXPECT_EQ(all_of(a.variance)[at], saved(statistics[at].variance));
      EXPECT_EQ(all_of(a.rstd)[at], saved(statistics[at].rstd));
    }
  }
}

// A dy that is constant, or the same for every position, would hide terms of dx.
TEST_P(FilledKind, HasDyThatIsNeitherConstantNorCentered) {
  const Problem p = batch_norm(Pass::kBackward, 16, 4, 8);
  if (GetParam() == InputKind::kZero) GTEST_SKIP() << "it is zero, on purpose";
  const Workspace workspace = filled(p);
  const double scale = scale_of(GetParam(), p.dtype);
  for (std::int64_t k = 0; k < p.c; ++k) {
    const auto dy = faulty::two_pass(p, faulty::values_of(p, workspace.arguments().dy, k));
    EXPECT_GT(std::sqrt(dy.variance), 0.7 * scale) << "channel " << k;
    EXPECT_GT(std::abs(dy.mean), 1e-3 * scale) << "channel " << k;
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
  float& one = workspace.arguments().x.as<float>()[7];
  one = one * 2 + 1;
  EXPECT_EQ(workspace.damage(), "changed its input x");
  fill(workspace, GetParam(), 5);
  EXPECT_EQ(workspace.damage(), std::nullopt);
  EXPECT_TRUE(same_bytes(all_inputs(workspace), first));
}

INSTANTIATE_TEST_SUITE_P(, FilledKind, testing::ValuesIn(kEveryInputKind),
                         [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace normbench
