// Which values share a statistic, and which share an affine element: the definitions, in terms of
// (i, k, j), not of memory, unlike what backends use (harness/core/tiles.h): a second opinion.
// elements.h has the same for loops over memory; a test compares the two.
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

// Terms of the longest sum: over a statistic or, within a mini-batch, over a parameter.
inline std::int64_t most_terms(const Problem& p) {
  const std::int64_t of_parameter = affine_per_element(p) ? p.batch : p.batch * p.l;
  return of_parameter > values_per_statistic(p) ? of_parameter : values_per_statistic(p);
}

// Position of element (i, k, j) in memory.
inline std::int64_t offset_of(const Problem& p, std::int64_t i, std::int64_t k, std::int64_t j) {
  return p.layout == Layout::kNcl ? (i * p.c + k) * p.l + j : (i * p.l + j) * p.c + k;
}

}  // namespace normbench
