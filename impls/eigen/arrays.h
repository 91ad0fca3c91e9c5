// Views of the caller's buffers as Eigen arrays, and the conversion of values.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>

#include "harness/core/arguments.h"
#include "harness/core/tiles.h"

namespace normbench::eigen {

using Eigen::Index;

template <class Real>
using Array = Eigen::Array<Real, Eigen::Dynamic, 1>;
template <class T>
using View = Eigen::Map<const Array<T>>;
using Doubles = Array<double>;

// Values are summed in the arithmetic type over runs: at most kValuesPerRun values of a row, or
// kRowsPerRun rows of a column. The sums of runs are added in double.
inline constexpr Index kValuesPerRun = 128;
inline constexpr Index kRowsPerRun = 16;

// Eigen's scalar for values stored as T: its 16-bit types have the same bits as those of storage.h.
template <class T>
struct ScalarOf {
  using Type = T;
};
template <>
struct ScalarOf<Bf16> {
  using Type = Eigen::bfloat16;
};
template <>
struct ScalarOf<F16> {
  using Type = Eigen::half;
};

template <class T>
inline constexpr bool kIsComputedWith = std::is_same_v<T, Parameter<T>>;

// A large tensor, stored as T, with arithmetic in Real. 16-bit values go through an array of `most`
// values, since Eigen does not vectorize expressions of mixed types. So at most that many are read
// or written at once, and what was read is valid until the next read.
template <class T>
class Stream {
  using Real = Parameter<T>;
  using Scalar = typename ScalarOf<T>::Type;

 public:
  explicit Stream(Index most) : values_(kIsComputedWith<T> ? 0 : most) {}

  void bind(const Tensor& tensor) { data_ = static_cast<Scalar*>(tensor.data); }

  View<Real> read(Index at, Index size) {
    if constexpr (kIsComputedWith<T>) {
      return {data_ + at, size};
    } else {
      auto values = values_.head(size);
      if constexpr (std::is_same_v<T, Bf16>) {
        // Four to ten times as fast as cast<float>(), which in Eigen 3.4.0 goes through memory.
        using Bits = View<std::uint16_t>;
        const auto widen = [](std::uint16_t bits) {
          return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
        };
        values = Bits(reinterpret_cast<const std::uint16_t*>(data_) + at, size).unaryExpr(widen);
      } else {
        values = View<Scalar>(data_ + at, size).template cast<Real>();
      }
      return {values_.data(), size};
    }
  }

  template <class Expression>
  void write(Index at, Index size, const Expression& expression) {
    Eigen::Map<Array<Scalar>> target(data_ + at, size);
    if constexpr (kIsComputedWith<T>) {
      target = expression;
    } else {
      values_.head(size) = expression;
      target = values_.head(size).template cast<Scalar>();
    }
  }

 private:
  Scalar* data_ = nullptr;
  Array<Real> values_;
};

// Calls visit(first, size) for the parts of 0 .. size, each of at most `most` values.
template <class Visit>
void for_each_part(Index size, Index most, Visit visit) {
  for (Index first = 0; first < size; first += most) visit(first, std::min(most, size - first));
}

// A vector of statistics, parameters or gradients; `otherwise` if the tensor is absent.
template <class Real>
Eigen::Map<Array<Real>> vector(const Tensor& tensor, Array<Real>& otherwise) {
  if (!tensor.present()) return {otherwise.data(), otherwise.size()};
  return {static_cast<Real*>(tensor.data), tensor.size()};
}

// Shorter pieces than this are worked on all at once, with strides: one is too small for an
// expression.
inline constexpr Index kShortPiece = 16;

// A strided view: `size` values from `data` on, `length` apart.
template <class Value>
auto every(Index length, Value* data, Index size) {
  using Values = Array<std::remove_const_t<Value>>;
  using Target = std::conditional_t<std::is_const_v<Value>, const Values, Values>;
  return Eigen::Map<Target, 0, Eigen::InnerStride<>>(data, size, Eigen::InnerStride<>(length));
}

// sums[k] = the sum of values k * length .. (k + 1) * length
template <class Sums, class Values>
void sum_each(Index length, const Values& values, Sums&& sums) {
  if (length == 1) {
    sums = values;
  } else if (length < kShortPiece) {
    sums = every(length, values.data(), sums.size());
    for (Index j = 1; j < length; ++j) sums += every(length, values.data() + j, sums.size());
  } else {
    for (Index k = 0; k < sums.size(); ++k) sums[k] = values.segment(k * length, length).sum();
  }
}

// The broadcast: values k * length .. (k + 1) * length of `spread` are values[k].
template <class Values, class Spread>
void spread_each(Index length, const Values& values, Spread&& spread) {
  using Scalar = typename std::decay_t<Spread>::Scalar;
  if (length == 1) {
    spread = values.template cast<Scalar>();
  } else if (length < kShortPiece) {
    auto first = every(length, spread.data(), values.size());
    first = values.template cast<Scalar>();
    for (Index j = 1; j < length; ++j) every(length, spread.data() + j, values.size()) = first;
  } else {
    for (Index k = 0; k < values.size(); ++k) {
      spread.segment(k * length, length).setConstant(static_cast<Scalar>(values[k]));
    }
  }
}

// What both kernels know of a problem.
struct Plan {
  explicit Plan(const Problem& p) : problem(p), tiles(tiles_of(p)) {
    // A contiguous tile with one parameter is a single row, whatever the number of samples.
    if (tiles.run == tiles.columns) {
      tiles.run = tiles.tile_columns = tiles.columns = tiles.tile_rows * tiles.columns;
      tiles.batch_rows /= tiles.tile_rows;
      tiles.rows /= tiles.tile_rows;
      tiles.tile_rows = 1;
    }
  }

  // Whether tiles are reduced row by row; else there is a sum per column.
  bool by_rows() const { return tiles.tile_columns >= kLongRow; }
  // For long rows: whether gamma and beta are constant over a whole segment of a row, which then
  // has segment() values; else a segment is a whole row of a tile.
  bool constant_parameters() const {
    return !problem.affine || tiles.run == tiles.tile_columns || tiles.run >= kLongRow;
  }
  Index segment() const {
    return problem.affine && constant_parameters() ? tiles.run : tiles.tile_columns;
  }
  bool centered() const { return problem.norm != Norm::kRms; }
  // With running statistics nothing depends on the statistics of the batch, and no gradient flows
  // through them.
  bool running() const { return problem.uses_running_statistics(); }
  double count() const { return static_cast<double>(tiles.values()); }

  Problem problem;
  Tiles tiles;

  // Rows of at least this many values are reduced one by one.
  static constexpr Index kLongRow = 64;
};

}  // namespace normbench::eigen
