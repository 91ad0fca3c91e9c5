// Decides how a problem runs on a machine: a pure function, and the numbers that it decides by.
//
// Kernels obey a plan. What they unroll, and which addresses they can stream to, stays with their
// loops (*-inl.h).
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/problem.h"
#include "harness/core/tiles.h"
#include "impls/simd/data.h"

namespace simd {

inline constexpr Index kNever = std::numeric_limits<Index>::max();

// The techniques of this backend that can be switched off or forced, to measure what each is worth.
struct Settings {
  // From how many bytes of input and output on: as measured, if there is no value.
  std::optional<Index> streaming_from = {};  // non-temporal stores
  std::optional<Index> parallel_from = {};   // more than one thread
  bool residency = true;    // blocks that stay in a core's caches between two reads
  bool sharing = true;      // threads share statistics if there are too few
  bool borders = true;      // lines that two threads have in common are written by one
  bool columns = true;      // short runs are taken as columns, short tiles are transposed
  bool tiny = false;        // plan small problems like large ones: tests
  Index own = 0;            // bytes of a core's own cache to plan for; 0: of the machine
  std::int64_t target = 0;  // a target of Highway; 0: the best of this CPU
};

// The overhead of a parallel region.
struct RegionCost {
  int threads;
  double ns;

  bool operator==(const RegionCost&) const = default;
};

// What decisions depend on, as measured where that is possible (machine.h). Sizes are in bytes. One
// that is 0 is unknown: a small one is then assumed. The last-level cache is not among them: what a
// guest is told of it is often nonsense.
struct Machine {
  int threads = 1;           // most that a call may use
  Index lanes = 16;          // of a vector of the arithmetic type
  Index first = 0;           // L1 data cache of a core
  Index own = 0;             // largest cache private to a core
  double bytes_per_ns = 16;  // that a thread reads and writes while it copies within its own cache
  std::vector<RegionCost> regions;  // of the team sizes to choose from, beside a single thread
  // Non-temporal stores win from so many bytes on, input and output together.
  Index streaming_from = kNever;
};

// The numbers that are no property of a machine: what each trades, and what other values cost. In
// brackets: the geometric mean over the cases of README, "The numbers", and its worst case. Where
// neither is 1.02 or more, the number only has to be somewhere.
struct Tuning {
  // -- Which kernel, and what a segment is.
  // Values of a vector that segments should fill, and a multiple of the lanes of every vector.
  Index vector = 16;
  // Runs of so many values are segments: longer ones fill vectors, shorter ones have one
  // coefficient in the place of many. [32: 1.00; 128: 1.00]
  Index long_run = 64;
  // Rows that amortize coefficients per column: fewer of them, and finding the coefficients takes
  // longer than what full vectors save. [50d625a: openmp was 2x ahead at (16, 1024, 16)]
  Index rows_for_columns = 32;

  // -- Blocks.
  // Bytes of a contiguous piece of a row, at least: in a block that is alone in a cache, and in one
  // that threads would rather share. Short pieces defeat the prefetcher, which stops at the end of
  // a page, cost TLB misses, and share lines with other threads' writes.
  Index least_piece = 512;  // [256: 1.02, 1.4; 1024: 1.01, 1.6]
  Index piece = 4096;       // [1024: 1.08, 2.0; 2048: 1.04, 1.9; 32768: 1.02, 1.3]
  // Of a core's own cache a block takes 1 in so many; the rest is for the output. [0.99 to 1.01 for
  // three to seven eighths]
  Index part_of_own = 2;
  // Bytes of coefficients and sums for a segment.
  Index bytes_of_segment = 64;
  // Parts of threads are fair if they differ by at most 1 in so many.
  Index fair_parts = 8;

  // -- Threads.
  // Rows per thread that amortize a barrier, if threads split the rows of a block. [2: 1.01, 1.4]
  Index rows_of_thread = 8;

  // -- Packing of rows into a longer one.
  // Vectors of a packed row to aim for: longer rows amortize the loop, but have more coefficients.
  // [1: 1.02, 1.1]
  Index packed_vectors = 4;
  // Packed rows that must remain, since coefficients are repeated for each row of a pack.
  // [1: 1.03, 1.6]
  Index packs = 8;

  // -- Rows.
  // Bytes of the L1 that a group of tiles takes until it is written, so that the latency of their
  // statistics overlaps. [one tile: 1.02, 2.5]
  Index bytes_together = 16 * 1024;
};

enum class KernelKind {
  kCopy,          // no norm
  kStrided,       // strided_kernel.h
  kRow,           // row_kernel.h
  kTransposedRow  // row_kernel.h
};

// Everything that is decided about a problem before it runs.
//
// For kStrided the matrix is cut into blocks of adjacent tiles: as high as a tile or, where there
// are no statistics to find, as the matrix. Threads share each block, or first divide the tiles and
// then cut their parts into blocks. All other fields of a block concern that kernel alone.
struct Plan {
  KernelKind kernel = KernelKind::kCopy;
  normbench::Tiles tiles{};
  int threads = 1;
  bool streaming = false;  // non-temporal stores, which need no write-allocate

  Index segment = 1;           // columns that share coefficients: a run, or a single column
  Index segments_of_tile = 1;  // in a row, or in the rows of a pack
  Index packed_rows = 1;       // rows packed into one longer row
  Index block_rows = 1;
  Index blocks_down = 1;
  Index block_tiles = 1;
  Index unit_tiles = 1;      // what threads do not split: a cache line, or a pack
  bool one_read = false;     // no statistics to find
  bool shared = false;       // all threads work on each block together,
  bool shares_rows = false;  // and split its rows; else they split its segments
  bool borders = false;      // lines across the parts of two threads are written at the end
  bool resident = true;      // a core's caches serve both reads of a block

  Index tiles_together = 1;  // of kRow: whose statistics are found at once

  // What settings left to measurements of the machine, as options that set it:
  // "streaming=8388608,parallel=12288".
  std::string measured = {};

  Index units() const { return blocks_down * ((tiles.across() + unit_tiles - 1) / unit_tiles); }
  // The width of the next block, where `left` tiles are left of a row of them.
  Index next_block(Index left) const;
  // Whether each segment has its own parameter; else all segments of a tile share one.
  bool segments_are_parameters() const { return segment == tiles.run && packed_rows == 1; }
  double count() const { return static_cast<double>(tiles.values()); }

  // For people: "runs, 2 threads share rows, streaming".
  std::string detail() const;

  bool operator==(const Plan&) const = default;
};

// The plan of a problem that has elements. Depends on its arguments alone.
Plan make_plan(const normbench::Problem& problem, const Machine& machine, const Settings& settings);

// The machine with what is unknown or impossible replaced by what a small one has.
Machine sane(Machine machine);

// A machine so small that problems of a few values are planned like large ones (simd.caches=tiny),
// with the threads and vectors of this one.
Machine tiny(const Machine& machine);

// From how many bytes on, input and output together, several threads are faster than one; kNever if
// there is only one. Whole KiB.
Index parallel_from(const Machine& machine);

// Whether the input is read once, since there are no statistics to find.
bool reads_once(const normbench::Problem& problem);
bool is_centered(const normbench::Problem& problem);
// 1, or the number of mini-batches if parameters have gradients, which are summed per mini-batch.
Index gradient_batches(const normbench::Problem& problem);

}  // namespace simd
