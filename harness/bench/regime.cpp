// Where a working set lives.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "harness/bench/machine.h"

namespace normbench {
namespace {

constexpr std::int64_t kKibi = 1024;
constexpr std::int64_t kMebi = 1024 * kKibi;
constexpr CacheLevel kUsualL1 = {.level = 1, .bytes = 32 * kKibi};
constexpr CacheLevel kUsualL2 = {.level = 2, .bytes = kMebi};
constexpr CacheLevel kUsualL3 = {.level = 3, .bytes = 32 * kMebi};

// The caches by which working sets are judged: those read, completed.
std::vector<CacheLevel> assumed_caches(const Machine& machine) {
  std::vector<CacheLevel> caches = machine.caches;
  const auto knows = [&machine](int level) {
    return std::any_of(machine.caches.begin(), machine.caches.end(),
                       [level](const CacheLevel& cache) { return cache.level == level; });
  };
  const auto assume = [&caches](CacheLevel cache, int instances) {
    cache.instances = instances;
    caches.push_back(cache);
  };
  if (!knows(1)) assume(kUsualL1, machine.affinity);
  if (!knows(2)) assume(kUsualL2, machine.affinity);
  if (!knows(2) && !knows(3)) assume(kUsualL3, 1);
  return caches;
}

std::int64_t capacity(std::vector<CacheLevel> caches, int level, std::int64_t threads) {
  std::sort(caches.begin(), caches.end(),
            [](const CacheLevel& a, const CacheLevel& b) { return a.bytes > b.bytes; });
  std::int64_t bytes = 0;
  for (const CacheLevel& cache : caches) {
    if (cache.level != level) continue;
    const std::int64_t used = std::min<std::int64_t>(threads, std::max(1, cache.instances));
    bytes += used * cache.bytes;
    threads -= used;
  }
  return bytes;
}

}  // namespace

std::string regime(const Machine& machine, std::int64_t bytes, int threads) {
  const std::vector<CacheLevel> caches = assumed_caches(machine);
  for (int level = 1; level <= 3; ++level) {
    if (bytes <= capacity(caches, level, std::max(1, threads))) return fmt::format("L{}", level);
  }
  return "DRAM";
}

std::int64_t last_level_bytes(const Machine& machine) {
  int last = 0;
  for (const CacheLevel& cache : machine.caches) last = std::max(last, cache.level);
  const std::int64_t bytes =
      capacity(machine.caches, last, std::numeric_limits<std::int32_t>::max());
  return last < 3 ? std::max(bytes, kUsualL3.bytes) : bytes;
}

}  // namespace normbench
