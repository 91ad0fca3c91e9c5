// How the kernel for cells cuts its work.
#pragma once

#include <string>

#include "harness/core/tiles.h"
#include "impls/simd/machine.h"

namespace simd {

// A band is as many rows as a tile has; without statistics to find, the whole input is one. A unit
// is some tiles of a band side by side.
struct CellLayout {
  normbench::Tiles tiles;
  Index cell = 1;           // columns of a cell: a run, or 1
  Index cells_of_tile = 1;  // side by side
  Index band_rows = 1, bands = 1;
  Index tiles_of_unit = 1;
  int threads = 1;
  bool shared = false;       // threads share each unit,
  bool shares_rows = false;  // by rows, else by pieces of each run
  bool streaming = false;
  bool resident = true;  // a unit stays in a cache

  Index units_across() const { return (tiles.across() + tiles_of_unit - 1) / tiles_of_unit; }
  // Else all cells of a tile have one parameter in common.
  bool cells_are_parameters() const { return cell == tiles.run; }
  double count() const { return static_cast<double>(tiles.values()); }

  // For people: "runs, 2 threads share units, streaming".
  std::string detail() const {
    std::string text = cell == 1 ? "columns" : "runs";
    if (!resident) text += ", 2 reads";
    text += threads == 1 ? ", 1 thread" : ", " + std::to_string(threads) + " threads";
    if (shared) text += shares_rows ? " share rows" : " share runs";
    if (streaming) text += ", streaming";
    return text;
  }
};

// Shorter runs are not worth a loop of their own where there are rows to go down instead.
constexpr Index kShortRun = 64;
constexpr Index kManyRows = 32;

// Whether the kernel for cells is the one for this problem; else that for rows is.
inline bool is_made_of_cells(const normbench::Problem& problem, const normbench::Tiles& tiles) {
  return problem.norm == normbench::Norm::kBatch || tiles.tile_rows > 1 || tiles.run >= kShortRun;
}

// Rows are read from memory in pieces: shorter ones waste what the machine fetches ahead, and of
// its translations of addresses.
constexpr Index kShortPiece = 1024;

// Output goes around the caches when it would push out of the last one what is needed next.
inline bool is_streamed(const normbench::Problem& problem, const Settings& settings) {
  return settings.streaming && normbench::compulsory_bytes(problem) > caches().last / 2;
}

inline CellLayout cell_layout(const normbench::Problem& problem, int most_threads,
                              const Settings& settings) {
  const normbench::Tiles tiles = tiles_of(problem);
  CellLayout layout;
  layout.tiles = tiles;
  const bool as_columns = tiles.run == 1 || (settings.columns && tiles.run < kShortRun &&
                                             tiles.tile_rows >= kManyRows);
  layout.cell = as_columns ? 1 : tiles.run;
  layout.cells_of_tile = tiles.tile_columns / layout.cell;
  layout.streaming = is_streamed(problem, settings);
  layout.threads = useful_threads(normbench::compulsory_bytes(problem), most_threads);

  const bool one_read =
      uses_running_statistics(problem) && problem.pass == normbench::Pass::kForwardInference;
  layout.band_rows = one_read ? tiles.rows : tiles.tile_rows;
  layout.bands = tiles.rows / layout.band_rows;

  const Index element = static_cast<Index>(size_of(problem.dtype));
  const Index tile_bytes =
      layout.band_rows * tiles.tile_columns * element * (problem.backward() ? 2 : 1);
  const Index piece = tiles.tile_columns * element;
  const Index own = caches().own / 2;
  const Index all_own = own * layout.threads;
  const Index last = caches().last / 2;
  // What is kept for each cell must leave room for the data.
  const Index most = std::max<Index>(1, caches().own / 4 / 80 / layout.cells_of_tile);
  // Whole lines of cache, where tiles are smaller.
  const auto whole_lines = [&](Index count) {
    const Index line = std::max<Index>(1, 64 / piece);
    return std::clamp<Index>(count / line * line, 1, tiles.across());
  };
  const auto fitting = [&](Index bytes) {
    return whole_lines(std::min(most, std::max(bytes / tile_bytes, kShortPiece / piece)));
  };
  const bool rows_are_many = layout.band_rows >= 4 * layout.threads;
  const bool can_share = layout.threads > 1 && (rows_are_many || layout.cell >= 64 * layout.threads);
  layout.shares_rows = rows_are_many;
  if (one_read || !settings.residency) {
    layout.tiles_of_unit = whole_lines(most);
    layout.shared = can_share && layout.bands * layout.units_across() < 4 * layout.threads;
    layout.resident = one_read;
    if (!layout.shared && layout.threads > 1) {
      layout.tiles_of_unit = whole_lines(std::min(
          most, std::max<Index>(1, tiles.across() * layout.bands / layout.threads)));
    }
    return layout;
  }

  const bool fits_own = std::max(tile_bytes, tile_bytes * (kShortPiece / piece)) <= own;
  if (can_share && !fits_own) {
    layout.shared = true;
    const bool fits_all = std::max(tile_bytes, tile_bytes * (kShortPiece / piece)) <= all_own;
    layout.tiles_of_unit = fitting(fits_all ? all_own : last);
    layout.resident = tile_bytes <= last;
    return layout;
  }
  layout.tiles_of_unit = fitting(fits_own ? own : last / layout.threads);
  layout.resident = tile_bytes <= last / layout.threads;
  // The same number of units for each thread, or nearly.
  if (layout.threads > 1) {
    const auto is_fair = [&] {
      const Index units = layout.bands * layout.units_across();
      return units % layout.threads == 0 || units >= 8 * layout.threads;
    };
    if (!is_fair()) {
      const Index across = (layout.units_across() + layout.threads - 1) / layout.threads *
                           layout.threads;
      layout.tiles_of_unit = whole_lines((tiles.across() + across - 1) / across);
    }
    if (!is_fair()) layout.shared = can_share;
  }
  return layout;
}

}  // namespace simd
