// Decides how a problem is worked on. impls/simd/README.md tells what for.
#include "impls/simd/plan.h"

#include <algorithm>
#include <numeric>

#include "impls/simd/work.h"

namespace simd {
namespace {

using normbench::Problem;

constexpr Tuning kTinyTuning = [] {
  Tuning tuning;
  tuning.piece = 64;
  tuning.piece_of_one = 128;
  tuning.piece_twice = 256;
  tuning.piece_of_row = 512;
  tuning.block_values = 16;
  tuning.values_of_thread = 16;
  return tuning;
}();

// The number of threads that is estimated to be fastest for work that moves `bytes`: more threads
// must save more than a parallel region costs.
int useful_threads(Index bytes, const Machine& machine) {
  const double alone = static_cast<double>(bytes) / machine.bytes_per_ns;
  int best = 1;
  double least = alone;
  for (const RegionCost& region : machine.regions) {
    const double ns = alone / region.threads + region.ns;
    if (region.threads > machine.threads || !(ns < least)) continue;
    least = ns;
    best = region.threads;
  }
  return best;
}

// Chooses the size of the blocks, and whether threads share them.
class BlockCutter {
 public:
  BlockCutter(Plan& plan, const Problem& problem, const Machine& machine, const Settings& settings,
              const Tuning& tuning)
      : plan_(plan),
        machine_(machine),
        tuning_(tuning),
        piece_(plan.tiles.tile_columns * static_cast<Index>(size_of(problem.dtype))),
        tile_bytes_(plan.block_rows * piece_ * (problem.backward() ? 2 : 1)),
        own_(machine.own * tuning.eighths_of_own / 8),
        wide_(wide(tuning.piece)),
        sharing_(settings.sharing && plan.threads > 1) {
    if (plan.block_rows == 1) own_ = std::min(own_, tuning.piece_of_row);
    plan.shares_rows = plan.block_rows >= tuning.rows_of_thread * plan.threads;
    can_share_ =
        sharing_ && (plan.shares_rows || plan.segment >= tuning.values_of_thread * plan.threads);
  }

  // For an input that is read once: the size of a block is limited by its scratch only.
  void cut_for_one_read() {
    plan_.block_tiles = whole_lines(own_ / tuning_.scratch_of_segment / plan_.segments_of_tile);
    const Index rows = plan_.block_rows;
    plan_.shares_rows =
        rows >= tuning_.rows_of_thread_once * plan_.threads || rows % plan_.threads == 0;
    plan_.shared = sharing_ && plan_.shares_rows;
    balance();
  }

  // Cache-resident blocks. In order of preference: a block per thread in the private cache of its
  // core, a block that threads share in the private caches of all cores, a block in the LLC.
  // Without any of these, blocks do not stay in cache, and large data is read twice from memory.
  void cut_to_keep() {
    const Index alone = plan_.threads > 1 ? wide(tuning_.piece_of_one) : wide_;
    const bool enough_for_all = plan_.blocks_down * (plan_.tiles.across() / alone) >= plan_.threads;
    const Index part_of_last = machine_.last / tuning_.part_of_last;
    if (own_ / tile_bytes_ >= alone && (enough_for_all || !can_share_)) {
      plan_.block_tiles = most(own_, alone);
    } else if (can_share_ && own_ * plan_.threads / tile_bytes_ >= wide_) {
      plan_.block_tiles = most(own_ * plan_.threads, wide_);
      plan_.shared = true;
    } else if (part_of_last / tile_bytes_ >= wide_ &&
               tile_bytes_ * plan_.tiles.across() > machine_.last) {
      plan_.block_tiles = wide_;
      plan_.shared = can_share_;
    } else {
      return cut_for_two_reads();
    }
    balance();
  }

  // Blocks that do not stay in cache: wide ones, for long contiguous accesses.
  void cut_for_two_reads() {
    plan_.block_tiles = wide(tuning_.piece_twice);
    plan_.resident = false;
    plan_.shared = can_share_;
    balance();
  }

 private:
  // The number of tiles whose piece of a row has about `bytes` bytes.
  Index wide(Index bytes) const { return whole_lines((bytes + piece_ - 1) / piece_); }

  // As many tiles as fit in `bytes`. If segments are columns, no more than `wide`, or than make up
  // `block_values`: each column has coefficients of its own.
  Index most(Index bytes, Index wide) const {
    const Index values = std::max<Index>(1, plan_.tiles.values());
    const Index enough = std::max(wide, tuning_.block_values / values);
    const Index fitting = bytes / tile_bytes_;
    return whole_lines(plan_.segment == 1 ? std::min(fitting, enough) : fitting);
  }

  // About `count` tiles: a multiple of a cache line, if tiles are narrower than that.
  Index whole_lines(Index count) const {
    const Index line = std::max<Index>(1, 64 / piece_);
    if (count >= plan_.tiles.across()) return plan_.tiles.across();
    return std::max(line, count / line * line);
  }

  // Gives each thread (nearly) the same number of blocks. If that fails, threads share blocks.
  void balance() {
    if (plan_.threads == 1 || plan_.shared) return;
    const Index threads = plan_.threads;
    const auto is_fair = [&] {
      const Index blocks = plan_.blocks_down * plan_.blocks_across();
      return blocks % threads == 0 || blocks >= tuning_.fair_blocks * threads;
    };
    if (!is_fair()) {
      const Index blocks = (plan_.blocks_across() + threads - 1) / threads * threads;
      plan_.block_tiles = whole_lines((plan_.tiles.across() + blocks - 1) / blocks);
    }
    if (!is_fair()) plan_.shared = can_share_;
  }

  Plan& plan_;
  const Machine& machine_;
  const Tuning& tuning_;
  Index piece_;       // bytes of a tile in one row of one input
  Index tile_bytes_;  // bytes of a tile in all inputs
  Index own_;
  Index wide_;  // tiles
  bool sharing_, can_share_;
};

class Planner {
 public:
  Planner(const Problem& problem, const Machine& machine, const Settings& settings)
      : problem_(problem),
        settings_(settings),
        machine_(with_settings(machine, settings)),
        tuning_(settings.tiny ? kTinyTuning : kTuning),
        bytes_(compulsory_bytes(problem)) {
    plan_.tiles = tiles_of(problem);
    plan_.threads = useful_threads(bytes_, machine_);
    plan_.streaming_from = machine_.streaming_from;
    plan_.streaming_is_measured = settings.streaming == Settings::Streaming::kAuto;
  }

  Plan make() {
    plan_.kernel = kernel();
    switch (plan_.kernel) {
      case KernelKind::kCopy:
        break;
      case KernelKind::kSegments:
        plan_segments();
        break;
      case KernelKind::kRows:
        plan_rows();
        break;
      case KernelKind::kShort:
        plan_short();
        break;
    }
    return plan_;
  }

 private:
  static Machine with_settings(const Machine& machine, const Settings& settings) {
    Machine set = settings.tiny ? tiny(machine) : machine;
    if (settings.streaming_from > 0) set.streaming_from = settings.streaming_from;
    return sane(set);
  }

  KernelKind kernel() const {
    const normbench::Tiles& tiles = plan_.tiles;
    if (problem_.norm == normbench::Norm::kNone) return KernelKind::kCopy;
    const bool has_segments = problem_.norm == normbench::Norm::kBatch || tiles.tile_rows > 1 ||
                              tiles.run >= tuning_.long_segment;
    if (has_segments) return KernelKind::kSegments;
    return is_short() ? KernelKind::kShort : KernelKind::kRows;
  }

  // Tiles per mini-batch, if mini-batches are worked on one after the other.
  Index tiles_at_once() const {
    return plan_.tiles.rows / gradient_batches(problem_) * plan_.tiles.across();
  }

  // Whether tiles are too short to fill vectors of their own.
  bool is_short() const {
    const bool backward = problem_.backward();
    const Index longest = tuning_.short_vectors * machine_.lanes - (backward ? 1 : 0);
    const Index fewest = machine_.lanes * (backward ? tuning_.short_tiles_backward  //
                                                    : tuning_.short_tiles);
    return settings_.columns && plan_.tiles.tile_columns <= longest && tiles_at_once() >= fewest;
  }

  // Whether input and output exceed the LLC, as far as the system tells the truth about it.
  bool is_from_memory(bool one_read) const {
    const Index sixteenth = machine_.last / 16;
    if (plan_.threads == 1) return bytes_ > tuning_.sixteenths_of_one_thread * sixteenth;
    return bytes_ > (one_read ? tuning_.sixteenths_once : tuning_.sixteenths_twice) * sixteenth;
  }

  bool streams() const {
    switch (settings_.streaming) {
      case Settings::Streaming::kOn:
        return true;
      case Settings::Streaming::kOff:
        return false;
      case Settings::Streaming::kAuto:
        break;
    }
    return bytes_ >= machine_.streaming_from;
  }

  void plan_rows() {
    const Index rows = plan_.tiles.rows / gradient_batches(problem_);
    plan_.threads = static_cast<int>(std::min<Index>(plan_.threads, rows));
    // The second read of a tile is from the L1.
    plan_.from_memory = is_from_memory(true);
    plan_.streaming = streams();
    const Index tile_bytes = plan_.tiles.tile_columns * static_cast<Index>(size_of(problem_.dtype));
    plan_.tiles_together =
        std::clamp<Index>(tuning_.bytes_together / tile_bytes, 1, tuning_.tiles_together);
    // Backward does not prefetch: rows of two inputs follow each other.
    if (!problem_.backward()) fetch_ahead(plan_.tiles_together * plan_.tiles.tile_columns);
  }

  void plan_short() {
    plan_.threads =
        static_cast<int>(std::min<Index>(plan_.threads, tiles_at_once() / machine_.lanes));
    plan_.from_memory = is_from_memory(true);
    plan_.streaming = streams();
    const Index line = 64 / static_cast<Index>(size_of(problem_.dtype));
    fetch_ahead(tuning_.lines_ahead * line);
  }

  // Only what is not in the LLC is worth prefetching: the CPU would stall on it.
  void fetch_ahead(Index values) {
    if (!settings_.fetching || !plan_.from_memory) return;
    plan_.prefetch = Prefetch::kAhead;
    plan_.ahead = values;
  }

  void plan_segments() {
    const bool one_read = reads_once(problem_);
    const normbench::Tiles& tiles = plan_.tiles;
    plan_.one_read = one_read;
    plan_.coefficient_bytes = machine_.first / tuning_.part_of_first;
    plan_.segment = settings_.columns && is_by_column() ? 1 : tiles.run;
    plan_.segments_of_tile = tiles.tile_columns / plan_.segment;
    plan_.from_memory = is_from_memory(one_read);
    plan_.streaming = streams();
    plan_.block_rows = one_read ? tiles.rows : tiles.tile_rows;
    plan_.blocks_down = tiles.rows / plan_.block_rows;
    BlockCutter cutter(plan_, problem_, machine_, settings_, tuning_);
    if (one_read) {
      cutter.cut_for_one_read();
    } else if (settings_.residency) {
      cutter.cut_to_keep();
    } else {
      cutter.cut_for_two_reads();
    }
    plan_.packed_rows = settings_.columns ? rows_to_pack() : 1;
    plan_.segments_of_tile *= plan_.packed_rows;
    plan_.backwards = !plan_.resident && plan_.from_memory;
    // The LLC is faster to read one row at a time, in order (bb51e1b).
    plan_.paired = plan_.resident || plan_.from_memory;
    if (one_read && plan_.segment == 1) {
      fetch_ahead(tuning_.values_ahead);
    } else if (!one_read) {
      fetch_ahead(tuning_.rows_ahead * tiles.columns * plan_.packed_rows);
      const bool fetches = plan_.prefetch != Prefetch::kNone;
      if (fetches && plan_.resident) plan_.prefetch = Prefetch::kNextBlock, plan_.ahead = 0;
    }
  }

  // Whether each column is a segment of its own, so that a vector spans several runs: if a run is
  // shorter than a vector, or has few vectors and enough rows to amortize coefficients per column.
  bool is_by_column() const {
    const normbench::Tiles& tiles = plan_.tiles;
    const Index vector = tuning_.vector;
    if (tiles.run < vector) return true;
    if (tiles.run >= tuning_.long_segment || tiles.rows < tuning_.rows_for_columns) return false;
    const bool ragged = tiles.run % vector != 0;
    if (reads_once(problem_)) {
      const Index coefficient_bytes = 2 * tiles.columns * static_cast<Index>(sizeof(float));
      return ragged || (tiles.run == vector && coefficient_bytes <= plan_.coefficient_bytes);
    }
    if (tiles.tile_rows >= tuning_.rows_for_any_columns) return true;
    // A run of one vector keeps its accumulators in registers, but its rows are far apart.
    if (tiles.run == vector && problem_.backward()) return bytes_ > machine_.own;
    return tiles.tile_rows >= tuning_.rows_for_columns && tiles.run < 2 * vector;
  }

  // The number of rows to pack into one longer row, if the tail of a row fills no vector or a row
  // has few vectors. Only for blocks that have all columns, since their rows are contiguous.
  Index rows_to_pack() const {
    const bool one_read = plan_.one_read;
    const Index vector = tuning_.vector;
    const Index enough = vector * (one_read ? tuning_.packed_vectors_once : tuning_.packed_vectors);
    const Index packs = one_read ? tuning_.packs_for_length_once : tuning_.packs_for_length;
    const Index columns = plan_.tiles.columns;
    const bool lie_end_to_end = plan_.segment == 1 && plan_.tiles.tile_columns == 1 &&
                                plan_.block_tiles == plan_.tiles.across();
    if (!lie_end_to_end || (columns % vector == 0 && columns >= enough)) return 1;
    Index rows = vector / std::gcd(columns, vector);
    while (rows * columns < enough && plan_.block_rows >= 2 * rows * packs) rows *= 2;
    while (rows > 1 && plan_.block_rows % rows != 0) rows /= 2;
    const bool helps =
        rows * columns % vector == 0 && rows * columns <= tuning_.most_packed_vectors * vector;
    return helps && plan_.block_rows >= rows * tuning_.packs ? rows : 1;
  }

  const Problem& problem_;
  const Settings& settings_;
  Machine machine_;
  const Tuning& tuning_;
  Index bytes_;  // compulsory
  Plan plan_;
};

// "runs", "folded columns", "rows": as recorded runs have it.
std::string name(const Plan& plan) {
  switch (plan.kernel) {
    case KernelKind::kCopy:
      return "memcpy";
    case KernelKind::kRows:
      return "rows";
    case KernelKind::kShort:
      return "short tiles";
    case KernelKind::kSegments:
      break;
  }
  if (plan.segment > 1) return "runs";
  return plan.packed_rows > 1 ? "folded columns" : "columns";
}

}  // namespace

std::string Plan::detail() const {
  std::string text = name(*this);
  if (!resident && from_memory) text += ", 2 reads";
  text += threads == 1 ? ", 1 thread" : ", " + std::to_string(threads) + " threads";
  if (shared) text += shares_rows ? " share rows" : " share runs";
  if (kernel == KernelKind::kCopy) return text;
  if (prefetch != Prefetch::kNone) text += ", fetching";
  if (streaming) text += ", streaming";
  if (!streaming_is_measured) return text;
  return text + (streaming_from == kNeverStreams ? ", never streams"
                                                 : ", streams from " + size_text(streaming_from));
}

Plan make_plan(const Problem& problem, const Machine& machine, const Settings& settings) {
  return Planner(problem, machine, settings).make();
}

Machine sane(Machine machine) {
  machine.threads = std::max(1, machine.threads);
  machine.lanes = std::max<Index>(1, machine.lanes);
  if (machine.first <= 0) machine.first = 32 * 1024;
  if (machine.own <= 0) machine.own = 256 * 1024;
  if (machine.last <= 0) machine.last = 4 * 1024 * 1024;
  machine.last = std::max(machine.own, machine.last);
  if (!(machine.bytes_per_ns > 0)) machine.bytes_per_ns = 16;
  // Where streaming loses at a size and wins at a larger one, caches end in between.
  const Index last = std::max(machine.own, machine.streaming_from);
  if (machine.streaming_from > least_copied(machine)) machine.last = std::min(machine.last, last);
  return machine;
}

Index least_copied(const Machine& machine) { return 2 * machine.own * machine.threads; }

Machine tiny(const Machine& machine) {
  Machine small = {.threads = machine.threads,
                   .lanes = machine.lanes,
                   .first = 512,
                   .own = 2048,
                   .last = 8192,
                   .bytes_per_ns = 1,
                   .regions = {},
                   .streaming_from = 8192};
  // Free, so that all threads take part.
  if (machine.threads > 1) small.regions.push_back({machine.threads, 0});
  return small;
}

std::string size_text(Index bytes) {
  constexpr Index kKilo = 1024;
  if (bytes % (kKilo * kKilo) == 0) return std::to_string(bytes / kKilo / kKilo) + " MiB";
  if (bytes % kKilo == 0) return std::to_string(bytes / kKilo) + " KiB";
  return std::to_string(bytes) + " bytes";
}

}  // namespace simd
