// dgamma and dbeta where several tiles contribute to a parameter: sums per thread, and their
// reduction.
#pragma once

#include <vector>

#include "impls/simd/functions.h"

namespace simd {

// The sums of one thread.
template <class Real>
struct Gradients {
  explicit Gradients(std::size_t numbers)
      : dbeta(numbers), dgamma(numbers), scratch(2 * numbers, 0) {}

  void clear() {
    std::fill(dbeta.begin(), dbeta.end(), 0.0);
    std::fill(dgamma.begin(), dgamma.end(), 0.0);
  }

  Numbers<double> dbeta, dgamma;
  Numbers<Real> scratch;  // accumulators of the arithmetic type, moved into the doubles
};

// The indices of the sums of one parameter: first, first + step, ..., less than end.
struct Places {
  Index first, end, step;
};

// Collective: all threads of a team call it. Reduces the sums per thread of one mini-batch into
// dgamma and dbeta, either of which may be null. places_of(i) are the indices of the sums of
// parameter i.
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
