// The kernel for tiles that are a row or a piece of one: layer and RMS norm, and others with short
// runs. Each column has its own gamma and beta.
//
// A tile is read twice, the second time from cache. Threads split the rows.
#pragma once

#include <omp.h>

#include <string>
#include <vector>

#include "harness/core/backend.h"
#include "harness/core/tiles.h"
#include "impls/simd/functions.h"
#include "impls/simd/gradients.h"
#include "impls/simd/plan.h"

namespace simd {

template <class T>
class RowsKernel : public normbench::Kernel {
  using Real = normbench::Parameter<T>;

 public:
  RowsKernel(const normbench::Problem& problem, const normbench::Arguments& arguments,
             const Plan& plan, const Functions<T>& table)
      : problem_(problem),
        arguments_(arguments),
        plan_(plan),
        tiles_(plan.tiles),
        table_(table),
        batches_(gradient_batches(problem)),
        rows_(tiles_.rows / batches_) {
    const auto columns = static_cast<std::size_t>(tiles_.columns);
    if (is_expanded(arguments.gamma)) gamma_.assign(columns, 1);
    if (is_expanded(arguments.beta)) beta_.assign(columns, 0);
    if (!problem.backward()) return;
    gradients_.assign(static_cast<std::size_t>(plan.threads), Gradients<Real>(columns));
  }

  void run() override {
    expand(arguments_.gamma, gamma_);
    if (!problem_.backward()) expand(arguments_.beta, beta_);
    if (plan_.threads == 1) return work(0, 1);
#pragma omp parallel num_threads(plan_.threads)
    work(omp_get_thread_num(), omp_get_num_threads());
  }

  std::string detail() const override { return table_.target + (", " + plan_.detail()); }

 private:
  // Whether gamma or beta needs an array with an element per column: it is absent, or an element is
  // for a whole run.
  bool is_expanded(const normbench::Tensor& tensor) const {
    return !tensor.present() || tiles_.run > 1;
  }

  // Broadcasts the parameters of runs to their columns.
  void expand(const normbench::Tensor& tensor, Numbers<Real>& columns) const {
    if (!tensor.present() || !is_expanded(tensor)) return;
    const Real* values = data<Real>(tensor);
    Real* next = columns.data();
    for (Index k = 0; k < tiles_.parameters(); ++k, next += tiles_.run) {
      std::fill_n(next, tiles_.run, values[k]);
    }
  }
  const Real* gamma() const {
    return gamma_.empty() ? data<Real>(arguments_.gamma) : gamma_.data();
  }
  const Real* beta() const { return beta_.empty() ? data<Real>(arguments_.beta) : beta_.data(); }

  void work(int thread, int team) {
    const Range share = share_of(rows_, thread, team);
    for (Index batch = 0; batch < batches_; ++batch) {
      const Index row = batch * rows_ + share.first;
      const Index at = row * tiles_.columns;
      const Index statistic = row * tiles_.across();
      const typename RowFunctions<T>::Tiles tiles = {.count = share.size * tiles_.across(),
                                                     .across = tiles_.across(),
                                                     .length = tiles_.tile_columns,
                                                     .together = plan_.tiles_together,
                                                     .ahead = plan_.ahead,
                                                     .centered = is_centered(problem_),
                                                     .eps = problem_.eps};
      if (!problem_.backward()) {
        table_.rows.normalize(data<T>(arguments_.x, at), data<T>(arguments_.y, at), tiles, gamma(),
                              beta(), data<Real>(arguments_.mean, statistic),
                              data<Real>(arguments_.variance, statistic),
                              data<Real>(arguments_.rstd, statistic), plan_.streaming);
        continue;
      }
      Gradients<Real>& own = gradients_[static_cast<std::size_t>(thread)];
      own.clear();
      table_.rows.differentiate(
          data<T>(arguments_.x, at), data<T>(arguments_.dy, at), data<T>(arguments_.dx, at), tiles,
          gamma(), data<Real>(arguments_.mean, statistic), data<Real>(arguments_.rstd, statistic),
          own.dgamma.data(), own.dbeta.data(), own.scratch.data(), plan_.streaming);
      if (!problem_.affine) continue;
      const Index parameters = tiles_.parameters();
      add_up_gradients(
          gradients_, parameters, [this](Index i) { return places_of(i); }, thread, team,
          data<Real>(arguments_.dgamma, batch * parameters),
          data<Real>(arguments_.dbeta, batch * parameters));
    }
  }

  // The sums of the columns that share this parameter.
  Places places_of(Index parameter) const {
    return {parameter * tiles_.run, (parameter + 1) * tiles_.run, 1};
  }

  normbench::Problem problem_;
  normbench::Arguments arguments_;
  Plan plan_;
  normbench::Tiles tiles_;
  const Functions<T>& table_;
  Index batches_, rows_;        // mini-batches (see gradient_batches()), and rows of each
  Numbers<Real> gamma_, beta_;  // per column, where the tensor is not
  std::vector<Gradients<Real>> gradients_;  // per thread
};

}  // namespace simd
