// The blocks of a plan: adjacent tiles, sized to stay in cache between the two times that they are
// read.
#pragma once

#include "impls/simd/functions.h"
#include "impls/simd/plan.h"

namespace simd {

// A block, as one thread sees it. Tiles and segments are numbered across the matrix.
struct Block {
  Index down;  // its number, from the top
  Index first_tile, tiles;
  Index first_segment, segments, segments_of_tile;
  Index offset;   // of the thread's first value in the tensor
  Region region;  // the thread's piece of the block
  Index next;     // offset to the thread's next block; 0: there is none
  int thread, team;
};

// Block `number`, as seen by `thread` of `team`. Blocks are numbered across, then down.
inline Block block_of(const Plan& plan, Index number, int thread, int team) {
  const normbench::Tiles& tiles = plan.tiles;
  Block b{};
  b.down = number / plan.blocks_across();
  b.first_tile = number % plan.blocks_across() * plan.block_tiles;
  b.tiles = std::min(plan.block_tiles, tiles.across() - b.first_tile);
  b.first_segment = b.first_tile * plan.segments_of_tile;
  b.segments_of_tile = plan.segments_of_tile;
  b.segments = b.tiles * b.segments_of_tile;
  b.thread = thread;
  b.team = team;
  const Index row_stride = tiles.columns * plan.packed_rows;
  const Index block_rows = plan.block_rows / plan.packed_rows;
  Range rows{0, block_rows};
  Range columns{0, plan.segment};
  if (plan.shared && plan.shares_rows) rows = share_of(rows.size, thread, team);
  if (plan.shared && !plan.shares_rows) columns = share_of(columns.size, thread, team, 16);
  b.region = {.rows = rows.size,
              .row_stride = row_stride,
              .segments = b.segments,
              .segment_stride = plan.segment,
              .length = columns.size,
              .ahead = 0,
              .reversed = false};
  b.offset = (b.down * block_rows + rows.first) * row_stride + b.first_tile * tiles.tile_columns +
             columns.first;
  return b;
}

// The whole block rather than the thread's piece. If rows are packed, only the first row of each
// pack, which has one value of each tile.
inline Region region_of_whole(const Plan& plan, const Block& b) {
  Region region = b.region;
  region.rows = plan.block_rows / plan.packed_rows;
  region.length = plan.segment;
  if (plan.packed_rows > 1) region.segments = b.tiles;
  return region;
}
// The whole block, with each tile as one segment.
inline Region region_of_tiles(const Plan& plan, const Block& b) {
  Region region = b.region;
  region.rows = plan.block_rows;
  region.row_stride = plan.tiles.columns;
  region.segments = b.tiles;
  region.segment_stride = region.length = plan.tiles.tile_columns;
  return region;
}
inline Index offset_of_whole(const Plan& plan, const Block& b) {
  return b.down * plan.block_rows * plan.tiles.columns + b.first_tile * plan.tiles.tile_columns;
}

inline Region region_for_sums(const Plan& plan, const Block& b) {
  Region region = b.region;
  region.ahead = plan.ahead;
  return region;
}

inline Region region_for_writing(const Plan& plan, const Block& b) {
  Region region = b.region;
  region.reversed = plan.backwards;
  region.paired = plan.paired;
  region.coefficient_bytes = plan.coefficient_bytes;
  region.ahead = plan.prefetch == Prefetch::kNextBlock ? b.next
                 : plan.backwards                      ? -plan.ahead
                                                       : plan.ahead;
  return region;
}

}  // namespace simd
