// The formulas of a textbook: one thread, plain loops, sums in double.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "harness/core/backend.h"
#include "harness/core/empty_kernel.h"
#include "harness/core/tiles.h"

namespace {

using normbench::Accuracy;
using normbench::Arguments;
using normbench::Backend;
using normbench::DType;
using normbench::Kernel;
using normbench::Norm;
using normbench::Parameter;
using normbench::Pass;
using normbench::Problem;
using normbench::Support;
using normbench::Tensor;
using normbench::Tiles;

template <class Real>
Real value_or(const Tensor& vector, std::size_t at, Real otherwise) {
  return vector.present() ? vector.as<Real>()[at] : otherwise;
}

// One mini-batch. Values are stored as T; the arithmetic is in Real.
template <class T>
class MiniBatch {
  using Real = Parameter<T>;

 public:
  MiniBatch(const Problem& problem, const Tiles& tiles, const Arguments& arguments)
      : problem_(problem), tiles_(tiles), arguments_(arguments) {}

  // Sums per parameter, allocated once, since run() must not allocate.
  struct ParameterSums {
    explicit ParameterSums(const Tiles& tiles)
        : dgamma(static_cast<std::size_t>(tiles.parameters())), dbeta(dgamma.size()) {}
    std::vector<double> dgamma, dbeta;
  };

  void forward() const {
    const auto x = arguments_.x.as<T>();
    const auto y = arguments_.y.as<T>();
    if (problem_.norm == Norm::kNone) return copy(x, y);
    for_each_tile([&](std::size_t statistic, std::int64_t row, std::int64_t column) {
      const Statistic own = problem_.uses_running_statistics() ? from_running(statistic)
                                                               : of_tile(statistic, row, column);
      const Real mean = own.mean;
      const Real rstd = own.rstd;
      for_each_value(row, column, [&](std::size_t at, std::size_t parameter) {
        const Real gamma = value_or<Real>(arguments_.gamma, parameter, 1);
        const Real beta = value_or<Real>(arguments_.beta, parameter, 0);
        y[at] = static_cast<T>((x[at] - mean) * rstd * gamma + beta);
      });
    });
    if (problem_.norm == Norm::kBatch && problem_.pass == Pass::kForwardTraining) update_running();
  }

  // With xh = (x - mean) * rstd and g = dy * gamma:
  //   dx = rstd * (g - mean(g) - xh * mean(g * xh)), dbeta = sum(dy), dgamma = sum(dy * xh)
  // rms has no mean(g). With running statistics, dx = rstd * g.
  void backward(ParameterSums& sums) const {
    const auto dy = arguments_.dy.as<T>();
    const auto dx = arguments_.dx.as<T>();
    if (problem_.norm == Norm::kNone) return copy(dy, dx);
    const auto x = arguments_.x.as<T>();
    std::vector<double>& dgamma = sums.dgamma;
    std::vector<double>& dbeta = sums.dbeta;
    std::fill(dgamma.begin(), dgamma.end(), 0.0);
    std::fill(dbeta.begin(), dbeta.end(), 0.0);
    for_each_tile([&](std::size_t statistic, std::int64_t row, std::int64_t column) {
      const Statistic own =
          problem_.uses_running_statistics() ? from_running(statistic) : saved(statistic);
      const Real mean = own.mean;
      const Real rstd = own.rstd;
      double sum_g = 0;
      double sum_g_xh = 0;
      for_each_value(row, column, [&](std::size_t at, std::size_t parameter) {
        const Real xh = (x[at] - mean) * rstd;
        const double g =
            static_cast<double>(dy[at]) * value_or<Real>(arguments_.gamma, parameter, 1);
        sum_g += g;
        sum_g_xh += g * xh;
        dbeta[parameter] += dy[at];
        dgamma[parameter] += static_cast<double>(dy[at]) * xh;
      });
      const auto count = static_cast<double>(tiles_.values());
      const auto mean_g = static_cast<Real>(problem_.norm == Norm::kRms ? 0 : sum_g / count);
      const auto mean_g_xh = static_cast<Real>(sum_g_xh / count);
      for_each_value(row, column, [&](std::size_t at, std::size_t parameter) {
        const Real g = dy[at] * value_or<Real>(arguments_.gamma, parameter, 1);
        const Real through_statistics = mean_g + (x[at] - mean) * rstd * mean_g_xh;
        const bool given = problem_.uses_running_statistics();
        dx[at] = static_cast<T>(rstd * (given ? g : g - through_statistics));
      });
    });
    store(arguments_.dgamma, dgamma);
    store(arguments_.dbeta, dbeta);
  }

 private:
  struct Statistic {
    Real mean, rstd;
  };

  template <class Span>
  static void copy(Span from, Span to) {
    for (std::size_t at = 0; at < from.size(); ++at) to[at] = from[at];
  }

  static void store(const Tensor& vector, const std::vector<double>& values) {
    if (!vector.present()) return;
    const auto target = vector.as<Real>();
    for (std::size_t at = 0; at < values.size(); ++at) target[at] = static_cast<Real>(values[at]);
  }

  // Calls visit(statistic, first row, first column) for every tile.
  template <class Visit>
  void for_each_tile(Visit visit) const {
    std::size_t statistic = 0;
    for (std::int64_t row = 0; row < tiles_.batch_rows; row += tiles_.tile_rows) {
      for (std::int64_t column = 0; column < tiles_.columns; column += tiles_.tile_columns) {
        visit(statistic++, row, column);
      }
    }
  }

  // Calls visit(position in memory, parameter) for every value of the tile that starts there.
  template <class Visit>
  void for_each_value(std::int64_t first_row, std::int64_t first_column, Visit visit) const {
    for (std::int64_t i = first_row; i < first_row + tiles_.tile_rows; ++i) {
      for (std::int64_t j = first_column; j < first_column + tiles_.tile_columns; ++j) {
        visit(static_cast<std::size_t>(i * tiles_.columns + j),
              static_cast<std::size_t>(j / tiles_.run));
      }
    }
  }

  Statistic from_running(std::size_t k) const {
    const double variance = arguments_.running_var.as<Real>()[k];
    return {arguments_.running_mean.as<Real>()[k],
            static_cast<Real>(1 / std::sqrt(variance + problem_.eps))};
  }

  Statistic saved(std::size_t at) const {
    return {value_or<Real>(arguments_.mean, at, 0), arguments_.rstd.as<Real>()[at]};
  }

  // Mean and rstd of a tile; the training pass also stores them. The mean of rms is 0, its variance
  // the mean square.
  Statistic of_tile(std::size_t statistic, std::int64_t row, std::int64_t column) const {
    const auto x = arguments_.x.as<T>();
    const auto count = static_cast<double>(tiles_.values());
    double sum = 0;
    for_each_value(row, column, [&](std::size_t at, std::size_t) { sum += x[at]; });
    const double mean = problem_.norm == Norm::kRms ? 0 : sum / count;
    double squares = 0;
    for_each_value(row, column, [&](std::size_t at, std::size_t) {
      squares += (x[at] - mean) * (x[at] - mean);
    });
    const double variance = squares / count;
    const double rstd = 1 / std::sqrt(variance + problem_.eps);
    if (problem_.pass == Pass::kForwardTraining) {
      if (arguments_.mean.present()) {
        arguments_.mean.as<Real>()[statistic] = static_cast<Real>(mean);
      }
      arguments_.variance.as<Real>()[statistic] = static_cast<Real>(variance);
      arguments_.rstd.as<Real>()[statistic] = static_cast<Real>(rstd);
    }
    return {static_cast<Real>(mean), static_cast<Real>(rstd)};
  }

  // Called after y is written: gamma and beta may be in the same memory.
  void update_running() const {
    const auto count = static_cast<double>(tiles_.values());
    const double m = problem_.momentum;
    for (std::size_t k = 0; k < static_cast<std::size_t>(problem_.c); ++k) {
      const auto update = [m](Real& running, double statistic) {
        running = static_cast<Real>((1 - m) * running + m * statistic);
      };
      update(arguments_.running_mean.as<Real>()[k], arguments_.mean.as<Real>()[k]);
      update(arguments_.running_var.as<Real>()[k],
             arguments_.variance.as<Real>()[k] * count / (count - 1));
    }
  }

  const Problem& problem_;
  const Tiles& tiles_;
  const Arguments& arguments_;
};

template <class T>
class NaiveKernel : public Kernel {
 public:
  NaiveKernel(const Problem& problem, const Arguments& arguments)
      : problem_(problem), tiles_(tiles_of(problem)), arguments_(arguments), sums_(tiles_) {}

  void run() override {
    for (std::int64_t i = 0; i < problem_.mini_batches(); ++i) {
      const Arguments part = mini_batch(problem_, arguments_, i);
      const MiniBatch<T> batch(problem_, tiles_, part);
      if (problem_.backward()) {
        batch.backward(sums_);
      } else {
        batch.forward();
      }
    }
  }

  std::string detail() const override { return "1 thread"; }

 private:
  Problem problem_;
  Tiles tiles_;
  Arguments arguments_;
  typename MiniBatch<T>::ParameterSums sums_;
};

class Naive : public Backend {
 public:
  std::string_view name() const override { return "naive"; }
  std::string version() const override { return "2"; }
  Support supports(const Problem& problem) const override { return Support::if_valid(problem); }
  // Double sums are exact enough to claim no roundings, unless the data is double too.
  Accuracy accuracy(const Problem& problem) const override {
    const Tiles tiles = tiles_of(problem);
    const std::int64_t values = std::max(tiles.values(), tiles.batch_rows * tiles.run);
    const bool sums_round = problem.dtype == DType::kF64;
    return sums_round ? Accuracy::sequential(values) : Accuracy::in_double();
  }
  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int) const override {
    if (problem.elements() == 0) return std::make_unique<normbench::EmptyKernel>(arguments);
    return with_storage(problem.dtype, [&]<class T>(T) -> std::unique_ptr<Kernel> {
      return std::make_unique<NaiveKernel<T>>(problem, arguments);
    });
  }
};

}  // namespace

std::unique_ptr<Backend> make_naive() { return std::make_unique<Naive>(); }
