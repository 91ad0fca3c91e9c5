// Properties of the machine that this backend decides by, read or measured once.
#pragma once

#include <omp.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "impls/simd/work.h"

namespace simd {

// Sizes of caches, in bytes.
struct Caches {
  Index first;  // L1 data cache
  Index own;    // largest cache private to a core
  Index last;   // last-level cache (LLC), as far as a core reaches
};

namespace detail {

// The size in bytes of cache `index` of the first core, from sysfs ("1024K"); 0 unless it is a data
// cache of this level. sysconf() knows sizes too, but on some machines it adds up all dies of the
// package.
inline Index cache_bytes(const std::string& index, Index level) {
  const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + index + "/";
  Index found_level = 0;
  Index kilobytes = 0;
  if (!(std::ifstream(folder + "level") >> found_level) || found_level != level) return 0;
  std::string kind;
  std::ifstream(folder + "type") >> kind;
  if (kind == "Instruction") return 0;
  std::ifstream(folder + "size") >> kilobytes;
  return kilobytes * 1024;
}

inline Index cache_bytes(Index level) {
  Index found = 0;
  for (const char* index : {"0", "1", "2", "3", "4"}) {
    found = std::max(found, cache_bytes(index, level));
  }
  return found;
}

}  // namespace detail

inline const Caches& caches() {
  static const Caches all = [] {
    // Fallbacks are those of a small machine.
    const Index first = detail::cache_bytes(1);
    const Index second = detail::cache_bytes(2);
    const Index third = detail::cache_bytes(3);
    const Index own = second > 0 ? second : 256 * 1024;
    return Caches{first > 0 ? first : 32 * 1024, own,
                  std::max(own, third > 0 ? third : 4 * 1024 * 1024)};
  }();
  return all;
}

// Thresholds for partitioning the work.
struct Limits {
  Caches caches;
  // Bytes of a contiguous piece of a row. Short pieces defeat the page-bounded prefetcher, cost TLB
  // misses, and share prefetched lines with other threads' writes. Long pieces leave no room in the
  // L1 for the coefficients of their columns.
  Index wide_piece = 2048;          // cache-resident, on one thread or shared by all
  Index wide_piece_of_one = 4096;   // the adjacent columns are another thread's
  Index widest_piece = 8 * 1024;    // not cache-resident
  Index piece_of_row = 64 * 1024;   // tiles of one row
  Index piece_of_run = 1024;        // values of a run per thread, if threads split runs
  Index fewest_values = 16 * 1024;  // values of a unit, to amortize its overhead
  bool threads_are_free = false;
};

// The limits of this machine. If settings.tiny, those of a machine so small that problems of a few
// values are partitioned in every way.
inline const Limits& limits(const Settings& settings) {
  static const Limits own{.caches = caches()};
  static const Limits tiny{.caches = {512, 2048, 8192},
                           .wide_piece = 64,
                           .wide_piece_of_one = 128,
                           .widest_piece = 256,
                           .piece_of_row = 512,
                           .piece_of_run = 16,
                           .fewest_values = 16,
                           .threads_are_free = true};
  return settings.tiny ? tiny : own;
}

namespace detail {

// The least time of work() in ns, since other load on the machine only adds to it.
template <class Work>
double least_ns(int attempts, Work work) {
  using Clock = std::chrono::steady_clock;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < attempts; ++i) {
    const auto start = Clock::now();
    work();
    least = std::min(least, std::chrono::duration<double, std::nano>(Clock::now() - start).count());
  }
  return least;
}

// The overhead of a parallel region, in ns.
inline double region_ns(int threads) {
  static std::map<int, double> known;
  const auto [place, is_new] = known.try_emplace(threads);
  if (is_new) {
    constexpr int kRegions = 10;
    place->second = least_ns(20,
                             [=] {
                               for (int i = 0; i < kRegions; ++i) {
#pragma omp parallel num_threads(threads)
                                 { asm volatile("" ::: "memory"); }
                               }
                             }) /
                    kRegions;
  }
  return place->second;
}

// Bytes that one thread reads and writes per ns while it copies within its private cache.
inline double bytes_per_ns() {
  static const double known = [] {
    const auto size = static_cast<std::size_t>(caches().own / 4);
    const std::vector<char> from(size, 1);
    std::vector<char> to(size);
    const double ns = least_ns(10, [&] {
      std::memcpy(to.data(), from.data(), size);
      asm volatile("" : : "r"(to.data()) : "memory");
    });
    return 2 * static_cast<double>(size) / ns;
  }();
  return known;
}

}  // namespace detail

// The number of threads, at most `threads`, that is estimated to be fastest for work that moves
// `bytes`: more threads must save more than a parallel region costs.
inline int useful_threads(Index bytes, int threads, const Settings& settings) {
  if (threads == 1 || limits(settings).threads_are_free) return threads;
  const double alone = static_cast<double>(bytes) / detail::bytes_per_ns();
  int best = 1;
  double least = alone;
  for (int count = 2; count <= threads; count *= 2) {
    const int some = std::min(count, threads);
    const double ns = alone / some + detail::region_ns(some);
    if (ns < least) {
      least = ns;
      best = some;
    }
  }
  // The loop tries powers of two only.
  if (alone / threads + detail::region_ns(threads) < least) best = threads;
  return best;
}

}  // namespace simd
