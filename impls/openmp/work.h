// How work is split over threads, in all kernels of this backend.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "harness/core/problem.h"

namespace openmp {

using Index = std::int64_t;

// What is read twice is read in blocks, the second time from an L2 of common size.
constexpr Index kBlockBytes = 512 * 1024;
// A parallel region costs some microseconds: less work than this per thread is not worth it
// (measured: two threads break even between 128 and 256 KB in total).
constexpr Index kBytesPerThread = 96 * 1024;

// A pivot to subtract before values are squared. It is never infinite: then the mean of infinite
// values would be NaN.
template <class Real>
Real as_shift(Real value) {
  return std::isfinite(value) ? value : Real{0};
}

struct Range {
  Index first, size;
};

// Part `part` of 0 .. all, if that is divided into `parts` parts of (nearly) equal size.
inline Range share_of(Index all, Index part, Index parts) {
  const Index first = all * part / parts;
  return {first, all * (part + 1) / parts - first};
}

// Calls work(part) for parts 0 .. parts - 1, each on a thread of its own.
template <class Work>
void each_part(int parts, Work work) {
  // Even a region of one thread costs more than the smallest problems.
  if (parts == 1) return work(Index{0});
#pragma omp parallel for schedule(static) num_threads(parts)
  for (Index part = 0; part < parts; ++part) work(part);
}

// The number of threads, at most `threads`, that a mini-batch has enough work for.
inline int useful_threads(const normbench::Problem& problem, int threads) {
  const Index bytes = normbench::compulsory_bytes(problem) / problem.mini_batches();
  return static_cast<int>(std::clamp<Index>(bytes / kBytesPerThread, 1, threads));
}

}  // namespace openmp
