// What a thread knows of the unit that it works on, and how threads that share one add up.
#pragma once

#include <hwy/cache_control.h>

#include <atomic>
#include <thread>

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
    for (auto* numbers :
         {&shift, &mean, &variance, &rstd, &constant, &slope, &beta, &scale, &spread_scale,
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
  Numbers<Real> shift, mean, variance, rstd, constant, slope;  // of tiles
  Numbers<Real> scale;  // of tiles or cells, whichever have parameters
  Numbers<Real> beta, spread_mean, spread_rstd, spread_constant, spread_slope,
      spread_scale;  // of cells
  Index exchanges = 0;
};

// Where threads wait for each other. OpenMP's own asks the system to wake sleepers each time.
class MeetingPoint {
 public:
  void meet(int team) {
    const int round = round_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) == team - 1) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    for (int spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
      // The others may have no CPU to run on.
      spins < kSpins ? hwy::Pause() : std::this_thread::yield();
    }
  }

 private:
  static constexpr int kSpins = 10000;
  std::atomic<int> arrived_ = 0;
  alignas(64) std::atomic<int> round_ = 0;
};

// Sums that threads have found of their pieces of a unit. All threads add up all pieces in one
// order, and so go on with the same sums.
class Exchange {
 public:
  Exchange(int threads, Index most)
      : threads_(threads), sums_(threads > 1 ? 4 * at(most) * at(threads) : 0), most_(at(most)) {}

  template <class Real>
  void add_up(Band<Real>& band, Index size, int thread, int team,
              const StatisticFunctions<Real>& functions) {
    if (threads_ == 1) return;
    // Two sets of places: nobody can be two exchanges ahead of anybody.
    const auto set = static_cast<int>(band.exchanges++ % 2);
    std::copy_n(band.a.data(), size, place(set, thread));
    std::copy_n(band.ab.data(), size, place(set, thread) + most_);
    meeting_.meet(team);
    std::copy_n(place(set, 0), size, band.a.data());
    std::copy_n(place(set, 0) + most_, size, band.ab.data());
    for (int k = 1; k < team; ++k) {
      functions.add(size, place(set, k), band.a.data());
      functions.add(size, place(set, k) + most_, band.ab.data());
    }
  }

 private:
  static std::size_t at(Index index) { return static_cast<std::size_t>(index); }
  double* place(int set, int thread) {
    return sums_.data() + at(set * threads_ + thread) * 2 * most_;
  }

  int threads_;
  Numbers<double> sums_;
  std::size_t most_;  // sums of a kind
  MeetingPoint meeting_;
};

}  // namespace simd
