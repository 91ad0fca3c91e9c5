// Vectorized loops over a matrix whose rows are cut into segments: columns that share a statistic
// and a parameter in every row.
#pragma once

#include <algorithm>
#include <vector>

#include "impls/openmp/statistics.h"

namespace normbench::openmp {

// Long segments have one accumulator and one set of coefficients each, short ones one per column:
// their vectors run along the row.
struct Segments {
  // Segments of at least this many columns are long.
  static constexpr Index kLong = 512;
  // With few rows, coefficients per column pay off only in the shortest segments.
  static constexpr Index kFewRows = 4;
  static constexpr Index kLongOfFewRows = 8;
  // Short rows are packed into one of about this many columns, so that the vector tail is
  // negligible; but enough packed rows are left to amortize the accumulators.
  static constexpr Index kPackedColumns = 256;
  static constexpr Index kFewestPackedRows = 8;

  Segments(Index all_rows, Index count, Index columns_of_segment)
      : rows(all_rows), segments(count), length(columns_of_segment) {
    // A single segment is contiguous, so it is a single row.
    if (segments == 1) {
      length *= rows;
      rows = 1;
    }
    columns = segments * length;
    is_long = length >= kLong || (rows < kFewRows && length >= kLongOfFewRows);
    width = is_long ? 1 : length;
    const Index most = std::max<Index>(rows / kFewestPackedRows, 1);
    if (!is_long) packed = std::clamp<Index>(kPackedColumns / columns, 1, most);
  }

  Index rows, segments, length, columns;
  bool is_long;
  Index width;       // accumulators (and sets of coefficients) of a segment
  Index packed = 1;  // rows that are one vectorized loop
};

// What one thread works on: some segments of some rows and, where they are long, some positions
// of each. `base` is where the matrix begins in its tensor.
struct Part {
  Index base;
  Range segments, rows, positions;
};

// Repeats each of `count` values `length` times, in place.
template <class Value>
void broadcast(Value* values, Index count, Index length) {
  if (length == 1) return;
  for (Index k = count - 1; k >= 0; --k) std::fill_n(values + k * length, length, values[k]);
}

// Makes coefficients of accumulators out of those of segments, in place.
template <class Real>
void broadcast_to_columns(const Segments& matrix, Index size, Buffer<Real>& values) {
  broadcast(values.data(), size, matrix.width);
  const Index row = size * matrix.width;
  for (Index i = 1; i < matrix.packed; ++i)
    std::copy_n(values.data(), row, values.data() + i * row);
}

// Calls visit(at, k) for all values of a part in the order of memory; k is their accumulator.
template <class Visit>
void for_each_value(const Segments& matrix, const Part& part, Visit visit) {
  for (Index i = part.rows.first; i < part.rows.end(); i += matrix.packed) {
    const Index row = part.base + i * matrix.columns + part.segments.first * matrix.length;
    if (matrix.is_long) {
      for (Index k = 0; k < part.segments.size; ++k) {
        const Index first = row + k * matrix.length + part.positions.first;
#pragma omp simd
        for (Index j = 0; j < part.positions.size; ++j) visit(first + j, k);
      }
    } else {
      const Index rows = std::min(matrix.packed, part.rows.end() - i);
      const Index size = rows * part.segments.size * matrix.width;
#pragma omp simd
      for (Index k = 0; k < size; ++k) visit(row + k, k);
    }
  }
}

// Two sums for each of many accumulators.
struct SumArrays {
  explicit SumArrays(Index size = 0)
      : first(static_cast<std::size_t>(size)), second(static_cast<std::size_t>(size)) {}

  Buffer<double> first, second;
};

// Adds terms(at, k) of kRows rows to their accumulators, which are loaded and stored once.
template <int kRows, class Terms>
void add_rows(Index row, Index next, Index size, Terms terms, SumArrays& sums) {
  double* first = sums.first.data();
  double* second = sums.second.data();
#pragma omp simd
  for (Index k = 0; k < size; ++k) {
    double one = first[k];
    double two = second[k];
    for (Index i = 0; i < kRows; ++i) {
      const Sums more = terms(row + i * next + k, k);
      one += more.first;
      two += more.second;
    }
    first[k] = one;
    second[k] = two;
  }
}

// The sums of terms(at, k) over each segment of a part, by way of an accumulator per column.
template <class Terms>
void sum_columns(const Segments& matrix, const Part& part, Terms terms, SumArrays& columns,
                 SumArrays& sums) {
  constexpr int kRows = 8;
  const Index row = part.segments.size * matrix.width;
  const Index next = matrix.packed * matrix.columns;
  const Index start = part.base + part.segments.first * matrix.length;
  for (auto* all : {&columns.first, &columns.second}) {
    std::fill_n(all->data(), matrix.packed * row, 0.0);
  }
  Index i = part.rows.first;
  for (; i + kRows * matrix.packed <= part.rows.end(); i += kRows * matrix.packed) {
    add_rows<kRows>(start + i * matrix.columns, next, matrix.packed * row, terms, columns);
  }
  for (; i < part.rows.end(); i += matrix.packed) {
    const Index size = std::min(matrix.packed, part.rows.end() - i) * row;
    add_rows<1>(start + i * matrix.columns, next, size, terms, columns);
  }
  for (const auto& [from, to] :
       {std::pair{&columns.first, &sums.first}, std::pair{&columns.second, &sums.second}}) {
    std::fill_n(to->data(), part.segments.size, 0.0);
    for (Index repeat = 0; repeat < matrix.packed; ++repeat) {
      const double* column = from->data() + repeat * row;
      double* sum = to->data();
      if (matrix.width == 1) {
#pragma omp simd
        for (Index k = 0; k < row; ++k) sum[k] += column[k];
        continue;
      }
      for (Index k = 0; k < part.segments.size; ++k) {
        for (Index j = 0; j < matrix.width; ++j) sum[k] += *column++;
      }
    }
  }
}

// The sums of terms(at, k) over each segment of a part.
template <class Terms>
void sum_segments(const Segments& matrix, const Part& part, Terms terms, SumArrays& columns,
                  SumArrays& sums) {
  if (!matrix.is_long) return sum_columns(matrix, part, terms, columns, sums);
  for (auto* all : {&sums.first, &sums.second}) std::fill_n(all->data(), part.segments.size, 0.0);
  for (Index i = part.rows.first; i < part.rows.end(); ++i) {
    for (Index k = 0; k < part.segments.size; ++k) {
      const Index at = part.base + i * matrix.columns + (part.segments.first + k) * matrix.length +
                       part.positions.first;
      double first = 0;
      double second = 0;
#pragma omp simd reduction(+ : first, second)
      for (Index j = 0; j < part.positions.size; ++j) {
        const Sums more = terms(at + j, k);
        first += more.first;
        second += more.second;
      }
      sums.first[static_cast<std::size_t>(k)] += first;
      sums.second[static_cast<std::size_t>(k)] += second;
    }
  }
}

}  // namespace normbench::openmp
