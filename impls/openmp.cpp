// Plain C++ with OpenMP: vectorized loops (`omp simd`), threads, and sums in double.
//
// The data is the matrix of tiles.h. strided_kernel.h is for tiles that have several rows, or long
// segments with one parameter; row_kernel.h for those that are a row, with a parameter per column.
#include <memory>
#include <string>

#include "harness/core/backend.h"
#include "harness/core/copy_kernel.h"
#include "harness/core/empty_kernel.h"
#include "harness/core/tiles.h"
#include "impls/openmp/row_kernel.h"
#include "impls/openmp/strided_kernel.h"

namespace normbench::openmp {
namespace {

class ParallelCopy : public CopyKernel {
 public:
  ParallelCopy(const Problem& problem, const Arguments& arguments, int threads)
      : CopyKernel(problem, arguments), threads_(useful_threads(problem, threads)) {}

  void run() override {
    on_each_thread(threads_, [this](Index thread, Index team) {
      copy_share(static_cast<std::size_t>(thread), static_cast<std::size_t>(team));
    });
  }

  std::string detail() const override {
    return threads_ == 1 ? "1 thread" : std::to_string(threads_) + " threads";
  }

 private:
  int threads_;
};

// Shorter segments in tiles of one row cost more to keep apart than a coefficient per column does;
// and so do shorter rows, where a segment is the whole row.
constexpr Index kLongSegment = 32;
constexpr Index kLongRow = 1024;

bool is_strided(const Problem& problem, const Tiles& tiles) {
  if (problem.norm == Norm::kBatch || tiles.tile_rows > 1) return true;
  return tiles.run >= (tiles.run == tiles.columns ? kLongRow : kLongSegment);
}

class OpenMp : public Backend {
 public:
  std::string_view name() const override { return "openmp"; }
  std::string version() const override { return std::to_string(_OPENMP); }
  Support supports(const Problem& problem) const override { return Support::if_valid(problem); }

  // Double sums are exact enough to claim no roundings, unless the data is double too.
  Accuracy accuracy(const Problem& problem) const override {
    const bool sums_round = problem.dtype == DType::kF64 && problem.norm != Norm::kNone;
    return sums_round ? Accuracy::sequential(problem.longest_sum()) : Accuracy::in_double();
  }

  std::unique_ptr<Kernel> prepare(const Problem& described, const Arguments& arguments,
                                  int threads) const override {
    if (described.elements() == 0) return std::make_unique<EmptyKernel>(arguments);
    const Problem problem = merge_mini_batches(described);
    if (problem.norm == Norm::kNone) {
      return std::make_unique<ParallelCopy>(problem, arguments, threads);
    }
    Tiles tiles = tiles_of(problem);
    // Without parameters a whole tile is one segment.
    if (!problem.affine) tiles.run = tiles.tile_columns;
    return with_storage(problem.dtype, [&]<class T>(T) -> std::unique_ptr<Kernel> {
      if (is_strided(problem, tiles)) {
        return std::make_unique<StridedKernel<T>>(problem, tiles, arguments, threads);
      }
      return std::make_unique<RowKernel<T>>(problem, tiles, arguments, threads);
    });
  }
};

}  // namespace
}  // namespace normbench::openmp

std::unique_ptr<normbench::Backend> make_openmp() {
  return std::make_unique<normbench::openmp::OpenMp>();
}
