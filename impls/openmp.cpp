// Plain C++ with OpenMP: vectorized loops (`omp simd`), threads, and sums in double. Data is read
// from memory as few times as possible. The three kernels are in cells.h, rows.h and short.h.
#include <omp.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "harness/core/backend.h"
#include "harness/core/empty_kernel.h"
#include "harness/core/tiles.h"
#include "impls/openmp/cells.h"
#include "impls/openmp/rows.h"
#include "impls/openmp/short.h"

namespace {

using normbench::Accuracy;
using normbench::Arguments;
using normbench::Backend;
using normbench::DType;
using normbench::Kernel;
using normbench::Norm;
using normbench::Problem;
using normbench::Support;
using normbench::Tensor;
using normbench::Tiles;
using openmp::Index;

// The norm `none`: a copy.
class CopyKernel : public Kernel {
 public:
  CopyKernel(const Problem& problem, const Arguments& arguments, int threads)
      : from_(problem.backward() ? arguments.dy : arguments.x),
        to_(problem.backward() ? arguments.dx : arguments.y),
        threads_(openmp::useful_threads(problem, threads)) {}

  void run() override {
    openmp::each_part(threads_, [this](Index part) {
      const auto [first, size] =
          openmp::share_of(static_cast<Index>(from_.bytes()), part, threads_);
      std::memcpy(static_cast<char*>(to_.data) + first,
                  static_cast<const char*>(from_.data) + first, static_cast<std::size_t>(size));
    });
  }

  std::string detail() const override {
    return threads_ == 1 ? "1 thread" : std::to_string(threads_) + " threads";
  }

 private:
  Tensor from_, to_;
  int threads_;
};

// In tiles of one row, cells have at least this many values: shorter ones cost more to keep apart
// than coefficients per column do. If the whole row is one cell, the limit is kShortTile.
constexpr Index kShortCell = 32;
constexpr Index kShortTile = 1024;

// Without parameters a whole tile is one cell.
Tiles with_widest_runs(const Problem& problem, Tiles tiles) {
  if (!problem.affine) tiles.run = tiles.tile_columns;
  return tiles;
}

bool is_made_of_cells(const Problem& problem, const Tiles& tiles) {
  if (problem.norm == Norm::kBatch || tiles.tile_rows > 1) return true;
  return tiles.run >= (tiles.run == tiles.columns ? kShortTile : kShortCell);
}

// Whether tiles of one row are for ShortKernel: they are short, and fill a block. A partial block
// takes as long as a full one.
bool are_short(const Tiles& tiles) {
  return tiles.tile_columns <= openmp::kLongestShort &&
         tiles.batch_rows * tiles.across() >= openmp::kTilesOfBlock;
}

class OpenMp : public Backend {
 public:
  std::string_view name() const override { return "openmp"; }
  std::string version() const override { return std::to_string(_OPENMP); }
  Support supports(const Problem& problem) const override { return Support::if_valid(problem); }

  // Double sums are exact enough to claim no roundings, unless the data is double too.
  Accuracy accuracy(const Problem& problem) const override {
    const Tiles tiles = tiles_of(problem);
    const Index values = std::max(tiles.values(), tiles.batch_rows * tiles.run);
    const bool sums_round = problem.dtype == DType::kF64;
    return sums_round ? Accuracy::sequential(values) : Accuracy::in_double();
  }

  std::unique_ptr<Kernel> prepare(const Problem& described, const Arguments& arguments,
                                  int threads) const override {
    if (described.elements() == 0) return std::make_unique<normbench::EmptyKernel>(arguments);
    const Problem problem = merge_mini_batches(described);
    if (problem.norm == Norm::kNone) {
      return std::make_unique<CopyKernel>(problem, arguments, threads);
    }
    const Tiles tiles = with_widest_runs(problem, tiles_of(problem));
    return with_storage(problem.dtype, [&]<class T>(T) -> std::unique_ptr<Kernel> {
      if (is_made_of_cells(problem, tiles)) {
        return std::make_unique<openmp::CellsKernel<T>>(problem, tiles, arguments, threads);
      }
      if (are_short(tiles)) {
        return std::make_unique<openmp::ShortKernel<T>>(problem, tiles, arguments, threads);
      }
      return std::make_unique<openmp::RowsKernel<T>>(problem, tiles, arguments, threads);
    });
  }
};

}  // namespace

std::unique_ptr<Backend> make_openmp() { return std::make_unique<OpenMp>(); }
