// The kernels for tiles that are a row or a piece of one, where each column has a parameter: layer
// and RMS norm, and others with short runs. Tiles fill vectors of their own or, if they are too
// short for that, are transposed.
//
// A tile is read twice, the second time from cache. Threads split the tiles.
#pragma once

#include <algorithm>
#include <string>

#include "harness/core/backend.h"
#include "impls/simd/ops.h"
#include "impls/simd/plan.h"
#include "impls/simd/threads.h"

namespace simd {

template <class T>
class RowKernel : public normbench::Kernel {
  using Real = normbench::Parameter<T>;

 public:
  RowKernel(const normbench::Problem& problem, const normbench::Arguments& arguments,
            const Plan& plan, const Ops<T>& ops)
      : problem_(problem),
        arguments_(arguments),
        plan_(plan),
        ops_(ops),
        is_transposed_(plan.kernel == KernelKind::kTransposedRow),
        batches_(gradient_batches(problem)),
        tiles_(plan.tiles.rows / batches_ * plan.tiles.across()),
        rows_(plan.tiles.tile_columns / plan.tiles.run),
        stride_((plan.tiles.across() + ops.tiles_of_block + ops.lanes - 2) / ops.lanes * ops.lanes),
        sums_(is_transposed_ ? rows_ * stride_ : plan.tiles.columns),
        gradients_(problem.backward() ? plan.threads : 0, sums_, 2 * sums_) {
    const auto size = static_cast<std::size_t>(sums_);
    if (is_expanded(arguments.gamma)) gamma_.assign(size, 1);
    if (is_expanded(arguments.beta)) beta_.assign(size, 0);
  }

  void run() override {
    expand(arguments_.gamma, gamma_);
    if (!problem_.backward()) expand(arguments_.beta, beta_);
    on_threads(plan_.threads, [this](int thread, int team) { work(thread, team); });
  }

  std::string detail() const override { return ops_.target + (", " + plan_.detail()); }
  std::string measured() const override { return plan_.measured; }

 private:
  // Whether gamma or beta needs an array in the order that the kernel reads: it is absent, or a
  // column has no element of its own.
  bool is_expanded(const normbench::Tensor& tensor) const {
    return is_transposed_ || !tensor.present() || plan_.tiles.run > 1;
  }

  // Where a parameter is in that order, and its sums: in all columns that share it or, transposed,
  // once for each block of tiles across. See RowOps.
  Places places_of(Index parameter) const {
    const Index run = plan_.tiles.run;
    if (!is_transposed_) return {parameter * run, (parameter + 1) * run, 1};
    const Index row = parameter % rows_ * stride_;
    return {row + parameter / rows_, row + stride_, plan_.tiles.across()};
  }

  void expand(const normbench::Tensor& tensor, Numbers<Real>& expanded) const {
    if (!tensor.present() || !is_expanded(tensor)) return;
    const Real* values = data<Real>(tensor);
    for (Index i = 0; i < plan_.tiles.parameters(); ++i) {
      const Places places = places_of(i);
      const Real value = values[i];
      Real* const end = expanded.data() + places.end;
      for (Real* at = expanded.data() + places.first; at < end; at += places.step) *at = value;
    }
  }
  const Real* ordered(const normbench::Tensor& tensor, const Numbers<Real>& expanded) const {
    return is_expanded(tensor) ? expanded.data() : data<Real>(tensor);
  }

  void work(int thread, int team) {
    const RowOps<T>& ops = is_transposed_ ? ops_.transposed_rows : ops_.rows;
    const Index step = is_transposed_ ? ops_.tiles_of_block : plan_.tiles.across();
    const Range share = share_of(tiles_, thread, team, step);
    for (Index batch = 0; batch < batches_; ++batch) {
      RowArguments<T> arguments = arguments_from(batch * tiles_ + share.first, share.size);
      if (!problem_.backward()) {
        ops.normalize(arguments);
        continue;
      }
      auto& sums = gradients_.cleared(thread);
      arguments.dgamma = sums.dgamma.data();
      arguments.dbeta = sums.dbeta.data();
      arguments.scratch = sums.scratch.data();
      ops.differentiate(arguments);
      if (!problem_.affine) continue;
      const Index parameters = plan_.tiles.parameters();
      gradients_.add_up(
          parameters, [this](Index i) { return places_of(i); }, thread, team,
          data<Real>(arguments_.dgamma, batch * parameters),
          data<Real>(arguments_.dbeta, batch * parameters));
    }
  }

  RowArguments<T> arguments_from(Index tile, Index tiles) const {
    const Index at = tile * plan_.tiles.tile_columns;
    return {.x = data<T>(arguments_.x, at),
            .dy = data<T>(arguments_.dy, at),
            .out = data<T>(problem_.backward() ? arguments_.dx : arguments_.y, at),
            .tiles = tiles,
            .across = plan_.tiles.across(),
            .length = plan_.tiles.tile_columns,
            .first = tile % plan_.tiles.across(),
            .run = plan_.tiles.run,
            .stride = stride_,
            .together = plan_.tiles_together,
            .gamma = ordered(arguments_.gamma, gamma_),
            .beta = ordered(arguments_.beta, beta_),
            .statistics = {data<Real>(arguments_.mean, tile), data<Real>(arguments_.variance, tile),
                           data<Real>(arguments_.rstd, tile)},
            .dgamma = nullptr,
            .dbeta = nullptr,
            .scratch = nullptr,
            .eps = problem_.eps,
            .centered = is_centered(problem_),
            .streaming = plan_.streaming};
  }

  normbench::Problem problem_;
  normbench::Arguments arguments_;
  Plan plan_;
  const Ops<T>& ops_;
  bool is_transposed_;
  Index batches_, tiles_;  // mini-batches (see gradient_batches()), and tiles of each
  Index rows_, stride_;    // of the parameters, if transposed
  Index sums_;
  Numbers<Real> gamma_, beta_;  // in the order of RowOps, where the tensor is not
  Gradients<Real> gradients_;
};

}  // namespace simd
