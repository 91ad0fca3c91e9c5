// The sums of cells, and the statistics and coefficients that follow from them.
#pragma once

#include <cmath>
#include <vector>

#include "harness/core/arguments.h"
#include "impls/openmp/work.h"

namespace openmp {

// A pointer to element `first` of a tensor; null if the tensor is absent.
template <class Value>
Value* data(const normbench::Tensor& tensor, Index first = 0) {
  return tensor.present() ? static_cast<Value*>(tensor.data) + first : nullptr;
}

// A band is a block of rows as high as a tile. It has several adjacent tiles, each of one or more
// cells. All arrays have an element per cell; what belongs to a tile is repeated for each of its
// cells.
template <class Real>
struct Band {
  Band(const normbench::Problem& described, Index cells, Index cells_of_tile, Index values_of_tile)
      : problem(described),
        cells_per_tile(cells_of_tile),
        count(static_cast<double>(values_of_tile)) {
    const auto size = static_cast<std::size_t>(cells);
    for (auto* sums : {&first, &second, &dbeta, &dgamma}) sums->resize(size);
    for (auto* values : {&shift, &mean, &rstd, &constant, &slope}) values->resize(size);
    ones.assign(size, 1);
    zeros.assign(size, 0);
  }

  // Makes the first value of each tile its shift, a pivot that avoids cancellation.
  template <class T>
  void shift_by(const T* x, Index run, Range cells) {
    if (problem.norm == normbench::Norm::kRms) return;
    Real* shifts = shift.data();
    const Index next = cells_per_tile * run;
    for_each_cell(cells, [=](Index k, Index tile) {
      shifts[k] = as_shift(static_cast<Real>(x[tile * next]));
    });
  }

  // Statistics from the sums of x - shift and (x - shift)^2. Replaces these by the mean and the sum
  // of squares about it.
  void conclude_forward(Range cells) {
    add_up_tiles(cells);
    forget_mean_of_rms(cells);
    const double n = count;
    const double eps = problem.eps;
    double* sum = first.data();
    double* squares = second.data();
    const Real* before = shift.data();
    Real* means = mean.data();
    Real* rstds = rstd.data();
#pragma omp simd
    for (Index k = cells.first; k < cells.first + cells.size; ++k) {
      const double off = sum[k] / n;
      const double about_mean = squares[k] - sum[k] * off;
      squares[k] = about_mean < 0 ? 0 : about_mean;  // keeps NaN
      sum[k] = before[k] + off;
      means[k] = static_cast<Real>(sum[k]);
      rstds[k] = static_cast<Real>(1 / std::sqrt(squares[k] / n + eps));
    }
  }

  // Stores the statistics. The first one of the band is element `first_tile`.
  void save(const normbench::Arguments& arguments, Index first_tile, Range cells) const {
    Real* means = data<Real>(arguments.mean, first_tile);
    Real* variances = data<Real>(arguments.variance, first_tile);
    Real* rstds = data<Real>(arguments.rstd, first_tile);
    const double* squares = second.data();
    const Real* own_means = mean.data();
    const Real* own_rstds = rstd.data();
    const double n = count;
    for_each_tile(cells, [=](Index tile, Index k) {
      variances[tile] = static_cast<Real>(squares[k] / n);
      rstds[tile] = own_rstds[k];
    });
    if (means == nullptr) return;
    for_each_tile(cells, [=](Index tile, Index k) { means[tile] = own_means[k]; });
  }

  void load(const normbench::Arguments& arguments, Index first_tile, Range cells) {
    const Real* means = data<Real>(arguments.mean, first_tile);
    const Real* rstds = data<Real>(arguments.rstd, first_tile);
    Real* own_means = mean.data();
    Real* own_rstds = rstd.data();
    for_each_cell(cells, [=](Index k, Index tile) { own_rstds[k] = rstds[tile]; });
    if (means == nullptr) return;
    for_each_cell(cells, [=](Index k, Index tile) { own_means[k] = means[tile]; });
  }

  void load_running(const normbench::Arguments& arguments, Range cells) {
    const Real* means = data<Real>(arguments.running_mean);
    const Real* variances = data<Real>(arguments.running_var);
    const double eps = problem.eps;
    Real* own_means = mean.data();
    Real* own_rstds = rstd.data();
#pragma omp simd
    for (Index k = cells.first; k < cells.first + cells.size; ++k) {
      own_means[k] = means[k];
      own_rstds[k] = static_cast<Real>(1 / std::sqrt(static_cast<double>(variances[k]) + eps));
    }
  }

  // From the sums of dy and dy * (x - mean): stores dbeta and dgamma if `are_first`, else adds to
  // them; then finds the coefficients of
  //   dx = dy * gamma * rstd - constant - (x - mean) * slope
  void conclude_backward(const Real* gamma, bool are_first, Range cells) {
    const Index last = cells.first + cells.size;
    double* g = first.data();
    double* g_xh = second.data();
    const Real* rstds = rstd.data();
    double* sum_g = dbeta.data();
    double* sum_g_xh = dgamma.data();
#pragma omp simd
    for (Index k = cells.first; k < last; ++k) {
      g_xh[k] *= rstds[k];
      sum_g[k] = are_first ? g[k] : sum_g[k] + g[k];
      sum_g_xh[k] = are_first ? g_xh[k] : sum_g_xh[k] + g_xh[k];
      g[k] *= gamma[k];
      g_xh[k] *= gamma[k];
    }
    if (problem.uses_running_statistics()) return;
    add_up_tiles(cells);
    forget_mean_of_rms(cells);
    const double n = count;
    Real* constants = constant.data();
    Real* slopes = slope.data();
#pragma omp simd
    for (Index k = cells.first; k < last; ++k) {
      constants[k] = static_cast<Real>(g[k] * rstds[k] / n);
      slopes[k] = static_cast<Real>(g_xh[k] * rstds[k] * rstds[k] / n);
    }
  }

  void save_gradients(const normbench::Arguments& arguments, Range cells) const {
    const auto save = [&](const normbench::Tensor& tensor, const std::vector<double>& sums) {
      Real* target = data<Real>(tensor);
      if (target == nullptr) return;
      const double* values = sums.data();
#pragma omp simd
      for (Index k = cells.first; k < cells.first + cells.size; ++k) {
        target[k] = static_cast<Real>(values[k]);
      }
    };
    save(arguments.dbeta, dbeta);
    save(arguments.dgamma, dgamma);
  }

  void update_running(const normbench::Arguments& arguments, Range cells) const {
    const double m = problem.momentum;
    const double degrees = count - 1;
    const double* means = first.data();
    const double* squares = second.data();
    Real* running_means = data<Real>(arguments.running_mean);
    Real* running_variances = data<Real>(arguments.running_var);
    const auto updated = [m](Real running, double statistic) {
      return static_cast<Real>((1 - m) * running + m * statistic);
    };
#pragma omp simd
    for (Index k = cells.first; k < cells.first + cells.size; ++k) {
      running_means[k] = updated(running_means[k], means[k]);
      running_variances[k] = updated(running_variances[k], squares[k] / degrees);
    }
  }

  normbench::Problem problem;
  Index cells_per_tile;
  double count;
  std::vector<double> first, second, dbeta, dgamma;
  std::vector<Real> shift, mean, rstd, constant, slope;
  std::vector<Real> ones, zeros;  // in place of absent parameters

 private:
  // Calls visit(tile, its first cell). `cells` must cover whole tiles.
  template <class Visit>
  void for_each_tile(Range cells, Visit visit) const {
    const Index step = cells_per_tile;
    const Index last = (cells.first + cells.size) / step;
    if (step == 1) {
#pragma omp simd
      for (Index tile = cells.first; tile < last; ++tile) visit(tile, tile);
      return;
    }
    for (Index tile = cells.first / step; tile < last; ++tile) visit(tile, tile * step);
  }

  // Calls visit(cell, its tile).
  template <class Visit>
  void for_each_cell(Range cells, Visit visit) const {
    const Index last = cells.first + cells.size;
    if (cells_per_tile == 1) {
#pragma omp simd
      for (Index k = cells.first; k < last; ++k) visit(k, k);
      return;
    }
    for (Index tile = cells.first / cells_per_tile; tile < last / cells_per_tile; ++tile) {
      for (Index i = 0; i < cells_per_tile; ++i) visit(tile * cells_per_tile + i, tile);
    }
  }

  // Not in the loops that divide by the number of values: a condition would keep those from being
  // vectorized.
  void forget_mean_of_rms(Range cells) {
    if (problem.norm == normbench::Norm::kRms)
      std::fill_n(first.data() + cells.first, cells.size, 0);
  }

  void add_up_tiles(Range cells) {
    if (cells_per_tile == 1) return;
    for (Index tile = cells.first; tile < cells.first + cells.size; tile += cells_per_tile) {
      for (double* sums : {first.data() + tile, second.data() + tile}) {
        double sum = 0;
        for (Index k = 0; k < cells_per_tile; ++k) sum += sums[k];
        std::fill_n(sums, cells_per_tile, sum);
      }
    }
  }
};

}  // namespace openmp
