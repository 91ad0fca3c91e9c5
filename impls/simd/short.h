// The kernel for tiles too short to fill vectors of their own. Blocks of tiles are transposed, so
// that a vector holds one value of each of several tiles. Threads split the tiles.
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
class ShortKernel : public normbench::Kernel {
  using Real = normbench::Parameter<T>;

 public:
  ShortKernel(const normbench::Problem& problem, const normbench::Arguments& arguments,
              const Plan& plan, const Functions<T>& table)
      : problem_(problem),
        arguments_(arguments),
        plan_(plan),
        tiles_(plan.tiles),
        table_(table),
        batches_(gradient_batches(problem)),
        count_(tiles_.rows / batches_ * tiles_.across()),
        rows_(tiles_.tile_columns / tiles_.run),
        stride_((tiles_.across() + table_.tiles_of_block + table_.lanes - 2) / table_.lanes *
                table_.lanes) {
    const auto numbers = static_cast<std::size_t>(rows_ * stride_);
    gamma_.assign(numbers, 1);
    beta_.assign(numbers, 0);
    if (!problem.backward()) return;
    gradients_.assign(static_cast<std::size_t>(plan.threads), Gradients<Real>(numbers));
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
  // Lays out parameters in rows, as ShortTiles says.
  void expand(const normbench::Tensor& tensor, Numbers<Real>& rows) const {
    if (!tensor.present()) return;
    const Real* values = data<Real>(tensor);
    const Index across = tiles_.across();
    const Index repeated = std::min(across, stride_ - across);
    for (Index k = 0; k < rows_; ++k) {
      Real* row = rows.data() + k * stride_;
      for (Index tile = 0; tile < across; ++tile) row[tile] = values[tile * rows_ + k];
      // Copying from the row itself would wait for the stores just made.
      for (Index tile = 0; tile < repeated; ++tile) {
        const Real value = row[tile];
        for (Index at = tile + across; at < stride_; at += across) row[at] = value;
      }
    }
  }

  void work(int thread, int team) {
    const Range share = share_of(count_, thread, team, table_.tiles_of_block);
    for (Index batch = 0; batch < batches_; ++batch) {
      const Index first = batch * count_ + share.first;
      const Index at = first * tiles_.tile_columns;
      const ShortTiles tiles = {.count = share.size,
                                .across = tiles_.across(),
                                .length = tiles_.tile_columns,
                                .first = first % tiles_.across(),
                                .run = tiles_.run,
                                .stride = stride_,
                                .ahead = plan_.ahead,
                                .centered = is_centered(problem_),
                                .eps = problem_.eps};
      if (!problem_.backward()) {
        table_.short_tiles.normalize(data<T>(arguments_.x, at), data<T>(arguments_.y, at), tiles,
                                     gamma_.data(), beta_.data(),
                                     data<Real>(arguments_.mean, first),
                                     data<Real>(arguments_.variance, first),
                                     data<Real>(arguments_.rstd, first), plan_.streaming);
        continue;
      }
      Gradients<Real>& own = gradients_[static_cast<std::size_t>(thread)];
      own.clear();
      table_.short_tiles.differentiate(
          data<T>(arguments_.x, at), data<T>(arguments_.dy, at), data<T>(arguments_.dx, at), tiles,
          gamma_.data(), data<Real>(arguments_.mean, first), data<Real>(arguments_.rstd, first),
          own.dgamma.data(), own.dbeta.data(), own.scratch.data(), plan_.streaming);
      if (!problem_.affine) continue;
      const Index parameters = tiles_.parameters();
      add_up_gradients(
          gradients_, parameters, [this](Index i) { return places_of(i); }, thread, team,
          data<Real>(arguments_.dgamma, batch * parameters),
          data<Real>(arguments_.dbeta, batch * parameters));
    }
  }

  // The sums of this parameter: one every `across` elements of its row.
  Places places_of(Index parameter) const {
    const Index row = parameter % rows_ * stride_;
    return {row + parameter / rows_, row + stride_, tiles_.across()};
  }

  normbench::Problem problem_;
  normbench::Arguments arguments_;
  Plan plan_;
  normbench::Tiles tiles_;
  const Functions<T>& table_;
  Index batches_, count_;  // mini-batches (see gradient_batches()), and tiles of each
  Index rows_, stride_;    // rows of parameters and their length, as in ShortTiles
  Numbers<Real> gamma_, beta_;
  std::vector<Gradients<Real>> gradients_;  // per thread
};

}  // namespace simd
