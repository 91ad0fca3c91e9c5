// What threads do together: they share work, wait for each other, and add up sums.
#pragma once

#include <hwy/cache_control.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "impls/simd/data.h"

namespace simd {

struct Range {
  Index first, size;
};

// Part `part` of 0 .. all, if that is divided into `parts` parts of (nearly) equal size, with
// borders at multiples of `step`.
inline Range share_of(Index all, Index part, Index parts, Index step = 1) {
  if (parts == 1) return {0, all};
  const auto border = [=](Index number) {
    return number == parts ? all : all * number / parts / step * step;
  };
  return {border(part), border(part + 1) - border(part)};
}

// Calls work(thread, team) on each of at most `threads` threads.
template <class Work>
void on_threads(int threads, const Work& work) {
  if (threads == 1) return work(0, 1);
#pragma omp parallel num_threads(threads)
  work(omp_get_thread_num(), omp_get_num_threads());
}

// A spinning barrier. OpenMP's makes a system call each time, to wake sleeping threads.
class Barrier {
 public:
  void wait(int team) {
    const unsigned round = round_.load(std::memory_order_relaxed);
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

  // How often all have arrived: the same for all threads until they wait.
  unsigned round() const { return round_.load(std::memory_order_relaxed); }

 private:
  static constexpr int kSpins = 10000;
  std::atomic<int> arrived_ = 0;
  alignas(64) std::atomic<unsigned> round_ = 0;
};

// All-reduce of two kinds of sums. Each thread adds up those of all threads in the same order, so
// results do not depend on which thread came first, and all threads get the same bits.
class AllReduce {
 public:
  // For at most `most` sums of a kind on each of `threads` threads.
  AllReduce(int threads, Index most)
      : threads_(threads),
        most_(most),
        sums_(static_cast<std::size_t>(threads > 1 ? 2 * threads * 2 * most : 0)) {}

  // Collective: replaces the first `size` sums by the totals over all threads.
  void add_up(double* a, double* b, Index size, int thread, int team) {
    if (threads_ == 1) return;
    // Double-buffered: no thread can be two rounds ahead of another.
    const auto buffer = static_cast<int>(barrier_.round() % 2);
    std::copy_n(a, size, sums_of(buffer, thread));
    std::copy_n(b, size, sums_of(buffer, thread) + most_);
    barrier_.wait(team);
    std::copy_n(sums_of(buffer, 0), size, a);
    std::copy_n(sums_of(buffer, 0) + most_, size, b);
    for (int k = 1; k < team; ++k) {
      const double* more = sums_of(buffer, k);
      for (Index i = 0; i < size; ++i) a[i] += more[i];
      for (Index i = 0; i < size; ++i) b[i] += more[most_ + i];
    }
  }

 private:
  double* sums_of(int buffer, int thread) {
    return sums_.data() + (buffer * threads_ + thread) * 2 * most_;
  }

  int threads_;
  Index most_;
  Numbers<double> sums_;
  Barrier barrier_;
};

// Indices of an array of sums or parameters: first, first + step, ..., less than end.
struct Places {
  Index first, end, step;
};

// Sums for dgamma and dbeta of each thread, where several tiles contribute to a parameter.
template <class Real>
class Gradients {
 public:
  struct Sums {
    Numbers<double> dbeta, dgamma;
    Numbers<Real> scratch;  // of the kernel: zero, to begin with
  };

  Gradients(int threads, Index sums, Index scratch)
      : of_(static_cast<std::size_t>(threads),
            Sums{Numbers<double>(static_cast<std::size_t>(sums)),
                 Numbers<double>(static_cast<std::size_t>(sums)),
                 Numbers<Real>(static_cast<std::size_t>(scratch))}) {}

  Sums& cleared(int thread) {
    Sums& own = of_[static_cast<std::size_t>(thread)];
    std::fill(own.dbeta.begin(), own.dbeta.end(), 0.0);
    std::fill(own.dgamma.begin(), own.dgamma.end(), 0.0);
    return own;
  }
  Sums& of(int thread) { return of_[static_cast<std::size_t>(thread)]; }

  // Collective: adds up the sums of all threads into dgamma and dbeta, which may be null.
  // places_of(i) are the indices of the sums of parameter i.
  template <class PlacesOf>
  void add_up(Index parameters, const PlacesOf& places_of, int thread, int team, Real* dgamma,
              Real* dbeta) {
    barrier_.wait(team);
    const Range mine = share_of(parameters, thread, team, 16);
    for (Index i = mine.first; i < mine.first + mine.size; ++i) {
      const Places places = places_of(i);
      if (dgamma != nullptr) dgamma[i] = static_cast<Real>(total(&Sums::dgamma, places, team));
      if (dbeta != nullptr) dbeta[i] = static_cast<Real>(total(&Sums::dbeta, places, team));
    }
    barrier_.wait(team);
  }

 private:
  double total(Numbers<double> Sums::*kind, const Places& places, int team) const {
    double sum = 0;
    for (int k = 0; k < team; ++k) {
      const double* values = (of_[static_cast<std::size_t>(k)].*kind).data();
      for (Index at = places.first; at < places.end; at += places.step) sum += values[at];
    }
    return sum;
  }

  std::vector<Sums> of_;
  Barrier barrier_;
};

}  // namespace simd
