// Gradients of parameters that several tiles add to: each thread has sums of its own, and all of
// them add those up.
#pragma once

#include <vector>

#include "impls/simd/functions.h"

namespace simd {

// Gradients of mini-batches are sums of their own.
inline Index parts_of(const normbench::Problem& problem) {
  return problem.backward() && problem.affine ? problem.mini_batches() : 1;
}

// What a thread adds up.
template <class Real>
struct Gradients {
  explicit Gradients(std::size_t numbers)
      : dbeta(numbers), dgamma(numbers), scratch(2 * numbers, 0) {}

  void clear() {
    std::fill(dbeta.begin(), dbeta.end(), 0.0);
    std::fill(dgamma.begin(), dgamma.end(), 0.0);
  }

  Numbers<double> dbeta, dgamma;
  Numbers<Real> scratch;  // of floats on their way there
};

// Where the sums for one parameter lie.
struct Places {
  Index first, end, step;
};

// Called by all threads of a team, when all that a mini-batch adds is to be in their sums;
// places_of(i) are those of parameter i.
template <class Real, class PlacesOf>
void add_up_gradients(const std::vector<Gradients<Real>>& all, Index parameters,
                      const PlacesOf& places_of, int thread, int team, Real* dgamma, Real* dbeta) {
  const auto sum = [&](Numbers<double> Gradients<Real>::*of, const Places& places) {
    double total = 0;
    for (int k = 0; k < team; ++k) {
      const double* values = (all[static_cast<std::size_t>(k)].*of).data();
      for (Index at = places.first; at < places.end; at += places.step) total += values[at];
    }
    return static_cast<Real>(total);
  };
#pragma omp barrier
  const Range mine = share_of(parameters, thread, team, 16);
  for (Index i = mine.first; i < mine.first + mine.size; ++i) {
    const Places places = places_of(i);
    if (dgamma != nullptr) dgamma[i] = sum(&Gradients<Real>::dgamma, places);
    if (dbeta != nullptr) dbeta[i] = sum(&Gradients<Real>::dbeta, places);
  }
#pragma omp barrier
}

}  // namespace simd
