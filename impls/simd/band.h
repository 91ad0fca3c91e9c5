// What a thread knows of the unit that it works on, and how threads that share one add up.
#pragma once

#include "impls/simd/functions.h"

namespace simd {

template <class Real>
struct Band {
  // For at most so many cells, and gradients of so many parameters.
  Band(Index cells, Index parameters)
      : a(static_cast<std::size_t>(cells)),
        ab(a),
        dbeta(static_cast<std::size_t>(parameters)),
        dgamma(dbeta) {
    for (auto* numbers : {&shift, &mean, &variance, &rstd, &constant, &slope, &gamma, &beta, &scale,
                          &spread_mean, &spread_rstd, &spread_constant, &spread_slope}) {
      numbers->resize(a.size());
    }
  }

  void clear_gradients() {
    std::fill(dbeta.begin(), dbeta.end(), 0.0);
    std::fill(dgamma.begin(), dgamma.end(), 0.0);
  }

  // Adds the sums of cells to the gradients of their parameters.
  void collect(Index first, Index size, const Real* rstds) {
    double* sums = dbeta.data() + first;
    double* weighted = dgamma.data() + first;
    for (Index i = 0; i < size; ++i) {
      sums[i] += a[static_cast<std::size_t>(i)];
      weighted[i] += ab[static_cast<std::size_t>(i)] * static_cast<double>(rstds[i]);
    }
  }

  Numbers<double> a, ab;          // sums of cells, then of tiles
  Numbers<double> dbeta, dgamma;  // of all parameters, where several tiles add to one
  Numbers<Real> shift, mean, variance, rstd, constant, slope;             // of tiles
  Numbers<Real> gamma, beta, scale;                                       // of cells
  Numbers<Real> spread_mean, spread_rstd, spread_constant, spread_slope;  // of cells
  Index exchanges = 0;
};

// Sums of cells that threads have found of their pieces of a unit. All threads add up all pieces
// in one order, and so go on with the same sums.
class Exchange {
 public:
  Exchange(int threads, Index cells) : threads_(threads), cells_(static_cast<std::size_t>(cells)) {
    if (threads > 1) sums_.resize(2 * static_cast<std::size_t>(threads) * 2 * cells_);
  }

  template <class Real>
  void add_up(Band<Real>& band, Index cells, int thread, int team) {
    if (threads_ == 1) return;
    // Two sets of places: nobody can be two exchanges ahead of anybody.
    const auto set = static_cast<int>(band.exchanges++ % 2);
    double* mine = place(set, thread);
    std::copy_n(band.a.data(), cells, mine);
    std::copy_n(band.ab.data(), cells, mine + cells_);
#pragma omp barrier
    for (Index i = 0; i < cells; ++i) {
      double a = 0;
      double ab = 0;
      for (int k = 0; k < team; ++k) {
        a += place(set, k)[i];
        ab += place(set, k)[cells_ + static_cast<std::size_t>(i)];
      }
      band.a[static_cast<std::size_t>(i)] = a;
      band.ab[static_cast<std::size_t>(i)] = ab;
    }
  }

 private:
  double* place(int set, int thread) {
    return sums_.data() + static_cast<std::size_t>(set * threads_ + thread) * 2 * cells_;
  }

  int threads_;
  std::size_t cells_;
  Numbers<double> sums_;
};

}  // namespace simd
