// The table of tiles.h.
#include "harness/core/tiles.h"

namespace normbench {

Tiles tiles_of(const Problem& p) {
  const bool whole_samples = p.norm == Norm::kLayer || p.norm == Norm::kRms;
  // With channels last, positions are rows like samples; a whole sample is one row all the same.
  const bool positions_are_rows = p.layout == Layout::kNlc && !whole_samples;
  const std::int64_t rows_per_sample = positions_are_rows ? p.l : 1;
  const std::int64_t length = positions_are_rows ? 1 : p.l;  // columns of a channel
  const bool across_samples = p.norm == Norm::kBatch || p.norm == Norm::kNone;
  Tiles tiles{.rows = p.n * rows_per_sample,
              .columns = p.c * length,
              .tile_rows = rows_per_sample * (across_samples ? p.batch : 1),
              .tile_columns = length,
              .run = length,
              .batch_rows = p.batch * rows_per_sample};
  if (p.norm == Norm::kGroup) tiles.tile_columns = p.c / p.groups * length;
  if (whole_samples) {
    tiles.tile_columns = tiles.columns;
    tiles.run = 1;
  }
  return tiles;
}

}  // namespace normbench
