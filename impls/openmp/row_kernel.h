// The kernel for tiles that are a row or a piece of one, with a parameter per column: layer and RMS
// norm, and others with few positions.
//
// A tile is summed and then normalized, from the cache that it fits in. Threads take rows or, where
// those are too few, the tiles of each row, or the columns of each tile.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "harness/core/backend.h"
#include "harness/core/tiles.h"
#include "impls/openmp/statistics.h"

namespace normbench::openmp {

template <class T>
class RowKernel : public Kernel {
  using Real = Parameter<T>;

 public:
  // Tiles must have one row.
  RowKernel(const Problem& problem, const Tiles& tiles, const Arguments& arguments, int threads)
      : problem_(problem),
        arguments_(arguments),
        tiles_(tiles),
        threads_(useful_threads(problem, threads)) {
    takes_rows_ = is_balanced(tiles.batch_rows, threads_);
    shares_tiles_ = !takes_rows_ && !is_balanced(tiles.across(), threads_);
    const auto columns = static_cast<std::size_t>(tiles.columns);
    gamma_columns_.assign(columns, 1);
    beta_columns_.assign(columns, 0);
    gamma_ = per_column(arguments.gamma, gamma_columns_);
    beta_ = per_column(arguments.beta, beta_columns_);
    partial_.resize(static_cast<std::size_t>(threads_));
    if (!problem.backward()) return;
    dbeta_.assign(takes_rows_ ? partial_.size() : 1, std::vector<double>(columns));
    dgamma_ = dbeta_;
  }

  void run() override {
    if (tiles_.run > 1) {
      broadcast(arguments_.gamma, gamma_columns_);
      broadcast(arguments_.beta, beta_columns_);
    }
    on_each_thread(threads_, [this](Index thread, Index team) {
      for (Index i = 0; i < problem_.mini_batches(); ++i) {
        run(mini_batch(problem_, arguments_, i), thread, team);
      }
    });
  }

  std::string detail() const override {
    if (threads_ == 1) return "1 thread";
    const char* shared = shares_tiles_ ? "columns" : takes_rows_ ? "rows" : "tiles";
    return std::to_string(threads_) + " threads share " + shared;
  }

 private:
  // Rows whose dx is found together, so that sums for the gradients are loaded and stored once.
  static constexpr Index kRows = 4;

  // Of a tile. Those of dx are as in Gradient.
  struct Coefficients {
    Real mean, rstd, offset, slope;
  };

  // From one value per parameter to one per column.
  void broadcast(const Tensor& tensor, std::vector<Real>& columns) const {
    if (!tensor.present()) return;
    const Real* values = data<Real>(tensor);
    for (Index k = 0; k < tiles_.parameters(); ++k) {
      std::fill_n(columns.data() + k * tiles_.run, tiles_.run, values[k]);
    }
  }
  // Those of the tensor where it has one per column, else own ones.
  const Real* per_column(const Tensor& tensor, std::vector<Real>& columns) const {
    return tensor.present() && tiles_.run == 1 ? data<Real>(tensor) : columns.data();
  }

  bool centered() const { return problem_.norm != Norm::kRms; }
  double count() const { return static_cast<double>(tiles_.tile_columns); }

  void run(const Arguments& a, Index thread, Index team) {
    Range rows{0, tiles_.batch_rows};
    Range tiles{0, tiles_.across()};
    Range columns{0, tiles_.tile_columns};
    Range& own = takes_rows_ ? rows : shares_tiles_ ? columns : tiles;
    own = share_of(own.size, thread, team);
    if (!problem_.backward()) {
      for (Index row = rows.first; row < rows.end(); ++row) {
        for (Index tile = tiles.first; tile < tiles.end(); ++tile) {
          forward(a, row, tile, columns, thread);
        }
      }
      return;
    }
    const Index first = tiles.first * tiles_.tile_columns + columns.first;
    const Index size = (tiles.size - 1) * tiles_.tile_columns + columns.size;
    const std::size_t at = takes_rows_ ? static_cast<std::size_t>(thread) : 0;
    if (size > 0) std::fill_n(dbeta_[at].data() + first, size, 0.0);
    if (size > 0) std::fill_n(dgamma_[at].data() + first, size, 0.0);
    for (Index row = rows.first; row < rows.end(); row += kRows) {
      const Range some{row, std::min(kRows, rows.end() - row)};
      for (Index tile = tiles.first; tile < tiles.end(); ++tile) {
        backward(a, some, tile, columns, thread);
      }
    }
    save_gradients(a, thread, team);
  }

  // The sums of all threads that share a tile.
  Sums add_up(Sums own, Index thread) {
    if (!shares_tiles_) return own;
    partial_[static_cast<std::size_t>(thread)] = own;
    barrier();
    Sums total;
    for (const Sums& one : partial_) {
      total.first += one.first;
      total.second += one.second;
    }
    barrier();
    return total;
  }

  void forward(const Arguments& a, Index row, Index tile, Range columns, Index thread) {
    const Index column = tile * tiles_.tile_columns;
    const T* x = data<T>(a.x, row * tiles_.columns + column);
    Real pivot = centered() ? as_pivot(static_cast<Real>(x[0])) : Real{0};
    Moments moments{};
    for (int round = 0; round < kForwardRounds<T>; ++round) {
      if (round > 0) pivot = as_pivot(static_cast<Real>(moments.mean));
      const Sums sums = add_up(sum_forward(x + columns.first, pivot, columns.size), thread);
      moments = moments_of(sums, pivot, count(), centered());
    }
    const auto mean = static_cast<Real>(moments.mean);
    const auto rstd = static_cast<Real>(rstd_of(moments.variance, problem_.eps));
    if (problem_.pass == Pass::kForwardTraining && (thread == 0 || !shares_tiles_)) {
      const Index at = row * tiles_.across() + tile;
      if (centered()) *data<Real>(a.mean, at) = mean;
      *data<Real>(a.variance, at) = static_cast<Real>(moments.variance);
      *data<Real>(a.rstd, at) = rstd;
    }
    T* y = data<T>(a.y, row * tiles_.columns + column);
    const Real* weight = gamma_ + column;
    const Real* bias = beta_ + column;
#pragma omp simd
    for (Index j = columns.first; j < columns.end(); ++j) {
      y[j] = static_cast<T>((static_cast<Real>(x[j]) - mean) * rstd * weight[j] + bias[j]);
    }
  }

  static Sums sum_forward(const T* x, double pivot, Index size) {
    double first = 0;
    double second = 0;
#pragma omp simd reduction(+ : first, second)
    for (Index j = 0; j < size; ++j) {
      const double value = static_cast<double>(static_cast<Real>(x[j])) - pivot;
      first += value;
      second += value * value;
    }
    return {first, second};
  }

  void backward(const Arguments& a, Range rows, Index tile, Range columns, Index thread) {
    Coefficients found[kRows];
    const Index column = tile * tiles_.tile_columns + columns.first;
    for (Index i = 0; i < rows.size; ++i) {
      const Index statistic = (rows.first + i) * tiles_.across() + tile;
      const Index at = (rows.first + i) * tiles_.columns + column;
      const Real mean = centered() ? *data<Real>(a.mean, statistic) : Real{0};
      const Real rstd = *data<Real>(a.rstd, statistic);
      Sums sums =
          sum_backward(data<T>(a.x, at), data<T>(a.dy, at), mean, gamma_ + column, columns.size);
      sums = add_up(sums, thread);
      sums.second *= rstd;
      const Gradient gradient = gradient_of(sums, rstd, count(), centered());
      found[i] = {mean, rstd, static_cast<Real>(gradient.offset),
                  static_cast<Real>(gradient.slope)};
    }
    if (rows.size == kRows) {
      return differentiate<kRows>(a, found, rows.first, column, columns.size, thread);
    }
    for (Index i = 0; i < rows.size; ++i) {
      differentiate<1>(a, found + i, rows.first + i, column, columns.size, thread);
    }
  }

  // The sums of g = dy * gamma and of g * (x - mean).
  static Sums sum_backward(const T* x, const T* dy, Real mean, const Real* gamma, Index size) {
    double first = 0;
    double second = 0;
#pragma omp simd reduction(+ : first, second)
    for (Index j = 0; j < size; ++j) {
      const double g = static_cast<double>(static_cast<Real>(dy[j])) * gamma[j];
      first += g;
      second += g * (static_cast<Real>(x[j]) - mean);
    }
    return {first, second};
  }

  // dx of some rows. Adds to the sums of dy and dy * xh of their columns.
  template <Index kCount>
  void differentiate(const Arguments& a, const Coefficients* found, Index row, Index column,
                     Index size, Index thread) {
    const Index next = tiles_.columns;
    const T* x = data<T>(a.x, row * next + column);
    const T* dy = data<T>(a.dy, row * next + column);
    T* dx = data<T>(a.dx, row * next + column);
    const std::size_t sums = takes_rows_ ? static_cast<std::size_t>(thread) : 0;
    double* dbeta = dbeta_[sums].data() + column;
    double* dgamma = dgamma_[sums].data() + column;
    const Real* weight = gamma_ + column;
    Real mean[kCount], rstd[kCount], offset[kCount], slope[kCount];
    for (Index i = 0; i < kCount; ++i) {
      mean[i] = found[i].mean;
      rstd[i] = found[i].rstd;
      offset[i] = found[i].offset;
      slope[i] = found[i].slope;
    }
#pragma omp simd
    for (Index j = 0; j < size; ++j) {
      double sum_g = dbeta[j];
      double sum_g_xh = dgamma[j];
      for (Index i = 0; i < kCount; ++i) {
        const Real g = static_cast<Real>(dy[i * next + j]);
        const Real deviation = static_cast<Real>(x[i * next + j]) - mean[i];
        sum_g += g;
        sum_g_xh += static_cast<double>(g) * (deviation * rstd[i]);
        dx[i * next + j] =
            static_cast<T>(g * weight[j] * rstd[i] - offset[i] - deviation * slope[i]);
      }
      dbeta[j] = sum_g;
      dgamma[j] = sum_g_xh;
    }
  }

  // Adds up the sums of all threads, and of all columns of a parameter.
  void save_gradients(const Arguments& a, Index thread, Index team) {
    if (!a.dgamma.present()) return;
    barrier();
    const Range parameters = share_of(tiles_.parameters(), thread, team);
    const Index first = parameters.first * tiles_.run;
    const Index last = parameters.end() * tiles_.run;
    for (const auto& [all, tensor] : {std::pair{&dgamma_, &a.dgamma}, {&dbeta_, &a.dbeta}}) {
      double* total = (*all)[0].data();
      for (std::size_t i = 1; i < all->size(); ++i) {
        const double* more = (*all)[i].data();
#pragma omp simd
        for (Index j = first; j < last; ++j) total[j] += more[j];
      }
      Real* target = data<Real>(*tensor);
      if (target == nullptr) continue;
      if (tiles_.run == 1) {
#pragma omp simd
        for (Index j = first; j < last; ++j) target[j] = static_cast<Real>(total[j]);
        continue;
      }
      for (Index k = parameters.first; k < parameters.end(); ++k) {
        double sum = 0;
        for (Index j = k * tiles_.run; j < (k + 1) * tiles_.run; ++j) sum += total[j];
        target[k] = static_cast<Real>(sum);
      }
    }
    barrier();
  }

  Problem problem_;
  Arguments arguments_;
  Tiles tiles_;
  int threads_;
  bool takes_rows_ = false;      // each thread takes rows of its own
  bool shares_tiles_ = false;    // all threads work on each tile
  const Real* gamma_ = nullptr;  // per column
  const Real* beta_ = nullptr;
  std::vector<Real> gamma_columns_, beta_columns_;   // of tensors that have fewer, or are absent
  std::vector<std::vector<double>> dbeta_, dgamma_;  // per column; for each thread with rows
  std::vector<Sums> partial_;                        // of a tile, per thread
};

}  // namespace normbench::openmp
