// Relations between norms: the same numbers, grouped in the same way under another name.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "harness/check/grouping.h"
#include "harness/check/random.h"
#include "tests/check/filled.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::Element;
using faulty::small;

constexpr Accuracy kClaim{};
constexpr double kRounding = 1e-11;

using Parameter = std::tuple<Pass, DType, Layout, std::uint64_t>;

class Relation : public testing::TestWithParam<Parameter> {
 protected:
  // A problem of some small shape.
  static Problem random_problem(Norm norm) {
    const auto& [pass, dtype, layout, seed] = GetParam();
    const auto number = [seed = seed](std::uint64_t which, std::uint64_t below) {
      return static_cast<std::int64_t>(1 + random_bits(seed, which) % below);
    };
    Problem p = small(norm, pass, dtype, layout);
    p.batch = number(0, 4);
    p.n = p.batch * number(1, 3);
    p.groups = norm == Norm::kGroup ? 1 + number(2, 2) : 1;
    p.c = p.groups * number(3, 4);
    p.l = 1 + number(4, 6);
    return p;
  }

  // Expects that `other`, of the same x and dy in memory, has the same y or dx there, when gamma
  // and beta are the same for each element.
  static void expect_same(const Problem& one, const Problem& other) {
    const auto seed = std::get<3>(GetParam());
    const Workspace from = filled(one, InputKind::kRandom, seed);
    const Workspace to = filled(other, InputKind::kRandom, seed);
    put(to.arguments().x, all_of(from.arguments().x));
    put(to.arguments().dy, all_of(from.arguments().dy));
    const std::vector<Element> places = by_place(one);
    for_each_of(other, [&](Element e) {
      const Element origin = places[static_cast<std::size_t>(faulty::position(other, e))];
      for (Tensor Arguments::*member : {&Arguments::gamma, &Arguments::beta}) {
        if (!(to.arguments().*member).present()) continue;
        faulty::store(
            to.arguments().*member, affine_of(other, e.i, e.k, e.j),
            faulty::load(from.arguments().*member, affine_of(one, origin.i, origin.k, origin.j)));
      }
    });
    const std::vector<double> expected = results_of(from);
    const std::vector<double> got = results_of(to);
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t at = 0; at < got.size(); ++at) {
      EXPECT_NEAR(got[at], expected[at], kRounding * std::max(1.0, std::abs(expected[at])))
          << id(one) << " and " << id(other) << " at " << at;
    }
  }

 private:
  static std::vector<Element> by_place(const Problem& p) {
    std::vector<Element> elements(static_cast<std::size_t>(p.elements()));
    for_each_of(p,
                [&](Element e) { elements[static_cast<std::size_t>(faulty::position(p, e))] = e; });
    return elements;
  }

  // y or dx, in the order of memory.
  static std::vector<double> results_of(const Workspace& workspace) {
    const Problem& p = workspace.problem();
    const Oracle oracle = oracle_of(workspace);
    std::vector<double> values(static_cast<std::size_t>(p.elements()));
    for_each_of(p, [&](Element e) {
      const Expected result =
          p.backward() ? oracle.dx(e.i, e.k, e.j, kClaim) : oracle.y(e.i, e.k, e.j, kClaim);
      values[static_cast<std::size_t>(faulty::position(p, e))] = result.value;
    });
    return values;
  }
};

TEST_P(Relation, LayerIsGroupOfOneGroup) {
  Problem group = random_problem(Norm::kGroup);
  group.groups = 1;
  Problem layer = group;
  layer.norm = Norm::kLayer;
  expect_same(group, layer);
}

TEST_P(Relation, InstanceIsGroupOfSingleChannels) {
  const Problem instance = random_problem(Norm::kInstance);
  Problem group = instance;
  group.norm = Norm::kGroup;
  group.groups = group.c;
  expect_same(instance, group);
}

TEST_P(Relation, LayerOfOneChannelIsInstance) {
  Problem instance = random_problem(Norm::kInstance);
  instance.c = 1;
  Problem layer = instance;
  layer.norm = Norm::kLayer;
  expect_same(instance, layer);
}

// LayerNorm of (N, C) is InstanceNorm of (1, N, C).
TEST_P(Relation, LayerOfOnePositionIsInstanceOfTheSamplesAsChannels) {
  Problem layer = faulty::plain(random_problem(Norm::kLayer));
  layer.c = 5;
  layer.l = 1;
  layer.layout = Layout::kNcl;
  Problem instance = layer;
  instance.norm = Norm::kInstance;
  instance.n = instance.batch = 1;
  instance.c = layer.n;
  instance.l = layer.c;
  expect_same(layer, instance);
}

TEST_P(Relation, GroupIsInstanceWithAGroupForAChannel) {
  Problem group = faulty::plain(random_problem(Norm::kGroup));
  group.layout = Layout::kNcl;
  Problem instance = group;
  instance.norm = Norm::kInstance;
  instance.groups = 1;
  instance.c = group.groups;
  instance.l = group.c / group.groups * group.l;
  expect_same(group, instance);
}

TEST_P(Relation, BatchOfSingleSamplesIsInstance) {
  Problem instance = random_problem(Norm::kInstance);
  Problem batch = instance;
  batch.norm = Norm::kBatch;
  batch.batch = 1;
  // In inference batch norm does something else.
  if (batch.pass != Pass::kForwardInference) expect_same(instance, batch);
}

TEST_P(Relation, InferenceIsTrainingUnlessStatisticsAreKept) {
  for (const Norm norm : {Norm::kLayer, Norm::kInstance, Norm::kGroup, Norm::kRms, Norm::kNone}) {
    Problem training = random_problem(norm);
    if (training.backward()) continue;
    training.pass = Pass::kForwardTraining;
    Problem inference = training;
    inference.pass = Pass::kForwardInference;
    expect_same(training, inference);
  }
}

// Layer norm of what has a mean of zero: x and -x in turn.
TEST_P(Relation, RmsIsLayerWithoutBetaAroundZero) {
  Problem rms = random_problem(Norm::kRms);
  rms.l = 6;
  rms.pass = Pass::kForwardTraining;
  Problem layer = rms;
  layer.norm = Norm::kLayer;
  const Workspace from = filled(rms, InputKind::kRandom, 5);
  const Workspace to = filled(layer, InputKind::kRandom, 5);
  std::vector<double> x = all_of(from.arguments().x);
  for (std::size_t at = 1; at < x.size(); at += 2) x[at] = -x[at - 1];
  put(from.arguments().x, x);
  put(to.arguments().x, x);
  put(to.arguments().gamma, all_of(from.arguments().gamma));
  const std::vector<double> beta = all_of(to.arguments().beta);
  const Oracle oracle = oracle_of(from);
  const Oracle oracle_of_layer = oracle_of(to);
  for_each_of(rms, [&](Element e) {
    const auto [i, k, j] = e;
    EXPECT_NEAR(
        oracle_of_layer.y(i, k, j, kClaim).value,
        oracle.y(i, k, j, kClaim).value + beta[static_cast<std::size_t>(affine_of(layer, i, k, j))],
        kRounding);
  });
}

std::string relation_name(const testing::TestParamInfo<Parameter>& info) {
  const auto& [pass, dtype, layout, seed] = info.param;
  return std::string(name(pass)) + "_" + std::string(name(dtype)) + "_" +
         std::string(name(layout)) + "_seed_" + std::to_string(seed);
}

INSTANTIATE_TEST_SUITE_P(, Relation,
                         testing::Combine(testing::Values(Pass::kForwardTraining,
                                                          Pass::kForwardInference, Pass::kBackward),
                                          testing::Values(DType::kF32, DType::kF64, DType::kF16),
                                          testing::ValuesIn(kEveryLayout),
                                          testing::Range<std::uint64_t>(1, 4)),
                         relation_name);

}  // namespace
}  // namespace normbench
