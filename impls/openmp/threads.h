// How work is shared among threads, in both kernels.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

#include "harness/core/problem.h"

namespace normbench::openmp {

using Index = std::int64_t;

// A parallel region costs some microseconds: less work than this per thread is not worth it
// (measured: two threads break even between 128 and 256 KB in total).
constexpr Index kBytesPerThread = 96 * 1024;

struct Range {
  Index first, size;

  Index end() const { return first + size; }
};

// Share `part` of 0 .. all, cut into `parts` shares of (nearly) equal size.
inline Range share_of(Index all, Index part, Index parts) {
  const Index first = all * part / parts;
  return {first, all * (part + 1) / parts - first};
}

// Whether `tasks` of equal size keep all threads busy.
inline bool is_balanced(Index tasks, Index threads) {
  return tasks % threads == 0 || tasks >= 4 * threads;
}

// The number of threads, at most `threads`, that a mini-batch has enough work for.
inline int useful_threads(const Problem& problem, int threads) {
  const Index bytes = compulsory_bytes(problem) / problem.mini_batches();
  return static_cast<int>(std::clamp<Index>(bytes / kBytesPerThread, 1, threads));
}

// Calls work(thread, team) on every thread of a team of at most `threads`.
template <class Work>
void on_each_thread(int threads, Work work) {
  // Even a region of one thread costs more than the smallest problems.
  if (threads == 1) return work(Index{0}, Index{1});
#pragma omp parallel num_threads(threads)
  work(Index{omp_get_thread_num()}, Index{omp_get_num_threads()});
}

// Waits for all threads of the team.
inline void barrier() {
#pragma omp barrier
}

}  // namespace normbench::openmp
