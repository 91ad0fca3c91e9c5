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
  Index own;   // bytes of the largest cache that a core has to itself
  Index last;  // bytes of the last level, as far as a core reaches
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
    const Index second = detail::cache_bytes(2);
    const Index third = detail::cache_bytes(3);
    const Index own = second > 0 ? second : 256 * 1024;
    return Caches{own, std::max(own, third > 0 ? third : 4 * 1024 * 1024)};
  }();
  return all;
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
inline int useful_threads(Index bytes, int threads) {
  if (threads == 1) return 1;
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
