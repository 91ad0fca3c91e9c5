// Vectorized loops over a piece of a row.
#pragma once

#include <vector>

#include "harness/core/storage.h"
#include "impls/openmp/work.h"

namespace openmp {

struct Sums {
  double first, second;
};

// Coefficients of a tile.
template <class Real>
struct RowTerms {
  Real mean, rstd;
  Real constant, slope;  // backward only: dx = dy * gamma * rstd - constant - (x - mean) * slope
};

// Pointers to the same columns of several rows.
template <class T>
struct RowPointers {
  const T* x;
  const T* dy;
  T* dx;
  Index next;  // values from a row to the next

  RowPointers below(Index rows) const {
    return {x + rows * next, dy + rows * next, dx + rows * next, next};
  }
};

// The sums of x - shift and of its square.
template <class T, class Real = normbench::Parameter<T>>
Sums sum_forward(const T* x, Real shift, Index size) {
  double first = 0;
  double second = 0;
  const double origin = shift;
#pragma omp simd reduction(+ : first, second)
  for (Index j = 0; j < size; ++j) {
    const double value = static_cast<double>(static_cast<Real>(x[j])) - origin;
    first += value;
    second += value * value;
  }
  return {first, second};
}

// The sums of g = dy * gamma and of g * (x - mean).
template <class T, class Real = normbench::Parameter<T>>
Sums sum_backward(const T* x, const T* dy, Real mean, const Real* gamma, Index size) {
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

template <class T, class Real = normbench::Parameter<T>>
void normalize(const T* x, const RowTerms<Real>& terms, const Real* gamma, const Real* beta, T* y,
               Index size) {
  const Real mean = terms.mean;
  const Real rstd = terms.rstd;
#pragma omp simd
  for (Index j = 0; j < size; ++j) {
    y[j] = static_cast<T>((static_cast<Real>(x[j]) - mean) * rstd * gamma[j] + beta[j]);
  }
}

// dx of kRows rows. Adds to the sums of dy and dy * xh of their columns, where xh = (x - mean) *
// rstd.
template <int kRows, class T, class Real = normbench::Parameter<T>>
void differentiate(const RowPointers<T>& rows, const RowTerms<Real>* terms, const Real* gamma,
                   double* dbeta, double* dgamma, Index size) {
  const T* x = rows.x;
  const T* dy = rows.dy;
  T* dx = rows.dx;
  const Index next = rows.next;
  Real mean[kRows], rstd[kRows], constant[kRows], slope[kRows];
  for (int i = 0; i < kRows; ++i) {
    mean[i] = terms[i].mean;
    rstd[i] = terms[i].rstd;
    constant[i] = terms[i].constant;
    slope[i] = terms[i].slope;
  }
#pragma omp simd
  for (Index j = 0; j < size; ++j) {
    double sum_g = dbeta[j];
    double sum_g_xh = dgamma[j];
    for (int i = 0; i < kRows; ++i) {
      const Real g = static_cast<Real>(dy[i * next + j]);
      const Real deviation = static_cast<Real>(x[i * next + j]) - mean[i];
      sum_g += g;
      sum_g_xh += static_cast<double>(g) * (deviation * rstd[i]);
      dx[i * next + j] =
          static_cast<T>(g * gamma[j] * rstd[i] - constant[i] - deviation * slope[i]);
    }
    dbeta[j] = sum_g;
    dgamma[j] = sum_g_xh;
  }
}

// Reduces the sums over all parts, and over the `run` columns of each parameter, and stores them in
// `target` unless it is null. Overwrites parts[0].
template <class Real>
void save_sums(std::vector<std::vector<double>>& parts, Range parameters, Index run, Real* target) {
  if (target == nullptr) return;
  const Index first = parameters.first * run;
  const Index last = first + parameters.size * run;
  double* total = parts[0].data();
  for (std::size_t part = 1; part < parts.size(); ++part) {
    const double* sums = parts[part].data();
    for (Index j = first; j < last; ++j) total[j] += sums[j];
  }
  for (Index k = parameters.first; k < parameters.first + parameters.size; ++k) {
    double sum = 0;
    for (Index j = k * run; j < (k + 1) * run; ++j) sum += total[j];
    target[k] = static_cast<Real>(sum);
  }
}

}  // namespace openmp
