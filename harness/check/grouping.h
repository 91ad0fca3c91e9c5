// Which values share a statistic, and which share an affine element. Everything that the check
// knows about a norm rests on these two functions.
#pragma once

#include <cstdint>

#include "harness/core/problem.h"

namespace normbench {

// Number of statistics of the problem: the rows times columns of mean, variance and rstd.
inline std::int64_t statistic_count(const Problem& p) { return p.mini_batches() * p.c; }

// The statistic that normalizes element (i, k, j) of (N, C, L).
inline std::int64_t statistic_of(const Problem& p, std::int64_t i, std::int64_t k, std::int64_t) {
  return i / p.batch * p.c + k;
}

// Values per statistic.
inline std::int64_t values_per_statistic(const Problem& p) { return p.values_per_channel(); }

// Number of elements of gamma and beta.
inline std::int64_t affine_count(const Problem& p) { return p.c; }

// The element of gamma and beta that scales and shifts element (i, k, j).
inline std::int64_t affine_of(const Problem&, std::int64_t, std::int64_t k, std::int64_t) {
  return k;
}

// Position of element (i, k, j) in memory.
inline std::int64_t offset_of(const Problem& p, std::int64_t i, std::int64_t k, std::int64_t j) {
  return p.layout == Layout::kNcl ? (i * p.c + k) * p.l + j : (i * p.l + j) * p.c + k;
}

// Calls visit(i, k, j) for every element of channels first .. last - 1: samples, and so
// mini-batches, in order.
template <class Visit>
void for_each_element_of(const Problem& p, std::int64_t first, std::int64_t last, Visit& visit) {
  for (std::int64_t i = 0; i < p.n; ++i) {
    for (std::int64_t k = first; k < last; ++k) {
      for (std::int64_t j = 0; j < p.l; ++j) visit(i, k, j);
    }
  }
}

// Calls slab(first, last) for ranges of channels that cover them all, in parallel.
template <class Slab>
void for_each_slab(const Problem& p, Slab slab) {
  constexpr std::int64_t kChannels = 64;
#pragma omp parallel for schedule(dynamic) if (p.elements() > 65536)
  for (std::int64_t first = 0; first < p.c; first += kChannels) {
    slab(first, first + kChannels < p.c ? first + kChannels : p.c);
  }
}

// Calls visit(i, k, j) for every element; visits to one channel never overlap in time.
template <class Visit>
void for_each_element(const Problem& p, Visit visit) {
  for_each_slab(p, [&](std::int64_t first, std::int64_t last) {
    for_each_element_of(p, first, last, visit);
  });
}

}  // namespace normbench
