// The scratch of a thread for one block, and the reduction over threads that share a block.
#pragma once

#include <hwy/cache_control.h>

#include <atomic>
#include <thread>

#include "impls/simd/functions.h"

namespace simd {

// Sums, statistics and coefficients of a block.
template <class Real>
struct Scratch {
  // Room for a block of `segments` segments, and for the gradients of `parameters` parameters.
  Scratch(Index segments, Index parameters)
      : a(static_cast<std::size_t>(segments)),
        ab(a),
        dbeta(static_cast<std::size_t>(parameters)),
        dgamma(dbeta) {
    for (auto* numbers :
         {&pivot, &mean, &variance, &rstd, &constant, &slope, &beta, &scale, &broadcast_scale,
          &broadcast_mean, &broadcast_rstd, &broadcast_constant, &broadcast_slope}) {
      numbers->resize(a.size());
    }
  }

  void clear_gradients() {
    std::fill(dbeta.begin(), dbeta.end(), 0.0);
    std::fill(dgamma.begin(), dgamma.end(), 0.0);
  }

  // Accumulates the sums of `size` segments into the gradients of the parameters from `first` on.
  void accumulate(Index first, Index size, const Real* rstds) {
    double* sums = dbeta.data() + first;
    double* weighted = dgamma.data() + first;
    for (Index i = 0; i < size; ++i) {
      sums[i] += a[static_cast<std::size_t>(i)];
      weighted[i] += ab[static_cast<std::size_t>(i)] * static_cast<double>(rstds[i]);
    }
  }

  Numbers<double> a, ab;          // sums per segment, then per tile
  Numbers<double> dbeta, dgamma;  // per parameter, if several tiles contribute to one
  Numbers<Real> pivot, mean, variance, rstd, constant, slope;  // per tile
  Numbers<Real> scale;  // per tile or segment, whichever has parameters
  Numbers<Real> beta, broadcast_mean, broadcast_rstd, broadcast_constant, broadcast_slope,
      broadcast_scale;  // per segment
  Index reductions = 0;
};

// A spinning barrier. OpenMP's makes a system call each time, to wake sleeping threads.
class Barrier {
 public:
  void wait(int team) {
    const int round = round_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) == team - 1) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    for (int spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
      // The other threads may be waiting for a CPU.
      spins < kSpins ? hwy::Pause() : std::this_thread::yield();
    }
  }

 private:
  static constexpr int kSpins = 10000;
  std::atomic<int> arrived_ = 0;
  alignas(64) std::atomic<int> round_ = 0;
};

// All-reduce of the sums that threads find for their pieces of a block. Each thread adds the pieces
// in the same order, so all threads get the same bits.
class AllReduce {
 public:
  AllReduce(int threads, Index most)
      : threads_(threads), sums_(threads > 1 ? 4 * at(most) * at(threads) : 0), most_(at(most)) {}

  // Collective: replaces the first `size` sums of `scratch` by the totals over all threads.
  template <class Real>
  void add_up(Scratch<Real>& scratch, Index size, int thread, int team,
              const StatisticFunctions<Real>& functions) {
    if (threads_ == 1) return;
    // Double-buffered: no thread can be two reductions ahead of another.
    const auto set = static_cast<int>(scratch.reductions++ % 2);
    std::copy_n(scratch.a.data(), size, place(set, thread));
    std::copy_n(scratch.ab.data(), size, place(set, thread) + most_);
    barrier_.wait(team);
    std::copy_n(place(set, 0), size, scratch.a.data());
    std::copy_n(place(set, 0) + most_, size, scratch.ab.data());
    for (int k = 1; k < team; ++k) {
      functions.add(size, place(set, k), scratch.a.data());
      functions.add(size, place(set, k) + most_, scratch.ab.data());
    }
  }

 private:
  static std::size_t at(Index index) { return static_cast<std::size_t>(index); }
  double* place(int set, int thread) {
    return sums_.data() + at(set * threads_ + thread) * 2 * most_;
  }

  int threads_;
  Numbers<double> sums_;
  std::size_t most_;  // capacity: sums of one kind
  Barrier barrier_;
};

}  // namespace simd
