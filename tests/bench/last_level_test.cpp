// The size of the last cache, from latencies as machines of known sizes would show them.
#include "harness/bench/last_level.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace normbench {
namespace {

constexpr std::int64_t kMebi = std::int64_t{1} << 20;

struct Guest {
  std::string name;
  std::int64_t l2, l3;  // as they are
  double l2_ns, l3_ns, memory_ns;
  std::int64_t most;  // of the working sets
};

// A tenth of noise, upwards only, as of whatever else a machine does.
std::vector<Latency> latencies(const Guest& guest, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> noise(0, 0.1);
  std::vector<Latency> all;
  for (double bytes = static_cast<double>(guest.l2) / 2; bytes <= static_cast<double>(guest.most);
       bytes *= 1.3) {
    const double in_l2 = std::min(1.0, static_cast<double>(guest.l2) / bytes);
    const double in_l3 = std::max(in_l2, std::min(1.0, static_cast<double>(guest.l3) / bytes));
    const double ns =
        in_l2 * guest.l2_ns + (in_l3 - in_l2) * guest.l3_ns + (1 - in_l3) * guest.memory_ns;
    all.push_back({static_cast<std::int64_t>(bytes), ns * (1 + noise(random))});
  }
  return all;
}

TEST(LastLevel, IsFoundWithinAThird) {
  for (const Guest& guest : {Guest{"server", 2 * kMebi, 40 * kMebi, 8, 60, 130, 256 * kMebi},
                             Guest{"desktop", kMebi / 2, 32 * kMebi, 4, 12, 80, 128 * kMebi},
                             Guest{"laptop", kMebi, 8 * kMebi, 4, 14, 90, 64 * kMebi},
                             Guest{"far memory", 2 * kMebi, 60 * kMebi, 8, 70, 110, 256 * kMebi}}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const auto found = last_level_from(latencies(guest, seed), guest.l2);
      ASSERT_TRUE(found) << guest.name;
      const double ratio = static_cast<double>(*found) / static_cast<double>(guest.l3);
      EXPECT_GT(ratio, 1 / 1.4) << guest.name << " seed " << seed;
      EXPECT_LT(ratio, 1.4) << guest.name << " seed " << seed;
    }
  }
}

// What is not seen is not guessed.
TEST(LastLevel, IsNotToldWhereItEndsBeyondWhatWasMeasured) {
  const Guest huge{"huge", 2 * kMebi, 300 * kMebi, 8, 60, 130, 256 * kMebi};
  EXPECT_FALSE(last_level_from(latencies(huge, 1), huge.l2));
  const Guest flat{"flat", 2 * kMebi, 40 * kMebi, 8, 60, 65, 256 * kMebi};
  EXPECT_FALSE(last_level_from(latencies(flat, 1), flat.l2));
  EXPECT_FALSE(last_level_from({}, kMebi));
}

// 300 MiB for the whole host, of which a guest gets 40.
TEST(LastLevel, OfAGuestThatIsToldNonsenseDecidesItsRegimes) {
  Machine guest{.cores = 2,
                .affinity = 2,
                .caches = {{.level = 1, .bytes = 48 * 1024, .instances = 2},
                           {.level = 2, .bytes = 2 * kMebi, .instances = 2},
                           {.level = 3, .bytes = 300 * kMebi, .shared_by = 2}}};
  EXPECT_EQ(regime(guest, 100 * kMebi, 2), "L3");
  EXPECT_EQ(last_level_bytes(guest), 300 * kMebi);
  guest.measured_last_level = last_level_from(
      latencies({"", 2 * kMebi, 40 * kMebi, 8, 60, 130, 256 * kMebi}, 3), 2 * kMebi);
  EXPECT_EQ(regime(guest, 100 * kMebi, 2), "DRAM");
  EXPECT_EQ(regime(guest, 20 * kMebi, 2), "L3");
  EXPECT_EQ(regime(guest, 3 * kMebi, 2), "L2");
  EXPECT_LT(last_level_bytes(guest), 60 * kMebi);
  EXPECT_EQ(said_last_level_bytes(guest), 300 * kMebi);
}

TEST(LastLevel, IsAddedWhereTheSystemIsSilent) {
  Machine silent{.cores = 2, .affinity = 2, .caches = {{.level = 1, .bytes = 48 * 1024}}};
  silent.measured_last_level = 8 * kMebi;
  EXPECT_EQ(regime(silent, 4 * kMebi, 1), "L3");
  EXPECT_EQ(regime(silent, 20 * kMebi, 1), "DRAM");
  EXPECT_EQ(last_level_bytes(silent), 8 * kMebi);
}

TEST(Latencies, GrowWithTheWorkingSet) {
  const auto all = measure_latencies(read_machine());
  ASSERT_GE(all.size(), 6U);
  for (std::size_t at = 1; at < all.size(); ++at) {
    EXPECT_GT(all[at].bytes, all[at - 1].bytes);
    EXPECT_GT(all[at].ns, 0);
  }
}

}  // namespace
}  // namespace normbench
