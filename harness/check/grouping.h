// Which values share a statistic, and which share an affine element. Everything that the check
// knows about a norm rests on these functions. They are written in terms of (i, k, j), not of
// memory, unlike what backends use (harness/core/tiles.h): a second opinion.
#pragma once

#include <cstdint>

#include "harness/core/problem.h"

namespace normbench {

// Statistics of one sample or, for batch norm, of one mini-batch.
inline std::int64_t statistics_side_by_side(const Problem& p) {
  switch (p.norm) {
    case Norm::kGroup:
      return p.groups;
    case Norm::kLayer:
    case Norm::kRms:
      return 1;
    default:
      return p.c;
  }
}

inline bool across_samples(const Problem& p) {
  return p.norm == Norm::kBatch || p.norm == Norm::kNone;
}

// Number of statistics of the problem: the rows times columns of mean, variance and rstd.
inline std::int64_t statistic_count(const Problem& p) {
  return (across_samples(p) ? p.mini_batches() : p.n) * statistics_side_by_side(p);
}

// The statistic that normalizes element (i, k, j) of (N, C, L), by its place in memory.
inline std::int64_t statistic_of(const Problem& p, std::int64_t i, std::int64_t k, std::int64_t) {
  const std::int64_t beside = statistics_side_by_side(p);
  return (across_samples(p) ? i / p.batch : i) * beside + k / (p.c / beside);
}

// Values per statistic.
inline std::int64_t values_per_statistic(const Problem& p) {
  return (across_samples(p) ? p.batch : 1) * (p.c / statistics_side_by_side(p)) * p.l;
}

// The number of element (i, k, j) among the values of its statistic.
inline std::int64_t value_of(const Problem& p, std::int64_t i, std::int64_t k, std::int64_t j) {
  const std::int64_t channels = p.c / statistics_side_by_side(p);
  const std::int64_t sample = across_samples(p) ? i % p.batch : 0;
  return (sample * channels + k % channels) * p.l + j;
}

inline bool affine_per_element(const Problem& p) {
  return p.norm == Norm::kLayer || p.norm == Norm::kRms;
}

// Number of elements of gamma and beta.
inline std::int64_t affine_count(const Problem& p) {
  return affine_per_element(p) ? p.c * p.l : p.c;
}

// The element of gamma and beta that scales and shifts element (i, k, j), by its place in memory.
inline std::int64_t affine_of(const Problem& p, std::int64_t, std::int64_t k, std::int64_t j) {
  if (!affine_per_element(p)) return k;
  return p.layout == Layout::kNcl ? k * p.l + j : j * p.c + k;
}

// The element of dgamma and dbeta to which element (i, k, j) adds.
inline std::int64_t gradient_of(const Problem& p, std::int64_t i, std::int64_t k, std::int64_t j) {
  return i / p.batch * affine_count(p) + affine_of(p, i, k, j);
}

// Position of element (i, k, j) in memory.
inline std::int64_t offset_of(const Problem& p, std::int64_t i, std::int64_t k, std::int64_t j) {
  return p.layout == Layout::kNcl ? (i * p.c + k) * p.l + j : (i * p.l + j) * p.c + k;
}

// Some samples and some channels, at all positions.
struct Slab {
  std::int64_t first_sample, last_sample, first_channel, last_channel;  // last: one past the end
};

// Calls visit(i, k, j) for every element of the slab, samples in order.
template <class Visit>
void for_each_element_of(const Problem& p, const Slab& slab, Visit& visit) {
  for (std::int64_t i = slab.first_sample; i < slab.last_sample; ++i) {
    for (std::int64_t k = slab.first_channel; k < slab.last_channel; ++k) {
      for (std::int64_t j = 0; j < p.l; ++j) visit(i, k, j);
    }
  }
}

enum class Split { kSamples, kChannels };

// Calls work(slab), in parallel, for slabs that cover the problem: whole samples, or whole
// channels.
template <class Work>
void for_each_slab(const Problem& p, Split split, Work work) {
  const std::int64_t all = split == Split::kSamples ? p.n : p.c;
  const std::int64_t most = split == Split::kSamples ? 16 : 64;
#pragma omp parallel for schedule(dynamic) if (p.elements() > 65536)
  for (std::int64_t first = 0; first < all; first += most) {
    const std::int64_t last = first + most < all ? first + most : all;
    work(split == Split::kSamples ? Slab{first, last, 0, p.c} : Slab{0, p.n, first, last});
  }
}

// Calls visit(i, k, j) for every element; visits to one slab never overlap in time.
template <class Visit>
void for_each_element(const Problem& p, Split split, Visit visit) {
  for_each_slab(p, split, [&](const Slab& slab) { for_each_element_of(p, slab, visit); });
}

// The split that leaves every statistic whole; channels leave every affine element whole.
inline Split by_statistic(const Problem& p) {
  return across_samples(p) ? Split::kChannels : Split::kSamples;
}

}  // namespace normbench
