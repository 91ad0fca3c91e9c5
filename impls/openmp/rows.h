// The kernel for tiles that are a row or a piece of one, with parameters per column: layer and RMS
// norm, and others with few positions.
//
// A tile is summed and then normalized, from the cache that it fits in. Backward takes a few rows
// at a time, so that sums for dgamma and dbeta are loaded and stored once for all of them. Threads
// split the rows or, if those are too few, the tiles of a row, or the columns of each tile.
#pragma once

#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

#include "harness/core/backend.h"
#include "harness/core/tiles.h"
#include "impls/openmp/band.h"
#include "impls/openmp/row.h"

namespace openmp {

template <class T>
class RowsKernel : public normbench::Kernel {
  using Real = normbench::Parameter<T>;

 public:
  // Tiles must have one row.
  RowsKernel(const normbench::Problem& problem, const normbench::Tiles& tiles,
             const normbench::Arguments& arguments, int threads)
      : problem_(problem),
        arguments_(arguments),
        tiles_(tiles),
        threads_(useful_threads(problem, threads)) {
    const auto is_fair = [this](Index units) {
      return units % threads_ == 0 || units >= 4 * threads_;
    };
    if (is_fair(tiles.batch_rows)) {
      sharing_ = Sharing::kRows;
    } else if (is_fair(tiles.across())) {
      sharing_ = Sharing::kTiles;
    } else {
      sharing_ = Sharing::kColumns;
    }
    const auto columns = static_cast<std::size_t>(tiles.columns);
    gamma_.assign(columns, 1);
    beta_.assign(columns, 0);
    if (problem.backward()) {
      const int sums = sharing_ == Sharing::kRows ? threads_ : 1;
      dbeta_.assign(static_cast<std::size_t>(sums), std::vector<double>(columns));
      dgamma_ = dbeta_;
    }
    const Index tiles_of_block = tiles.across() * (sharing_ == Sharing::kRows ? threads_ : 1);
    found_.resize(static_cast<std::size_t>(tiles_of_block * kRowsOfBlock));
    partial_.resize(static_cast<std::size_t>(threads_));
  }

  void run() override {
    for (Index i = 0; i < problem_.mini_batches(); ++i) {
      part_ = mini_batch(problem_, arguments_, i);
      expand(part_.gamma, gamma_);
      if (!problem_.backward()) expand(part_.beta, beta_);
      for (auto* all : {&dbeta_, &dgamma_}) {
        for (auto& sums : *all) std::fill(sums.begin(), sums.end(), 0.0);
      }
      if (sharing_ == Sharing::kColumns) {
        share_columns();
      } else {
        share_tiles();
      }
      save_gradients();
    }
  }

  std::string detail() const override {
    if (threads_ == 1) return "1 thread";
    const char* shared = sharing_ == Sharing::kRows    ? "samples"
                         : sharing_ == Sharing::kTiles ? "tiles"
                                                       : "columns";
    return std::to_string(threads_) + " threads share " + shared;
  }

 private:
  enum class Sharing { kRows, kTiles, kColumns };
  static constexpr Index kRowsOfBlock = 4;

  // Broadcasts the parameters of runs to their columns.
  void expand(const normbench::Tensor& tensor, std::vector<Real>& columns) const {
    if (!tensor.present() || tiles_.run == 1) return;
    const Real* values = data<Real>(tensor);
    Real* next = columns.data();
    for (Index k = 0; k < tiles_.parameters(); ++k) {
      for (Index j = 0; j < tiles_.run; ++j) *next++ = values[k];
    }
  }
  const Real* gamma() const {
    const bool own = !part_.gamma.present() || tiles_.run > 1;
    return own ? gamma_.data() : data<Real>(part_.gamma);
  }
  const Real* beta() const {
    const bool own = !part_.beta.present() || tiles_.run > 1;
    return own ? beta_.data() : data<Real>(part_.beta);
  }

  bool centered() const { return problem_.norm != normbench::Norm::kRms; }
  double count() const { return static_cast<double>(tiles_.tile_columns); }
  Index offset(Index row, Index tile) const {
    return row * tiles_.columns + tile * tiles_.tile_columns;
  }

  void share_tiles() {
    each_part(threads_, [this](Index part) {
      const bool by_rows = sharing_ == Sharing::kRows;
      const Range all_rows{0, tiles_.batch_rows};
      const Range all_tiles{0, tiles_.across()};
      const Range rows = by_rows ? share_of(all_rows.size, part, threads_) : all_rows;
      const Range tiles = by_rows ? all_tiles : share_of(all_tiles.size, part, threads_);
      if (problem_.backward()) {
        backward(rows, tiles, by_rows ? part : 0);
      } else {
        forward(rows, tiles);
      }
    });
  }

  void forward(Range rows, Range tiles) const {
    for (Index row = rows.first; row < rows.first + rows.size; ++row) {
      for (Index tile = tiles.first; tile < tiles.first + tiles.size; ++tile) {
        const T* x = data<T>(part_.x, offset(row, tile));
        Real shift = first_shift(x);
        Sums sums{};
        for (int round = 0; round < kRounds; ++round) {
          sums = sum_forward(x, shift, tiles_.tile_columns);
          if (round + 1 < kRounds) shift = as_shift(mean_of(sums, shift));
        }
        const RowTerms<Real> terms = conclude_forward(sums, shift, row, tile);
        apply_forward(terms, row, tile, {0, tiles_.tile_columns});
      }
    }
  }

  // Twice for f64: there double sums round, so the shift must be near the mean.
  static constexpr int kRounds = std::is_same_v<T, double> ? 2 : 1;

  Real first_shift(const T* x) const {
    return centered() ? as_shift(static_cast<Real>(x[0])) : Real{0};
  }
  Real mean_of(const Sums& sums, Real shift) const {
    return centered() ? static_cast<Real>(shift + sums.first / count()) : Real{0};
  }

  RowTerms<Real> conclude_forward(const Sums& sums, Real shift, Index row, Index tile) const {
    const double off = centered() ? sums.first / count() : 0;
    const double squares = centered() ? sums.second - sums.first * off : sums.second;
    const double variance = std::max(squares, 0.0) / count();  // keeps NaN
    RowTerms<Real> terms{};
    terms.mean = static_cast<Real>(shift + off);
    terms.rstd = static_cast<Real>(1 / std::sqrt(variance + problem_.eps));
    if (problem_.pass == normbench::Pass::kForwardTraining) {
      const Index at = row * tiles_.across() + tile;
      if (centered()) *data<Real>(part_.mean, at) = terms.mean;
      *data<Real>(part_.variance, at) = static_cast<Real>(variance);
      *data<Real>(part_.rstd, at) = terms.rstd;
    }
    return terms;
  }

  void apply_forward(const RowTerms<Real>& terms, Index row, Index tile, Range columns) const {
    const Index at = offset(row, tile) + columns.first;
    const Index column = tile * tiles_.tile_columns + columns.first;
    normalize(data<T>(part_.x, at), terms, gamma() + column, beta() + column, data<T>(part_.y, at),
              columns.size);
  }

  void backward(Range rows, Range tiles, Index part) {
    RowTerms<Real>* found = found_.data() + part * tiles_.across() * kRowsOfBlock;
    const Index last = rows.first + rows.size;
    for (Index row = rows.first; row < last; row += kRowsOfBlock) {
      const Index size = std::min(kRowsOfBlock, last - row);
      for (Index tile = tiles.first; tile < tiles.first + tiles.size; ++tile) {
        RowTerms<Real>* terms = found + tile * kRowsOfBlock;
        for (Index i = 0; i < size; ++i) {
          terms[i] = saved(row + i, tile);
          const Sums sums = sum_of_tile(terms[i], row + i, tile, {0, tiles_.tile_columns});
          conclude_backward(sums, terms[i]);
        }
        apply_backward(terms, {row, size}, tile, {0, tiles_.tile_columns}, part);
      }
    }
  }

  RowTerms<Real> saved(Index row, Index tile) const {
    const Index at = row * tiles_.across() + tile;
    RowTerms<Real> terms{};
    terms.mean = centered() ? *data<Real>(part_.mean, at) : Real{0};
    terms.rstd = *data<Real>(part_.rstd, at);
    return terms;
  }

  Sums sum_of_tile(const RowTerms<Real>& terms, Index row, Index tile, Range columns) const {
    const Index at = offset(row, tile) + columns.first;
    return sum_backward(data<T>(part_.x, at), data<T>(part_.dy, at), terms.mean,
                        gamma() + tile * tiles_.tile_columns + columns.first, columns.size);
  }

  void conclude_backward(const Sums& sums, RowTerms<Real>& terms) const {
    const double rstd = terms.rstd;
    terms.constant = static_cast<Real>(centered() ? sums.first * rstd / count() : 0);
    terms.slope = static_cast<Real>(sums.second * rstd * rstd * rstd / count());
  }

  void apply_backward(const RowTerms<Real>* terms, Range rows, Index tile, Range columns,
                      Index part) {
    const Index at = offset(rows.first, tile) + columns.first;
    const Index column = tile * tiles_.tile_columns + columns.first;
    double* dbeta = dbeta_[static_cast<std::size_t>(part)].data() + column;
    double* dgamma = dgamma_[static_cast<std::size_t>(part)].data() + column;
    const RowPointers<T> pointers{data<T>(part_.x, at), data<T>(part_.dy, at),
                                  data<T>(part_.dx, at), tiles_.columns};
    if (rows.size == kRowsOfBlock) {
      return differentiate<kRowsOfBlock>(pointers, terms, gamma() + column, dbeta, dgamma,
                                         columns.size);
    }
    for (Index i = 0; i < rows.size; ++i) {
      differentiate<1>(pointers.below(i), terms + i, gamma() + column, dbeta, dgamma, columns.size);
    }
  }

  // Too few tiles for all threads: they work on each tile together.
  void share_columns() {
    for (Index row = 0; row < tiles_.batch_rows; ++row) {
      for (Index tile = 0; tile < tiles_.across(); ++tile) share_tile(row, tile);
    }
  }

  void share_tile(Index row, Index tile) {
    const auto columns_of = [this](Index part) {
      return share_of(tiles_.tile_columns, part, threads_);
    };
    if (problem_.backward()) {
      RowTerms<Real> terms = saved(row, tile);
      each_part(threads_, [&](Index part) {
        partial_[static_cast<std::size_t>(part)] = sum_of_tile(terms, row, tile, columns_of(part));
      });
      conclude_backward(total(), terms);
      return each_part(threads_, [&](Index part) {
        apply_backward(&terms, {row, 1}, tile, columns_of(part), 0);
      });
    }
    const T* x = data<T>(part_.x, offset(row, tile));
    Real shift = first_shift(x);
    for (int round = 0; round < kRounds; ++round) {
      if (round > 0) shift = as_shift(mean_of(total(), shift));
      each_part(threads_, [&](Index part) {
        const Range columns = columns_of(part);
        partial_[static_cast<std::size_t>(part)] =
            sum_forward(x + columns.first, shift, columns.size);
      });
    }
    const RowTerms<Real> terms = conclude_forward(total(), shift, row, tile);
    each_part(threads_, [&](Index part) { apply_forward(terms, row, tile, columns_of(part)); });
  }

  Sums total() const {
    Sums sums{};
    for (const Sums& one : partial_) {
      sums.first += one.first;
      sums.second += one.second;
    }
    return sums;
  }

  void save_gradients() {
    if (!part_.dgamma.present()) return;
    const Index parameters = tiles_.parameters();
    // Reading and writing a double for each sum makes 16 bytes.
    const bool is_large = parameters * tiles_.run * 16 > kBytesPerThread;
    each_part(is_large ? threads_ : 1, [&](Index part) {
      const Range range = is_large ? share_of(parameters, part, threads_) : Range{0, parameters};
      save_sums(dgamma_, range, tiles_.run, data<Real>(part_.dgamma));
      save_sums(dbeta_, range, tiles_.run, data<Real>(part_.dbeta));
    });
  }

  normbench::Problem problem_;
  normbench::Arguments arguments_, part_;
  normbench::Tiles tiles_;
  int threads_;
  Sharing sharing_ = Sharing::kRows;
  std::vector<Real> gamma_, beta_;                   // per column, where the tensor is not
  std::vector<std::vector<double>> dbeta_, dgamma_;  // per column, for each part
  std::vector<RowTerms<Real>> found_;                // for the tiles of a block
  std::vector<Sums> partial_;                        // for a tile, per thread
};

}  // namespace openmp
