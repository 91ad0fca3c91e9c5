// Vectorized loops over a transposed block of short tiles, one tile per lane.
#pragma once

#include <algorithm>
#include <cmath>

#include "harness/core/storage.h"
#include "impls/openmp/work.h"

namespace openmp {

constexpr Index kLongestShort = 32;
// Tiles in a block.
constexpr Index kTilesOfBlock = 64;

template <class Real>
struct OfTiles {
  alignas(64) Real of[kTilesOfBlock];

  Real& operator[](Index lane) { return of[lane]; }
  const Real& operator[](Index lane) const { return of[lane]; }
};

// A transposed block: element j holds value j of each tile.
template <class Real>
using Block = OfTiles<Real>[kLongestShort];

// The offset of the row of parameters for each value of a tile. A table, since finding it by
// division takes as long as the arithmetic.
using Places = Index[kLongestShort];

// Rows of parameters, or of the sums for them: [j] is the row for value j, with an element per
// tile.
template <class Value>
struct OfValues {
  Value* first;
  const Places& places;

  Value* operator[](Index j) const { return first + places[j]; }
};

// Transposes `size` contiguous tiles into a block. Tiles are padded to a power of two first: then
// the strided loads are shuffles of whole vectors, not loads of single values.
template <Index kWidth, class T, class Real>
void load_tiles(const T* tiles, Index length, Index size, Block<Real>& block) {
  alignas(64) T moved[kTilesOfBlock * kWidth];
  const T* apart = tiles;
  if (length < kWidth || size < kTilesOfBlock) {
    // Copies whole widths: the padding is the beginning of the next tile, and is not used.
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
  // Copies whole widths: what exceeds a tile is overwritten by the next one.
  for (Index i = 0; i < size - 1; ++i) {
#pragma omp simd
    for (Index j = 0; j < kWidth; ++j) tiles[i * length + j] = moved[i * kWidth + j];
  }
  std::copy_n(moved + (size - 1) * kWidth, length, tiles + (size - 1) * length);
}

// Mean, biased variance and rstd of each tile. The mean is 0 unless tiles are centered.
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

// Replaces x by y.
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

// Replaces dy by dx. Adds to the sums for dbeta and dgamma.
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
    slope[i] = slope[i] * share * r * r;  // in this order, since r^3 may overflow
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
