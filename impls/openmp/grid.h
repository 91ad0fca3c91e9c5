// Vectorized loops over a matrix of cells.
#pragma once

#include <algorithm>
#include <array>

#include "impls/openmp/work.h"

namespace openmp {

// Columns (or cells) that are worked on side by side. Their sums and coefficients must stay in the
// L1.
constexpr Index kMostLanes = 2048;
constexpr Index kLeastLanes = 64;
// Short rows are packed into one of about kFoldedLanes columns, so that the vector tail is
// negligible. With fewer than kFoldedRows of these, wider accumulators are not amortized, and rows
// are packed up to kLeastLanes.
constexpr Index kFoldedLanes = 512;
constexpr Index kFoldedRows = 32;
// Least columns of a block. Strided access costs more the shorter the contiguous pieces are: with
// shorter ones than this, it is worse than a block that exceeds the cache.
constexpr Index kBlockLanes = 1024;

// A value per lane. A lane has one mean and one scale: it is a cell if runs are long, else a
// column.
template <class Value>
struct alignas(64) Lanes : std::array<Value, kMostLanes> {};

// A part of a grid: ranges of cells, of rows, and of positions in a run. `base` is the offset of
// the grid in the tensor.
struct Slab {
  Index base;
  Index first_cell, cells, first_row, rows, first_position, positions;
};

struct Terms {
  double first, second;
};

// A row-major matrix. It is divided into cells of `run` columns, which have all rows.
struct Grid {
  // Runs of at least this many values are reduced one by one. For shorter ones, each column has an
  // accumulator.
  static constexpr Index kLongRun = 512;
  // With fewer rows than kFewRows, coefficients per column pay off only in runs shorter than
  // kShortRun.
  static constexpr Index kFewRows = 4;
  static constexpr Index kShortRun = 8;

  Grid(Index all_rows, Index all_cells, Index columns_of_cell)
      : rows(all_rows), cells(all_cells), run(columns_of_cell) {
    // A single cell is contiguous, so it is a single row.
    if (cells == 1) {
      run *= rows;
      rows = 1;
    }
    columns = cells * run;
    long_runs = run >= kLongRun || (rows < kFewRows && run >= kShortRun);
    lanes_per_cell = long_runs ? 1 : run;
    const Index lanes = size() < kFoldedRows * kFoldedLanes ? kLeastLanes : kFoldedLanes;
    if (!long_runs) fold = std::clamp<Index>(lanes / columns, 1, rows);
  }

  Index size() const { return rows * columns; }
  // The most cells that fit in Lanes.
  Index most_cells() const { return kMostLanes / lanes_per_cell; }
  Index start(const Slab& slab, Index row, Index cell) const {
    return slab.base + row * columns + cell * run;
  }

  // Broadcasts value(cell) to the lanes of the slab.
  template <class Real, class Value>
  const Real* spread(const Slab& slab, Lanes<Real>& lanes, Value value) const {
    Real* lane = lanes.data();
    Lanes<Real> own;
    Real* cell = lanes_per_cell == 1 ? lane : own.data();
#pragma omp simd
    for (Index k = 0; k < slab.cells; ++k) cell[k] = value(slab.first_cell + k);
    if (lanes_per_cell > 1) {
      Real* next = lane;
      for (Index k = 0; k < slab.cells; ++k) {
        for (Index j = 0; j < run; ++j) *next++ = cell[k];
      }
    }
    const Index width = slab.cells * lanes_per_cell;
    for (Index i = 1; i < fold; ++i) std::copy_n(lane, width, lane + i * width);
    return lane;
  }

  // Calls visit(at, lane) for every value of the slab, in the order of memory.
  template <class Visit>
  void for_each(const Slab& slab, Visit visit) const {
    const Index last = slab.first_row + slab.rows;
    for (Index i = slab.first_row; i < last; i += fold) {
      const Index row = start(slab, i, slab.first_cell);
      if (!long_runs) {
        const Index width = std::min(fold, last - i) * slab.cells * run;
#pragma omp simd
        for (Index lane = 0; lane < width; ++lane) visit(row + lane, lane);
        continue;
      }
      for (Index lane = 0; lane < slab.cells; ++lane) {
        const Index first = row + lane * run + slab.first_position;
#pragma omp simd
        for (Index j = 0; j < slab.positions; ++j) visit(first + j, lane);
      }
    }
  }

  // Sums the two terms(at, lane) of all values of the slab, for each of its cells.
  template <class Function>
  void sum(const Slab& slab, Function terms, double* first_sum, double* second_sum) const {
    std::fill_n(first_sum, slab.cells, 0.0);
    std::fill_n(second_sum, slab.cells, 0.0);
    if (long_runs) {
      add_long_runs(slab, terms, first_sum, second_sum);
    } else {
      add_short_runs(slab, terms, first_sum, second_sum);
    }
  }

  Index rows, cells, run;
  Index columns = 0;
  Index lanes_per_cell = 1;
  Index fold = 1;  // short rows packed into one row of lanes
  bool long_runs = false;

 private:
  template <class Function>
  void add_long_runs(const Slab& slab, Function terms, double* first_sum,
                     double* second_sum) const {
    for (Index i = slab.first_row; i < slab.first_row + slab.rows; ++i) {
      for (Index lane = 0; lane < slab.cells; ++lane) {
        const Index row = start(slab, i, slab.first_cell + lane) + slab.first_position;
        double first = 0;
        double second = 0;
#pragma omp simd reduction(+ : first, second)
        for (Index j = 0; j < slab.positions; ++j) {
          const auto [one, two] = terms(row + j, lane);
          first += one;
          second += two;
        }
        first_sum[lane] += first;
        second_sum[lane] += second;
      }
    }
  }

  template <class Function>
  void add_short_runs(const Slab& slab, Function terms, double* first_sum,
                      double* second_sum) const {
    Lanes<double> first;
    Lanes<double> second;
    const Index row = slab.cells * run;
    std::fill_n(first.data(), fold * row, 0.0);
    std::fill_n(second.data(), fold * row, 0.0);
    // Several rows at a time, so that accumulators are loaded and stored less often.
    constexpr int kRows = 8;
    const Index last = slab.first_row + slab.rows;
    Index i = slab.first_row;
    for (; i + kRows * fold <= last; i += kRows * fold) {
      add_rows<kRows>(start(slab, i, slab.first_cell), fold * row, terms, first, second);
    }
    for (; i < last; i += fold) {
      const Index width = std::min(fold, last - i) * row;
      add_rows<1>(start(slab, i, slab.first_cell), width, terms, first, second);
    }
    for (Index repeat = 0; repeat < fold; ++repeat) {
      add_lanes(first.data() + repeat * row, slab.cells, first_sum);
      add_lanes(second.data() + repeat * row, slab.cells, second_sum);
    }
  }

  // Reduces the lanes of each cell, and adds them to its sum.
  void add_lanes(const double* lanes, Index size, double* sums) const {
    if (run == 1) {
#pragma omp simd
      for (Index k = 0; k < size; ++k) sums[k] += lanes[k];
      return;
    }
    for (Index k = 0; k < size; ++k) {
      for (Index j = 0; j < run; ++j) sums[k] += *lanes++;
    }
  }

  template <int kRows, class Function>
  void add_rows(Index row, Index width, Function terms, Lanes<double>& first_sums,
                Lanes<double>& second_sums) const {
    const Index next = fold * columns;
    double* first_sum = first_sums.data();
    double* second_sum = second_sums.data();
#pragma omp simd
    for (Index lane = 0; lane < width; ++lane) {
      double first = first_sum[lane];
      double second = second_sum[lane];
      for (Index i = 0; i < kRows; ++i) {
        const auto [one, two] = terms(row + i * next + lane, lane);
        first += one;
        second += two;
      }
      first_sum[lane] = first;
      second_sum[lane] = second;
    }
  }
};

}  // namespace openmp
