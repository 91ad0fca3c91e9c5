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

// The caches as the system describes them, but for an L3 that was measured.
std::vector<CacheLevel> with_measured_size(const Machine& machine) {
  std::vector<CacheLevel> caches = machine.caches;
  if (!machine.measured_last_level) return caches;
  const auto is_l3 = [](const CacheLevel& cache) { return cache.level == 3; };
  if (std::none_of(caches.begin(), caches.end(), is_l3)) {
    caches.push_back({.level = 3, .shared_by = machine.online});
  }
  for (CacheLevel& cache : caches) {
    if (is_l3(cache)) cache.bytes = *machine.measured_last_level;
  }
  return caches;
}

// The caches by which working sets are judged: those read, with the last one as measured,
// completed.
std::vector<CacheLevel> assumed_caches(const Machine& machine) {
  std::vector<CacheLevel> caches = with_measured_size(machine);
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
  if (!knows(2) && !knows(3) && !machine.measured_last_level) assume(kUsualL3, 1);
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
  const std::vector<CacheLevel> caches = with_measured_size(machine);
  int last = 0;
  for (const CacheLevel& cache : caches) last = std::max(last, cache.level);
  const std::int64_t bytes = capacity(caches, last, std::numeric_limits<std::int32_t>::max());
  return last < 3 ? std::max(bytes, kUsualL3.bytes) : bytes;
}

std::int64_t said_last_level_bytes(const Machine& machine) {
  int last = 0;
  std::int64_t bytes = 0;
  for (const CacheLevel& cache : machine.caches) {
    if (cache.level > last) bytes = 0;
    last = std::max(last, cache.level);
    if (cache.level == last) bytes = std::max(bytes, cache.bytes);
  }
  return bytes;
}

}  // namespace normbench
