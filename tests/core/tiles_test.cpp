// Tiles against the definition of each norm: the same statistic, the same parameter, the same
// place.
#include "harness/core/tiles.h"

#include <gtest/gtest.h>

#include "harness/check/grouping.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using Parameter = std::tuple<Norm, Layout>;

class TilesOf : public testing::TestWithParam<Parameter> {};

// The grouping of the check is in terms of samples, channels and positions, and knows no tiles.
TEST_P(TilesOf, AgreeWithTheGroupingOfTheCheck) {
  Problem p = faulty::batch_norm(Pass::kBackward, 6, 12, 5, 3);
  std::tie(p.norm, p.layout) = GetParam();
  if (p.norm == Norm::kGroup) p.groups = 4;
  const Tiles tiles = tiles_of(p);
  EXPECT_EQ(tiles.rows * tiles.columns, p.elements());
  EXPECT_EQ(tiles.values(), values_per_statistic(p));
  EXPECT_EQ(tiles.parameters(), affine_count(p));
  EXPECT_EQ(tiles.rows / tiles.tile_rows * tiles.across(), statistic_count(p));
  for (std::int64_t i = 0; i < p.n; ++i) {
    for (std::int64_t k = 0; k < p.c; ++k) {
      for (std::int64_t j = 0; j < p.l; ++j) {
        const std::int64_t row = offset_of(p, i, k, j) / tiles.columns;
        const std::int64_t column = offset_of(p, i, k, j) % tiles.columns;
        EXPECT_EQ(row / tiles.tile_rows * tiles.across() + column / tiles.tile_columns,
                  statistic_of(p, i, k, j));
        EXPECT_EQ(column / tiles.run, affine_of(p, i, k, j));
        EXPECT_EQ(row / tiles.batch_rows, i / p.batch);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, TilesOf,
                         testing::Combine(testing::ValuesIn(kEveryNorm),
                                          testing::ValuesIn(kEveryLayout)),
                         [](const auto& info) {
                           return std::string(name(std::get<0>(info.param))) + "_" +
                                  std::string(name(std::get<1>(info.param)));
                         });

}  // namespace
}  // namespace normbench
