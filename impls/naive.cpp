// The definition of every norm: plain loops on one thread, with sums in double.
#include <algorithm>
#include <cmath>
#include <vector>

#include "harness/core/backend.h"
#include "harness/core/copy_kernel.h"
#include "harness/core/empty_kernel.h"
#include "harness/core/tiles.h"

namespace normbench {
namespace {

// Values are stored as T; the arithmetic is in Real.
template <class T>
class NaiveKernel : public Kernel {
  using Real = Parameter<T>;

 public:
  NaiveKernel(const Problem& problem, const Arguments& arguments)
      : problem_(problem), all_(arguments), tiles_(tiles_of(problem)) {
    if (!problem.backward()) return;
    for (auto* sums : {&dgamma_, &dbeta_}) sums->resize(std::size_t(tiles_.parameters()));
  }

  void run() override {
    for (std::int64_t i = 0; i < problem_.mini_batches(); ++i) {
      a_ = mini_batch(problem_, all_, i);
      for (auto* sums : {&dgamma_, &dbeta_}) std::fill(sums->begin(), sums->end(), 0.0);
      const std::int64_t statistics = tiles_.batch_rows / tiles_.tile_rows * tiles_.across();
      for (std::int64_t s = 0; s < statistics; ++s) problem_.backward() ? backward(s) : forward(s);
      for (std::int64_t k = 0; problem_.backward() && k < tiles_.parameters(); ++k) {
        set(a_.dgamma, k, dgamma_.data()[k]);
        set(a_.dbeta, k, dbeta_.data()[k]);
      }
      update_running();
    }
  }

  std::string detail() const override { return "1 thread"; }

 private:
  struct Statistic {
    Real mean, rstd;
  };

  double count() const { return static_cast<double>(tiles_.values()); }
  static Real get(const Tensor& tensor, std::int64_t at, Real if_absent) {
    return tensor.present() ? tensor.as<Real>().data()[at] : if_absent;
  }
  static void set(const Tensor& tensor, std::int64_t at, double value) {
    if (tensor.present()) tensor.as<Real>().data()[at] = static_cast<Real>(value);
  }

  // Calls visit(i, k) for each value of statistic s: it is element i of x, and element k of gamma
  // and beta belongs to it. Those of a statistic are a tile of the matrix of tiles.h.
  template <class Visit>
  void for_each_value(std::int64_t s, Visit visit) const {
    const std::int64_t top = s / tiles_.across() * tiles_.tile_rows;
    const std::int64_t left = s % tiles_.across() * tiles_.tile_columns;
    for (std::int64_t row = top; row < top + tiles_.tile_rows; ++row) {
      for (std::int64_t column = left; column < left + tiles_.tile_columns; ++column) {
        visit(row * tiles_.columns + column, column / tiles_.run);
      }
    }
  }

  Statistic statistic_of(std::int64_t s) const {
    if (problem_.uses_running_statistics()) {
      const double variance = get(a_.running_var, s, 1);
      return {get(a_.running_mean, s, 0), Real(1 / std::sqrt(variance + problem_.eps))};
    }
    if (problem_.backward()) return {get(a_.mean, s, 0), get(a_.rstd, s, 1)};
    const T* x = a_.x.as<T>().data();
    double sum = 0, squares = 0;
    for_each_value(s, [&](auto i, auto) { sum += x[i]; });
    const double mean = problem_.norm == Norm::kRms ? 0 : sum / count();
    for_each_value(s, [&](auto i, auto) { squares += (x[i] - mean) * (x[i] - mean); });
    const double variance = squares / count();
    const double rstd = 1 / std::sqrt(variance + problem_.eps);
    if (problem_.pass == Pass::kForwardTraining) {
      set(a_.mean, s, mean);
      set(a_.variance, s, variance);
      set(a_.rstd, s, rstd);
    }
    return {Real(mean), Real(rstd)};
  }

  void forward(std::int64_t index) const {
    const T* x = a_.x.as<T>().data();
    T* y = a_.y.as<T>().data();
    const Statistic s = statistic_of(index);
    for_each_value(index, [&](auto i, auto k) {
      y[i] = T((x[i] - s.mean) * s.rstd * get(a_.gamma, k, 1) + get(a_.beta, k, 0));
    });
  }

  // With xh = (x - mean) * rstd and g = dy * gamma:
  //   dbeta = sum(dy), dgamma = sum(dy * xh), dx = rstd * (g - mean(g) - xh * mean(g * xh))
  // rms has no mean(g). Where the statistics are given, dx = rstd * g.
  void backward(std::int64_t index) {
    const T* x = a_.x.as<T>().data();
    const T* dy = a_.dy.as<T>().data();
    T* dx = a_.dx.as<T>().data();
    const Statistic s = statistic_of(index);
    double* dgamma = dgamma_.data();
    double* dbeta = dbeta_.data();
    const bool given = problem_.uses_running_statistics();
    double sum_g = 0, sum_g_xh = 0;
    for_each_value(index, [&](auto i, auto k) {
      const Real xh = (x[i] - s.mean) * s.rstd;
      const double g = double(dy[i]) * get(a_.gamma, k, 1);
      sum_g += g;
      sum_g_xh += g * xh;
      dbeta[k] += dy[i];
      dgamma[k] += double(dy[i]) * xh;
    });
    const auto mean_g = Real(problem_.norm == Norm::kRms ? 0 : sum_g / count());
    const auto mean_g_xh = Real(sum_g_xh / count());
    for_each_value(index, [&](auto i, auto k) {
      const Real g = dy[i] * get(a_.gamma, k, 1);
      const Real through_statistics = mean_g + (x[i] - s.mean) * s.rstd * mean_g_xh;
      dx[i] = T(s.rstd * (given ? g : g - through_statistics));
    });
  }

  // After y is written: gamma and beta may be in the same memory.
  void update_running() const {
    if (problem_.norm != Norm::kBatch || problem_.pass != Pass::kForwardTraining) return;
    const double m = problem_.momentum;
    for (std::int64_t k = 0; k < problem_.c; ++k) {
      const double unbiased = get(a_.variance, k, 0) * count() / (count() - 1);
      set(a_.running_mean, k, (1 - m) * get(a_.running_mean, k, 0) + m * get(a_.mean, k, 0));
      set(a_.running_var, k, (1 - m) * get(a_.running_var, k, 0) + m * unbiased);
    }
  }

  Problem problem_;
  Arguments all_, a_;  // of all mini-batches, and of one
  Tiles tiles_;
  std::vector<double> dgamma_, dbeta_;
};

class Naive : public Backend {
 public:
  std::string_view name() const override { return "naive"; }
  std::string version() const override { return "3"; }
  Support supports(const Problem& problem) const override { return Support::if_valid(problem); }
  // Double sums are exact enough to claim no roundings, unless the data is double too.
  Accuracy accuracy(const Problem& problem) const override {
    const bool sums_round = problem.dtype == DType::kF64 && problem.norm != Norm::kNone;
    return sums_round ? Accuracy::sequential(problem.longest_sum()) : Accuracy::in_double();
  }
  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int) const override {
    if (problem.elements() == 0) return std::make_unique<EmptyKernel>(arguments);
    if (problem.norm == Norm::kNone) return std::make_unique<CopyKernel>(problem, arguments);
    return with_storage(problem.dtype, [&]<class T>(T) -> std::unique_ptr<Kernel> {
      return std::make_unique<NaiveKernel<T>>(problem, arguments);
    });
  }
};

}  // namespace
}  // namespace normbench

std::unique_ptr<normbench::Backend> make_naive() { return std::make_unique<normbench::Naive>(); }
