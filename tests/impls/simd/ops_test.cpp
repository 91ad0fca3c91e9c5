// The functions of simd that are compiled per instruction set: on every one that this CPU has, for
// every storage type, against plain loops. Values are small integers, so that sums, and most
// results, are exact.
#include "impls/simd/ops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

namespace simd {
namespace {

using normbench::Bf16;
using normbench::F16;
using normbench::Parameter;

template <class T>
class EveryTarget : public testing::Test {
 protected:
  // Calls test(ops) for each target.
  template <class Test>
  static void for_each(const Test& test) {
    ASSERT_FALSE(targets().empty());
    for (const std::int64_t target : targets()) {
      const Ops<T>& of_target = ops<T>(target);
      SCOPED_TRACE(of_target.target);
      test(of_target);
    }
  }
};

using StorageTypes = testing::Types<float, double, Bf16, F16>;

struct TypeName {
  template <class T>
  static std::string GetName(int) {
    if (std::is_same_v<T, float>) return "f32";
    if (std::is_same_v<T, double>) return "f64";
    return std::is_same_v<T, Bf16> ? "bf16" : "f16";
  }
};
TYPED_TEST_SUITE(EveryTarget, StorageTypes, TypeName);

template <class T>
T number(double value) {
  return static_cast<T>(static_cast<Parameter<T>>(value));
}
template <class T>
double value_of(T number) {
  return static_cast<double>(static_cast<Parameter<T>>(number));
}

constexpr Index kSpare = 64;  // more than a vector has lanes

// Integers of -7 .. 7, without a pattern.
double integer(Index i) { return static_cast<double>((i * 2654435761U >> 7) % 15) - 7; }

template <class T>
std::vector<T> integers(Index count, Index from = 0) {
  std::vector<T> values;
  for (Index i = 0; i < count; ++i) values.push_back(number<T>(integer(i + from)));
  return values;
}

// A region at some offset of a matrix, in which all that is not in the region is `outside`.
struct Place {
  Region region;
  Index offset;
  Index values;  // of the matrix

  template <class T>
  std::vector<T> matrix(Index from, double outside) const {
    std::vector<T> all(static_cast<std::size_t>(values), number<T>(outside));
    for_each([&](Index, Index at) {
      all[static_cast<std::size_t>(at)] = number<T>(integer(at + from));
    });
    return all;
  }

  // Calls body(segment, at) for each value, at being its index in the matrix.
  template <class Body>
  void for_each(const Body& body) const {
    for (Index row = 0; row < region.rows; ++row) {
      for (Index segment = 0; segment < region.segments; ++segment) {
        for (Index j = 0; j < region.length; ++j) {
          body(segment, offset + row * region.row_stride + segment * region.segment_stride + j);
        }
      }
    }
  }
};

// `gap` values lie between two runs.
Place runs_of(Index rows, Index segments, Index length, Index offset, Index gap = 3) {
  const Index stride = segments * (length + gap) + 5;
  return {{rows, stride, segments, length + gap, length}, offset, offset + rows * stride + kSpare};
}
Place columns_of(Index rows, Index columns, Index offset) {
  return {{rows, columns + 7, columns, 1, 1}, offset, offset + rows * (columns + 7) + kSpare};
}

// Every tail of a vector, and every way in which a store may be aligned.
std::vector<Place> places(bool by_column, Index lanes) {
  std::vector<Place> all;
  for (Index size = 1; size <= 4 * lanes + 3; ++size) {
    const Index offset = size % lanes;
    for (const Index rows : {1, 3, 8, 21}) {
      all.push_back(by_column ? columns_of(rows, size, offset) : runs_of(rows, 2, size, offset));
      // Side by side: a vector may have the end of one and the start of the next.
      if (!by_column) all.push_back(runs_of(rows, 3, size, offset, 0));
    }
  }
  return all;
}

// What lies outside of a region must not be read into a sum: it would make it NaN.
TYPED_TEST(EveryTarget, SumsARegionAndNothingElse) {
  using T = TypeParam;
  using Real = Parameter<T>;
  this->for_each([](const Ops<T>& ops) {
    for (const bool by_column : {false, true}) {
      for (const Place& place : places(by_column, ops.lanes)) {
        for (const bool backward : {false, true}) {
          const double nan = std::numeric_limits<double>::quiet_NaN();
          const auto x = place.matrix<T>(0, nan);
          const auto dy = place.matrix<T>(1000, nan);
          const auto segments = static_cast<std::size_t>(place.region.segments);
          std::vector<Real> center = integers<Real>(place.region.segments + kSpare, 77);
          std::vector<double> a(segments + kSpare, nan), ab(segments + kSpare, nan);
          (by_column ? ops.columns : ops.runs)
              .sum({.x = x.data() + place.offset,
                    .dy = backward ? dy.data() + place.offset : nullptr,
                    .center = center.data(),
                    .region = place.region,
                    .sums = {a.data(), ab.data()}});
          std::vector<double> expected_a(segments), expected_ab(segments);
          place.for_each([&](Index segment, Index at) {
            const auto k = static_cast<std::size_t>(segment);
            const double off = value_of(x[static_cast<std::size_t>(at)]) - center[k];
            const double factor = backward ? value_of(dy[static_cast<std::size_t>(at)]) : off;
            expected_a[k] += factor;
            expected_ab[k] += factor * off;
          });
          a.resize(segments), ab.resize(segments);
          ASSERT_EQ(a, expected_a) << "by column " << by_column << ", " << place.region.rows
                                   << " x " << segments << " x " << place.region.length;
          ASSERT_EQ(ab, expected_ab);
        }
      }
    }
  });
}

double formed(Formula formula, double x, double dy, double mean, double scale, double constant,
              double slope) {
  switch (formula) {
    case Formula::kNormalize:
      return (x - mean) * scale + constant;
    case Formula::kApply:
      return x * scale + constant;
    case Formula::kDifferentiate:
      return dy * scale - constant - (x - mean) * slope;
    case Formula::kRescale:
      return dy * scale;
  }
  return 0;
}

// A thread may have no rows of a block.
TYPED_TEST(EveryTarget, SumsOfNoRowsAreZero) {
  using T = TypeParam;
  using Real = Parameter<T>;
  this->for_each([](const Ops<T>& ops) {
    for (const StridedOps<T>* strided : {&ops.runs, &ops.columns}) {
      const std::vector<T> x(kSpare, number<T>(1));
      const std::vector<Real> center(kSpare, 0);
      std::vector<double> a(kSpare, 99), ab(a);
      strided->sum({.x = x.data(),
                    .dy = nullptr,
                    .center = center.data(),
                    .region = {0, 9, 9, 1, 1},
                    .sums = {a.data(), ab.data()}});
      for (std::size_t k = 0; k < 9; ++k) {
        EXPECT_EQ(a[k], 0);
        EXPECT_EQ(ab[k], 0);
      }
    }
  });
}

TYPED_TEST(EveryTarget, WritesARegionAndNothingElse) {
  using T = TypeParam;
  using Real = Parameter<T>;
  constexpr double kUntouched = 99;
  this->for_each([](const Ops<T>& ops) {
    for (const bool by_column : {false, true}) {
      for (Place place : places(by_column, ops.lanes)) {
        const Formula formula = static_cast<Formula>((place.region.rows + place.offset) % 4);
        const bool streaming = place.values % 2 == 0;
        place.region.reversed = place.values % 3 == 0;
        const auto x = place.matrix<T>(0, 0);
        const auto dy = place.matrix<T>(1000, 0);
        std::vector<T> out(x.size() + kSpare, number<T>(kUntouched));
        // Aligned like x, so that every offset of the place is tried.
        T* start = out.data();
        while (reinterpret_cast<std::uintptr_t>(start) % 64 != 0) ++start;
        const auto [mean, scale, constant, slope] =
            std::tuple(integers<Real>(place.region.segments + kSpare, 1),
                       integers<Real>(place.region.segments + kSpare, 2),
                       integers<Real>(place.region.segments + kSpare, 3),
                       integers<Real>(place.region.segments + kSpare, 4));
        (by_column ? ops.columns : ops.runs)
            .write(formula,
                   {.x = x.data() + place.offset,
                    .dy = dy.data() + place.offset,
                    .out = start + place.offset,
                    .region = place.region,
                    .coefficients = {mean.data(), scale.data(), constant.data(), slope.data()},
                    .streaming = streaming});
        std::vector<T> expected(x.size(), number<T>(kUntouched));
        place.for_each([&](Index segment, Index at) {
          const auto k = static_cast<std::size_t>(segment);
          const auto i = static_cast<std::size_t>(at);
          expected[i] = number<T>(formed(formula, value_of(x[i]), value_of(dy[i]), mean[k],
                                         scale[k], constant[k], slope[k]));
        });
        for (std::size_t i = 0; i < expected.size(); ++i) {
          ASSERT_EQ(value_of(start[i]), value_of(expected[i]))
              << "by column " << by_column << ", " << place.region.rows << " x "
              << place.region.segments << " x " << place.region.length << ", offset "
              << place.offset << ", formula " << static_cast<int>(formula) << ", streaming "
              << streaming << ", at " << i;
        }
      }
    }
  });
}

TYPED_TEST(EveryTarget, FindsPivotsAmongTheValuesOfASegment) {
  using T = TypeParam;
  using Real = Parameter<T>;
  this->for_each([](const Ops<T>& ops) {
    for (const bool by_column : {false, true}) {
      for (const Place& place : places(by_column, ops.lanes)) {
        const auto x = place.matrix<T>(0, 1000);
        std::vector<Real> pivots(static_cast<std::size_t>(place.region.segments + kSpare));
        (by_column ? ops.columns : ops.runs)
            .find_pivots(x.data() + place.offset, place.region, pivots.data());
        for (Index k = 0; k < place.region.segments; ++k) {
          ASSERT_LE(std::abs(pivots[static_cast<std::size_t>(k)]), 7);
        }
      }
    }
  });
}

TYPED_TEST(EveryTarget, PivotsOfConstantsAreTheConstants) {
  using T = TypeParam;
  using Real = Parameter<T>;
  this->for_each([](const Ops<T>& ops) {
    const std::vector<T> x(1000, number<T>(3));
    std::vector<Real> pivots(kSpare);
    ops.runs.find_pivots(x.data(), {10, 50, 3, 16, 13}, pivots.data());
    EXPECT_EQ(std::vector<Real>(pivots.begin(), pivots.begin() + 3), std::vector<Real>(3, 3));
    std::vector<Real> joined(kSpare, 99);
    ops.statistics.join_pivots(1, 3, pivots.data(), joined.data());
    EXPECT_EQ(joined[0], 3);
    EXPECT_EQ(joined[1], 99);
  });
}

// Statistics of any number of tiles; the elements behind them are the caller's.
TYPED_TEST(EveryTarget, FindsStatisticsOfAnyNumberOfTiles) {
  using T = TypeParam;
  using Real = Parameter<T>;
  this->for_each([](const Ops<T>& ops) {
    for (std::size_t size = 1; size <= 20; ++size) {
      // 4 values of pivot + {-1, 3, -1, 3}, so that the mean is one above and the variance is 4.
      std::vector<double> a(size, 4), ab(size, 20);
      const std::vector<Real> pivots = integers<Real>(static_cast<Index>(size));
      std::vector<Real> mean(size + 1, 99), variance(mean), rstd(mean), running(mean);
      EXPECT_TRUE(ops.statistics.find(static_cast<Index>(size), {a.data(), ab.data()},
                                      pivots.data(), 4, 0,
                                      {mean.data(), variance.data(), rstd.data()}));
      ops.statistics.update(static_cast<Index>(size), variance.data(), 0.5, 0.25, running.data());
      for (std::size_t i = 0; i < size; ++i) {
        EXPECT_EQ(mean[i], pivots[i] + 1);
        EXPECT_EQ(variance[i], 4);
        EXPECT_EQ(rstd[i], Real{0.5});
        EXPECT_EQ(running[i], Real{0.75 * 99 + 0.25 * 0.5 * 4});
      }
      for (const auto* numbers : {&mean, &variance, &rstd, &running})
        EXPECT_EQ(numbers->back(), 99);
      std::vector<Real> dbeta(size + 1, 99), dgamma(dbeta);
      ops.statistics.find_gradients(static_cast<Index>(size), {a.data(), ab.data()}, rstd.data(),
                                    dbeta.data(), dgamma.data());
      for (std::size_t i = 0; i < size; ++i) {
        EXPECT_EQ(dbeta[i], 4);
        EXPECT_EQ(dgamma[i], 10);
      }
      EXPECT_EQ(dbeta.back(), 99);
      EXPECT_EQ(dgamma.back(), 99);
    }
  });
}

TYPED_TEST(EveryTarget, FindsCoefficientsOfAnyNumberOfTiles) {
  using T = TypeParam;
  using Real = Parameter<T>;
  this->for_each([](const Ops<T>& ops) {
    const StatisticOps<Real>& statistics = ops.statistics;
    for (std::size_t size = 1; size <= 20; ++size) {
      const auto count = static_cast<Index>(size);
      const auto left = integers<Real>(count, 10), right = integers<Real>(count, 20);
      const auto beta = integers<Real>(count, 30);
      const std::vector<Real> variance(size, 3.75), rstd(size, 0.5);
      std::vector<Real> product(size + 1, 99), bias(product), found(product), constant(product),
          slope(product);
      statistics.multiply(count, left.data(), right.data(), product.data());
      statistics.fold(count, left.data(), right.data(), beta.data(), bias.data());
      statistics.find_rstd(count, variance.data(), 0.25, found.data());
      std::vector<double> a(size, 4), ab(size, 16);
      statistics.find_slopes(count, {a.data(), ab.data()}, rstd.data(), 4, constant.data(),
                             slope.data());
      statistics.weigh(count, left.data(), {a.data(), ab.data()});
      for (std::size_t i = 0; i < size; ++i) {
        EXPECT_EQ(product[i], left[i] * right[i]);
        EXPECT_EQ(bias[i], beta[i] - left[i] * right[i]);
        EXPECT_EQ(found[i], Real{0.5});
        EXPECT_EQ(constant[i], Real{0.5});
        EXPECT_EQ(slope[i], Real{0.5});
        EXPECT_EQ(a[i], 4 * left[i]);
        EXPECT_EQ(ab[i], 16 * left[i]);
      }
      for (const auto* numbers : {&product, &bias, &found, &constant, &slope}) {
        EXPECT_EQ(numbers->back(), 99);
      }
    }
  });
}

// Of one value each, so a standard deviation is the most.
TYPED_TEST(EveryTarget, SaysWhenAPivotIsTooFarOff) {
  using T = TypeParam;
  using Real = Parameter<T>;
  this->for_each([](const Ops<T>& ops) {
    for (const std::size_t size : {1U, 7U, 20U}) {
      for (std::size_t bad = 0; bad < size; ++bad) {
        const std::vector<Real> pivots(size, 0);
        std::vector<Real> mean(size), variance(size), rstd(size);
        const auto is_fine = [&](double a_of_bad, double ab_of_bad) {
          std::vector<double> a(size, 1), ab(size, 2);
          a[bad] = a_of_bad, ab[bad] = ab_of_bad;
          return ops.statistics.find(static_cast<Index>(size), {a.data(), ab.data()}, pivots.data(),
                                     1, 0, {mean.data(), variance.data(), rstd.data()});
        };
        EXPECT_TRUE(is_fine(2, 8));
        EXPECT_FALSE(is_fine(2.01, 2.01 * 2.01 + 4));
        EXPECT_FALSE(is_fine(0, std::numeric_limits<double>::infinity()));
        EXPECT_FALSE(is_fine(0, std::numeric_limits<double>::quiet_NaN()));
      }
    }
  });
}

TEST(Targets, AreDifferentAndTheFirstIsTheDefault) {
  std::set<std::string> names;
  for (const std::int64_t target : targets()) names.insert(ops<float>(target).target);
  EXPECT_EQ(names.size(), targets().size());
  EXPECT_STREQ(ops<float>(0).target, ops<float>(targets().front()).target);
}

TYPED_TEST(EveryTarget, BroadcastsToSegmentsAndAddsThemUp) {
  using T = TypeParam;
  using Real = Parameter<T>;
  this->for_each([](const Ops<T>& ops) {
    for (const Index tiles : {1, 2, 5, 33}) {
      for (Index segments = 1; segments <= 40; ++segments) {
        const std::vector<Real> numbers = integers<Real>(tiles);
        std::vector<Real> broadcast(static_cast<std::size_t>(tiles * segments + kSpare), 99);
        ops.statistics.broadcast(tiles, segments, numbers.data(), broadcast.data());
        std::vector<double> sums;
        std::vector<double> expected(static_cast<std::size_t>(tiles), 0);
        for (Index i = 0; i < tiles * segments; ++i) {
          ASSERT_EQ(broadcast[static_cast<std::size_t>(i)],
                    numbers[static_cast<std::size_t>(i / segments)])
              << tiles << " x " << segments;
          sums.push_back(integer(i));
          expected[static_cast<std::size_t>(i / segments)] += integer(i);
        }
        ops.statistics.add_up(tiles, segments, sums.data());
        sums.resize(expected.size());
        ASSERT_EQ(sums, expected) << tiles << " x " << segments;
      }
    }
  });
}

// Rows, as they are and transposed, of every length and in numbers that fill no block.
template <class T>
struct Rows {
  using Real = Parameter<T>;

  Rows(const Ops<T>& of, bool is_transposed, Index across_, Index length_)
      : ops(is_transposed ? of.transposed_rows : of.rows),
        transposed(is_transposed),
        across(across_),
        length(length_),
        tiles(across_ * 9),
        stride((across + of.tiles_of_block + of.lanes - 2) / of.lanes * of.lanes),
        x(integers<T>(tiles * length)),
        dy(integers<T>(tiles * length, 1000)),
        out(static_cast<std::size_t>(tiles * length + kSpare), number<T>(99)),
        mean(static_cast<std::size_t>(tiles + 1), 99),
        variance(mean),
        rstd(mean),
        gamma(ordered(3)),
        beta(ordered(4)),
        dgamma(gamma.size()),
        dbeta(gamma.size()),
        scratch(2 * gamma.size()) {}

  RowArguments<T> arguments(bool centered) {
    return {.x = x.data(),
            .dy = dy.data(),
            .out = out.data(),
            .tiles = tiles,
            .across = across,
            .length = length,
            .first = 0,
            .run = 1,
            .stride = stride,
            .together = 3,
            .gamma = gamma.data(),
            .beta = beta.data(),
            .statistics = {mean.data(), variance.data(), rstd.data()},
            .dgamma = dgamma.data(),
            .dbeta = dbeta.data(),
            .scratch = scratch.data(),
            .eps = 0.25,
            .centered = centered,
            .streaming = length % 2 == 0};
  }

  double parameter(Index tile, Index column, Index from) const {
    return integer(tile % across * length + column + from);
  }
  // The sum for a parameter, in the order of RowOps.
  double sum_of(const std::vector<double>& sums, Index tile, Index column) const {
    if (!transposed) return sums[static_cast<std::size_t>(tile * length + column)];
    double sum = 0;
    for (Index at = tile; at < stride; at += across) {
      sum += sums[static_cast<std::size_t>(column * stride + at)];
    }
    return sum;
  }

  std::vector<Real> ordered(Index from) const {
    std::vector<Real> numbers(
        static_cast<std::size_t>(transposed ? length * stride : across * length));
    for (Index i = 0; i < static_cast<Index>(numbers.size()); ++i) {
      numbers[static_cast<std::size_t>(i)] = static_cast<Real>(
          transposed ? parameter(i % stride, i / stride, from) : integer(i + from));
    }
    return numbers;
  }

  const RowOps<T>& ops;
  bool transposed;
  Index across, length, tiles, stride;
  std::vector<T> x, dy, out;
  std::vector<Real> mean, variance, rstd, gamma, beta;
  std::vector<double> dgamma, dbeta;
  std::vector<Real> scratch;
};

template <class T>
double tolerance(double size) {
  const double unit = std::is_same_v<T, Bf16> ? 0x1p-8 : std::is_same_v<T, F16> ? 0x1p-11 : 0x1p-24;
  return 4 * unit * size + 0x1p-19 * size;
}

template <class T, class Test>
void for_rows(const Ops<T>& ops, const Test& test) {
  for (const bool transposed : {false, true}) {
    for (const Index across : {1, 3, 40}) {
      for (Index length = 1; length <= 2 * ops.lanes; ++length) {
        for (const bool centered : {true, false}) {
          SCOPED_TRACE(std::string(transposed ? "transposed, " : "rows, ") +
                       std::to_string(across) + " x " + std::to_string(length) +
                       (centered ? "" : ", not centered"));
          test(Rows<T>(ops, transposed, across, length), centered);
          if (testing::Test::HasFailure()) return;
        }
      }
    }
  }
}

TYPED_TEST(EveryTarget, NormalizesRowsOfEveryLength) {
  using T = TypeParam;
  this->for_each([](const Ops<T>& ops) {
    for_rows<T>(ops, [](Rows<T> rows, bool centered) {
      rows.ops.normalize(rows.arguments(centered));
      const auto n = static_cast<double>(rows.length);
      for (Index tile = 0; tile < rows.tiles; ++tile) {
        double mean = 0;
        double variance = 0;
        const auto value = [&](Index j) { return integer(tile * rows.length + j); };
        for (Index j = 0; j < rows.length && centered; ++j) mean += value(j) / n;
        for (Index j = 0; j < rows.length; ++j)
          variance += (value(j) - mean) * (value(j) - mean) / n;
        const double rstd = 1 / std::sqrt(variance + 0.25);
        const auto at = static_cast<std::size_t>(tile);
        EXPECT_NEAR(value_of(rows.mean[at]), mean, 1e-5);
        EXPECT_NEAR(value_of(rows.variance[at]), variance, 1e-4);
        EXPECT_NEAR(value_of(rows.rstd[at]), rstd, 1e-5);
        for (Index j = 0; j < rows.length; ++j) {
          const double expected =
              (value(j) - mean) * rstd * rows.parameter(tile, j, 3) + rows.parameter(tile, j, 4);
          ASSERT_NEAR(value_of(rows.out[static_cast<std::size_t>(tile * rows.length + j)]),
                      expected, tolerance<T>(16 + 8 * std::abs(expected)));
        }
      }
      EXPECT_EQ(value_of(rows.mean.back()), 99);
      for (auto i = static_cast<std::size_t>(rows.tiles * rows.length); i < rows.out.size(); ++i) {
        ASSERT_EQ(value_of(rows.out[i]), 99) << "beyond the last tile";
      }
    });
  });
}

TYPED_TEST(EveryTarget, DifferentiatesRowsOfEveryLength) {
  using T = TypeParam;
  using Real = Parameter<T>;
  this->for_each([](const Ops<T>& ops) {
    for_rows<T>(ops, [](Rows<T> rows, bool centered) {
      const auto n = static_cast<double>(rows.length);
      std::vector<double> dbeta(static_cast<std::size_t>(rows.across * rows.length)), dgamma(dbeta);
      std::vector<double> dx;
      for (Index tile = 0; tile < rows.tiles; ++tile) {
        const double mean = centered ? integer(tile) / 4 : 0;
        const double rstd = 0.5 + static_cast<double>(tile % 3) / 4;
        rows.mean[static_cast<std::size_t>(tile)] = static_cast<Real>(mean);
        rows.rstd[static_cast<std::size_t>(tile)] = static_cast<Real>(rstd);
        double a = 0;
        double ab = 0;
        const auto off = [&](Index j) { return integer(tile * rows.length + j) - mean; };
        const auto dy = [&](Index j) { return integer(tile * rows.length + j + 1000); };
        for (Index j = 0; j < rows.length; ++j) {
          const double g = dy(j) * rows.parameter(tile, j, 3);
          a += centered ? g : 0;
          ab += g * off(j);
          const auto k = static_cast<std::size_t>(tile % rows.across * rows.length + j);
          dbeta[k] += dy(j);
          dgamma[k] += dy(j) * off(j) * rstd;
        }
        for (Index j = 0; j < rows.length; ++j) {
          dx.push_back(
              rstd * (dy(j) * rows.parameter(tile, j, 3) - a / n - off(j) * rstd * rstd * ab / n));
        }
      }
      rows.ops.differentiate(rows.arguments(centered));
      for (std::size_t i = 0; i < dx.size(); ++i) {
        ASSERT_NEAR(value_of(rows.out[i]), dx[i], tolerance<T>(256 + 8 * std::abs(dx[i]))) << i;
      }
      for (std::size_t i = dx.size(); i < rows.out.size(); ++i) {
        ASSERT_EQ(value_of(rows.out[i]), 99) << "beyond the last tile";
      }
      for (Index tile = 0; tile < rows.across; ++tile) {
        for (Index j = 0; j < rows.length; ++j) {
          const auto k = static_cast<std::size_t>(tile * rows.length + j);
          EXPECT_NEAR(rows.sum_of(rows.dbeta, tile, j), dbeta[k], 1e-4);
          EXPECT_NEAR(rows.sum_of(rows.dgamma, tile, j), dgamma[k], 1e-3);
        }
      }
      for (const Real sum : rows.scratch) ASSERT_EQ(sum, 0) << "scratch is zero afterwards";
    });
  });
}

}  // namespace
}  // namespace simd
