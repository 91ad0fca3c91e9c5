// Decides how a problem is worked on. impls/simd/README.md tells what for.
#include "impls/simd/plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "impls/simd/ops.h"

namespace simd {
namespace {

using normbench::Norm;
using normbench::Problem;

constexpr Tuning kTuning;
// For caches=tiny.
constexpr Tuning kTinyTuning = {.least_piece = 64, .piece = 128};

// The number of threads that is estimated to be fastest for work that moves `bytes`, of those that
// are more than one.
int useful_threads(Index bytes, const Machine& machine) {
  const double alone = static_cast<double>(bytes) / machine.bytes_per_ns;
  int best = 1;
  double least = std::numeric_limits<double>::infinity();
  for (const RegionCost& region : machine.regions) {
    const double ns = alone / region.threads + region.ns;
    if (region.threads > machine.threads || !(ns < least)) continue;
    least = ns;
    best = region.threads;
  }
  return best;
}

class Planner {
 public:
  Planner(const Problem& problem, const Machine& machine, const Settings& settings)
      : problem_(problem),
        settings_(settings),
        machine_(sane(settings.tiny ? tiny(machine) : with_own(machine, settings.own))),
        tuning_(settings.tiny ? kTinyTuning : kTuning) {
    const Index bytes = compulsory_bytes(problem);
    const Index parallel = settings.parallel_from.value_or(parallel_from(machine_));
    const Index streaming = settings.streaming_from.value_or(machine_.streaming_from);
    plan_.tiles = tiles_of(problem);
    plan_.threads = bytes >= parallel ? useful_threads(bytes, machine_) : 1;
    plan_.kernel = kernel();
    plan_.streaming = plan_.kernel != KernelKind::kCopy && bytes >= streaming;
    if (settings.tiny) return;
    if (!settings.streaming_from && plan_.kernel != KernelKind::kCopy) {
      add_measured("streaming", streaming);
    }
    if (!settings.parallel_from && machine_.threads > 1) add_measured("parallel", parallel);
  }

  Plan make() {
    switch (plan_.kernel) {
      case KernelKind::kCopy:
        break;
      case KernelKind::kStrided:
        plan_strided();
        break;
      case KernelKind::kRow:
        limit_threads(plan_.tiles.rows / gradient_batches(problem_));
        plan_.tiles_together =
            std::clamp<Index>(tuning_.bytes_together / piece_bytes(), 1, kMostTogether);
        break;
      case KernelKind::kTransposedRow:
        limit_threads(tiles_at_once() / (2 * machine_.lanes));
        break;
    }
    return plan_;
  }

 private:
  static Machine with_own(Machine machine, Index own) {
    if (own > 0) machine.own = own;
    return machine;
  }

  void add_measured(const char* option, Index from) {
    if (!plan_.measured.empty()) plan_.measured += ',';
    plan_.measured.append(option).append("=");
    plan_.measured += from == kNever ? "off" : std::to_string(from);
  }

  KernelKind kernel() const {
    const normbench::Tiles& tiles = plan_.tiles;
    if (problem_.norm == Norm::kNone) return KernelKind::kCopy;
    const bool is_strided =
        problem_.norm == Norm::kBatch || tiles.tile_rows > 1 || tiles.run >= tuning_.long_run;
    if (is_strided) return KernelKind::kStrided;
    // Tiles that are too short to fill vectors of their own, and enough of them to fill vectors. In
    // backward, those of two vectors of each input would not fit the registers.
    const Index longest = kShortVectors * machine_.lanes - (problem_.backward() ? 1 : 0);
    const bool is_short = tiles.tile_columns <= longest && tiles_at_once() >= machine_.lanes;
    return settings_.columns && is_short ? KernelKind::kTransposedRow : KernelKind::kRow;
  }

  // Tiles per mini-batch, if mini-batches are worked on one after the other.
  Index tiles_at_once() const {
    return plan_.tiles.rows / gradient_batches(problem_) * plan_.tiles.across();
  }

  void limit_threads(Index most) {
    plan_.threads = static_cast<int>(std::clamp<Index>(plan_.threads, 1, std::max<Index>(1, most)));
  }

  // Bytes of a tile in one row of one input.
  Index piece_bytes() const { return bytes_of(plan_.tiles.tile_columns); }

  Index row_bytes() const { return bytes_of(plan_.tiles.columns); }
  Index segment_bytes() const { return bytes_of(plan_.segment); }
  Index bytes_of(Index values) const {
    return values * static_cast<Index>(size_of(problem_.dtype));
  }

  void plan_strided() {
    const normbench::Tiles& tiles = plan_.tiles;
    plan_.one_read = reads_once(problem_);
    plan_.segment = settings_.columns && is_by_column() ? 1 : tiles.run;
    plan_.segments_of_tile = tiles.tile_columns / plan_.segment;
    plan_.block_rows = plan_.one_read ? tiles.rows : tiles.tile_rows;
    plan_.blocks_down = tiles.rows / plan_.block_rows;
    plan_.shares_rows = plan_.block_rows >= tuning_.rows_of_thread * plan_.threads ||
                        (plan_.one_read && plan_.block_rows % plan_.threads == 0);
    plan_.unit_tiles = whole_lines(1);
    cut();
    plan_.packed_rows = settings_.columns ? rows_to_pack() : 1;
    plan_.segments_of_tile *= plan_.packed_rows;
    if (plan_.packed_rows > 1) plan_.unit_tiles = tiles.across();  // rows of a pack are whole
    if (!plan_.shared) limit_threads(plan_.units());
    plan_.borders = settings_.borders && parts_meet_in_lines();
  }

  // Whether the parts of threads meet within lines, over and over, and none of their blocks is
  // narrower than a line.
  bool parts_meet_in_lines() const {
    const bool is_one_row_of_parts =
        plan_.threads > 1 && !plan_.shared && plan_.blocks_down == 1 && plan_.tiles.rows > 1;
    const Index unit = bytes_of(plan_.unit_tiles * plan_.tiles.tile_columns);
    const bool meets = row_bytes() % kLineBytes != 0 || unit % kLineBytes != 0;
    const bool is_wide = plan_.segment > 1
                             ? segment_bytes() >= kLineBytes
                             : unit >= kLineBytes && plan_.block_tiles >= 2 * plan_.unit_tiles &&
                                   plan_.units() >= 2 * plan_.threads;
    return is_one_row_of_parts && meets && is_wide;
  }

  // Whether each column is a segment of its own, so that a vector spans several runs.
  bool is_by_column() const {
    const normbench::Tiles& tiles = plan_.tiles;
    if (tiles.run < tuning_.vector) return true;
    if (tiles.run >= tuning_.long_run || tiles.tile_rows < tuning_.rows_for_columns) return false;
    // Where vectors are full either way, coefficients per column only pay for sums.
    return !plan_.one_read || tiles.run % tuning_.vector != 0;
  }

  // Cuts the matrix into blocks. In order of preference: blocks of each thread, in the L1 or else
  // in the private cache of its core; blocks that threads share, in the private caches of all cores
  // or, if they do not fit, wherever they stay.
  void cut() {
    const Index inputs = problem_.backward() ? 2 : 1;
    const Index tile_bytes = plan_.block_rows * piece_bytes() * inputs;
    const bool can_share = settings_.sharing && plan_.threads > 1 &&
                           (plan_.shares_rows || segment_bytes() >= tuning_.piece * plan_.threads);
    const Index own = machine_.own / tuning_.part_of_own;
    const auto most_of = [&](Index cache) {  // whose coefficients and sums fit it
      return cache / tuning_.bytes_of_segment / plan_.segments_of_tile;
    };
    const Index in_first = machine_.first / tile_bytes;
    const Index in_own = own / tile_bytes;
    const Index in_all = own * (can_share ? plan_.threads : 1) / tile_bytes;
    const Index least = tiles_of_piece(tuning_.least_piece);
    const Index wide = tiles_of_piece(tuning_.piece);
    const auto suits_each = [&](Index fitting, Index needed) {
      return fitting >= needed && (is_enough_for_all(needed) || !can_share);
    };
    if (plan_.one_read || !settings_.residency) {
      plan_.resident = plan_.one_read;
      plan_.shared = can_share && (plan_.shares_rows || !plan_.one_read);
      plan_.block_tiles = whole_lines(most_of(own));
    } else if (suits_each(in_first, least)) {
      plan_.block_tiles = std::max(least, whole_lines(std::min(in_first, most_of(machine_.first))));
    } else if (suits_each(in_own, can_share ? wide : least)) {
      plan_.block_tiles = whole_lines(std::min(in_own, wide));
    } else {
      plan_.resident = in_all >= wide;
      plan_.shared = can_share;
      plan_.block_tiles = std::max(wide, whole_lines(std::min(in_all, most_of(own))));
    }
    if (!plan_.shared && can_share && !is_fair()) plan_.shared = true;
  }

  bool is_enough_for_all(Index tiles) const {
    return plan_.blocks_down * (plan_.tiles.across() / tiles) >= plan_.threads;
  }

  // The number of tiles whose piece of a row has at least `bytes` bytes.
  Index tiles_of_piece(Index bytes) const {
    return whole_lines((bytes + piece_bytes() - 1) / piece_bytes());
  }

  // About `count` tiles: a multiple of a cache line, if tiles are narrower than that.
  Index whole_lines(Index count) const {
    const Index line = std::max<Index>(1, kLineBytes / piece_bytes());
    if (count >= plan_.tiles.across()) return plan_.tiles.across();
    return std::min(plan_.tiles.across(), std::max(line, count / line * line));
  }

  // Whether each thread gets (nearly) as many tiles.
  bool is_fair() const {
    const Index units = plan_.units();
    const Index of_thread = (units + plan_.threads - 1) / plan_.threads;
    return tuning_.fair_parts * (of_thread * plan_.threads - units) <= units;
  }

  // The number of rows to pack into one longer row, if a row has few vectors or its tail fills
  // none. Only for blocks that have all columns, since their rows are contiguous.
  Index rows_to_pack() const {
    const Index vector = tuning_.vector;
    const Index columns = plan_.tiles.columns;
    const bool lie_end_to_end = plan_.segment == 1 && plan_.tiles.tile_columns == 1 &&
                                plan_.block_tiles == plan_.tiles.across();
    if (!lie_end_to_end) return 1;
    Index rows = vector / std::gcd(columns, vector);
    while (rows * columns < tuning_.packed_vectors * vector) rows *= 2;
    while (plan_.block_rows % rows != 0) rows /= 2;
    const bool helps = rows * columns % vector == 0;
    const Index sharers = plan_.shared && plan_.shares_rows ? plan_.threads : 1;
    return helps && plan_.block_rows >= rows * tuning_.packs * sharers ? rows : 1;
  }

  const Problem& problem_;
  const Settings& settings_;
  Machine machine_;
  const Tuning& tuning_;
  Plan plan_;
};

// "runs", "packed columns", "rows".
std::string name(const Plan& plan) {
  switch (plan.kernel) {
    case KernelKind::kCopy:
      return "memcpy";
    case KernelKind::kRow:
      return "rows";
    case KernelKind::kTransposedRow:
      return "transposed rows";
    case KernelKind::kStrided:
      break;
  }
  if (plan.segment > 1) return "runs";
  return plan.packed_rows > 1 ? "packed columns" : "columns";
}

}  // namespace

std::string Plan::detail() const {
  std::string text = name(*this);
  if (!resident) text += ", 2 reads";
  text += threads == 1 ? ", 1 thread" : ", " + std::to_string(threads) + " threads";
  if (shared) text += shares_rows ? " share rows" : " share runs";
  if (streaming) text += ", streaming";
  return text;
}

// As many blocks as are needed, of nearly the same width. The last one is no narrower than a unit,
// if blocks have two of them.
Index Plan::next_block(Index left) const {
  if (left <= block_tiles) return left;
  const Index blocks = (left + block_tiles - 1) / block_tiles;
  const Index units = (left + blocks * unit_tiles - 1) / (blocks * unit_tiles);
  const Index rest = left - units * unit_tiles;
  return rest < unit_tiles && units > 1 ? (units - 1) * unit_tiles : units * unit_tiles;
}

Plan make_plan(const Problem& problem, const Machine& machine, const Settings& settings) {
  return Planner(problem, machine, settings).make();
}

Machine sane(Machine machine) {
  machine.threads = std::max(1, machine.threads);
  machine.lanes = std::max<Index>(1, machine.lanes);
  if (machine.first <= 0) machine.first = 32 * 1024;
  if (machine.own <= 0) machine.own = 256 * 1024;
  machine.own = std::max(machine.own, machine.first);
  if (!(machine.bytes_per_ns > 0)) machine.bytes_per_ns = 16;
  return machine;
}

Machine tiny(const Machine& machine) {
  Machine small = {.threads = machine.threads,
                   .lanes = machine.lanes,
                   .first = 512,
                   .own = 2048,
                   .bytes_per_ns = 1,
                   .regions = {},
                   .streaming_from = 8192};
  // Free, so that all threads take part.
  if (machine.threads > 1) small.regions.push_back({machine.threads, 0});
  return small;
}

// A team of t that costs r ns saves bytes / rate * (1 - 1 / t).
Index parallel_from(const Machine& machine) {
  double least = std::numeric_limits<double>::infinity();
  for (const RegionCost& region : machine.regions) {
    if (region.threads < 2 || region.threads > machine.threads) continue;
    const double team = region.threads;
    least = std::min(least, region.ns * machine.bytes_per_ns * team / (team - 1));
  }
  constexpr double kKiB = 1024;
  if (!(least < static_cast<double>(kNever) / 2)) return kNever;
  return std::max<Index>(1, static_cast<Index>(std::ceil(least / kKiB) * kKiB));
}

bool reads_once(const Problem& problem) {
  return problem.norm == Norm::kBatch && problem.pass == normbench::Pass::kForwardInference;
}

bool is_centered(const Problem& problem) { return problem.norm != Norm::kRms; }

Index gradient_batches(const Problem& problem) {
  return problem.backward() && problem.affine ? problem.mini_batches() : 1;
}

}  // namespace simd
