// How the kernel for cells cuts its work.
#pragma once

#include <numeric>
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
  Index folded = 1;         // rows that are taken as one; those of a tile are cells of it too
  Index band_rows = 1, bands = 1;
  Index tiles_of_unit = 1;
  int threads = 1;
  bool one_read = false;     // there are no statistics to find
  bool shared = false;       // threads share each unit,
  bool shares_rows = false;  // by rows, else by pieces of each run
  bool streaming = false;
  bool kept = true;            // a unit stays in a cache between its two reads,
  bool far = false;            // and where it does not, it comes from memory again
  bool fetching = false;       // what is needed next is fetched
  Index bytes_of_numbers = 0;  // of columns, that stay in the first cache

  Index units_across() const { return (tiles.across() + tiles_of_unit - 1) / tiles_of_unit; }
  // Else all cells of a tile have one parameter in common.
  bool cells_are_parameters() const { return cell == tiles.run && folded == 1; }
  double count() const { return static_cast<double>(tiles.values()); }

  // For people: "runs, 2 threads share rows, fetching, streaming".
  std::string detail() const {
    std::string text = cell > 1 ? "runs" : folded > 1 ? "folded columns" : "columns";
    if (!kept && far) text += ", 2 reads";
    text += threads == 1 ? ", 1 thread" : ", " + std::to_string(threads) + " threads";
    if (shared) text += shares_rows ? " share rows" : " share runs";
    if (fetching) text += ", fetching";
    if (streaming) text += ", streaming";
    return text;
  }
};

// In the first cache, for what is kept for columns; the rest is for their values.
inline Index room_for_numbers(const Settings& settings) {
  return limits(settings).caches.first / 3;
}

// Runs of so many values are never taken as single columns.
constexpr Index kShortRun = 64;

// Whether runs are taken as single columns: those that fill no vector, and those of few vectors
// where there are enough rows to be worth a number for each column. Measured on machines whose
// vectors have 16 floats.
inline bool is_by_column(const normbench::Problem& problem, const normbench::Tiles& tiles,
                         const Settings& settings) {
  constexpr Index kVector = 16;
  constexpr Index kEnoughRows = 16;
  constexpr Index kManyRows = 32;
  if (tiles.run < kVector) return true;
  if (tiles.run >= kShortRun || tiles.rows < kEnoughRows) return false;
  const bool ragged = tiles.run % kVector != 0;
  if (reads_once(problem)) {
    const Index bytes_of_numbers = 2 * tiles.columns * static_cast<Index>(sizeof(float));
    return ragged || (tiles.run == kVector && bytes_of_numbers <= room_for_numbers(settings));
  }
  if (tiles.tile_rows >= kManyRows) return true;
  // One vector for each row keeps its sums in registers, but jumps from row to row.
  if (tiles.run == kVector && problem.backward()) {
    return normbench::compulsory_bytes(problem) > limits(settings).caches.own;
  }
  return tiles.tile_rows >= kEnoughRows && tiles.run < 2 * kVector;
}

// Whether the kernel for cells is the one for this problem; else that for rows is.
inline bool is_made_of_cells(const normbench::Problem& problem, const normbench::Tiles& tiles) {
  return problem.norm == normbench::Norm::kBatch || tiles.tile_rows > 1 || tiles.run >= kShortRun;
}

// Whether the last cache is too small to keep input and output, by measurement. What is to be read
// again must be there the whole time, and one thread alone stores to the far end of it more slowly
// than to memory.
inline bool is_far(Index bytes, bool one_read, int threads, const Settings& settings) {
  const Index sixteenth = limits(settings).caches.last / 16;
  if (threads == 1) return bytes > 10 * sixteenth;
  return bytes > (one_read ? 15 : 13) * sixteenth;
}

// Chooses the units of a layout.
class UnitCutter {
 public:
  UnitCutter(CellLayout& layout, const normbench::Problem& problem, const Settings& settings)
      : layout_(layout),
        limits_(limits(settings)),
        piece_(layout.tiles.tile_columns * static_cast<Index>(size_of(problem.dtype))),
        tile_bytes_(layout.band_rows * piece_ * (problem.backward() ? 2 : 1)),
        own_(limits_.caches.own * 3 / 8),
        wide_(wide(limits_.wide_piece)),
        sharing_(settings.sharing && layout.threads > 1) {
    if (layout.band_rows == 1) own_ = std::min(own_, limits_.piece_of_row);
    layout.shares_rows = layout.band_rows >= 8 * layout.threads;
    can_share_ =
        sharing_ && (layout.shares_rows || layout.cell >= limits_.piece_of_run * layout.threads);
  }

  // Nothing is read twice.
  void cut_for_one_read() {
    constexpr Index kBytesOfCell = 80;  // of what is kept for it
    layout_.tiles_of_unit = whole_lines(own_ / kBytesOfCell / layout_.cells_of_tile);
    const Index rows = layout_.band_rows;
    layout_.shares_rows = rows >= 4 * layout_.threads || rows % layout_.threads == 0;
    layout_.shared = sharing_ && layout_.shares_rows;
    balance();
  }

  // Units of one thread stay in the cache of its core; larger ones that threads share, in that of
  // all their cores or in the last one. Else everything is read twice from memory.
  void cut_to_keep() {
    const Index alone = layout_.threads > 1 ? wide(limits_.wide_piece_of_one) : wide_;
    const bool enough_for_all = layout_.bands * (layout_.tiles.across() / alone) >= layout_.threads;
    if (own_ / tile_bytes_ >= alone && (enough_for_all || !can_share_)) {
      layout_.tiles_of_unit = most(own_, alone);
    } else if (can_share_ && own_ * layout_.threads / tile_bytes_ >= wide_) {
      layout_.tiles_of_unit = most(own_ * layout_.threads, wide_);
      layout_.shared = true;
    } else if (limits_.caches.last / 4 / tile_bytes_ >= wide_ &&
               tile_bytes_ * layout_.tiles.across() > limits_.caches.last) {
      layout_.tiles_of_unit = wide_;
      layout_.shared = can_share_;
    } else {
      return cut_for_two_reads();
    }
    balance();
  }

  void cut_for_two_reads() {
    layout_.tiles_of_unit = wide(limits_.widest_piece);
    layout_.kept = false;
    layout_.shared = can_share_;
    balance();
  }

 private:
  // So many tiles make a piece of so many bytes.
  Index wide(Index bytes) const { return whole_lines((bytes + piece_ - 1) / piece_); }

  // As many as fit, but not more than have numbers of their own for as many cells as `wide` ones.
  Index most(Index bytes, Index wide) const {
    const Index values = std::max<Index>(1, layout_.tiles.values());
    const Index enough = std::max(wide, limits_.fewest_values / values);
    const Index fitting = bytes / tile_bytes_;
    return whole_lines(layout_.cell == 1 ? std::min(fitting, enough) : fitting);
  }

  // About so many tiles: whole lines of cache, where tiles are smaller.
  Index whole_lines(Index count) const {
    const Index line = std::max<Index>(1, 64 / piece_);
    if (count >= layout_.tiles.across()) return layout_.tiles.across();
    return std::max(line, count / line * line);
  }

  // The same number of units for each thread, or nearly; else threads share them.
  void balance() {
    if (layout_.threads == 1 || layout_.shared) return;
    const Index threads = layout_.threads;
    const auto is_fair = [&] {
      const Index units = layout_.bands * layout_.units_across();
      return units % threads == 0 || units >= 8 * threads;
    };
    if (!is_fair()) {
      const Index units = (layout_.units_across() + threads - 1) / threads * threads;
      layout_.tiles_of_unit = whole_lines((layout_.tiles.across() + units - 1) / units);
    }
    if (!is_fair()) layout_.shared = can_share_;
  }

  CellLayout& layout_;
  const Limits& limits_;
  Index piece_;       // bytes of a tile in one row
  Index tile_bytes_;  // of all inputs
  Index own_;
  Index wide_;  // tiles
  bool sharing_, can_share_;
};

// Rows whose end fills no vector, and rows of few vectors, are taken several as one: those of a
// unit that has all columns lie end to end.
inline Index rows_to_fold(const CellLayout& layout) {
  constexpr Index kVector = 16;  // values, or a multiple of what a vector has
  constexpr Index kMost = 96 * kVector;
  // Sums of many columns would be moved into doubles too often.
  const Index enough = (layout.one_read ? 32 : 8) * kVector;
  // Of rows that remain, since numbers of columns are repeated too. The fewest are worth it where
  // vectors become full.
  constexpr Index kFewestRows = 8;
  const Index enough_rows = layout.one_read ? 16 : 32;
  const Index columns = layout.tiles.columns;
  const bool lie_end_to_end = layout.cell == 1 && layout.tiles.tile_columns == 1 &&
                              layout.tiles_of_unit == layout.tiles.across();
  if (!lie_end_to_end || (columns % kVector == 0 && columns >= enough)) return 1;
  Index rows = kVector / std::gcd(columns, kVector);
  while (rows * columns < enough && layout.band_rows >= 2 * rows * enough_rows) rows *= 2;
  while (rows > 1 && layout.band_rows % rows != 0) rows /= 2;
  const bool helps = rows * columns % kVector == 0 && rows * columns <= kMost;
  return helps && layout.band_rows >= rows * kFewestRows ? rows : 1;
}

inline CellLayout cell_layout(const normbench::Problem& problem, int most_threads,
                              const Settings& settings) {
  CellLayout layout;
  layout.tiles = tiles_of(problem);
  const Index bytes = normbench::compulsory_bytes(problem);
  const bool one_read = reads_once(problem);
  layout.cell =
      settings.columns && is_by_column(problem, layout.tiles, settings) ? 1 : layout.tiles.run;
  layout.cells_of_tile = layout.tiles.tile_columns / layout.cell;
  layout.threads = useful_threads(bytes, most_threads, settings);
  layout.far = is_far(bytes, one_read, layout.threads, settings);
  // Output goes around the caches when it would push out of the last one what is needed next.
  layout.streaming = settings.streaming && layout.far;
  layout.bytes_of_numbers = room_for_numbers(settings);

  layout.band_rows = one_read ? layout.tiles.rows : layout.tiles.tile_rows;
  layout.bands = layout.tiles.rows / layout.band_rows;
  layout.one_read = one_read;
  // What is needed next is fetched when the last cache does not have it: then it would be waited
  // for.
  layout.fetching = settings.fetching && layout.far && !(one_read && layout.cell > 1);

  UnitCutter cutter(layout, problem, settings);
  if (one_read) {
    cutter.cut_for_one_read();
  } else if (settings.residency) {
    cutter.cut_to_keep();
  } else {
    cutter.cut_for_two_reads();
  }
  layout.folded = settings.columns ? rows_to_fold(layout) : 1;
  layout.cells_of_tile *= layout.folded;
  return layout;
}

}  // namespace simd
