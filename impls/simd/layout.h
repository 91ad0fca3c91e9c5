// How the kernel for cells partitions its work.
#pragma once

#include <numeric>
#include <string>

#include "harness/core/tiles.h"
#include "impls/simd/machine.h"

namespace simd {

// A partition of the matrix into blocks. A band is a block of rows as high as a tile; if there are
// no statistics to find, the whole input is one band. A unit is some adjacent tiles of a band.
struct CellLayout {
  normbench::Tiles tiles;
  Index cell = 1;           // columns of a cell: a run, or a single column
  Index cells_of_tile = 1;  // in a row, or in the rows of a fold
  Index folded = 1;         // rows packed into one longer row
  Index band_rows = 1, bands = 1;
  Index tiles_of_unit = 1;
  int threads = 1;
  bool one_read = false;     // the input is read once: no statistics to find
  bool shared = false;       // all threads work on each unit together,
  bool shares_rows = false;  // and split its rows; else they split its runs
  // Non-temporal stores, since plain ones would evict data that is needed next.
  bool streaming = false;
  bool kept = true;            // cache-resident: a cache serves both reads of a unit
  bool far = false;            // exceeds the LLC: the second read is from DRAM if not kept
  bool fetching = false;       // prefetch what is needed next
  Index bytes_of_numbers = 0;  // L1 bytes for the coefficients of columns

  Index units_across() const { return (tiles.across() + tiles_of_unit - 1) / tiles_of_unit; }
  // Whether each cell has its own parameter; else all cells of a tile share one.
  bool cells_are_parameters() const { return cell == tiles.run && folded == 1; }
  double count() const { return static_cast<double>(tiles.values()); }

  // Human-readable: "runs, 2 threads share rows, fetching, streaming".
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

// L1 bytes for the coefficients of columns; the rest of the L1 is for values.
inline Index room_for_numbers(const Settings& settings) {
  return limits(settings).caches.first / 3;
}

// Runs of at least this many values are never taken as single columns.
constexpr Index kShortRun = 64;

// Whether each column is a cell of its own, so that a vector spans several runs: if a run is
// shorter than a vector, or has few vectors and enough rows to amortize coefficients per column.
// Measured on machines with vectors of 16 floats.
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
  // A run of one vector keeps its accumulators in registers, but its rows are far apart.
  if (tiles.run == kVector && problem.backward()) {
    return normbench::compulsory_bytes(problem) > limits(settings).caches.own;
  }
  return tiles.tile_rows >= kEnoughRows && tiles.run < 2 * kVector;
}

// Whether CellsKernel takes this problem; else RowsKernel or ShortKernel does.
inline bool is_made_of_cells(const normbench::Problem& problem, const normbench::Tiles& tiles) {
  return problem.norm == normbench::Norm::kBatch || tiles.tile_rows > 1 || tiles.run >= kShortRun;
}

// Whether the LLC is too small for input and output. The fractions are measured. Two reads get less
// than one, since the data must stay in the LLC until the second read. One thread gets least, since
// its stores to the far end of the LLC are slower than to DRAM.
inline bool is_far(Index bytes, bool one_read, int threads, const Settings& settings) {
  const Index sixteenth = limits(settings).caches.last / 16;
  if (threads == 1) return bytes > 10 * sixteenth;
  return bytes > (one_read ? 15 : 13) * sixteenth;
}

// Chooses the size of the units, and whether threads share them.
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

  // For an input that is read once: the size of a unit is limited by its coefficients only.
  void cut_for_one_read() {
    constexpr Index kBytesOfCell = 80;  // of scratch
    layout_.tiles_of_unit = whole_lines(own_ / kBytesOfCell / layout_.cells_of_tile);
    const Index rows = layout_.band_rows;
    layout_.shares_rows = rows >= 4 * layout_.threads || rows % layout_.threads == 0;
    layout_.shared = sharing_ && layout_.shares_rows;
    balance();
  }

  // Cache-resident units. In order of preference: a unit per thread in the private cache of its
  // core, a unit that threads share in the private caches of all cores, a unit in the LLC. Without
  // any of these, units do not stay in cache, and large data is read twice from DRAM.
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

  // Units that do not stay in cache: wide ones, for long contiguous accesses.
  void cut_for_two_reads() {
    layout_.tiles_of_unit = wide(limits_.widest_piece);
    layout_.kept = false;
    layout_.shared = can_share_;
    balance();
  }

 private:
  // The number of tiles whose piece of a row has about `bytes` bytes.
  Index wide(Index bytes) const { return whole_lines((bytes + piece_ - 1) / piece_); }

  // As many tiles as fit in `bytes`. If cells are columns, no more than `wide`, or than make up
  // `fewest_values`: each column has coefficients of its own.
  Index most(Index bytes, Index wide) const {
    const Index values = std::max<Index>(1, layout_.tiles.values());
    const Index enough = std::max(wide, limits_.fewest_values / values);
    const Index fitting = bytes / tile_bytes_;
    return whole_lines(layout_.cell == 1 ? std::min(fitting, enough) : fitting);
  }

  // About `count` tiles: a multiple of a cache line, if tiles are narrower than that.
  Index whole_lines(Index count) const {
    const Index line = std::max<Index>(1, 64 / piece_);
    if (count >= layout_.tiles.across()) return layout_.tiles.across();
    return std::max(line, count / line * line);
  }

  // Gives each thread (nearly) the same number of units. If that fails, threads share units.
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
  Index piece_;       // bytes of a tile in one row of one input
  Index tile_bytes_;  // bytes of a tile in all inputs
  Index own_;
  Index wide_;  // tiles
  bool sharing_, can_share_;
};

// The number of rows to pack into one longer row, if the tail of a row fills no vector or a row has
// few vectors. Only for units that have all columns, since their rows are contiguous.
inline Index rows_to_fold(const CellLayout& layout) {
  constexpr Index kVector = 16;  // values: a multiple of the lanes of a vector
  constexpr Index kMost = 96 * kVector;
  // Length to aim for. It is less if there are sums: those of more columns are moved into doubles
  // too often.
  const Index enough = (layout.one_read ? 32 : 8) * kVector;
  // Packed rows that must remain, since coefficients are repeated for each row of a fold. The lower
  // limit is for folds that make vectors full, the other for longer ones.
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

// The partition of a problem for at most `most_threads` threads.
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
  layout.streaming = settings.streaming && layout.far;
  layout.bytes_of_numbers = room_for_numbers(settings);

  layout.band_rows = one_read ? layout.tiles.rows : layout.tiles.tile_rows;
  layout.bands = layout.tiles.rows / layout.band_rows;
  layout.one_read = one_read;
  // Only what is not in the LLC is worth prefetching: the CPU would stall on it.
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
