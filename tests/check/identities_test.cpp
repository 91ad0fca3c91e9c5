// A third opinion on the oracle: relations that hold for a norm whatever the numbers are.
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

constexpr Accuracy kClaim{};
// Double precision over fewer than a thousand values, most of them about 1 in size.
constexpr double kRounding = 1e-11;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

std::size_t statistic_at(const Problem& p, Element e) {
  return index(statistic_of(p, e.i, e.k, e.j));
}
std::size_t parameter_at(const Problem& p, Element e) { return index(affine_of(p, e.i, e.k, e.j)); }
std::size_t gradient_at(const Problem& p, Element e) {
  return index(gradient_of(p, e.i, e.k, e.j));
}

double value_at(const Problem& p, const Tensor& tensor, Element element) {
  return faulty::load(tensor, faulty::position(p, element));
}

// y or dx, whichever the pass makes.
Expected result_at(const Problem& p, const Oracle& oracle, Element e) {
  return p.backward() ? oracle.dx(e.i, e.k, e.j, kClaim) : oracle.y(e.i, e.k, e.j, kClaim);
}

using Parameter = std::tuple<Norm, std::uint64_t>;

class Identity : public testing::TestWithParam<Parameter> {
 protected:
  static Norm norm() { return std::get<0>(GetParam()); }
  static std::uint64_t seed() { return std::get<1>(GetParam()); }
  static Workspace filled(const Problem& problem, InputKind kind = InputKind::kRandom) {
    return normbench::filled(problem, kind, seed());
  }

  // Some small shape, of one mini-batch or several, in any layout and dtype.
  static Problem random_problem(Pass pass) {
    const auto number = [](std::uint64_t which, std::uint64_t below) {
      return static_cast<std::int64_t>(1 + random_bits(seed(), which) % below);
    };
    Problem p =
        faulty::small(norm(), pass, kEveryDType[index(number(4, 4)) - 1], kEveryLayout[seed() % 2]);
    p.batch = 1 + number(0, 6);
    p.n = p.batch * number(1, 3);
    p.groups = norm() == Norm::kGroup ? number(5, 3) : 1;
    p.c = p.groups * number(2, 5);
    p.l = 1 + number(3, 8);
    p.eps = seed() % 3 == 0 ? 0.25 : kDefaultEps;
    return p;
  }
};

TEST_P(Identity, MomentsOfYAreThoseOfGammaAndBeta) {
  const Problem p = random_problem(Pass::kForwardTraining);
  const Workspace workspace = filled(p);
  // A gamma of 0 hides what it is multiplied with.
  with_storage(workspace.arguments().gamma.dtype, [&]<class T>(T) {
    const auto all = workspace.arguments().gamma.as<T>();
    std::replace(all.begin(), all.end(), static_cast<T>(0.0), static_cast<T>(1.0));
  });
  const Oracle oracle = oracle_of(workspace);
  const std::vector<double> gamma = all_of(workspace.arguments().gamma);
  std::vector<double> beta = all_of(workspace.arguments().beta);
  if (norm() == Norm::kRms) beta.assign(gamma.size(), 0);
  std::vector<double> sums(index(statistic_count(p)));
  std::vector<double> squares(sums.size());
  for_each_of(p, [&](Element e) {
    const std::size_t at = parameter_at(p, e);
    const double xh = (result_at(p, oracle, e).value - beta[at]) / gamma[at];
    sums[statistic_at(p, e)] += xh;
    squares[statistic_at(p, e)] += xh * xh;
  });
  const auto count = static_cast<double>(values_per_statistic(p));
  for (std::size_t at = 0; at < sums.size(); ++at) {
    const double variance = oracle.variance(at, kClaim).value;
    if (norm() != Norm::kRms) {
      EXPECT_NEAR(sums[at] / count, 0, kRounding);
    }
    EXPECT_NEAR(squares[at] / count, variance / (variance + p.eps), kRounding);
  }
}

// Where gamma varies within a statistic, it belongs inside of the sums: g = dy * gamma.
TEST_P(Identity, DxHasNoPartAlongOnesOrX) {
  const Problem p = random_problem(Pass::kBackward);
  const Workspace workspace = filled(p);
  const Oracle oracle = oracle_of(workspace);
  const std::vector<double> gamma = all_of(workspace.arguments().gamma);
  struct Sums {
    double dx = 0, dx_xh = 0, g_xh = 0, size = 1;
  };
  std::vector<Sums> all(index(statistic_count(p)));
  for_each_of(p, [&](Element e) {
    const std::size_t at = statistic_at(p, e);
    const double mean = norm() == Norm::kRms ? 0 : oracle.mean(at, kClaim).value;
    const double xh =
        (value_at(p, workspace.arguments().x, e) - mean) * oracle.rstd(at, kClaim).value;
    const double dx = result_at(p, oracle, e).value;
    all[at].dx += dx;
    all[at].dx_xh += dx * xh;
    all[at].g_xh += value_at(p, workspace.arguments().dy, e) * gamma[parameter_at(p, e)] * xh;
    all[at].size += std::abs(dx) + std::abs(dx * xh);
  });
  for (std::size_t at = 0; at < all.size(); ++at) {
    const double rstd = oracle.rstd(at, kClaim).value;
    if (norm() != Norm::kRms) {
      EXPECT_NEAR(all[at].dx, 0, kRounding * all[at].size);
    }
    EXPECT_NEAR(all[at].dx_xh, rstd * all[at].g_xh * p.eps * rstd * rstd, kRounding * all[at].size);
  }
}

// y(4x + 8) with 16 eps is y(x) with eps; exact input can be scaled so without rounding. rms sees
// the shift.
TEST_P(Identity, ScalingAndShiftingXDoesNotShow) {
  Problem p = random_problem(Pass::kForwardTraining);
  p.dtype = seed() % 2 == 0 ? DType::kF32 : DType::kF64;
  Problem scaled = p;
  scaled.eps = 16 * p.eps;
  const Workspace before = filled(p, InputKind::kExact);
  const Workspace after = filled(scaled, InputKind::kExact);
  std::vector<double> x = all_of(before.arguments().x);
  for (double& value : x) value = 4 * value + (norm() == Norm::kRms ? 0 : 8);
  put(after.arguments().x, x);
  const Oracle oracle = oracle_of(before);
  const Oracle oracle_of_scaled = oracle_of(after);
  for_each_of(p, [&](Element e) {
    EXPECT_NEAR(result_at(p, oracle_of_scaled, e).value, result_at(p, oracle, e).value, kRounding);
  });
}

// Fills `to` with the elements of `from` that `source` names, parameters included, and expects that
// all results are those of `from` in the same places.
template <class Source>
void expect_same_after(const Workspace& from, const Workspace& to, Source source) {
  const Problem& p = to.problem();
  for_each_of(p, [&](Element element) {
    const Element origin = source(element);
    for (Tensor Arguments::*member : {&Arguments::x, &Arguments::dy}) {
      if (!(to.arguments().*member).present()) continue;
      faulty::store(to.arguments().*member, faulty::position(p, element),
                    value_at(from.problem(), from.arguments().*member, origin));
    }
    for (Tensor Arguments::*member : {&Arguments::gamma, &Arguments::beta}) {
      if (!(to.arguments().*member).present()) continue;
      const auto place = static_cast<std::ptrdiff_t>(parameter_at(from.problem(), origin));
      faulty::store(to.arguments().*member, static_cast<std::ptrdiff_t>(parameter_at(p, element)),
                    faulty::load(from.arguments().*member, place));
    }
  });
  const Oracle oracle = oracle_of(from);
  const Oracle moved = oracle_of(to);
  const auto expect_same = [&](const Expected& got, const Expected& expected) {
    EXPECT_NEAR(got.value, expected.value, kRounding * std::max(1.0, std::abs(expected.value)));
    EXPECT_NEAR(got.bound, expected.bound, 1e-6 * expected.bound);
  };
  for_each_of(p, [&](Element element) {
    const Element origin = source(element);
    expect_same(result_at(p, moved, element), result_at(p, oracle, origin));
    const std::size_t at = statistic_at(p, element);
    const std::size_t from_at = statistic_at(from.problem(), origin);
    expect_same(moved.mean(at, kClaim), oracle.mean(from_at, kClaim));
    expect_same(moved.rstd(at, kClaim), oracle.rstd(from_at, kClaim));
    if (!p.backward()) return;
    const std::size_t row = gradient_at(p, element);
    const std::size_t from_row = gradient_at(from.problem(), origin);
    expect_same(moved.dgamma(row, kClaim), oracle.dgamma(from_row, kClaim));
    expect_same(moved.dbeta(row, kClaim), oracle.dbeta(from_row, kClaim));
  });
}

constexpr std::array<Pass, 3> kPasses = {Pass::kForwardTraining, Pass::kForwardInference,
                                         Pass::kBackward};

bool reads_running_statistics(const Problem& p) {
  return p.norm == Norm::kBatch && p.pass == Pass::kForwardInference;
}

TEST_P(Identity, OrderOfSamplesChannelsAndPositionsDoesNotMatter) {
  for (const Pass pass : kPasses) {
    const Problem p = random_problem(pass);
    // Those of a channel would have to move along.
    if (reads_running_statistics(p)) continue;
    expect_same_after(filled(p), filled(p), [&p](Element e) {
      e.i = e.i / p.batch * p.batch + (p.batch - 1 - e.i % p.batch);
      e.k = p.c - 1 - e.k;  // groups stay together
      e.j = (e.j + 1) % p.l;
      return e;
    });
  }
}

// As long as no other channel shares its statistics.
TEST_P(Identity, AChannelIsAProblemOfItsOwn) {
  if (norm() != Norm::kBatch && norm() != Norm::kInstance) return;
  for (const Pass pass : kPasses) {
    const Problem p = random_problem(pass);
    if (reads_running_statistics(p)) continue;
    Problem one = p;
    one.c = 1;
    for (std::int64_t k = 0; k < p.c; ++k) {
      expect_same_after(filled(p), filled(one), [k](Element e) {
        e.k = k;
        return e;
      });
    }
  }
}

TEST_P(Identity, AMiniBatchIsAProblemOfItsOwn) {
  for (const Pass pass : kPasses) {
    const Problem p = random_problem(pass);
    Problem one = p;
    one.n = p.batch;
    for (std::int64_t batch = 0; batch < p.mini_batches(); ++batch) {
      expect_same_after(filled(p), filled(one), [&](Element e) {
        e.i += batch * p.batch;
        return e;
      });
    }
  }
}

TEST_P(Identity, LayoutDoesNotMatter) {
  for (const Pass pass : kPasses) {
    const Problem p = random_problem(pass);
    Problem other = p;
    other.layout = p.layout == Layout::kNcl ? Layout::kNlc : Layout::kNcl;
    expect_same_after(filled(p), filled(other), [](Element e) { return e; });
  }
}

TEST_P(Identity, TheSameNumbersInF64HaveTheSameResults) {
  for (const Pass pass : kPasses) {
    const Problem p = random_problem(pass);
    Problem wide = p;
    wide.dtype = DType::kF64;
    const Workspace from = filled(p);
    const Workspace to = filled(wide);
    for (const BufferSpec& spec : buffer_specs(p)) {
      put(to.arguments().*spec.member, all_of(from.arguments().*spec.member));
    }
    const Oracle oracle = oracle_of(from);
    const Oracle oracle_of_wide = oracle_of(to);
    for_each_of(p, [&](Element e) {
      const double expected = result_at(p, oracle, e).value;
      EXPECT_NEAR(result_at(p, oracle_of_wide, e).value, expected,
                  kRounding * std::max(1.0, std::abs(expected)));
    });
  }
}

INSTANTIATE_TEST_SUITE_P(RandomShapes, Identity,
                         testing::Combine(testing::Values(Norm::kBatch, Norm::kLayer,
                                                          Norm::kInstance, Norm::kGroup,
                                                          Norm::kRms),
                                          testing::Range<std::uint64_t>(1, 13)),
                         [](const auto& info) {
                           return std::string(name(std::get<0>(info.param))) + "_seed_" +
                                  std::to_string(std::get<1>(info.param));
                         });

}  // namespace
}  // namespace normbench
