// The plans of the backend simd, for machines that are not this one.
#include <gtest/gtest.h>

#include <array>
#include <iterator>
#include <string>
#include <vector>

#include "impls/simd/plan.h"

namespace simd {
namespace {

using normbench::DType;
using normbench::Layout;
using normbench::Norm;
using normbench::Pass;
using normbench::Problem;

constexpr Index kKiB = 1024;
constexpr Index kMiB = 1024 * kKiB;

Machine machine(int threads, Index first, Index own, Index last, Index streaming_from) {
  Machine made = {.threads = threads,
                  .lanes = 16,
                  .first = first,
                  .own = own,
                  .last = last,
                  .bytes_per_ns = 50,
                  .regions = {},
                  .streaming_from = streaming_from};
  for (int count = 2; count < threads; count *= 2) made.regions.push_back({count, 1000.0 * count});
  if (threads > 1) made.regions.push_back({threads, 1000.0 * threads});
  return made;
}

const Machine kAmd = machine(2, 32 * kKiB, 512 * kKiB, 32 * kMiB, 40 * kMiB);
const Machine kIntel = machine(8, 48 * kKiB, 2 * kMiB, 32 * kMiB, 48 * kMiB);
// A guest that sees the last-level cache of the whole host, and where streaming wins from 20 MiB
// on.
const Machine kGuest = machine(2, 48 * kKiB, 2 * kMiB, 300 * kMiB, 20 * kMiB);
const Machine kSingle = machine(1, 32 * kKiB, 512 * kKiB, 16 * kMiB, 4 * kMiB);
// Nothing is known of its caches, and streaming never wins.
const Machine kUnknown = machine(2, 0, 0, 0, kNeverStreams);

struct NamedMachine {
  const char* name;
  const Machine* machine;
};
const std::vector<NamedMachine> kMachines = {{"amd", &kAmd},
                                             {"intel", &kIntel},
                                             {"guest", &kGuest},
                                             {"single", &kSingle},
                                             {"unknown", &kUnknown}};

Problem problem(const std::string& text) { return normbench::parse_problem(text).value(); }

std::string name(KernelKind kind) {
  switch (kind) {
    case KernelKind::kCopy:
      return "copy";
    case KernelKind::kSegments:
      return "segments";
    case KernelKind::kRows:
      return "rows";
    case KernelKind::kShort:
      return "short";
  }
  return "?";
}

std::string text(const Plan& plan) {
  std::string all = name(plan.kernel);
  if (plan.kernel == KernelKind::kSegments) {
    all += " of " + std::to_string(plan.segment);
    if (plan.packed_rows > 1) all += ", " + std::to_string(plan.packed_rows) + " packed";
    all += ", " + std::to_string(plan.block_rows) + "x" + std::to_string(plan.block_tiles);
    if (plan.shared) all += plan.shares_rows ? " shared by rows" : " shared by segments";
    if (!plan.resident) all += " read twice";
  }
  if (plan.kernel == KernelKind::kRows) all += " by " + std::to_string(plan.tiles_together);
  all += ", " + std::to_string(plan.threads) + (plan.threads == 1 ? " thread" : " threads");
  if (plan.streaming) all += ", streaming";
  if (plan.prefetch == Prefetch::kNextBlock) all += ", next block";
  if (plan.prefetch == Prefetch::kAhead) all += ", " + std::to_string(plan.ahead) + " ahead";
  return all;
}

// Plans of a problem, for kMachines in order. Segments have so many columns; blocks so many rows
// and tiles. "by 4": tiles whose statistics are found at once.
struct Row {
  const char* problem;
  std::array<const char*, 5> plans;
};

const Row kTable[] = {
    {"batch/forward_training/f32/ncl/n16_c100_l1",
     {"segments of 1, 16x100, 1 thread", "segments of 1, 16x100, 1 thread",
      "segments of 1, 16x100, 1 thread", "segments of 1, 16x100, 1 thread",
      "segments of 1, 16x100, 1 thread"}},
    {"batch/forward_training/f32/ncl/n96_c1536_l1",
     {"segments of 1, 96x512 shared by rows, 2 threads",
      "segments of 1, 96x512 shared by rows, 4 threads",
      "segments of 1, 96x512 shared by rows, 2 threads", "segments of 1, 96x512, 1 thread",
      "segments of 1, 96x512 shared by rows, 2 threads"}},
    {"batch/forward_training/f32/ncl/n2000_c768_l1",
     {"segments of 1, 2000x768 shared by rows read twice, 2 threads",
      "segments of 1, 2000x512 shared by rows, 8 threads",
      "segments of 1, 2000x768 shared by rows read twice, 2 threads",
      "segments of 1, 2000x768 read twice, 1 thread, streaming, 12288 ahead",
      "segments of 1, 2000x768 shared by rows read twice, 2 threads, 12288 ahead"}},
    {"batch/forward_training/f32/ncl/n20000_c1000_l1",
     {"segments of 1, 20000x1000 shared by rows read twice, 2 threads, streaming, 16000 ahead",
      "segments of 1, 20000x1000 shared by rows read twice, 8 threads, streaming, 16000 ahead",
      "segments of 1, 20000x1000 shared by rows read twice, 2 threads, streaming, 16000 ahead",
      "segments of 1, 20000x1000 read twice, 1 thread, streaming, 16000 ahead",
      "segments of 1, 20000x1000 shared by rows read twice, 2 threads, 16000 ahead"}},
    {"batch/forward_training/f32/ncl/n65536_c3_l1",
     {"segments of 1, 64 packed, 65536x3 shared by rows read twice, 2 threads",
      "segments of 1, 64 packed, 65536x3 shared by rows, 4 threads",
      "segments of 1, 64 packed, 65536x3 shared by rows, 2 threads",
      "segments of 1, 64 packed, 65536x3 read twice, 1 thread",
      "segments of 1, 64 packed, 65536x3 shared by rows read twice, 2 threads"}},
    {"batch/forward_training/f32/ncl/n24_c48_l96",
     {"segments of 96, 24x12, 2 threads", "segments of 96, 24x12, 4 threads",
      "segments of 96, 24x24, 2 threads", "segments of 96, 24x21, 1 thread",
      "segments of 96, 24x21 shared by rows, 2 threads"}},
    {"batch/forward_training/f32/ncl/n48_c96_l1536",
     {"segments of 1536, 48x1 shared by rows, 2 threads, streaming, next block",
      "segments of 1536, 48x2, 8 threads, streaming, next block",
      "segments of 1536, 48x2, 2 threads, streaming, next block",
      "segments of 1536, 48x1, 1 thread, streaming, next block",
      "segments of 1536, 48x1 shared by rows, 2 threads, next block"}},
    {"batch/forward_training/f32/ncl/n6_c24_l40000",
     {"segments of 40000, 6x1 shared by segments read twice, 2 threads, streaming, 15360000 ahead",
      "segments of 40000, 6x6 shared by segments, 8 threads, next block",
      "segments of 40000, 6x1 shared by segments, 2 threads, streaming, next block",
      "segments of 40000, 6x1, 1 thread, streaming, next block",
      "segments of 40000, 6x1 shared by segments, 2 threads, next block"}},
    {"batch/forward_training/f64/nlc/n32_c128_l301",
     {"segments of 1, 9632x128 shared by rows read twice, 2 threads",
      "segments of 1, 9632x128 shared by rows read twice, 8 threads",
      "segments of 1, 9632x128 shared by rows read twice, 2 threads, 2048 ahead",
      "segments of 1, 9632x128 read twice, 1 thread, streaming, 2048 ahead",
      "segments of 1, 9632x128 shared by rows read twice, 2 threads, 2048 ahead"}},
    {"batch/forward_inference/f32/ncl/n20000_c1000_l1",
     {"segments of 1, 20000x1000 shared by rows, 2 threads, streaming, 512 ahead",
      "segments of 1, 20000x1000 shared by rows, 8 threads, streaming, 512 ahead",
      "segments of 1, 20000x1000 shared by rows, 2 threads, streaming, 512 ahead",
      "segments of 1, 20000x1000, 1 thread, streaming, 512 ahead",
      "segments of 1, 20000x1000 shared by rows, 2 threads, 512 ahead"}},
    {"batch/forward_inference/f32/ncl/n48_c96_l1536",
     {"segments of 1536, 48x96 shared by rows, 2 threads, streaming",
      "segments of 1536, 48x96 shared by rows, 8 threads, streaming",
      "segments of 1536, 48x96 shared by rows, 2 threads, streaming",
      "segments of 1536, 48x96, 1 thread, streaming",
      "segments of 1536, 48x96 shared by rows, 2 threads"}},
    {"batch/forward_inference/f32/ncl/n1_c1_l1",
     {"segments of 1, 1x1, 1 thread", "segments of 1, 1x1, 1 thread",
      "segments of 1, 1x1, 1 thread", "segments of 1, 1x1, 1 thread",
      "segments of 1, 1x1, 1 thread"}},
    {"batch/backward/f32/ncl/n20000_c1000_l1",
     {"segments of 1, 20000x1000 shared by rows read twice, 2 threads, streaming, 16000 ahead",
      "segments of 1, 20000x1000 shared by rows read twice, 8 threads, streaming, 16000 ahead",
      "segments of 1, 20000x1000 shared by rows read twice, 2 threads, streaming, 16000 ahead",
      "segments of 1, 20000x1000 read twice, 1 thread, streaming, 16000 ahead",
      "segments of 1, 20000x1000 shared by rows read twice, 2 threads, 16000 ahead"}},
    {"batch/backward/bf16/nlc/n32_c256_l835",
     {"segments of 1, 26720x256 shared by rows read twice, 2 threads, 4096 ahead",
      "segments of 1, 26720x256 shared by rows read twice, 8 threads, 4096 ahead",
      "segments of 1, 26720x256 shared by rows read twice, 2 threads, streaming, 4096 ahead",
      "segments of 1, 26720x256 read twice, 1 thread, streaming, 4096 ahead",
      "segments of 1, 26720x256 shared by rows read twice, 2 threads, 4096 ahead"}},
    {"layer/forward_training/f32/ncl/n64_c1024_l1",
     {"rows by 4, 2 threads", "rows by 4, 4 threads", "rows by 4, 2 threads", "rows by 4, 1 thread",
      "rows by 4, 2 threads"}},
    {"layer/forward_training/f32/ncl/n65536_c1024_l1",
     {"rows by 4, 2 threads, streaming, 4096 ahead", "rows by 4, 8 threads, streaming, 4096 ahead",
      "rows by 4, 2 threads, streaming, 4096 ahead", "rows by 4, 1 thread, streaming, 4096 ahead",
      "rows by 4, 2 threads, 4096 ahead"}},
    {"layer/backward/f32/ncl/n65536_c1024_l1",
     {"rows by 4, 2 threads, streaming", "rows by 4, 8 threads, streaming",
      "rows by 4, 2 threads, streaming", "rows by 4, 1 thread, streaming", "rows by 4, 2 threads"}},
    {"rms/forward_training/f16/ncl/n3_c4096_l1",
     {"rows by 2, 1 thread", "rows by 2, 1 thread", "rows by 2, 1 thread", "rows by 2, 1 thread",
      "rows by 2, 1 thread"}},
    {"instance/forward_training/f32/ncl/n4096_c256_l8",
     {"short, 2 threads, streaming, 1024 ahead", "short, 8 threads, streaming, 1024 ahead",
      "short, 2 threads, streaming, 1024 ahead", "short, 1 thread, streaming, 1024 ahead",
      "short, 2 threads, 1024 ahead"}},
    {"instance/backward/f32/ncl/n64_c256_l300",
     {"segments of 300, 1x27, 2 threads, streaming, next block",
      "segments of 300, 1x27, 8 threads, streaming, next block",
      "segments of 300, 1x27, 2 threads, streaming, next block",
      "segments of 300, 1x27, 1 thread, streaming, next block",
      "segments of 300, 1x27, 2 threads, next block"}},
    {"group/forward_training/f32/nlc/n32_c128_l301_g8",
     {"segments of 1, 301x8, 2 threads", "segments of 1, 301x8, 8 threads",
      "segments of 1, 301x8, 2 threads", "segments of 1, 301x8, 1 thread, streaming, next block",
      "segments of 1, 301x8 shared by rows, 2 threads, next block"}},
    {"none/forward_training/f32/ncl/n2000_c768_l1",
     {"copy, 2 threads", "copy, 8 threads", "copy, 2 threads", "copy, 1 thread",
      "copy, 2 threads"}},
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
       {&Settings::residency, &Settings::fetching, &Settings::sharing, &Settings::columns}) {
    all.emplace_back().*off = false;
  }
  all.emplace_back().streaming = Settings::Streaming::kOn;
  all.emplace_back().streaming = Settings::Streaming::kOff;
  all.emplace_back().streaming_from = 1 * kMiB;
  all.emplace_back().tiny = true;
  for (const auto& [name, given] : kMachines) {
    for (const auto& [id, plans] : kTable) {
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
    const Index from = with.streaming_from > 0 ? with.streaming_from : on.streaming_from;
    const bool expected =
        with.streaming == Settings::Streaming::kOn ||
        (with.streaming == Settings::Streaming::kAuto && compulsory_bytes(of) >= from);
    EXPECT_EQ(make_plan(of, on, with).streaming, expected);
  });
}

TEST(Plan, WhetherItStreamsDoesNotDependOnWhatTheSystemSaysOfTheLastCache) {
  Machine machine = kGuest;
  for (const auto& [id, plans] : kTable) {
    const bool streams = make_plan(problem(id), kGuest, {}).streaming;
    for (const Index last : {Index{0}, 1 * kMiB, 32 * kMiB, 3000 * kMiB}) {
      machine.last = last;
      EXPECT_EQ(make_plan(problem(id), machine, {}).streaming, streams) << id << ", " << last;
    }
  }
}

// A resident block is in the own caches of those who work on it, or in a quarter of the last one.
TEST(Plan, HasNoBlockLargerThanItsCache) {
  for_each_plan([](const Problem& of, const Machine& on, const Settings& with) {
    const Plan plan = make_plan(of, on, with);
    if (plan.kernel != KernelKind::kSegments || plan.one_read || !plan.resident) return;
    const Machine has = sane(with.tiny ? tiny(on) : on);
    const Index inputs = of.backward() ? 2 : 1;
    const Index bytes = plan.block_rows * plan.block_tiles * plan.tiles.tile_columns *
                        static_cast<Index>(size_of(of.dtype)) * inputs;
    const Index own = has.own * (plan.shared ? plan.threads : 1);
    EXPECT_LE(bytes, std::max(own, has.last / 4)) << text(plan);
  });
}

TEST(Plan, CoversTheMatrix) {
  for_each_plan([](const Problem& of, const Machine& on, const Settings& with) {
    const Plan plan = make_plan(of, on, with);
    EXPECT_EQ(plan.tiles, tiles_of(of));
    if (plan.kernel != KernelKind::kSegments) return;
    EXPECT_EQ(plan.blocks_down * plan.block_rows, plan.tiles.rows);
    EXPECT_GE(plan.block_tiles, 1);
    EXPECT_GE(plan.blocks_across() * plan.block_tiles, plan.tiles.across());
    EXPECT_EQ(plan.block_rows % plan.packed_rows, 0);
    EXPECT_EQ(plan.segment * plan.segments_of_tile, plan.tiles.tile_columns * plan.packed_rows);
  });
}

TEST(Plan, PrefetchesOnlyWhatIsInMemory) {
  for_each_plan([](const Problem& of, const Machine& on, const Settings& with) {
    const Plan plan = make_plan(of, on, with);
    if (plan.prefetch != Prefetch::kNone) {
      EXPECT_TRUE(plan.from_memory && with.fetching);
    }
    EXPECT_EQ(plan.ahead != 0, plan.prefetch == Prefetch::kAhead);
  });
}

TEST(Plan, SaysTheMachineThatItIsFor) {
  const Problem large = problem("batch/forward_training/f32/ncl/n48_c96_l1536");
  EXPECT_EQ(make_plan(large, kAmd, {}).detail(),
            "runs, 2 threads share rows, fetching, streaming, streams from 40 MiB");
  Machine never = kAmd;
  never.streaming_from = kNeverStreams;
  EXPECT_EQ(make_plan(large, never, {}).detail(),
            "runs, 2 threads share rows, fetching, never streams");
  EXPECT_EQ(make_plan(large, kAmd, {.streaming = Settings::Streaming::kOff}).detail(),
            "runs, 2 threads share rows, fetching");
  EXPECT_EQ(make_plan(large, kAmd, {.streaming_from = 1000}).detail(),
            "runs, 2 threads share rows, fetching, streaming, streams from 1000 bytes");
}

TEST(SaneMachine, HasASmallCacheWhereNoneIsKnown) {
  const Machine made = sane(kUnknown);
  EXPECT_EQ(made.first, 32 * kKiB);
  EXPECT_EQ(made.own, 256 * kKiB);
  EXPECT_EQ(made.last, 4 * kMiB);
  Machine nonsense = kUnknown;
  nonsense.threads = 0;
  EXPECT_EQ(sane(nonsense).threads, 1);
}

// What is told of the last cache is believed up to where streaming starts to win, if it loses
// below.
TEST(SaneMachine, DoesNotBelieveInALastCacheBeyondWhereStreamingWins) {
  EXPECT_EQ(sane(kGuest).last, 20 * kMiB);
  EXPECT_EQ(sane(kAmd).last, 32 * kMiB);
  Machine early = kGuest;
  early.streaming_from = least_copied(early);  // the first size that is tried: nothing was below
  EXPECT_EQ(sane(early).last, 300 * kMiB);
}

}  // namespace
}  // namespace simd
