// Every norm, in either layout, as the same work on a matrix.
#pragma once

#include "harness/core/problem.h"

namespace normbench {

// The data in memory, as a row-major matrix that is cut into tiles. All values of a tile share a
// statistic; all columns of a run, in every row, share an element of gamma and beta.
//
//   norm      layout  rows   columns  tile_rows  tile_columns  run
//   batch     ncl     N      C*L      batch      L             L
//   batch     nlc     N*L    C        batch*L    1             1
//   instance  ncl     N      C*L      1          L             L
//   instance  nlc     N*L    C        L          1             1
//   group     ncl     N      C*L      1          C/groups*L    L
//   group     nlc     N*L    C        L          C/groups      1
//   layer     any     N      C*L      1          C*L           1
//   rms       any     N      C*L      1          C*L           1
//
// none has no statistics; it is cut as batch.
struct Tiles {
  std::int64_t rows, columns;
  std::int64_t tile_rows, tile_columns;
  std::int64_t run;
  std::int64_t batch_rows;  // of one mini-batch: a multiple of tile_rows

  // Statistics are numbered across, then down, which is their order in memory.
  std::int64_t across() const { return columns / tile_columns; }
  std::int64_t values() const { return tile_rows * tile_columns; }
  std::int64_t parameters() const { return columns / run; }

  bool operator==(const Tiles&) const = default;
};

// The tiles of a problem, or of one of its mini-batches.
Tiles tiles_of(const Problem& problem);

}  // namespace normbench
