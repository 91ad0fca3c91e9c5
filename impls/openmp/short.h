// The kernel for tiles too short to fill vectors of their own.
//
// A vector holds one value of each of several tiles: blocks of tiles are transposed in the L1,
// worked on, and transposed back. Parameters, and the sums for their gradients, are laid out to
// match, as rows, one for each parameter of a tile: the row has an element for every tile across,
// repeated cyclically so that a block may begin at any tile.
#pragma once

#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "harness/core/backend.h"
#include "harness/core/tiles.h"
#include "impls/openmp/band.h"
#include "impls/openmp/block.h"

namespace openmp {

template <class T>
class ShortKernel : public normbench::Kernel {
  using Real = normbench::Parameter<T>;

 public:
  // Tiles must have one row, and at most kLongestShort columns.
  ShortKernel(const normbench::Problem& problem, const normbench::Tiles& tiles,
              const normbench::Arguments& arguments, int threads)
      : problem_(problem),
        arguments_(arguments),
        tiles_(tiles),
        threads_(useful_threads(problem, threads)),
        rows_(tiles.tile_columns / tiles.run),
        stride_((tiles.across() + 2 * kTilesOfBlock - 2) / kTilesOfBlock * kTilesOfBlock) {
    for (Index j = 0; j < tiles.tile_columns; ++j) places_[j] = j / tiles.run * stride_;
    const auto size = static_cast<std::size_t>(rows_ * stride_);
    gamma_.assign(size, 1);
    beta_.assign(size, 0);
    if (!problem.backward()) return;
    dbeta_.assign(static_cast<std::size_t>(threads_), std::vector<double>(size));
    dgamma_ = dbeta_;
  }

  void run() override {
    const Index tiles = tiles_.batch_rows * tiles_.across();
    const Index blocks = (tiles + kTilesOfBlock - 1) / kTilesOfBlock;
    for (Index i = 0; i < problem_.mini_batches(); ++i) {
      part_ = mini_batch(problem_, arguments_, i);
      expand(part_.gamma, gamma_);
      if (!problem_.backward()) expand(part_.beta, beta_);
      each_part(threads_, [&](Index part) {
        const Range own = share_of(blocks, part, threads_);
        const Index last = std::min((own.first + own.size) * kTilesOfBlock, tiles);
        work_on({own.first * kTilesOfBlock, last - own.first * kTilesOfBlock},
                static_cast<std::size_t>(part));
      });
      save_sums(dgamma_, part_.dgamma);
      save_sums(dbeta_, part_.dbeta);
    }
  }

  std::string detail() const override {
    return threads_ == 1 ? "1 thread" : std::to_string(threads_) + " threads share tiles";
  }

 private:
  // The number of tiles whose elements are repeated in a row.
  Index repeated() const { return std::min(tiles_.across(), stride_ - tiles_.across()); }

  void expand(const normbench::Tensor& tensor, std::vector<Real>& rows) const {
    if (!tensor.present()) return;
    const Real* values = data<Real>(tensor);
    const Index across = tiles_.across();
    for (Index k = 0; k < rows_; ++k) {
      Real* row = rows.data() + k * stride_;
      for (Index tile = 0; tile < across; ++tile) row[tile] = values[tile * rows_ + k];
      for (Index tile = 0; tile < repeated(); ++tile) {
        const Real value = row[tile];
        for (Index at = tile + across; at < stride_; at += across) row[at] = value;
      }
    }
  }

  void work_on(Range tiles, std::size_t part) {
    switch (std::bit_ceil(static_cast<std::size_t>(tiles_.tile_columns))) {
      case 1:
        return work_on<1>(tiles, part);
      case 2:
        return work_on<2>(tiles, part);
      case 4:
        return work_on<4>(tiles, part);
      case 8:
        return work_on<8>(tiles, part);
      case 16:
        return work_on<16>(tiles, part);
      default:
        return work_on<32>(tiles, part);
    }
  }

  template <Index kWidth>
  void work_on(Range tiles, std::size_t part) {
    if (problem_.backward()) {
      for (auto* all : {&dbeta_, &dgamma_})
        std::fill((*all)[part].begin(), (*all)[part].end(), 0.0);
    }
    for (Index first = 0; first < tiles.size; first += kTilesOfBlock) {
      const Range block{tiles.first + first, std::min(kTilesOfBlock, tiles.size - first)};
      problem_.backward() ? backward<kWidth>(block, part) : forward<kWidth>(block);
    }
  }

  bool centered() const { return problem_.norm != normbench::Norm::kRms; }

  // The rows from the element of this tile on, where a block begins.
  template <class Value>
  OfValues<Value> from(Value* rows, Index tile) const {
    return {rows + tile % tiles_.across(), places_};
  }

  template <Index kWidth>
  void forward(Range tiles) const {
    const Index length = tiles_.tile_columns;
    Block<Real> x;
    OfTiles<Real> mean, variance, rstd;
    load_tiles<kWidth>(data<T>(part_.x, tiles.first * length), length, tiles.size, x);
    find_statistics(x, length, centered(), problem_.eps, mean, variance, rstd);
    normalize_tiles(x, length, mean, rstd, from(gamma_.data(), tiles.first),
                    from(beta_.data(), tiles.first));
    store_tiles<kWidth>(x, length, tiles.size, data<T>(part_.y, tiles.first * length));
    if (problem_.pass != normbench::Pass::kForwardTraining) return;
    if (centered()) std::copy_n(mean.of, tiles.size, data<Real>(part_.mean, tiles.first));
    std::copy_n(variance.of, tiles.size, data<Real>(part_.variance, tiles.first));
    std::copy_n(rstd.of, tiles.size, data<Real>(part_.rstd, tiles.first));
  }

  template <Index kWidth>
  void backward(Range tiles, std::size_t part) {
    const Index length = tiles_.tile_columns;
    Block<Real> x, dy;
    OfTiles<Real> mean{}, rstd{};
    const Real* gamma = gamma_.data();
    load_tiles<kWidth>(data<T>(part_.x, tiles.first * length), length, tiles.size, x);
    load_tiles<kWidth>(data<T>(part_.dy, tiles.first * length), length, tiles.size, dy);
    if (centered()) std::copy_n(data<Real>(part_.mean, tiles.first), tiles.size, mean.of);
    std::copy_n(data<Real>(part_.rstd, tiles.first), tiles.size, rstd.of);
    differentiate_tiles(x, dy, length, centered(), mean, rstd, from(gamma, tiles.first),
                        from(dbeta_[part].data(), tiles.first),
                        from(dgamma_[part].data(), tiles.first));
    store_tiles<kWidth>(dy, length, tiles.size, data<T>(part_.dx, tiles.first * length));
  }

  // Reduces the sums over all parts and repeated elements. Overwrites parts[0].
  void save_sums(std::vector<std::vector<double>>& parts, const normbench::Tensor& tensor) const {
    if (!tensor.present()) return;
    for (std::size_t part = 1; part < parts.size(); ++part) {
      for (std::size_t i = 0; i < parts[0].size(); ++i) parts[0][i] += parts[part][i];
    }
    Real* target = data<Real>(tensor);
    const Index across = tiles_.across();
    for (Index k = 0; k < rows_; ++k) {
      double* row = parts[0].data() + k * stride_;
      for (Index tile = 0; tile < repeated(); ++tile) {
        double sum = row[tile];
#pragma omp simd reduction(+ : sum)
        for (Index at = tile + across; at < stride_; at += across) sum += row[at];
        row[tile] = sum;
      }
      for (Index tile = 0; tile < across; ++tile) {
        target[tile * rows_ + k] = static_cast<Real>(row[tile]);
      }
    }
  }

  normbench::Problem problem_;
  normbench::Arguments arguments_, part_;
  normbench::Tiles tiles_;
  int threads_;
  Index rows_;    // of parameters: one per parameter of a tile
  Index stride_;  // elements from a row to the next
  Places places_{};
  std::vector<Real> gamma_, beta_;                   // in rows, as above
  std::vector<std::vector<double>> dbeta_, dgamma_;  // for each part, in rows
};

}  // namespace openmp
