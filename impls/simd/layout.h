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
  bool is_far = false;   // the data comes from memory
  bool resident = true;  // a unit stays in a cache

  Index units_across() const { return (tiles.across() + tiles_of_unit - 1) / tiles_of_unit; }
  // Else all cells of a tile have one parameter in common.
  bool cells_are_parameters() const { return cell == tiles.run; }
  double count() const { return static_cast<double>(tiles.values()); }

  // For people: "runs, 2 threads share rows, streaming".
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

// Whether the last cache is too small to keep the input, with what else it has to do.
inline bool is_far(const normbench::Problem& problem) {
  return normbench::compulsory_bytes(problem) > caches().last / 3;
}

// Output goes around the caches when it would push out of the last one what is needed next.
inline bool is_streamed(const normbench::Problem& problem, const Settings& settings) {
  return settings.streaming && is_far(problem);
}

// Chooses the units of a layout.
class UnitCutter {
 public:
  UnitCutter(CellLayout& layout, const normbench::Problem& problem, const Settings& settings)
      : layout_(layout),
        piece_(layout.tiles.tile_columns * static_cast<Index>(size_of(problem.dtype))),
        tile_bytes_(layout.band_rows * piece_ * (problem.backward() ? 2 : 1)),
        own_(caches().own / 2),
        most_(std::max<Index>(1, own_ / kBytesPerCell / layout.cells_of_tile)) {
    layout.shares_rows = layout.band_rows >= 4 * layout.threads;
    can_share_ = settings.sharing && layout.threads > 1 &&
                 (layout.shares_rows || layout.cell >= 64 * layout.threads);
  }

  // Nothing is read twice.
  void cut_for_one_read() {
    layout_.tiles_of_unit = whole_lines(most_);
    layout_.shared = can_share_;
  }

  // Units stay in the cache of a core.
  void cut_for_own_cache() {
    const Index shortest = kShortPiece / piece_;
    layout_.tiles_of_unit = whole_lines(std::min(most_, std::max(own_ / tile_bytes_, shortest)));
    layout_.shared = can_share_ && tile_bytes_ > own_;
    balance();
  }

  // Units stay in the last cache: memory is faster in longer pieces of rows than fit in the cache
  // of a core. Where only narrow ones would stay, two reads along the rows are faster than one.
  void cut_for_last_cache() {
    const Index fitting = caches().last / 4 / tile_bytes_;
    if (tile_bytes_ * layout_.tiles.across() <= own_ * layout_.threads) {
      layout_.tiles_of_unit = layout_.tiles.across();
    } else if (fitting < std::min(kNarrowPiece / piece_, layout_.tiles.across())) {
      return cut_for_two_reads();
    } else {
      layout_.tiles_of_unit = whole_lines(std::min(fitting, kWidePiece / piece_));
      layout_.shared = can_share_;
    }
    balance();
  }

  void cut_for_two_reads() {
    layout_.tiles_of_unit = whole_lines(kWidePiece / piece_);
    layout_.resident = false;
    layout_.shared = can_share_;
    balance();
  }

 private:
  // What is kept for each cell must leave room for the data.
  static constexpr Index kBytesPerCell = 80;
  // Of a row, in bytes. Machines fetch ahead within a page, and know few translations of addresses
  // at a time, so jumping from row to row costs the more the shorter the pieces are: README.md
  // has what was measured.
  static constexpr Index kShortPiece = 1024;
  static constexpr Index kNarrowPiece = 8 * 1024;
  static constexpr Index kWidePiece = 64 * 1024;

  // About so many tiles: whole lines of cache, where tiles are smaller.
  Index whole_lines(Index count) const {
    const Index line = std::max<Index>(1, 64 / piece_);
    return std::clamp<Index>(count / line * line, 1, layout_.tiles.across());
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
  Index piece_;       // bytes of a tile in one row
  Index tile_bytes_;  // of all inputs
  Index own_;
  Index most_;  // tiles
  bool can_share_;
};

inline CellLayout cell_layout(const normbench::Problem& problem, int most_threads,
                              const Settings& settings) {
  CellLayout layout;
  layout.tiles = tiles_of(problem);
  const bool has_short_runs = layout.tiles.run < kShortRun && layout.tiles.tile_rows >= kManyRows;
  layout.cell = settings.columns && has_short_runs ? 1 : layout.tiles.run;
  layout.cells_of_tile = layout.tiles.tile_columns / layout.cell;
  layout.streaming = is_streamed(problem, settings);
  layout.is_far = is_far(problem);
  layout.threads = useful_threads(normbench::compulsory_bytes(problem), most_threads);

  const bool one_read =
      uses_running_statistics(problem) && problem.pass == normbench::Pass::kForwardInference;
  layout.band_rows = one_read ? layout.tiles.rows : layout.tiles.tile_rows;
  layout.bands = layout.tiles.rows / layout.band_rows;

  UnitCutter cutter(layout, problem, settings);
  if (one_read) {
    cutter.cut_for_one_read();
  } else if (!settings.residency) {
    cutter.cut_for_two_reads();
  } else if (layout.is_far) {
    cutter.cut_for_last_cache();
  } else {
    cutter.cut_for_own_cache();
  }
  return layout;
}

}  // namespace simd
