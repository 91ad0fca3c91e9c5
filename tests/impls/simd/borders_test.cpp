// Lines where the parts of two threads meet: every value is written, and every line by one thread.
#include "impls/simd/borders.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <vector>

#include "impls/simd/threads.h"

namespace simd {
namespace {

using normbench::Bf16;
using normbench::Parameter;

// A matrix of tiles, each one column wide or a run, which threads divide.
struct Matrix {
  Index rows, tiles, length;
  int team;
  Index offset;  // of the output, from the start of a line

  Index columns() const { return tiles * length; }
};

std::vector<Matrix> matrices(Index line) {
  std::vector<Matrix> all;
  for (const int team : {2, 3, 5}) {
    for (const Index rows : {2, 3, 17, 40}) {
      for (const Index offset : {0, 1, 5}) {
        for (const Index tiles : {8 * line, 7 * line + 1, 8 * line - 3, 9 * line + 8}) {
          all.push_back({rows, tiles, 1, team, offset});
        }
        for (const Index length : {line, line + 1, 2 * line + 5, 77 + line}) {
          all.push_back({rows, 11, length, team, offset});
        }
      }
    }
  }
  return all;
}

template <class T>
class Lines : public testing::Test {
 protected:
  using Real = Parameter<T>;
  static constexpr Index kLine = kLineBytes / Index{sizeof(T)};
  static constexpr double kUntouched = 99;

  static T number(double value) { return static_cast<T>(static_cast<Real>(value)); }
  static double value(T number) { return static_cast<double>(static_cast<Real>(number)); }

  void check(const Matrix& m, Formula formula) {
    SCOPED_TRACE(testing::Message() << m.rows << " x " << m.tiles << " x " << m.length << ", "
                                    << m.team << " threads, offset " << m.offset);
    const Index size = m.rows * m.columns();
    std::vector<T> x, dy;
    for (Index i = 0; i < size; ++i) x.push_back(number(static_cast<double>(i % 7)));
    for (Index i = 0; i < size; ++i) dy.push_back(number(static_cast<double>(i % 5)));
    Numbers<T> memory(static_cast<std::size_t>(size + 3 * kLine), number(kUntouched));
    T* out = memory.data() + kLine + m.offset;
    std::vector<T> before(memory.begin(), memory.end());
    std::map<Index, std::set<int>> writers;  // of lines
    const auto note_writer = [&](int thread) {
      for (std::size_t i = 0; i < before.size(); ++i) {
        if (value(before[i]) == value(memory[i])) continue;
        EXPECT_EQ(value(before[i]), kUntouched) << "written twice";
        writers[static_cast<Index>(i) / kLine].insert(thread);
      }
      before.assign(memory.begin(), memory.end());
    };

    const Ops<T>& ops = simd::ops<T>(0);
    const StridedOps<T>& strided = m.length == 1 ? ops.columns : ops.runs;
    Borders<T> borders(m.team);
    const auto part_of = [&](int thread) {
      return share_of(m.tiles, thread, m.team, m.length == 1 ? kLine : 1);
    };
    for (int thread = 0; thread < m.team; ++thread) {
      const Range part = part_of(thread);
      const Numbers<Real> mean = numbers(part, 1), scale = numbers(part, 2),
                          constant = numbers(part, 3), slope = numbers(part, 4);
      const Coefficients<Real> of = {mean.data(), scale.data(), constant.data(), slope.data()};
      borders.keep_first(thread, m.team, of, m.length);
      borders.keep_last(thread, of, part.size, m.length);
      const Index at = part.first * m.length;
      strided.write(formula, {.x = x.data() + at,
                              .dy = dy.data() + at,
                              .out = out + at,
                              .region = {.rows = m.rows,
                                         .row_stride = m.columns(),
                                         .segments = part.size,
                                         .segment_stride = m.length,
                                         .length = m.length},
                              .coefficients = of,
                              .streaming = false,
                              .skips_first_line = true,
                              .skips_last_line = true});
      note_writer(thread);
    }
    for (int thread = 0; thread < m.team; ++thread) {
      const Range part = part_of(thread);
      borders.write(thread, (part.first + part.size) * m.length, formula,
                    {.x = x.data(),
                     .dy = dy.data(),
                     .out = out,
                     .region = {.rows = m.rows,
                                .row_stride = m.columns(),
                                .segments = m.columns(),
                                .segment_stride = 1,
                                .length = 1},
                     .coefficients = {},
                     .streaming = false},
                    ops.columns);
      note_writer(thread);
    }

    for (const auto& [line, threads] : writers) {
      // The first line of the matrix may be that of two: it is not taken from row to row.
      if (line != 1) {
        EXPECT_EQ(threads.size(), 1U) << "line " << line;
      }
    }
    for (Index i = 0; i < static_cast<Index>(memory.size()); ++i) {
      const Index at = i - (kLine + m.offset);
      if (at < 0 || at >= size) {
        ASSERT_EQ(value(memory[static_cast<std::size_t>(i)]), kUntouched) << "outside, at " << at;
        continue;
      }
      const auto k = static_cast<std::size_t>(at);
      const auto tile = static_cast<double>(at % m.columns() / m.length % 8);
      const double expected =
          formula == Formula::kNormalize
              ? (value(x[k]) - (tile + 1)) * (tile + 2) + (tile + 3)
              : value(dy[k]) * (tile + 2) - (tile + 3) - (value(x[k]) - (tile + 1)) * (tile + 4);
      ASSERT_EQ(value(memory[static_cast<std::size_t>(i)]), value(number(expected)))
          << "row " << at / m.columns() << ", column " << at % m.columns();
    }
  }

 private:
  // A number for each tile of a part: small integers, so that results are exact.
  static Numbers<Real> numbers(const Range& part, Index first) {
    Numbers<Real> all;
    for (Index i = 0; i < part.size; ++i)
      all.push_back(static_cast<Real>((part.first + i) % 8 + first));
    return all;
  }
};

using StorageTypes = testing::Types<float, double, Bf16>;
TYPED_TEST_SUITE(Lines, StorageTypes);

TYPED_TEST(Lines, AreWrittenByOneThread) {
  for (const Matrix& m : matrices(TestFixture::kLine)) {
    this->check(m, Formula::kNormalize);
    this->check(m, Formula::kDifferentiate);
  }
}

}  // namespace
}  // namespace simd
