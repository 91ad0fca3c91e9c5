// Loops over a block of short tiles, each in a lane of its own, that OpenMP vectorizes.
#pragma once

#include <algorithm>
#include <cmath>

#include "harness/core/storage.h"
#include "impls/openmp/work.h"

namespace openmp {

constexpr Index kLongestShort = 32;
// The tiles of a block.
constexpr Index kTilesOfBlock = 64;

template <class Real>
struct OfTiles {
  alignas(64) Real of[kTilesOfBlock];

  Real& operator[](Index lane) { return of[lane]; }
  const Real& operator[](Index lane) const { return of[lane]; }
};

// First, second, ... values of all tiles of a block.
template <class Real>
using Block = OfTiles<Real>[kLongestShort];

// Where those of each value of a tile begin. (Found by division, they take as long as what is done
// with them.)
using Places = Index[kLongestShort];

// The parameters of a value of the tiles, one for each tile, or the sums for them.
template <class Value>
struct OfValues {
  Value* first;
  const Places& places;

  Value* operator[](Index j) const { return first + places[j]; }
};

// Tiles lie end to end in memory. They are moved apart to a power of two first: from there, every
// so many-th value is found by shuffling whole vectors, and not one by one.
template <Index kWidth, class T, class Real>
void load_tiles(const T* tiles, Index length, Index size, Block<Real>& block) {
  alignas(64) T moved[kTilesOfBlock * kWidth];
  const T* apart = tiles;
  if (length < kWidth || size < kTilesOfBlock) {
    // What is beyond a tile belongs to the next.
    for (Index i = 0; i < size - 1; ++i) {
#pragma omp simd
      for (Index j = 0; j < kWidth; ++j) moved[i * kWidth + j] = tiles[i * length + j];
    }
    std::copy_n(tiles + (size - 1) * length, length, moved + (size - 1) * kWidth);
    std::fill(moved + (size - 1) * kWidth + length, moved + kTilesOfBlock * kWidth, T(Real{0}));
    apart = moved;
  }
#pragma omp simd
  for (Index i = 0; i < kTilesOfBlock; ++i) {
#pragma GCC unroll 32
    for (Index j = 0; j < kWidth; ++j) block[j][i] = static_cast<Real>(apart[i * kWidth + j]);
  }
}

template <Index kWidth, class T, class Real>
void store_tiles(const Block<Real>& block, Index length, Index size, T* tiles) {
  alignas(64) T moved[kTilesOfBlock * kWidth];
  const bool fits = length == kWidth && size == kTilesOfBlock;
  T* apart = fits ? tiles : moved;
#pragma omp simd
  for (Index i = 0; i < kTilesOfBlock; ++i) {
#pragma GCC unroll 32
    for (Index j = 0; j < kWidth; ++j) apart[i * kWidth + j] = static_cast<T>(block[j][i]);
  }
  if (fits) return;
  // What is written beyond a tile is overwritten by the next.
  for (Index i = 0; i < size - 1; ++i) {
#pragma omp simd
    for (Index j = 0; j < kWidth; ++j) tiles[i * length + j] = moved[i * kWidth + j];
  }
  std::copy_n(moved + (size - 1) * kWidth, length, tiles + (size - 1) * length);
}

// The statistics of the tiles; the mean is 0 unless they are centered.
template <class Real>
void find_statistics(const Block<Real>& x, Index length, bool centered, double eps,
                     OfTiles<Real>& mean, OfTiles<Real>& variance, OfTiles<Real>& rstd) {
  const double n = static_cast<double>(length);
  OfTiles<double> exact_mean{};
  if (centered) {
    for (Index j = 0; j < length; ++j) {
#pragma omp simd
      for (Index i = 0; i < kTilesOfBlock; ++i) exact_mean[i] += x[j][i];
    }
#pragma omp simd
    for (Index i = 0; i < kTilesOfBlock; ++i) exact_mean[i] /= n;
  }
  OfTiles<double> squares{};
  for (Index j = 0; j < length; ++j) {
#pragma omp simd
    for (Index i = 0; i < kTilesOfBlock; ++i) {
      const double deviation = x[j][i] - exact_mean[i];
      squares[i] += deviation * deviation;
    }
  }
#pragma omp simd
  for (Index i = 0; i < kTilesOfBlock; ++i) {
    mean[i] = static_cast<Real>(exact_mean[i]);
    const double exact_variance = squares[i] / n;
    variance[i] = static_cast<Real>(exact_variance);
    rstd[i] = static_cast<Real>(1 / std::sqrt(exact_variance + eps));
  }
}

// Leaves y in place of x.
template <class Real>
void normalize_tiles(Block<Real>& x, Index length, const OfTiles<Real>& mean,
                     const OfTiles<Real>& rstd, OfValues<const Real> gamma,
                     OfValues<const Real> beta) {
  for (Index j = 0; j < length; ++j) {
    const Real* weight = gamma[j];
    const Real* bias = beta[j];
#pragma omp simd
    for (Index i = 0; i < kTilesOfBlock; ++i) {
      x[j][i] = (x[j][i] - mean[i]) * rstd[i] * weight[i] + bias[i];
    }
  }
}

// Leaves dx in place of dy; adds to the sums.
template <class Real>
void differentiate_tiles(Block<Real>& x, Block<Real>& dy, Index length, bool centered,
                         const OfTiles<Real>& mean, const OfTiles<Real>& rstd,
                         OfValues<const Real> gamma, OfValues<double> dbeta,
                         OfValues<double> dgamma) {
  OfTiles<double> constant{};
  OfTiles<double> slope{};
  for (Index j = 0; j < length; ++j) {
    const Real* weight = gamma[j];
    double* sums = dbeta[j];
    double* weighted = dgamma[j];
#pragma omp simd
    for (Index i = 0; i < kTilesOfBlock; ++i) {
      const double g = dy[j][i];
      const Real deviation = x[j][i] - mean[i];
      sums[i] += g;
      weighted[i] += g * (deviation * rstd[i]);
      constant[i] += g * weight[i];
      slope[i] += g * weight[i] * deviation;
    }
  }
  const double n = static_cast<double>(length);
#pragma omp simd
  for (Index i = 0; i < kTilesOfBlock; ++i) {
    const double r = rstd[i];
    const double share = r / n;
    constant[i] *= share;
    slope[i] = slope[i] * share * r * r;  // not times r^3, which may be no number
  }
  if (!centered) constant = {};
  for (Index j = 0; j < length; ++j) {
    const Real* weight = gamma[j];
#pragma omp simd
    for (Index i = 0; i < kTilesOfBlock; ++i) {
      const double g = static_cast<double>(dy[j][i]) * weight[i];
      const double deviation = x[j][i] - mean[i];
      dy[j][i] = static_cast<Real>(g * rstd[i] - constant[i] - deviation * slope[i]);
    }
  }
}

}  // namespace openmp
