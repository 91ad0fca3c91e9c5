// What a user of Eigen would write: maps of the caller's buffers, and array expressions.
//
// The data is the matrix of tiles.h. If the rows of a tile are long, they are reduced and written
// row by row (row_kernel.h). If they are short, whole rows are added up, so that there is a sum per
// column (column_kernel.h). Eigen vectorizes both. Its array expressions do not use threads, so
// this backend has one thread in every case.
#include <string>

#include "harness/core/backend.h"
#include "harness/core/empty_kernel.h"
#include "impls/eigen/column_kernel.h"
#include "impls/eigen/row_kernel.h"

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
using normbench::eigen::Array;
using normbench::eigen::ColumnKernel;
using normbench::eigen::Index;
using normbench::eigen::kRowsPerRun;
using normbench::eigen::kValuesPerRun;
using normbench::eigen::Plan;
using normbench::eigen::RowKernel;
using normbench::eigen::rows_per_fold;
using normbench::eigen::ScalarOf;

template <class T>
Eigen::Map<Array<typename ScalarOf<T>::Type>> values(const Tensor& tensor) {
  return {static_cast<typename ScalarOf<T>::Type*>(tensor.data), tensor.size()};
}

class EigenKernel : public Kernel {
 public:
  EigenKernel(const Problem& problem, const Arguments& arguments)
      : problem_(problem), arguments_(arguments) {}

  void run() override {
    for (std::int64_t i = 0; i < problem_.mini_batches(); ++i) {
      run(mini_batch(problem_, arguments_, i));
    }
  }

  std::string detail() const override {
    return std::string("1 thread, ") + Eigen::SimdInstructionSetsInUse();
  }

 protected:
  const Problem& problem() const { return problem_; }

 private:
  virtual void run(const Arguments& part) = 0;

  Problem problem_;
  Arguments arguments_;
};

template <class T>
class CopyKernel : public EigenKernel {
  using EigenKernel::EigenKernel;

  void run(const Arguments& part) override {
    if (problem().backward()) {
      values<T>(part.dx) = values<T>(part.dy);
    } else {
      values<T>(part.y) = values<T>(part.x);
    }
  }
};

// Work is RowKernel<T> or ColumnKernel<T>.
template <class T, class Work>
class NormKernel : public EigenKernel {
  using Real = Parameter<T>;

 public:
  NormKernel(const Plan& plan, const Arguments& arguments)
      : EigenKernel(plan.problem, arguments),
        work_(plan),
        unbiased_(plan.count() / (plan.count() - 1)) {}

 private:
  void run(const Arguments& part) override {
    work_.run(part);
    if (problem().norm != Norm::kBatch || problem().pass != Pass::kForwardTraining) return;
    // After y is written: gamma and beta may be in the same memory.
    update(part.running_mean, values<Real>(part.mean).template cast<double>());
    update(part.running_var, values<Real>(part.variance).template cast<double>() * unbiased_);
  }

  template <class Statistic>
  void update(const Tensor& tensor, const Statistic& statistic) {
    const double m = problem().momentum;
    auto running = values<Real>(tensor);
    running = ((1 - m) * running.template cast<double>() + m * statistic).template cast<Real>();
  }

  Work work_;
  double unbiased_;
};

template <class T>
std::unique_ptr<Kernel> make_kernel(const Problem& problem, const Arguments& arguments) {
  if (problem.norm == Norm::kNone) return std::make_unique<CopyKernel<T>>(problem, arguments);
  const Plan plan(merge_mini_batches(problem));
  if (plan.by_rows()) return std::make_unique<NormKernel<T, RowKernel<T>>>(plan, arguments);
  return std::make_unique<NormKernel<T, ColumnKernel<T>>>(plan, arguments);
}

// The most additions that a value goes through, whatever the order in which Eigen adds up a run.
// The sums over runs are in double. They round if the values are double too, like the products with
// rstd and gamma.
Index roundings(const Plan& plan) {
  const auto& tiles = plan.tiles;
  const bool sums_round = plan.problem.dtype == DType::kF64;
  const Index bands = plan.problem.backward() ? tiles.batch_rows / tiles.tile_rows : 1;
  const Index rows = bands * tiles.tile_rows;
  const Index runs_of_rows = (rows + kRowsPerRun - 1) / kRowsPerRun;
  if (!plan.by_rows()) {
    const Index members = std::min(kRowsPerRun, tiles.tile_rows) - 1;
    const Index fold = rows_per_fold(tiles);
    return members + (sums_round ? runs_of_rows + bands + fold + tiles.tile_columns + 2 : 0);
  }
  const Index members = std::min(kValuesPerRun, plan.segment()) - 1;
  const Index runs_of_segment = (plan.segment() + kValuesPerRun - 1) / kValuesPerRun;
  const Index runs = rows * (tiles.tile_columns / plan.segment()) * runs_of_segment;
  const Index by_tile = members + (sums_round ? runs + 2 : 0);
  if (plan.constant_parameters() || !plan.problem.backward()) return by_tile;
  const Index by_column =
      std::min(kRowsPerRun, rows) - 1 + (sums_round ? runs_of_rows + tiles.run + 2 : 0);
  return std::max(by_tile, by_column);
}

class EigenBackend : public Backend {
 public:
  std::string_view name() const override { return "eigen"; }
  std::string version() const override {
    return std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
           std::to_string(EIGEN_MINOR_VERSION);
  }
  Support supports(const Problem& problem) const override { return Support::if_valid(problem); }
  Accuracy accuracy(const Problem& problem) const override {
    const bool given = problem.uses_running_statistics() && !problem.backward();
    if (problem.elements() == 0 || problem.norm == Norm::kNone || given) {
      return Accuracy::in_double();
    }
    return {.roundings = static_cast<double>(roundings(Plan(problem)))};
  }
  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int) const override {
    if (problem.elements() == 0) return std::make_unique<normbench::EmptyKernel>(arguments);
    return with_storage(problem.dtype, [&]<class T>(T) -> std::unique_ptr<Kernel> {
      return make_kernel<T>(problem, arguments);
    });
  }
};

}  // namespace

std::unique_ptr<Backend> make_eigen() { return std::make_unique<EigenBackend>(); }
