// Units: blocks of adjacent tiles, sized to stay in cache between the two times that they are read.
#pragma once

#include "impls/simd/functions.h"
#include "impls/simd/layout.h"

namespace simd {

// A unit, as one thread sees it. Tiles and cells are numbered along a band.
struct Unit {
  Index band;
  Index first_tile, tiles;
  Index first_cell, cells, cells_of_tile;
  Index offset;   // of the thread's first value in the tensor
  Region region;  // the thread's piece of the unit
  Index next;     // offset to the thread's next unit; 0: there is none
  int thread, team;
};

// Unit `number`, as seen by `thread` of `team`. Units are numbered across, then down.
inline Unit unit_of(const CellLayout& layout, Index number, int thread, int team) {
  const normbench::Tiles& tiles = layout.tiles;
  Unit u{};
  u.band = number / layout.units_across();
  u.first_tile = number % layout.units_across() * layout.tiles_of_unit;
  u.tiles = std::min(layout.tiles_of_unit, tiles.across() - u.first_tile);
  u.first_cell = u.first_tile * layout.cells_of_tile;
  u.cells_of_tile = layout.cells_of_tile;
  u.cells = u.tiles * u.cells_of_tile;
  u.thread = thread;
  u.team = team;
  const Index row_stride = tiles.columns * layout.folded;
  const Index band_rows = layout.band_rows / layout.folded;
  Range rows{0, band_rows};
  Range columns{0, layout.cell};
  if (layout.shared && layout.shares_rows) rows = share_of(rows.size, thread, team);
  if (layout.shared && !layout.shares_rows) columns = share_of(columns.size, thread, team, 16);
  u.region = {.rows = rows.size,
              .row_stride = row_stride,
              .cells = u.cells,
              .cell_stride = layout.cell,
              .length = columns.size,
              .ahead = 0,
              .reversed = false};
  u.offset = (u.band * band_rows + rows.first) * row_stride + u.first_tile * tiles.tile_columns +
             columns.first;
  return u;
}

// The whole unit rather than the thread's piece. If rows are folded, only the first row of each
// fold, which has one value of each tile.
inline Region region_of_whole(const CellLayout& layout, const Unit& u) {
  Region region = u.region;
  region.rows = layout.band_rows / layout.folded;
  region.length = layout.cell;
  if (layout.folded > 1) region.cells = u.tiles;
  return region;
}
// The whole unit, with each tile as one cell.
inline Region region_of_tiles(const CellLayout& layout, const Unit& u) {
  Region region = u.region;
  region.rows = layout.band_rows;
  region.row_stride = layout.tiles.columns;
  region.cells = u.tiles;
  region.cell_stride = region.length = layout.tiles.tile_columns;
  return region;
}
inline Index offset_of_whole(const CellLayout& layout, const Unit& u) {
  return u.band * layout.band_rows * layout.tiles.columns +
         u.first_tile * layout.tiles.tile_columns;
}

// Prefetch distances, where the units are not cache-resident. Where they are, the whole next unit
// is prefetched while one is written.
constexpr Index kRowsAhead = 16;
constexpr Index kValuesAhead = 512;

inline Region region_for_sums(const CellLayout& layout, const Unit& u) {
  Region region = u.region;
  if (layout.fetching && !layout.kept) region.ahead = kRowsAhead * region.row_stride;
  return region;
}

inline Region region_for_writing(const CellLayout& layout, const Unit& u) {
  Region region = u.region;
  region.reversed = !layout.kept && layout.far;
  // The LLC is faster to read one row at a time, in order.
  region.paired = layout.kept || layout.far;
  region.bytes_of_numbers = layout.bytes_of_numbers;
  if (layout.fetching && layout.one_read) {
    region.ahead = kValuesAhead;
  } else if (layout.fetching) {
    region.ahead = layout.kept ? u.next : -kRowsAhead * region.row_stride;
  }
  return region;
}

}  // namespace simd
