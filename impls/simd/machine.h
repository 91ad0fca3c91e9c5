// What this backend decides by: properties of the machine, read or measured once.
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

struct Caches {
  Index first;  // bytes of that for data next to a core
  Index own;    // bytes of the largest cache that a core has to itself
  Index last;   // bytes of the last level, as far as a core reaches
};

namespace detail {

// What Linux tells of cache `index` of the first core: "1024K", or 0 where there is none. The C
// library knows sizes too, but on some machines those of all chips of the package together.
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
    // Systems that do not tell are taken for small machines.
    const Index first = detail::cache_bytes(1);
    const Index second = detail::cache_bytes(2);
    const Index third = detail::cache_bytes(3);
    const Index own = second > 0 ? second : 256 * 1024;
    return Caches{first > 0 ? first : 32 * 1024, own,
                  std::max(own, third > 0 ? third : 4 * 1024 * 1024)};
  }();
  return all;
}

// What the cut of the work goes by.
struct Limits {
  Caches caches;
  // Of a row, in bytes. Jumping from row to row costs the more the shorter the pieces are: machines
  // fetch ahead within a page, know few translations of addresses at a time, and fetch what another
  // thread is just writing. But what is kept for each column must leave room in the first cache.
  Index wide_piece = 2048;          // in one cache, or shared by threads
  Index wide_piece_of_one = 4096;   // where the columns beside it are another thread's
  Index widest_piece = 8 * 1024;    // from memory
  Index piece_of_row = 64 * 1024;   // where a tile is no more than one row
  Index piece_of_run = 1024;        // values that a thread has of a run that it shares
  Index fewest_values = 16 * 1024;  // of a unit: it has a price
  bool threads_are_free = false;
};

// Those of this machine, or of one so small that problems of some values are cut in every way.
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

// The least time that something takes, in ns: others on the machine only make it longer.
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

// What a parallel region costs.
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

// Bytes that one thread reads and writes in a ns, within the cache of its core.
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

// As many of `threads` as make a piece of work faster that reads and writes so many bytes: a
// parallel region has a price, which what it saves must exceed.
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
  // All of them, where they are no power of two.
  if (alone / threads + detail::region_ns(threads) < least) best = threads;
  return best;
}

}  // namespace simd
