// The functions that are compiled once per instruction set, as tables of pointers.
//
// They work on a region of the matrix of harness/core/tiles.h. All values of a segment have the
// same coefficients (mean, scale, ...): it is a run of adjacent columns, or a single column. Sums
// are per segment, over all rows of the region.
#pragma once

#include "harness/core/storage.h"
#include "impls/simd/work.h"

namespace simd {

// A piece of the matrix: `rows` rows of `segments` segments. In a row, segments are
// `segment_stride` values apart, and `length` consecutive values of each belong to the region.
// Offsets count from the first value of the region.
struct Region {
  Index rows, row_stride;
  Index segments, segment_stride;
  Index length;
  Index ahead;                  // prefetch distance in values, may be negative; 0: no prefetch
  bool reversed;                // write the last rows first: they are still in cache
  Index coefficient_bytes = 0;  // L1 bytes for the coefficients of columns
  bool paired = false;          // write two rows of columns at a time
};

// A pivot near the mean is subtracted before squares are summed. The differences are small, so
// nothing cancels. The sums are, per segment, those of a and of a * b, where
//   forward:   a = b = x - pivot
//   backward:  a = dy, b = x - mean
// `streaming` selects non-temporal stores, which need no write-allocate.
template <class T>
struct SegmentFunctions {
  using Real = normbench::Parameter<T>;
  // The pivot of each segment, estimated from a few of its values.
  void (*find_pivot)(const T* x, const Region&, Real* pivot);
  // The pivot of each tile from the pivots of its segments, which are adjacent in memory.
  void (*join_pivots)(Index tiles, Index segments, const Real* of_segments, Real* of_tiles);
  void (*sum_forward)(const T* x, const Region&, const Real* pivot, double* a, double* ab);
  void (*sum_backward)(const T* x, const T* dy, const Region&, const Real* mean, double* a,
                       double* ab);
  // y = (x - mean) * scale + beta
  void (*normalize)(const T* x, T* y, const Region&, const Real* mean, const Real* scale,
                    const Real* beta, bool streaming);
  // y = x * scale + bias
  void (*apply)(const T* x, T* y, const Region&, const Real* scale, const Real* bias,
                bool streaming);
  // dx = dy * scale - constant - (x - mean) * slope
  void (*differentiate)(const T* x, const T* dy, T* dx, const Region&, const Real* mean,
                        const Real* scale, const Real* constant, const Real* slope, bool streaming);
  // dx = dy * scale
  void (*rescale)(const T* dy, T* dx, const Region&, const Real* scale, bool streaming);
};

// From sums to statistics, coefficients and gradients. Arrays have one element per tile, or `size`
// elements; a tile has `n` values.
template <class Real>
struct StatisticFunctions {
  // Mean, biased variance and rstd from the sums of the forward pass. Returns false if the pivot of
  // some tile was more than a standard deviation off its mean, or if some variance is not finite.
  bool (*conclude)(Index tiles, const double* a, const double* ab, const Real* pivot, double n,
                   double eps, Real* mean, Real* variance, Real* rstd);
  // rstd = 1 / sqrt(variance + eps)
  void (*rstd)(Index tiles, const Real* variance, double eps, Real* rstd);
  // running = (1 - momentum) * running + momentum * statistic. The statistic of running_var is
  // variance * unbias.
  void (*update)(Index tiles, const Real* mean, const Real* variance, double momentum,
                 double unbias, Real* running_mean, Real* running_var);
  // bias = beta - mean * scale
  void (*fold)(Index size, const Real* mean, const Real* scale, const Real* beta, Real* bias);
  // Coefficients of dx from the sums of g and g * (x - mean), where g = dy * gamma:
  //   constant = sum(g) * rstd / n
  //   slope = sum(g * (x - mean)) * rstd^3 / n
  void (*slopes)(Index tiles, const double* a, const double* ab, const Real* rstd, double n,
                 Real* constant, Real* slope);
  // dbeta and dgamma from the sums of dy and dy * (x - mean): dbeta = a, dgamma = ab * rstd
  void (*gradients)(Index size, const double* a, const double* ab, const Real* rstd, Real* dbeta,
                    Real* dgamma);
  // Reduces in place: sums[tile] becomes the sum over the adjacent segments of that tile.
  void (*add_up)(Index tiles, Index segments, double* sums);
  // Broadcasts the value of each tile to its adjacent segments.
  void (*broadcast)(Index tiles, Index segments, const Real* of_tiles, Real* of_segments);
  // sums += more
  void (*add)(Index size, const double* more, double* sums);
  // Multiplies both sums by gamma: sums over dy become sums over g = dy * gamma.
  void (*weigh)(Index size, const Real* gamma, double* a, double* ab);
  void (*multiply)(Index size, const Real* left, const Real* right, Real* product);
};

// What RowFunctions have room for.
inline constexpr Index kMostTilesTogether = 8;

// For tiles that are a row, or a piece of one, where each column has its own parameters. Tiles are
// contiguous in memory. The parameters of tile i begin at column (i % across) * length.
template <class T>
struct RowFunctions {
  using Real = normbench::Parameter<T>;
  // `count` tiles of `length` values, `across` of them per row. `together` tiles are normalized at
  // a time, at most kMostTilesTogether. `ahead` is a prefetch distance in values; 0: no prefetch.
  // `centered`: the mean is subtracted.
  struct Tiles {
    Index count, across, length;
    Index together, ahead;
    bool centered;
    double eps;
  };
  // mean, variance and rstd may be null; they are then not stored.
  void (*normalize)(const T* x, T* y, const Tiles&, const Real* gamma, const Real* beta, Real* mean,
                    Real* variance, Real* rstd, bool streaming);
  // Accumulates into dgamma and dbeta, which have an element per column. `mean` is null if tiles
  // are not centered. `scratch` holds two elements per column; what it contains does not matter.
  void (*differentiate)(const T* x, const T* dy, T* dx, const Tiles&, const Real* gamma,
                        const Real* mean, const Real* rstd, double* dgamma, double* dbeta,
                        Real* scratch, bool streaming);
};

// For tiles of at most two vectors, contiguous in memory. Blocks of tiles are transposed, so that a
// vector holds one value of each of `lanes` tiles. Parameters are laid out to match, as rows, one
// for each parameter of a tile: the row holds that parameter for every tile across, repeated
// cyclically up to `stride`, so that a block may begin at any tile.
struct ShortTiles {
  Index count, across, length;
  Index first;   // number, in its row, of the first tile
  Index run;     // consecutive values that share a parameter
  Index stride;  // length of a row of parameters: at least across + tiles_of_block - 1
  Index ahead;   // prefetch distance in values; 0: no prefetch
  bool centered;
  double eps;
};

template <class T>
struct ShortFunctions {
  using Real = normbench::Parameter<T>;
  // As RowFunctions::normalize, but gamma and beta are rows of parameters.
  void (*normalize)(const T* x, T* y, const ShortTiles&, const Real* gamma, const Real* beta,
                    Real* mean, Real* variance, Real* rstd, bool streaming);
  // As RowFunctions::differentiate, but with rows of parameters. `scratch` holds two elements for
  // each one of dgamma. It must be zero on entry, and is zero on return.
  void (*differentiate)(const T* x, const T* dy, T* dx, const ShortTiles&, const Real* gamma,
                        const Real* mean, const Real* rstd, double* dgamma, double* dbeta,
                        Real* scratch, bool streaming);
};

template <class T>
struct Functions {
  SegmentFunctions<T> runs;     // segments of many columns
  SegmentFunctions<T> columns;  // segments of one column
  RowFunctions<T> rows;
  ShortFunctions<T> short_tiles;
  StatisticFunctions<normbench::Parameter<T>> statistics;
  const char* target;
  Index lanes;           // values in a vector
  Index tiles_of_block;  // short tiles that are worked on together
};

// The table for `target`, one of Highway's targets that this CPU supports, or for the best of them
// if `target` is 0. Changes Highway's process-wide choice of targets meanwhile, so it must not be
// called by several threads at once.
template <class T>
const Functions<T>& functions(std::int64_t target);
// Defined in f32.cpp, f64.cpp, bf16.cpp and f16.cpp.
template <>
const Functions<float>& functions<float>(std::int64_t target);
template <>
const Functions<double>& functions<double>(std::int64_t target);
template <>
const Functions<normbench::Bf16>& functions<normbench::Bf16>(std::int64_t target);
template <>
const Functions<normbench::F16>& functions<normbench::F16>(std::int64_t target);

}  // namespace simd
