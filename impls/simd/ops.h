// The functions that are compiled once per instruction set, as tables of pointers.
//
// T is a storage type, Real its arithmetic type. Sums are of a and of a * b, where
//   forward:   a = b = x - center
//   backward:  a = dy, b = x - center
// so that nothing cancels if the center is a pivot near the mean or, backward, the mean.
// `streaming` selects non-temporal stores, which need no write-allocate.
#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "harness/core/storage.h"
#include "impls/simd/data.h"

namespace simd {

// A piece of the matrix of harness/core/tiles.h: `rows` rows of `segments` segments. In a row,
// segments are `segment_stride` values apart, and `length` adjacent values of each belong to the
// region. Offsets count from the first value of the region.
struct Region {
  Index rows, row_stride;
  Index segments, segment_stride;
  Index length;
  bool reversed = false;  // the last rows are written first: they are still in cache
};

// A single row of `length` values.
constexpr Region row_of(Index length) {
  return {.rows = 1, .row_stride = 0, .segments = 1, .segment_stride = 0, .length = length};
}

struct Sums {
  double* a;
  double* ab;
};

template <class Real>
struct Statistics {
  Real* mean;
  Real* variance;  // biased
  Real* rstd;
};

// How an element is formed; g is dy.
enum class Formula {
  kNormalize,      // (x - mean) * scale + constant
  kApply,          // x * scale + constant
  kDifferentiate,  // g * scale - constant - (x - mean) * slope
  kRescale         // g * scale
};

// Numbers that a formula applies to a segment; arrays with one of each for every segment. Null
// where the formula has none. From an array, whole vectors are read.
template <class Real>
struct Coefficients {
  const Real* mean;
  const Real* scale;
  const Real* constant;
  const Real* slope;
};

template <class T>
struct SumArguments {
  const T* x;
  const T* dy;  // null: forward
  const normbench::Parameter<T>* center;
  Region region;
  Sums sums;  // of each segment, over all rows. Whole vectors are written.
};

template <class T>
struct WriteArguments {
  const T* x;
  const T* dy;
  T* out;
  Region region;
  Coefficients<normbench::Parameter<T>> coefficients;
  bool streaming;
  // Leaves out what each row has of a line that begins before it, or ends behind it. Segments then
  // lie side by side, and are single columns or no shorter than a vector.
  bool skips_first_line = false;
  bool skips_last_line = false;
};

// For regions: the strided kernel.
template <class T>
struct StridedOps {
  // A value near the mean of each segment, from a few of its values. Whole vectors are written.
  void (*find_pivots)(const T* x, const Region&, normbench::Parameter<T>* pivots);
  void (*sum)(const SumArguments<T>&);
  void (*write)(Formula, const WriteArguments<T>&);
};

// Standard deviations that a pivot may be off the mean of n values. The claim of simd.cpp follows
// from it. Of few values most are sampled, so their pivots are better; for f64, whose double sums
// round, the claim would be too wide.
template <class Real>
constexpr double most_off(double n) {
  return std::is_same_v<Real, double> || n < 32 ? 1 : 1.5;
}

template <class Real>
bool is_too_far(Real pivot, Real mean, Real variance, double n) {
  const double off = static_cast<double>(mean - pivot);
  const double most = most_off<Real>(n);
  return off * off > most * most * static_cast<double>(variance);
}

// From sums to statistics, coefficients and gradients: arrays of `size` elements. A tile has n
// values.
template <class Real>
struct StatisticOps {
  // From the sums about pivots. Returns false if some pivot is_too_far(), or some variance not
  // finite.
  bool (*find)(Index size, Sums, const Real* pivots, double n, double eps, Statistics<Real>);
  // rstd = 1 / sqrt(variance + eps)
  void (*find_rstd)(Index size, const Real* variance, double eps, Real* rstd);
  // running = (1 - momentum) * running + momentum * factor * statistic
  void (*update)(Index size, const Real* statistic, double factor, double momentum, Real* running);
  // bias = beta - mean * scale
  void (*fold)(Index size, const Real* mean, const Real* scale, const Real* beta, Real* bias);
  // Coefficients of dx from the sums with g = dy * gamma in place of dy:
  //   constant = sum(g) * rstd / n
  //   slope = sum(g * (x - mean)) * rstd^3 / n
  void (*find_slopes)(Index size, Sums, const Real* rstd, double n, Real* constant, Real* slope);
  // dbeta = a, dgamma = ab * rstd
  void (*find_gradients)(Index size, Sums, const Real* rstd, Real* dbeta, Real* dgamma);
  // Multiplies the sums by gamma: those over dy become those over g.
  void (*weigh)(Index size, const Real* gamma, Sums);
  void (*multiply)(Index size, const Real* left, const Real* right, Real* product);
  // In place: sums[tile] becomes the sum over the adjacent segments of that tile.
  void (*add_up)(Index tiles, Index segments, double* sums);
  // The pivot of each tile from those of its adjacent segments.
  void (*join_pivots)(Index tiles, Index segments, const Real* of_segments, Real* of_tiles);
  // Broadcasts the number of each tile to its adjacent segments. Whole vectors are written.
  void (*broadcast)(Index tiles, Index segments, const Real* of_tiles, Real* of_segments);
};

// For tiles that are a row, or a piece of one: contiguous in memory, `across` in a row. Each column
// of a tile has a parameter, in the order that `RowOps` says.
template <class T>
struct RowArguments {
  using Real = normbench::Parameter<T>;
  const T* x;
  const T* dy;
  T* out;
  Index tiles, across, length;
  Index first;     // number, in its row, of the first tile
  Index run;       // adjacent columns that share a parameter
  Index stride;    // of the rows of parameters, if tiles are transposed
  Index together;  // tiles that are normalized at a time, if they are not: at most kMostTogether
  const Real* gamma;
  const Real* beta;
  Statistics<Real> statistics;  // found if null is not given; backward, those of the forward pass
  double* dgamma;               // added to; in the order of parameters
  double* dbeta;
  Real* scratch;  // two numbers for each of dgamma: zero before and after
  double eps;
  bool centered;  // the mean is subtracted
  bool streaming;
};

inline constexpr Index kMostTogether = 16;

// Vectors of a tile that is transposed, at most: longer ones fill vectors of their own, and more
// would not fit the registers. None costs 1.18 (instance norm of 8 values: 7.7), one 1.04 (2.3).
inline constexpr Index kShortVectors = 2;

// Two ways to work on such tiles.
//
// As rows: parameters have an element for each column of a row. `first` is 0, and tiles are whole
// rows.
//
// Transposed, for tiles of at most two vectors: a vector holds one value of each of several tiles.
// Parameters are in rows, one row for each parameter of a tile: it has that of every tile across,
// repeated up to `stride` elements, so that a block of tiles may begin anywhere.
template <class T>
struct RowOps {
  void (*normalize)(const RowArguments<T>&);
  void (*differentiate)(const RowArguments<T>&);
};

template <class T>
struct Ops {
  StridedOps<T> runs;     // segments of many columns
  StridedOps<T> columns;  // segments of one column
  RowOps<T> rows, transposed_rows;
  StatisticOps<normbench::Parameter<T>> statistics;
  const char* target;
  Index lanes;           // values in a vector
  Index tiles_of_block;  // tiles that are transposed together
};

// Highway's targets that are both compiled and supported by this CPU, best first.
std::vector<std::int64_t> targets();

// The table for one of targets(), or for the best of them if `target` is 0.
template <class T>
const Ops<T>& ops(std::int64_t target);
// Defined in f32.cpp, f64.cpp, bf16.cpp and f16.cpp.
template <>
const Ops<float>& ops<float>(std::int64_t target);
template <>
const Ops<double>& ops<double>(std::int64_t target);
template <>
const Ops<normbench::Bf16>& ops<normbench::Bf16>(std::int64_t target);
template <>
const Ops<normbench::F16>& ops<normbench::F16>(std::int64_t target);

}  // namespace simd
