// How a problem is worked on by a machine: a pure function, and every number that it decides by.
//
// Kernels only obey a plan. What they unroll stays with their loops (*-inl.h).
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "harness/core/problem.h"
#include "harness/core/tiles.h"

namespace simd {

using Index = std::int64_t;

inline constexpr Index kNeverStreams = std::numeric_limits<Index>::max();

// The techniques of this backend that can be switched off or forced, to measure what each is worth.
struct Settings {
  enum class Streaming { kAuto, kOn, kOff };
  Streaming streaming = Streaming::kAuto;  // non-temporal stores of output that exceeds the caches
  Index streaming_from = 0;  // kAuto from so many bytes on, whatever is measured; 0: as measured
  bool residency = true;     // blocks that stay in cache between two reads
  bool fetching = true;      // prefetch the next input during writes
  bool sharing = true;       // threads share statistics if there are too few
  bool columns = true;       // short runs are taken as columns
  bool tiny = false;         // plan small problems like large ones: tests
  std::int64_t target = 0;   // a target of Highway; 0: the best of this CPU
};

// The overhead of a parallel region.
struct RegionCost {
  int threads;
  double ns;

  bool operator==(const RegionCost&) const = default;
};

// What decisions depend on, as measured where that is possible (machine.h). Sizes are in bytes. One
// that is 0 is unknown: a small one is then assumed.
struct Machine {
  int threads = 1;   // most that a call may use
  Index lanes = 16;  // of a vector of the arithmetic type
  Index first = 0;   // L1 data cache of a core
  Index own = 0;     // largest cache private to a core
  Index last = 0;    // last-level cache (LLC), as the system says: in a guest often nonsense
  double bytes_per_ns = 16;  // that a thread reads and writes while it copies within its own cache
  std::vector<RegionCost> regions;  // of the team sizes to choose from, beside a single thread
  // Non-temporal stores win from so many bytes on, input and output together.
  Index streaming_from = kNeverStreams;
};

// The numbers that are no property of a machine. A run is cited by its commit; where none is, the
// number was not measured by itself, and is a guess.
struct Tuning {
  // -- Which kernel, and what a segment is.
  // Segments of at least so many values are never taken as single columns: their vectors are full
  // enough, and coefficients per column would take more of the L1. Not measured.
  Index long_segment = 64;
  // Values of a vector that segments should fill, and a multiple of the lanes of every vector.
  // Below it a segment wastes lanes on every instruction set with vectors of 16 floats.
  Index vector = 16;
  // Rows that amortize coefficients per column: fewer of them, and finding the coefficients takes
  // longer than what full vectors save (50d625a: openmp was 2x ahead at (16, 1024, 16)).
  Index rows_for_columns = 16;
  Index rows_for_any_columns = 32;  // where a segment has one vector or more
  // The kernel for short tiles: vectors of a tile, at most (fewer in backward: 1d1cb3f), and
  // vectors of tiles, at least, which amortize the transposes and, backward, the reduction of
  // gradients over lanes. adb29ac: instance norm of (4096, 256, 8) from 0.10 to 0.68 of the copy.
  Index short_vectors = 2;
  Index short_tiles = 1;
  Index short_tiles_backward = 4;

  // -- Blocks.
  // Of a core's own cache, what a block takes: more of it is reused, less is evicted by the output
  // and by what is prefetched. Eighths; not measured.
  Index eighths_of_own = 3;
  // Of the LLC, what a block takes that fits no private cache: 1 in so many. Not measured.
  Index part_of_last = 4;
  // Of the L1, what coefficients of columns take: 1 in so many. The rest is for values. 9c00a8d:
  // pieces of 512 columns instead cost 1.45x for inference of (64, 1024) on one thread.
  Index part_of_first = 3;
  // Bytes of scratch per segment where the input is read once. Limits blocks, which have no other
  // limit.
  Index scratch_of_segment = 80;
  // Bytes of a contiguous piece of a row. Short pieces defeat the page-bounded prefetcher, cost TLB
  // misses, and share prefetched lines with other threads' writes. Long pieces leave no room in the
  // L1 for the coefficients of their columns. b8c5f16 made them wider, without figures.
  Index piece = 2048;              // in cache, on one thread or shared by all
  Index piece_of_one = 4096;       // in cache, where the adjacent columns are another thread's
  Index piece_twice = 8 * 1024;    // not in cache: read twice
  Index piece_of_row = 64 * 1024;  // of tiles of one row, whatever own cache there is
  Index block_values = 16 * 1024;  // least values of a block of columns, to amortize its overhead

  // -- Threads.
  // Rows per thread that amortize a barrier, if threads split the rows of a block; without
  // statistics there is no barrier to amortize (56f7458). Values of a segment per thread, if they
  // split segments. abf3ba2; README, `sharing=off`: up to 16x for (65536, 3).
  Index rows_of_thread = 8;
  Index rows_of_thread_once = 4;
  Index values_of_thread = 1024;
  // Blocks per thread from which one more or less for some thread is no matter: below, blocks are
  // cut smaller to give each thread as many. Not measured.
  Index fair_blocks = 8;

  // -- Packing of rows into a longer one. README, `columns=off`: up to 8x for (65536, 3).
  // Vectors of a packed row to aim for: longer rows amortize the loop, but have more coefficients,
  // and sums that are moved into doubles too often (0a5d175: more in inference, which has none).
  Index packed_vectors = 8;
  Index packed_vectors_once = 32;
  Index most_packed_vectors = 96;
  // Packed rows that must remain, since coefficients are repeated for each row of a pack: where
  // packing fills vectors, and where it only makes rows longer (ef77634).
  Index packs = 8;
  Index packs_for_length = 32;
  Index packs_for_length_once = 16;

  // -- Memory. Sixteenths of the LLC, as the system says, beyond which data comes from memory, so
  // that prefetching pays and the last rows are still in the LLC when they are read again. Two
  // reads leave less room than one; a single thread is slower to the far end of the LLC than to
  // memory. 9c00a8d, ed2f392, ef77634, ce3f6ed: (512, 8192) in inference took 440 us in one hour
  // and 240 in another, so they are noise within a few sixteenths. Stores do not go by them:
  // streaming is measured.
  Index sixteenths_of_one_thread = 10;
  Index sixteenths_once = 15;
  Index sixteenths_twice = 13;
  // Prefetch distances: shorter ones come too late, longer ones are evicted again. Not measured by
  // themselves; README, `fetching=off`: 1.14 (training) and 1.06 (backward) in memory.
  Index rows_ahead = 16;     // of rows that are read twice
  Index values_ahead = 512;  // of columns that are read once
  Index lines_ahead = 64;    // of short tiles (ac16556)

  // -- Rows.
  // Bytes of the L1 that a group of tiles takes until it is written, so that the latency of their
  // statistics overlaps (24a1c70), and its most tiles (kMostTilesTogether of functions.h).
  Index bytes_together = 16 * 1024;
  Index tiles_together = 8;
};

inline constexpr Tuning kTuning;

enum class KernelKind {
  kCopy,      // no norm
  kSegments,  // segments.h
  kRows,      // rows.h
  kShort      // short.h
};

enum class Prefetch {
  kNone,
  kNextBlock,  // all of the next block, while one is written
  kAhead       // `ahead` values from what is read
};

// Everything that is decided about a problem before it runs.
//
// For kSegments the matrix is cut into blocks of adjacent tiles: as high as a tile or, where there
// are no statistics to find, as the matrix. All other fields of a block concern that kernel alone.
struct Plan {
  KernelKind kernel = KernelKind::kCopy;
  normbench::Tiles tiles{};
  int threads = 1;
  bool streaming = false;    // non-temporal stores, which need no write-allocate
  bool from_memory = false;  // exceeds the LLC
  Prefetch prefetch = Prefetch::kNone;
  Index ahead = 0;  // of kAhead

  Index segment = 1;           // columns that share coefficients: a run, or a single column
  Index segments_of_tile = 1;  // in a row, or in the rows of a pack
  Index packed_rows = 1;       // rows packed into one longer row
  Index block_rows = 1;
  Index blocks_down = 1;
  Index block_tiles = 1;
  bool one_read = false;        // no statistics to find
  bool shared = false;          // all threads work on each block together,
  bool shares_rows = false;     // and split its rows; else they split its segments
  bool resident = true;         // a cache serves both reads of a block
  bool backwards = false;       // the second read begins at the end, which is still in the LLC
  bool paired = false;          // two rows of columns are written at a time
  Index coefficient_bytes = 0;  // of the L1, for the coefficients of columns

  Index tiles_together = 1;  // of kRows: whose statistics are found at once

  Index streaming_from = kNeverStreams;  // of the machine, or as set
  bool streaming_is_measured = true;     // else it is forced

  Index blocks_across() const { return (tiles.across() + block_tiles - 1) / block_tiles; }
  // Whether each segment has its own parameter; else all segments of a tile share one.
  bool segments_are_parameters() const { return segment == tiles.run && packed_rows == 1; }
  double count() const { return static_cast<double>(tiles.values()); }

  // For people: "runs, 2 threads share rows, fetching, streaming, streams from 8 MiB".
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

// The least size at which streaming is measured: it fits no private caches.
Index least_copied(const Machine& machine);

// "8 MiB", "1536 KiB" or "1000 bytes": exact.
std::string size_text(Index bytes);

}  // namespace simd
