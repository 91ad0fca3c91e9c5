// The functions that exist once for each instruction set, as a table.
//
// They work on a region of the matrix of harness/core/tiles.h. A cell is what has one number of
// each kind: a run of columns, or a single column. Sums are for each cell, over all rows.
#pragma once

#include "harness/core/storage.h"
#include "impls/simd/work.h"

namespace simd {

// Cells lie side by side, `cell_stride` apart; `length` values of each belong to the region.
// Offsets are counted from the first value.
struct Region {
  Index rows, row_stride;
  Index cells, cell_stride;
  Index length;
  Index ahead;    // from a value to one that is soon needed, and is to be fetched; 0: none
  bool reversed;  // the last rows come first: they are still in a cache
  Index bytes_of_numbers = 0;  // of columns: room for them in the first cache
  bool paired = false;         // two rows of columns are written at a time
};

// What is subtracted before squares are summed is near the mean: differences from it are small, so
// that nothing cancels. Sums of a and a * b, where
//   forward:   a = b = x - shift
//   backward:  a = dy, b = x - mean
template <class T>
struct CellFunctions {
  using Real = normbench::Parameter<T>;
  void (*find_shift)(const T* x, const Region&, Real* shift);
  // Of tiles, from those of their cells, which lie side by side.
  void (*join_shifts)(Index tiles, Index cells, const Real* of_cells, Real* of_tiles);
  void (*sum_forward)(const T* x, const Region&, const Real* shift, double* a, double* ab);
  void (*sum_backward)(const T* x, const T* dy, const Region&, const Real* mean, double* a,
                       double* ab);
  // y = (x - mean) * scale + beta
  void (*normalize)(const T* x, T* y, const Region&, const Real* mean, const Real* scale,
                    const Real* beta, bool streaming);
  // y = x * scale + shift
  void (*apply)(const T* x, T* y, const Region&, const Real* scale, const Real* shift,
                bool streaming);
  // dx = dy * scale - constant - (x - mean) * slope
  void (*differentiate)(const T* x, const T* dy, T* dx, const Region&, const Real* mean,
                        const Real* scale, const Real* constant, const Real* slope, bool streaming);
  // dx = dy * scale
  void (*rescale)(const T* dy, T* dx, const Region&, const Real* scale, bool streaming);
};

// From sums to statistics, for `tiles` tiles of `n` values each.
template <class Real>
struct StatisticFunctions {
  // Whether all is well: false where the shift of a tile was farther from its mean than its
  // deviation, and where a variance is not finite.
  bool (*conclude)(Index tiles, const double* a, const double* ab, const Real* shift, double n,
                   double eps, Real* mean, Real* variance, Real* rstd);
  void (*rstd)(Index tiles, const Real* variance, double eps, Real* rstd);
  // running = (1 - momentum) * running + momentum * (mean or variance * unbias)
  void (*update)(Index tiles, const Real* mean, const Real* variance, double momentum,
                 double unbias, Real* running_mean, Real* running_var);
  // shift = beta - mean * scale
  void (*fold)(Index size, const Real* mean, const Real* scale, const Real* beta, Real* shift);
  // Terms of dx from the sums of g and g * (x - mean).
  void (*slopes)(Index tiles, const double* a, const double* ab, const Real* rstd, double n,
                 Real* constant, Real* slope);
  // dgamma and dbeta, from the sums of dy and dy * (x - mean).
  void (*gradients)(Index size, const double* a, const double* ab, const Real* rstd, Real* dbeta,
                    Real* dgamma);
  // The sums of each tile's cells, which lie side by side, take their place.
  void (*add_up)(Index tiles, Index cells, double* sums);
  // The numbers of tiles, for each of their cells.
  void (*spread)(Index tiles, Index cells, const Real* of_tiles, Real* of_cells);
  void (*add)(Index size, const double* more, double* sums);
  // Sums of dy become sums of dy * gamma.
  void (*weigh)(Index size, const Real* gamma, double* a, double* ab);
  void (*multiply)(Index size, const Real* left, const Real* right, Real* product);
};

// For tiles that are a row, or a part of one, where each column has parameters of its own. The
// tiles lie end to end; tile i has the parameters of column (i % across) * length.
template <class T>
struct RowFunctions {
  using Real = normbench::Parameter<T>;
  struct Tiles {
    Index count, across, length;
    bool centered;
    double eps;
  };
  // mean, variance and rstd may be null: then they are not handed out.
  void (*normalize)(const T* x, T* y, const Tiles&, const Real* gamma, const Real* beta, Real* mean,
                    Real* variance, Real* rstd, bool streaming, bool fetching);
  // Adds to dgamma and dbeta. `mean` is null where nothing is centered. `scratch` has room for two
  // floats for each column.
  void (*differentiate)(const T* x, const T* dy, T* dx, const Tiles&, const Real* gamma,
                        const Real* mean, const Real* rstd, double* dgamma, double* dbeta,
                        Real* scratch, bool streaming);
};

// For tiles shorter than two vectors, which lie end to end: a vector has one value of each of
// `lanes` tiles. Numbers of parameters are in rows, one for each parameter of a tile: a number for
// each tile across, which then begin again, as far as `stride`.
struct ShortTiles {
  Index count, across, length;
  Index first;   // across
  Index run;     // values with one parameter
  Index stride;  // at least across + tiles_of_block - 1
  bool centered;
  double eps;
};

template <class T>
struct ShortFunctions {
  using Real = normbench::Parameter<T>;
  // As in RowFunctions, with rows of parameters.
  void (*normalize)(const T* x, T* y, const ShortTiles&, const Real* gamma, const Real* beta,
                    Real* mean, Real* variance, Real* rstd, bool streaming, bool fetching);
  // `scratch` has room for two floats for each number of dgamma, and is zero before and after.
  void (*differentiate)(const T* x, const T* dy, T* dx, const ShortTiles&, const Real* gamma,
                        const Real* mean, const Real* rstd, double* dgamma, double* dbeta,
                        Real* scratch, bool streaming, bool fetching);
};

template <class T>
struct Functions {
  CellFunctions<T> runs;     // cells of many columns
  CellFunctions<T> columns;  // cells of one column
  RowFunctions<T> rows;
  ShortFunctions<T> short_tiles;
  StatisticFunctions<normbench::Parameter<T>> statistics;
  const char* target;
  Index lanes;           // of a vector
  Index tiles_of_block;  // of short tiles
};

// The table for the best instruction set of this CPU, or for `target`, one of available_targets().
template <class T>
const Functions<T>& functions(std::int64_t target);
// Each is in a file of its own.
template <>
const Functions<float>& functions<float>(std::int64_t target);
template <>
const Functions<double>& functions<double>(std::int64_t target);
template <>
const Functions<normbench::Bf16>& functions<normbench::Bf16>(std::int64_t target);
template <>
const Functions<normbench::F16>& functions<normbench::F16>(std::int64_t target);

}  // namespace simd
