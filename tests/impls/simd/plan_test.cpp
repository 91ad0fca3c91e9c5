// The plans of the backend simd, for machines that are not this one.
#include "impls/simd/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "impls/simd/threads.h"

namespace simd {
namespace {

using normbench::DType;
using normbench::Layout;
using normbench::Norm;
using normbench::Pass;
using normbench::Problem;

constexpr Index kKiB = 1024;
constexpr Index kMiB = 1024 * kKiB;

Machine machine(int threads, Index first, Index own, Index streaming_from) {
  Machine made = {.threads = threads,
                  .lanes = 16,
                  .first = first,
                  .own = own,
                  .bytes_per_ns = 50,
                  .regions = {},
                  .streaming_from = streaming_from};
  for (int count = 2; count < threads; count *= 2) made.regions.push_back({count, 1000.0 * count});
  if (threads > 1) made.regions.push_back({threads, 1000.0 * threads});
  return made;
}

const Machine kAmd = machine(2, 32 * kKiB, 512 * kKiB, 40 * kMiB);
const Machine kIntel = machine(8, 48 * kKiB, 2 * kMiB, 48 * kMiB);
// A guest, where streaming wins from 20 MiB on, whatever the system says of a last-level cache.
const Machine kGuest = machine(2, 48 * kKiB, 2 * kMiB, 20 * kMiB);
// So many threads at no cost that each has few rows.
const Machine kMany = [] {
  Machine made = machine(64, 48 * kKiB, 2 * kMiB, 512 * kMiB);
  made.regions = {{64, 0}};
  return made;
}();
const Machine kSingle = machine(1, 32 * kKiB, 512 * kKiB, 4 * kMiB);
// Nothing is known of its caches, and streaming never wins.
const Machine kUnknown = machine(2, 0, 0, kNever);
// What is told of its caches is nonsense.
const Machine kNonsense = machine(2, 1, -1, 1);

struct NamedMachine {
  const char* name;
  const Machine* machine;
};
const std::vector<NamedMachine> kMachines = {{"amd", &kAmd},         {"intel", &kIntel},
                                             {"guest", &kGuest},     {"single", &kSingle},
                                             {"unknown", &kUnknown}, {"nonsense", &kNonsense}};

Problem problem(const std::string& text) { return normbench::parse_problem(text).value(); }

std::string name(KernelKind kind) {
  switch (kind) {
    case KernelKind::kCopy:
      return "copy";
    case KernelKind::kStrided:
      return "strided";
    case KernelKind::kRow:
      return "rows";
    case KernelKind::kTransposedRow:
      return "transposed";
  }
  return "?";
}

std::string text(const Plan& plan) {
  std::string all = name(plan.kernel);
  if (plan.kernel == KernelKind::kStrided) {
    all += " of " + std::to_string(plan.segment);
    if (plan.packed_rows > 1) all += ", " + std::to_string(plan.packed_rows) + " packed";
    all += ", " + std::to_string(plan.block_rows) + "x" + std::to_string(plan.block_tiles);
    if (plan.shared) all += plan.shares_rows ? " shared by rows" : " shared by segments";
    if (!plan.resident) all += " read twice";
  }
  if (plan.kernel == KernelKind::kRow) all += " by " + std::to_string(plan.tiles_together);
  all += ", " + std::to_string(plan.threads) + (plan.threads == 1 ? " thread" : " threads");
  if (plan.borders) all += ", borders";
  if (plan.streaming) all += ", streaming";
  return all;
}

// "borders": lines across the parts of threads are written at the end.
// Plans of a problem, for kMachines in order. Segments have so many columns; blocks so many rows
// and tiles. "by 4": tiles whose statistics are found at once.
struct Row {
  const char* problem;
  std::array<const char*, 6> plans;
};

const Row kTable[] = {
    {"batch/forward_training/f32/ncl/n16_c100_l1",
     {"strided of 1, 16x100, 1 thread", "strided of 1, 16x100, 1 thread",
      "strided of 1, 16x100, 1 thread", "strided of 1, 16x100, 1 thread",
      "strided of 1, 16x100, 1 thread", "strided of 1, 16x100, 1 thread, streaming"}},
    {"batch/forward_training/f32/ncl/n96_c1536_l1",
     {"strided of 1, 96x1360 shared by rows, 2 threads", "strided of 1, 96x128, 4 threads",
      "strided of 1, 96x128, 2 threads", "strided of 1, 96x672, 1 thread",
      "strided of 1, 96x1024 shared by rows read twice, 2 threads",
      "strided of 1, 96x1024 shared by rows read twice, 2 threads, streaming"}},
    {"batch/forward_training/f32/ncl/n2000_c768_l1",
     {"strided of 1, 2000x768 shared by rows read twice, 2 threads",
      "strided of 1, 2000x768 shared by rows, 8 threads",
      "strided of 1, 2000x768 shared by rows read twice, 2 threads",
      "strided of 1, 2000x768 read twice, 1 thread, streaming",
      "strided of 1, 2000x768 shared by rows read twice, 2 threads",
      "strided of 1, 2000x768 shared by rows read twice, 2 threads, streaming"}},
    {"batch/forward_training/f32/ncl/n20000_c1000_l1",
     {"strided of 1, 2 packed, 20000x1000 shared by rows read twice, 2 threads, streaming",
      "strided of 1, 2 packed, 20000x1000 shared by rows read twice, 8 threads, streaming",
      "strided of 1, 2 packed, 20000x1000 shared by rows read twice, 2 threads, streaming",
      "strided of 1, 2 packed, 20000x1000 read twice, 1 thread, streaming",
      "strided of 1, 2 packed, 20000x1000 shared by rows read twice, 2 threads",
      "strided of 1, 2 packed, 20000x1000 shared by rows read twice, 2 threads, streaming"}},
    {"batch/forward_training/f32/ncl/n65536_c3_l1",
     {"strided of 1, 32 packed, 65536x3 shared by rows read twice, 2 threads",
      "strided of 1, 32 packed, 65536x3 shared by rows, 4 threads",
      "strided of 1, 32 packed, 65536x3 shared by rows, 2 threads",
      "strided of 1, 32 packed, 65536x3 read twice, 1 thread",
      "strided of 1, 32 packed, 65536x3 shared by rows read twice, 2 threads",
      "strided of 1, 32 packed, 65536x3 shared by rows read twice, 2 threads, streaming"}},
    {"batch/forward_training/f32/ncl/n24_c48_l96",
     {"strided of 96, 24x3, 2 threads", "strided of 96, 24x5, 4 threads",
      "strided of 96, 24x5, 2 threads", "strided of 96, 24x3, 1 thread",
      "strided of 96, 24x3, 2 threads", "strided of 96, 24x11, 2 threads, streaming"}},
    {"batch/forward_training/f32/ncl/n48_c96_l1536",
     {"strided of 1536, 48x1 shared by rows, 2 threads, streaming",
      "strided of 1536, 48x1, 8 threads, streaming", "strided of 1536, 48x1, 2 threads, streaming",
      "strided of 1536, 48x1 read twice, 1 thread, streaming",
      "strided of 1536, 48x1 shared by rows read twice, 2 threads",
      "strided of 1536, 48x1 shared by rows read twice, 2 threads, streaming"}},
    {"batch/forward_training/f32/ncl/n6_c24_l40000",
     {"strided of 40000, 6x1 shared by segments read twice, 2 threads, streaming",
      "strided of 40000, 6x1, 8 threads", "strided of 40000, 6x1, 2 threads, streaming",
      "strided of 40000, 6x1 read twice, 1 thread, streaming",
      "strided of 40000, 6x1 shared by segments read twice, 2 threads",
      "strided of 40000, 6x1 shared by segments read twice, 2 threads, streaming"}},
    {"batch/forward_training/f64/nlc/n32_c128_l301",
     {"strided of 1, 9632x128 shared by rows read twice, 2 threads",
      "strided of 1, 9632x128 shared by rows read twice, 8 threads",
      "strided of 1, 9632x128 shared by rows read twice, 2 threads",
      "strided of 1, 9632x128 read twice, 1 thread, streaming",
      "strided of 1, 9632x128 shared by rows read twice, 2 threads",
      "strided of 1, 9632x128 shared by rows read twice, 2 threads, streaming"}},
    {"batch/forward_inference/f32/ncl/n20000_c1000_l1",
     {"strided of 1, 2 packed, 20000x1000 shared by rows, 2 threads, streaming",
      "strided of 1, 2 packed, 20000x1000 shared by rows, 8 threads, streaming",
      "strided of 1, 2 packed, 20000x1000 shared by rows, 2 threads, streaming",
      "strided of 1, 2 packed, 20000x1000, 1 thread, streaming",
      "strided of 1, 2 packed, 20000x1000 shared by rows, 2 threads",
      "strided of 1, 2 packed, 20000x1000 shared by rows, 2 threads, streaming"}},
    {"batch/forward_inference/f32/ncl/n48_c96_l1536",
     {"strided of 1536, 48x96 shared by rows, 2 threads, streaming",
      "strided of 1536, 48x96 shared by rows, 8 threads, streaming",
      "strided of 1536, 48x96 shared by rows, 2 threads, streaming",
      "strided of 1536, 48x96, 1 thread, streaming",
      "strided of 1536, 48x96 shared by rows, 2 threads",
      "strided of 1536, 48x96 shared by rows, 2 threads, streaming"}},
    {"batch/forward_inference/f32/ncl/n1_c1_l1",
     {"strided of 1, 1x1, 1 thread", "strided of 1, 1x1, 1 thread", "strided of 1, 1x1, 1 thread",
      "strided of 1, 1x1, 1 thread", "strided of 1, 1x1, 1 thread",
      "strided of 1, 1x1, 1 thread, streaming"}},
    {"batch/backward/f32/ncl/n20000_c1000_l1",
     {"strided of 1, 2 packed, 20000x1000 shared by rows read twice, 2 threads, streaming",
      "strided of 1, 2 packed, 20000x1000 shared by rows read twice, 8 threads, streaming",
      "strided of 1, 2 packed, 20000x1000 shared by rows read twice, 2 threads, streaming",
      "strided of 1, 2 packed, 20000x1000 read twice, 1 thread, streaming",
      "strided of 1, 2 packed, 20000x1000 shared by rows read twice, 2 threads",
      "strided of 1, 2 packed, 20000x1000 shared by rows read twice, 2 threads, streaming"}},
    {"batch/backward/bf16/nlc/n32_c256_l835",
     {"strided of 1, 26720x256 shared by rows read twice, 2 threads",
      "strided of 1, 26720x256 shared by rows read twice, 8 threads",
      "strided of 1, 26720x256 shared by rows read twice, 2 threads, streaming",
      "strided of 1, 26720x256 read twice, 1 thread, streaming",
      "strided of 1, 26720x256 shared by rows read twice, 2 threads",
      "strided of 1, 26720x256 shared by rows read twice, 2 threads, streaming"}},
    {"layer/forward_training/f32/ncl/n64_c1024_l1",
     {"rows by 4, 2 threads", "rows by 4, 4 threads", "rows by 4, 2 threads", "rows by 4, 1 thread",
      "rows by 4, 2 threads", "rows by 4, 2 threads, streaming"}},
    {"layer/forward_training/f32/ncl/n65536_c1024_l1",
     {"rows by 4, 2 threads, streaming", "rows by 4, 8 threads, streaming",
      "rows by 4, 2 threads, streaming", "rows by 4, 1 thread, streaming", "rows by 4, 2 threads",
      "rows by 4, 2 threads, streaming"}},
    {"layer/backward/f32/ncl/n65536_c1024_l1",
     {"rows by 4, 2 threads, streaming", "rows by 4, 8 threads, streaming",
      "rows by 4, 2 threads, streaming", "rows by 4, 1 thread, streaming", "rows by 4, 2 threads",
      "rows by 4, 2 threads, streaming"}},
    {"rms/forward_training/f16/ncl/n3_c4096_l1",
     {"rows by 2, 1 thread", "rows by 2, 1 thread", "rows by 2, 1 thread", "rows by 2, 1 thread",
      "rows by 2, 1 thread", "rows by 2, 1 thread, streaming"}},
    {"instance/forward_training/f32/ncl/n4096_c256_l8",
     {"transposed, 2 threads, streaming", "transposed, 8 threads, streaming",
      "transposed, 2 threads, streaming", "transposed, 1 thread, streaming",
      "transposed, 2 threads", "transposed, 2 threads, streaming"}},
    {"instance/backward/f32/ncl/n64_c256_l300",
     {"strided of 300, 1x13, 2 threads, streaming", "strided of 300, 1x20, 8 threads, streaming",
      "strided of 300, 1x20, 2 threads, streaming", "strided of 300, 1x13, 1 thread, streaming",
      "strided of 300, 1x13, 2 threads", "strided of 300, 1x4, 2 threads, streaming"}},
    {"group/forward_training/f32/nlc/n32_c128_l301_g8",
     {"strided of 1, 301x8, 2 threads", "strided of 1, 301x8, 8 threads",
      "strided of 1, 301x8, 2 threads", "strided of 1, 301x8, 1 thread, streaming",
      "strided of 1, 301x8 shared by rows, 2 threads",
      "strided of 1, 301x8 shared by rows, 2 threads, streaming"}},
    {"none/forward_training/f32/ncl/n2000_c768_l1",
     {"copy, 2 threads", "copy, 8 threads", "copy, 2 threads", "copy, 1 thread", "copy, 2 threads",
      "copy, 2 threads"}},
    {"batch/forward_training/f32/ncl/n64_c2048_l1",
     {"strided of 1, 64x128, 2 threads", "strided of 1, 64x192, 4 threads",
      "strided of 1, 64x192, 2 threads", "strided of 1, 64x128, 1 thread",
      "strided of 1, 64x128, 2 threads",
      "strided of 1, 64x1024 shared by rows, 2 threads, streaming"}},
    {"batch/forward_training/f32/ncl/n2048_c8192_l1",
     {"strided of 1, 2048x1024 shared by rows read twice, 2 threads, streaming",
      "strided of 1, 2048x1024 shared by rows, 8 threads, streaming",
      "strided of 1, 2048x1024 shared by rows read twice, 2 threads, streaming",
      "strided of 1, 2048x1024 read twice, 1 thread, streaming",
      "strided of 1, 2048x1024 shared by rows read twice, 2 threads",
      "strided of 1, 2048x1024 shared by rows read twice, 2 threads, streaming"}},
    {"batch/backward/f32/ncl/n64_c512_l16",
     {"strided of 1, 64x64 shared by rows, 2 threads", "strided of 1, 64x64, 8 threads",
      "strided of 1, 64x64, 2 threads", "strided of 1, 64x32, 1 thread, streaming",
      "strided of 1, 64x64 shared by rows read twice, 2 threads",
      "strided of 1, 64x64 shared by rows read twice, 2 threads, streaming"}},
    {"batch/forward_inference/f32/ncl/n64_c512_l16",
     {"strided of 16, 64x512 shared by rows, 2 threads",
      "strided of 16, 64x512 shared by rows, 8 threads",
      "strided of 16, 64x512 shared by rows, 2 threads",
      "strided of 16, 64x512, 1 thread, streaming",
      "strided of 16, 64x512 shared by rows, 2 threads",
      "strided of 16, 64x512 shared by rows, 2 threads, streaming"}},
    {"batch/forward_training/f32/ncl/n100_c300_l500",
     {"strided of 500, 100x3 shared by rows read twice, 2 threads, streaming",
      "strided of 500, 100x3, 8 threads, borders, streaming",
      "strided of 500, 100x3, 2 threads, borders, streaming",
      "strided of 500, 100x1, 1 thread, streaming",
      "strided of 500, 100x3 shared by rows read twice, 2 threads",
      "strided of 500, 100x3 shared by rows read twice, 2 threads, streaming"}},
    {"batch/forward_training/f32/ncl/n64_c1000_l1",
     {"strided of 1, 64x128, 2 threads, borders", "strided of 1, 64x192, 4 threads, borders",
      "strided of 1, 64x192, 2 threads, borders", "strided of 1, 64x128, 1 thread",
      "strided of 1, 64x128, 2 threads, borders",
      "strided of 1, 2 packed, 64x1000 shared by rows, 2 threads, streaming"}},
    {"batch/backward/f32/ncl/n32_c128_l301",
     {"strided of 301, 32x6 shared by rows, 2 threads", "strided of 301, 32x4, 8 threads, borders",
      "strided of 301, 32x4, 2 threads, borders", "strided of 301, 32x3, 1 thread, streaming",
      "strided of 301, 32x4 shared by rows read twice, 2 threads",
      "strided of 301, 32x4 shared by rows read twice, 2 threads, streaming"}},
};

TEST(Plan, IsThatOfTheTable) {
  for (const Row& row : kTable) {
    for (std::size_t i = 0; i < row.plans.size(); ++i) {
      EXPECT_EQ(text(make_plan(problem(row.problem), *kMachines[i].machine, {})), row.plans[i])
          << row.problem << " on " << kMachines[i].name;
    }
  }
}

// Every problem on every machine, with every setting that changes plans.
template <class Check>
void for_each_plan(const Check& check) {
  std::vector<Settings> all(1);
  for (bool Settings::*off :
       {&Settings::residency, &Settings::sharing, &Settings::borders, &Settings::columns}) {
    all.emplace_back().*off = false;
  }
  for (std::optional<Index> Settings::*from :
       {&Settings::streaming_from, &Settings::parallel_from}) {
    for (const Index bytes : {Index{0}, 1 * kMiB, kNever}) all.emplace_back().*from = bytes;
  }
  all.emplace_back().tiny = true;
  std::vector<std::string> ids = {"batch/forward_training/f32/ncl/n512_c1001_l1"};
  for (const char* dtype : {"f32", "f64", "f16"}) {
    for (const char* shape : {"n8_c83_l1", "n24_c41_l1", "n24_c83_l1", "n24_c1601_l1",
                              "n12_c24_l17", "n12_c24_l45", "n12_c24_l101", "n40_c515_l5"}) {
      ids.push_back(std::string("batch/backward/") + dtype + "/ncl/" + shape);
    }
  }
  for (const Row& row : kTable) ids.emplace_back(row.problem);
  std::vector<NamedMachine> machines = kMachines;
  machines.push_back({"many", &kMany});
  for (const auto& [name, given] : machines) {
    for (const std::string& id : ids) {
      for (std::size_t i = 0; i < all.size(); ++i) {
        SCOPED_TRACE(std::string(name) + ", settings " + std::to_string(i) + ", " + id);
        check(problem(id), *given, all[i]);
      }
    }
  }
}

TEST(Plan, DependsOnItsArgumentsAlone) {
  std::vector<Plan> first;
  for_each_plan([&](const Problem& of, const Machine& on, const Settings& with) {
    first.push_back(make_plan(of, on, with));
  });
  // In another order.
  std::size_t next = 0;
  for_each_plan([&](const Problem& of, const Machine& on, const Settings& with) {
    make_plan(problem(kTable[next % std::size(kTable)].problem), kGuest, {});
    EXPECT_EQ(make_plan(of, on, with), first[next++]);
  });
}

TEST(Plan, HasNoMoreThreadsThanGiven) {
  for_each_plan([](const Problem& of, const Machine& on, const Settings& with) {
    const Plan plan = make_plan(of, on, with);
    EXPECT_GE(plan.threads, 1);
    EXPECT_LE(plan.threads, on.threads);
  });
}

TEST(Plan, HasNoThreadsThatAreNotMeasured) {
  Machine crowded = kAmd;
  crowded.regions.push_back({64, 0});
  EXPECT_EQ(
      make_plan(problem("batch/forward_training/f32/ncl/n20000_c1000_l1"), crowded, {}).threads, 2);
}

TEST(Plan, StreamsFromTheSizeOnThatIsMeasured) {
  for_each_plan([](const Problem& of, const Machine& on, const Settings& with) {
    if (of.norm == Norm::kNone || with.tiny) return;
    const Index from = with.streaming_from.value_or(on.streaming_from);
    EXPECT_EQ(make_plan(of, on, with).streaming, compulsory_bytes(of) >= from);
  });
}

// A resident block is in the first cache or in the own caches of those who work on it.
TEST(Plan, HasNoBlockLargerThanItsCache) {
  for_each_plan([](const Problem& of, const Machine& on, const Settings& with) {
    const Plan plan = make_plan(of, on, with);
    if (plan.kernel != KernelKind::kStrided || plan.one_read || !plan.resident) return;
    const Machine has = sane(with.tiny ? tiny(on) : on);
    const Index inputs = of.backward() ? 2 : 1;
    const Index bytes = plan.block_rows * plan.block_tiles * plan.tiles.tile_columns *
                        static_cast<Index>(size_of(of.dtype)) * inputs;
    EXPECT_LE(bytes, has.own * (plan.shared ? plan.threads : 1)) << text(plan);
  });
}

TEST(Plan, DividesBlocksEvenly) {
  Plan plan{.tiles = {.rows = 8,
                      .columns = 2048,
                      .tile_rows = 8,
                      .tile_columns = 1,
                      .run = 1,
                      .batch_rows = 8},
            .block_tiles = 192,
            .unit_tiles = 16};
  EXPECT_EQ(plan.next_block(1024), 176);
  EXPECT_EQ(plan.next_block(384), 192);
  EXPECT_EQ(plan.next_block(200), 112);
  EXPECT_EQ(plan.next_block(9), 9);
  // No rest of less than a unit, if there is a choice.
  plan.block_tiles = 32;
  EXPECT_EQ(plan.next_block(35), 16);
  EXPECT_EQ(plan.next_block(19), 19);
  plan.block_tiles = 16;
  EXPECT_EQ(plan.next_block(19), 16);
}

// Lines are written at the end where two threads would take them from each other in each row.
TEST(Plan, HasBordersWherePartsMeetWithinLines) {
  const auto borders = [](const char* id, const Machine& on) {
    return make_plan(problem(id), on, {}).borders;
  };
  EXPECT_TRUE(borders("batch/forward_training/f32/ncl/n64_c1000_l1", kGuest));
  EXPECT_TRUE(borders("batch/backward/f32/ncl/n32_c1000_l1", kGuest));
  EXPECT_TRUE(borders("batch/forward_training/f32/ncl/n24_c41_l77", kGuest));
  // Whole lines, one thread, parts that consist of rows, and blocks that may have less than a line.
  EXPECT_FALSE(borders("batch/forward_training/f32/ncl/n64_c1024_l1", kGuest));
  EXPECT_FALSE(borders("batch/forward_training/f32/ncl/n24_c48_l96", kGuest));
  EXPECT_FALSE(borders("batch/forward_training/f32/ncl/n64_c1000_l1", kSingle));
  EXPECT_FALSE(borders("batch/forward_training/f32/ncl/n4096_c1000_l1", kGuest));
  EXPECT_FALSE(borders("batch/forward_training/f32/ncl/n3_c7_l40000", kGuest));
}

// The values beside a border are all in one block.
TEST(Plan, HasNoBlockNarrowerThanALineBesideABorder) {
  int found = 0;
  for_each_plan([&](const Problem& of, const Machine& on, const Settings& with) {
    const Plan plan = make_plan(of, on, with);
    if (!plan.borders) return;
    ++found;
    EXPECT_FALSE(plan.shared);
    EXPECT_EQ(plan.blocks_down, 1);
    const Index tile_bytes = plan.tiles.tile_columns * static_cast<Index>(size_of(of.dtype));
    for (int team = 1; team <= plan.threads; ++team) {
      for (int thread = 0; thread < team; ++thread) {
        const Range part = share_of(plan.tiles.across(), thread, team, plan.unit_tiles);
        for (Index left = part.size; left > 0; left -= plan.next_block(left)) {
          ASSERT_GE(plan.next_block(left) * tile_bytes, kLineBytes) << text(plan);
        }
      }
    }
  });
  EXPECT_GT(found, 20);
}

// N * C and N * C * L that fit the first cache in pieces: no thread needs the other.
TEST(Plan, HasBlocksInTheFirstCacheWhereATileFitsIt) {
  for (const char* id :
       {"batch/forward_training/f32/ncl/n64_c2048_l1", "batch/forward_training/f32/ncl/n24_c48_l96",
        "batch/forward_training/f32/nlc/n4_c512_l16", "batch/backward/f32/ncl/n32_c1024_l1",
        "batch/backward/f32/ncl/n16_c64_l128"}) {
    const Plan plan = make_plan(problem(id), kGuest, {});
    const Index inputs = problem(id).backward() ? 2 : 1;
    EXPECT_FALSE(plan.shared) << id;
    EXPECT_LE(plan.block_rows * plan.block_tiles * plan.tiles.tile_columns * 4 * inputs,
              kGuest.first)
        << id;
  }
}

TEST(Plan, CoversTheMatrix) {
  for_each_plan([](const Problem& of, const Machine& on, const Settings& with) {
    const Plan plan = make_plan(of, on, with);
    EXPECT_EQ(plan.tiles, tiles_of(of));
    if (plan.kernel != KernelKind::kStrided) return;
    EXPECT_EQ(plan.blocks_down * plan.block_rows, plan.tiles.rows);
    EXPECT_GE(plan.block_tiles, 1);
    EXPECT_LE(plan.block_tiles, plan.tiles.across());
    for (Index left = plan.tiles.across(); left > 0; left -= plan.next_block(left)) {
      ASSERT_GE(plan.next_block(left), 1);
      ASSERT_LE(plan.next_block(left), std::min(left, plan.block_tiles));
    }
    if (plan.packed_rows > 1) {
      EXPECT_EQ(plan.next_block(plan.tiles.across()), plan.tiles.across());
      EXPECT_EQ(plan.unit_tiles, plan.tiles.across());
    }
    EXPECT_EQ(plan.block_rows % plan.packed_rows, 0);
    if (plan.shared && plan.shares_rows && plan.packed_rows > 1) {
      EXPECT_GE(plan.block_rows / plan.packed_rows, plan.threads) << "a thread has no rows";
    }
    EXPECT_EQ(plan.segment * plan.segments_of_tile, plan.tiles.tile_columns * plan.packed_rows);
  });
}

TEST(Plan, SaysWhatWasMeasured) {
  const Problem large = problem("batch/forward_training/f32/ncl/n48_c96_l1536");
  const Plan plan = make_plan(large, kAmd, {});
  EXPECT_EQ(plan.detail(), "runs, 2 threads share rows, streaming");
  EXPECT_EQ(plan.measured, "streaming=41943040,parallel=200704");
  Machine never = kAmd;
  never.streaming_from = kNever;
  EXPECT_EQ(make_plan(large, never, {}).detail(), "runs, 2 threads share rows");
  EXPECT_EQ(make_plan(large, never, {}).measured, "streaming=off,parallel=200704");
  EXPECT_EQ(make_plan(large, kSingle, {}).measured, "streaming=4194304");
  EXPECT_EQ(make_plan(large, kAmd, {.streaming_from = kNever}).measured, "parallel=200704");
  EXPECT_EQ(make_plan(large, kAmd, {.streaming_from = 0, .parallel_from = 0}).measured, "");
  EXPECT_EQ(make_plan(large, kAmd, {.tiny = true}).measured, "");
  EXPECT_EQ(make_plan(problem("none/forward_training/f32/ncl/n8_c8_l1"), kAmd, {}).measured,
            "parallel=200704");
}

// On a machine with other costs, but as many threads.
TEST(Plan, IsRepeatedByWhatWasMeasured) {
  Machine other = kAmd;
  other.regions = {{2, 1e9}};
  other.streaming_from = 1;
  for (const Row& row : kTable) {
    const Problem of = problem(row.problem);
    const Settings same = {.streaming_from = kAmd.streaming_from,
                           .parallel_from = parallel_from(kAmd)};
    EXPECT_EQ(text(make_plan(of, other, same)), text(make_plan(of, kAmd, {}))) << row.problem;
  }
}

// 2 us and 2 threads save half of 2 * 2 us * 50 bytes per ns; 4 threads that cost as much, more.
TEST(ParallelFrom, IsWhereAnyTeamSavesWhatItsRegionCosts) {
  EXPECT_EQ(parallel_from(kAmd), 196 * kKiB);
  Machine cheap = kIntel;
  cheap.regions = {{2, 2000}, {4, 2000}, {8, 9000}, {64, 0}};
  EXPECT_EQ(parallel_from(cheap), 131 * kKiB);
  EXPECT_EQ(parallel_from(kMany), 1);
  EXPECT_EQ(parallel_from(kSingle), kNever);
}

TEST(Plan, HasOneThreadBelowTheSizeThatIsSet) {
  const Problem small = problem("batch/forward_training/f32/ncl/n16_c100_l1");
  const Problem large = problem("batch/forward_training/f32/ncl/n2000_c768_l1");
  EXPECT_EQ(make_plan(small, kAmd, {}).threads, 1);
  EXPECT_EQ(make_plan(small, kAmd, {.parallel_from = 0}).threads, 2);
  EXPECT_EQ(make_plan(large, kAmd, {.parallel_from = kNever}).threads, 1);
  EXPECT_EQ(make_plan(large, kAmd, {.parallel_from = compulsory_bytes(large)}).threads, 2);
  EXPECT_EQ(make_plan(large, kAmd, {.parallel_from = compulsory_bytes(large) + 1}).threads, 1);
}

TEST(SaneMachine, HasASmallCacheWhereNoneIsKnown) {
  const Machine made = sane(kUnknown);
  EXPECT_EQ(made.first, 32 * kKiB);
  EXPECT_EQ(made.own, 256 * kKiB);
  Machine nonsense = kUnknown;
  nonsense.threads = 0;
  EXPECT_EQ(sane(nonsense).threads, 1);
}

}  // namespace
}  // namespace simd
