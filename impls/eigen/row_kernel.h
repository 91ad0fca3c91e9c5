// Tiles of long rows: reduced and written row by row.
#pragma once

#include <cmath>
#include <cstddef>

#include "impls/eigen/arrays.h"

namespace normbench::eigen {

template <class T>
class RowKernel {
  using Real = Parameter<T>;

 public:
  explicit RowKernel(const Plan& plan)
      : problem_(plan.problem),
        tiles_(plan.tiles),
        plan_(plan),
        constant_(plan.constant_parameters()),
        segment_(plan.segment()),
        most_(kIsComputedWith<T> ? segment_ : kMostConverted),
        x_(most_),
        dy_(most_),
        out_(most_),
        ones_(Array<Real>::Ones(tiles_.parameters())),
        zeros_(Array<Real>::Zero(tiles_.parameters())) {
    const bool spread = !constant_ && tiles_.run > 1;
    if (spread) gamma_columns_.resize(tiles_.columns);
    if (spread) beta_columns_.resize(tiles_.columns);
    if (!problem_.backward() || !problem_.affine) return;
    dgamma_.resize(constant_ ? tiles_.parameters() : tiles_.columns);
    dbeta_.resize(dgamma_.size());
    if (!constant_) run_dgamma_.resize(tiles_.columns);
    if (!constant_) run_dbeta_.resize(tiles_.columns);
  }

  void run(const Arguments& part) {
    part_ = part;
    x_.bind(part.x);
    dy_.bind(part.dy);
    out_.bind(problem_.backward() ? part.dx : part.y);
    spread_parameters();
    for (Array<double>* sums : {&dgamma_, &dbeta_}) sums->setZero();
    for (Array<Real>* sums : {&run_dgamma_, &run_dbeta_}) sums->setZero();
    Index statistic = 0;
    for (Index row = 0; row < tiles_.batch_rows; row += tiles_.tile_rows) {
      for (Index column = 0; column < tiles_.columns; column += tiles_.tile_columns) {
        tile_ = {row, column, statistic++};
        if (problem_.backward()) {
          backward();
        } else {
          forward();
        }
      }
    }
    store(part.dgamma, dgamma_);
    store(part.dbeta, dbeta_);
  }

 private:
  static constexpr Index kMostConverted = 1024;

  struct Tile {
    Index row, column, statistic;
  };
  struct Sums {
    double g = 0, g_xh = 0;
  };
  using Short = Eigen::Array<Real, Eigen::Dynamic, 1, 0, kValuesPerRun, 1>;

  static Real* values(const Tensor& tensor) { return static_cast<Real*>(tensor.data); }

  // Broadcasts parameters to one value per column, if segments with one parameter are too short.
  void spread_parameters() {
    const auto gamma = vector(part_.gamma, ones_);
    const auto beta = vector(part_.beta, zeros_);
    gamma_ = gamma.data();
    beta_ = beta.data();
    if (gamma_columns_.size() == 0) return;
    spread_each(tiles_.run, gamma, gamma_columns_);
    spread_each(tiles_.run, beta, beta_columns_);
    gamma_ = gamma_columns_.data();
    beta_ = beta_columns_.data();
  }

  void store(const Tensor& tensor, const Doubles& sums) const {
    if (!tensor.present()) return;
    Eigen::Map<Array<Real>> target(values(tensor), tensor.size());
    const Index length = sums.size() / target.size();
    for (Index k = 0; length > 1 && k < target.size(); ++k) {
      target[k] = static_cast<Real>(sums.segment(k * length, length).sum());
    }
    if (length == 1) target = sums.template cast<Real>();
  }

  // Calls visit(row, column, size, parameter) for the pieces of the tile's rows. A piece is as long
  // as possible, with at most `most` values and, if parameters are constant over segments, in one
  // segment.
  template <class Visit>
  void for_each_segment(Index most, Visit visit) const {
    const Index segment = segment_;
    const Index columns = tile_.column + tiles_.tile_columns;
    const Index first_parameter = problem_.affine ? tile_.column / tiles_.run : 0;
    for (Index i = tile_.row; i < tile_.row + tiles_.tile_rows; ++i) {
      Index parameter = first_parameter;
      for (Index j = tile_.column; j < columns; j += segment) {
        for_each_part(segment, most,
                      [&](Index first, Index size) { visit(i, j + first, size, parameter); });
        ++parameter;
      }
    }
  }

  Index at(Index row, Index column) const { return row * tiles_.columns + column; }

  void forward() {
    const Index s = tile_.statistic;
    Real mean = 0;
    Real rstd = 0;
    if (plan_.running()) {
      mean = values(part_.running_mean)[s];
      rstd = static_cast<Real>(1 / std::sqrt(values(part_.running_var)[s] + problem_.eps));
    } else {
      const double sum = plan_.centered() ? sum_of([](const auto& x) { return x; }) : 0;
      mean = static_cast<Real>(sum / plan_.count());
      const double squares = sum_of([mean](const auto& x) {
        using Scalar = typename std::decay_t<decltype(x)>::Scalar;
        return (x - static_cast<Scalar>(mean)).square();
      });
      const double variance = squares / plan_.count();
      rstd = static_cast<Real>(1 / std::sqrt(variance + problem_.eps));
      if (part_.mean.present()) values(part_.mean)[s] = mean;
      if (part_.variance.present()) values(part_.variance)[s] = static_cast<Real>(variance);
      if (part_.rstd.present()) values(part_.rstd)[s] = rstd;
    }
    normalize(mean, rstd);
  }

  // The sum of terms(values...) over a run. If it overflows, the run is summed again in double.
  template <class Terms, class... Values>
  static double sum_of_run(const Terms& terms, const Values&... values) {
    const auto sum = static_cast<double>(terms(values...).sum());
    if (std::isfinite(sum)) return sum;
    return terms(values.template cast<double>()...).sum();
  }

  // The sum of terms(x) over the tile.
  template <class Terms>
  double sum_of(const Terms& terms) {
    double sum = 0;
    for_each_segment(kValuesPerRun, [&](Index i, Index j, Index size, Index) {
      sum += sum_of_run(terms, x_.read(at(i, j), size));
    });
    return sum;
  }

  // y = (x - mean) * rstd * gamma + beta
  void normalize(Real mean, Real rstd) {
    if (constant_) {
      for_each_segment(most_, [&](Index i, Index j, Index size, Index k) {
        const Real scale = rstd * gamma_[k];
        out_.write(at(i, j), size, (x_.read(at(i, j), size) - mean) * scale + beta_[k]);
      });
    } else {
      for_each_segment(most_, [&](Index i, Index j, Index size, Index) {
        const View<Real> gamma(gamma_ + j, size);
        const View<Real> beta(beta_ + j, size);
        out_.write(at(i, j), size, (x_.read(at(i, j), size) - mean) * rstd * gamma + beta);
      });
    }
  }

  // With g = dy * gamma and xh = (x - mean) * rstd:
  //   dx = (g - mean(g) - xh * mean(g * xh)) * rstd
  void backward() {
    const Index s = tile_.statistic;
    Real mean = 0;
    Real rstd = 0;
    if (plan_.running()) {
      mean = values(part_.running_mean)[s];
      rstd = static_cast<Real>(1 / std::sqrt(values(part_.running_var)[s] + problem_.eps));
    } else {
      if (part_.mean.present()) mean = values(part_.mean)[s];
      rstd = values(part_.rstd)[s];
    }
    Sums sums;
    const bool summed = problem_.affine || !plan_.running();
    if (summed) sums = constant_ ? sum_constant(mean, rstd) : sum_columns(mean, rstd);
    if (plan_.running()) return write_scaled(rstd);
    const double mean_g = plan_.centered() ? sums.g / plan_.count() : 0;
    write_gradient(mean, rstd, static_cast<Real>(mean_g),
                   static_cast<Real>(sums.g_xh / plan_.count() * static_cast<double>(rstd)));
  }

  Sums sum_constant(Real mean, Real rstd) {
    Sums total;
    for_each_segment(kValuesPerRun, [&](Index i, Index j, Index size, Index k) {
      const auto x = x_.read(at(i, j), size);
      const auto dy = dy_.read(at(i, j), size);
      const double sum_dy = sum_of_run([](const auto& values) { return values; }, dy);
      const auto products = [mean](const auto& of_dy, const auto& of_x) {
        using Scalar = typename std::decay_t<decltype(of_x)>::Scalar;
        return of_dy * (of_x - static_cast<Scalar>(mean));
      };
      const double sum_dy_xh = sum_of_run(products, dy, x) * static_cast<double>(rstd);
      const auto gamma = static_cast<double>(gamma_[k]);
      total.g += gamma * sum_dy;
      total.g_xh += gamma * sum_dy_xh;
      if (!problem_.affine) return;
      dbeta_[k] += sum_dy;
      dgamma_[k] += sum_dy_xh;
    });
    return total;
  }

  Sums sum_columns(Real mean, Real rstd) {
    Sums total;
    for_each_segment(kValuesPerRun, [&](Index i, Index j, Index size, Index) {
      const auto dy = dy_.read(at(i, j), size);
      const View<Real> gamma(gamma_ + j, size);
      const Short xh = (x_.read(at(i, j), size) - mean) * rstd;
      const Short g = dy * gamma;
      total.g += static_cast<double>(g.sum());
      total.g_xh += static_cast<double>((g * xh).sum());
      run_dbeta_.segment(j, size) += dy;
      run_dgamma_.segment(j, size) += dy * xh;
      if ((i + 1) % kRowsPerRun != 0 && i + 1 != tiles_.batch_rows) return;
      end_run(run_dbeta_.segment(j, size), dbeta_.segment(j, size));
      end_run(run_dgamma_.segment(j, size), dgamma_.segment(j, size));
    });
    return total;
  }

  template <class Run, class Total>
  static void end_run(Run run, Total total) {
    total += run.template cast<double>();
    run.setZero();
  }

  void write_scaled(Real rstd) {
    for_each_segment(most_, [&](Index i, Index j, Index size, Index k) {
      const Real scale = gamma_[k] * rstd;
      out_.write(at(i, j), size, dy_.read(at(i, j), size) * scale);
    });
  }

  void write_gradient(Real mean, Real rstd, Real mean_g, Real slope) {
    for_each_segment(most_, [&](Index i, Index j, Index size, Index k) {
      const auto x = x_.read(at(i, j), size);
      const auto dy = dy_.read(at(i, j), size);
      if (constant_) {
        const Real gamma = gamma_[k];
        out_.write(at(i, j), size, (dy * gamma - mean_g - (x - mean) * slope) * rstd);
      } else {
        const View<Real> gamma(gamma_ + j, size);
        out_.write(at(i, j), size, (dy * gamma - mean_g - (x - mean) * slope) * rstd);
      }
    });
  }

  Problem problem_;
  Tiles tiles_;
  Plan plan_;
  bool constant_;  // gamma and beta are constant over a segment
  Index segment_;  // values of a row that are worked on together
  Index most_;     // values per expression
  Stream<T> x_, dy_, out_;
  Array<Real> ones_, zeros_;  // in place of absent gamma and beta
  Array<Real> gamma_columns_, beta_columns_;
  Array<Real> run_dgamma_, run_dbeta_;  // per column
  Doubles dgamma_, dbeta_;              // per parameter, or per column
  Arguments part_;
  Tile tile_{};
  const Real* gamma_ = nullptr;
  const Real* beta_ = nullptr;
};

}  // namespace normbench::eigen
