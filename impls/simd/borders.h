// Cache lines of the output that lie where the parts of two threads meet.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "impls/simd/data.h"
#include "impls/simd/ops.h"

namespace simd {

// Where rows are no whole lines, the parts of two threads meet within a line in each row, and once
// more where a row ends and the next one begins. If each thread wrote its piece of such a line, the
// cores would take it from each other (false sharing); README says what that costs. So both leave
// it out, and keep the coefficients of the values beside the border. When all are done, the thread
// before the border writes the line whole.
template <class T>
class Borders {
  using Real = normbench::Parameter<T>;

 public:
  explicit Borders(int threads) : of_(static_cast<std::size_t>(threads)) {}

  // Keeps the coefficients of the first values in a thread's part of each row, or of the last ones,
  // from those of its segments, each of `length` values.
  void keep_first(int thread, int team, const Coefficients<Real>& of, Index length) {
    keep(of, thread == 0 ? team - 1 : thread - 1, kValues, [=](Index i) { return i / length; });
  }
  void keep_last(int thread, const Coefficients<Real>& of, Index segments, Index length) {
    keep(of, thread, 0, [=](Index i) { return segments - 1 - (kValues - 1 - i) / length; });
  }

  // Writes the lines that begin in this thread's part of each row and end behind it. `matrix` has
  // all rows; the part ends `end` values from the start of a row.
  void write(int thread, Index end, Formula formula, const WriteArguments<T>& matrix,
             const StridedOps<T>& columns) const {
    const Index width = matrix.region.row_stride;
    const Index all = matrix.region.rows * width;
    const bool wraps = end == width;  // into the next row, but in the last one
    const Index rows = matrix.region.rows - (wraps ? 1 : 0);
    const auto write_piece = [&](Index at, Index left, Index right, Index count, Index stride) {
      if (left == 0 && right == 0) return;
      WriteArguments<T> piece = matrix;
      piece.x += at - left;
      if (piece.dy != nullptr) piece.dy += at - left;
      piece.out += at - left;
      piece.region = {.rows = count,
                      .row_stride = stride,
                      .segments = left + right,
                      .segment_stride = 1,
                      .length = 1};
      piece.coefficients = of_[static_cast<std::size_t>(thread)].from(kValues - left);
      columns.write(formula, piece);
    };
    // Rows that are so far apart meet their lines alike.
    const Index period = kValues / std::gcd(width, kValues);
    for (Index row = 0; row < std::min(period, rows); ++row) {
      const Index at = row * width + end;
      const Index left = since_line(matrix.out + at);
      write_piece(at, left, until_line(matrix.out + at), (rows - row + period - 1) / period,
                  period * width);
    }
    if (!wraps) return;
    write_piece(all, since_line(matrix.out + all), 0, 1, 0);
    write_piece(0, 0, until_line(matrix.out), 1, 0);
  }

 private:
  static constexpr Index kValues = kLineBytes / Index{sizeof(T)};  // of a line

  // Coefficients of a line's worth of values on either side of a border.
  struct Border {
    Numbers<Real> mean = empty(), scale = empty(), constant = empty(), slope = empty();

    static Numbers<Real> empty() { return Numbers<Real>(2 * kValues); }
    Coefficients<Real> from(Index i) const {
      return {mean.data() + i, scale.data() + i, constant.data() + i, slope.data() + i};
    }
  };

  template <class SegmentOf>
  void keep(const Coefficients<Real>& of, int border, Index first, const SegmentOf& segment_of) {
    Border& kept = of_[static_cast<std::size_t>(border)];
    const auto copy = [&](const Real* from, Numbers<Real>& to) {
      for (Index i = 0; from != nullptr && i < kValues; ++i) {
        to[static_cast<std::size_t>(first + i)] = from[segment_of(i)];
      }
    };
    copy(of.mean, kept.mean);
    copy(of.scale, kept.scale);
    copy(of.constant, kept.constant);
    copy(of.slope, kept.slope);
  }

  std::vector<Border> of_;  // of each thread: where its part ends
};

}  // namespace simd
