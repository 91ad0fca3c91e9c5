// Which buffers a problem has, of which shape: the tables of harness/core/arguments.h.
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "harness/check/workspace.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;
using faulty::small;

std::string used(const Problem& problem) {
  std::string names;
  for (const BufferSpec& spec : buffer_specs(problem)) {
    if (spec.role != Role::kUnused) names.append(spec.name).append(" ");
  }
  const Workspace workspace(problem);
  for (const BufferSpec& spec : buffer_specs(problem)) {
    EXPECT_EQ((workspace.arguments().*spec.member).present(), spec.role != Role::kUnused)
        << spec.name;
  }
  return names;
}

TEST(BufferSpecs, LeaveOutWhatAPassDoesNotUse) {
  Problem problem = batch_norm(Pass::kForwardTraining, 4, 3, 5);
  EXPECT_EQ(used(problem), "x gamma beta running_mean running_var y mean variance rstd ");
  problem.affine = false;
  EXPECT_EQ(used(problem), "x running_mean running_var y mean variance rstd ");
  problem.pass = Pass::kBackward;
  EXPECT_EQ(used(problem), "x mean variance rstd dy dx ");
  problem.affine = true;
  EXPECT_EQ(used(problem), "x gamma mean variance rstd dy dx dgamma dbeta ");
  problem.pass = Pass::kForwardInference;
  EXPECT_EQ(used(problem), "x gamma beta running_mean running_var y ");
  problem.pass = Pass::kBackwardInference;
  EXPECT_EQ(used(problem), "x gamma running_mean running_var dy dx dgamma dbeta ");
}

TEST(BufferSpecs, LeaveOutWhatANormDoesNotHave) {
  for (const Norm norm : {Norm::kLayer, Norm::kInstance, Norm::kGroup}) {
    EXPECT_EQ(used(small(norm, Pass::kForwardTraining)), "x gamma beta y mean variance rstd ");
    EXPECT_EQ(used(small(norm, Pass::kForwardInference)), "x gamma beta y ");
    EXPECT_EQ(used(small(norm, Pass::kBackward)), "x gamma mean variance rstd dy dx dgamma dbeta ");
  }
  EXPECT_EQ(used(small(Norm::kRms, Pass::kForwardTraining)), "x gamma y variance rstd ");
  EXPECT_EQ(used(small(Norm::kRms, Pass::kForwardInference)), "x gamma y ");
  EXPECT_EQ(used(small(Norm::kRms, Pass::kBackward)), "x gamma variance rstd dy dx dgamma ");
  EXPECT_EQ(used(faulty::plain(small(Norm::kRms, Pass::kBackward))), "x variance rstd dy dx ");
  EXPECT_EQ(used(small(Norm::kNone, Pass::kForwardTraining)), "x y ");
  EXPECT_EQ(used(small(Norm::kNone, Pass::kForwardInference)), "x y ");
  EXPECT_EQ(used(small(Norm::kNone, Pass::kBackward)), "dy dx ");
}

struct Shape {
  std::int64_t n, c, l;
  bool operator==(const Shape&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  return out << "(" << shape.n << ", " << shape.c << ", " << shape.l << ")";
}

Shape shape_of(const Tensor& tensor) { return {tensor.n, tensor.c, tensor.l}; }

// 6 samples in mini-batches of 2, 9 channels in 3 groups, 7 positions.
TEST(BufferSpecs, HaveTheShapesOfTheTable) {
  struct Row {
    Norm norm;
    Shape statistics, parameters, gradients;
  };
  for (const auto& [norm, statistics, parameters, gradients] :
       {Row{Norm::kBatch, {3, 9, 1}, {1, 9, 1}, {3, 9, 1}},
        Row{Norm::kInstance, {6, 9, 1}, {1, 9, 1}, {3, 9, 1}},
        Row{Norm::kGroup, {6, 3, 1}, {1, 9, 1}, {3, 9, 1}},
        Row{Norm::kLayer, {6, 1, 1}, {1, 9, 7}, {3, 9, 7}},
        Row{Norm::kRms, {6, 1, 1}, {1, 9, 7}, {3, 9, 7}}}) {
    for (const Layout layout : kEveryLayout) {
      const Workspace forward(
          faulty::in_batches_of(2, small(norm, Pass::kForwardTraining, DType::kF32, layout)));
      const Workspace backward(
          faulty::in_batches_of(2, small(norm, Pass::kBackward, DType::kF32, layout)));
      const Arguments& f = forward.arguments();
      const Arguments& b = backward.arguments();
      for (const Tensor& tensor : {f.x, f.y, b.x, b.dy, b.dx}) {
        EXPECT_EQ(shape_of(tensor), (Shape{6, 9, 7})) << name(norm);
      }
      for (const Tensor& tensor : {f.mean, f.variance, f.rstd, b.mean, b.variance, b.rstd}) {
        if (tensor.present()) {
          EXPECT_EQ(shape_of(tensor), statistics) << name(norm);
        }
      }
      for (const Tensor& tensor : {f.gamma, f.beta, b.gamma}) {
        if (tensor.present()) {
          EXPECT_EQ(shape_of(tensor), parameters) << name(norm);
        }
      }
      for (const Tensor& tensor : {b.dgamma, b.dbeta}) {
        if (tensor.present()) {
          EXPECT_EQ(shape_of(tensor), gradients) << name(norm);
        }
      }
      for (const Tensor& tensor : {f.running_mean, f.running_var}) {
        if (tensor.present()) {
          EXPECT_EQ(shape_of(tensor), (Shape{1, 9, 1}));
        }
      }
      for (const Tensor& tensor : {f.gamma, b.dgamma}) EXPECT_EQ(tensor.layout, layout);
    }
  }
}

TEST(BufferSpecs, StoreDataAsAskedAndTheRestAsParameters) {
  for (const Problem& problem : faulty::all_small_problems()) {
    const Workspace workspace(problem);
    for (const BufferSpec& spec : buffer_specs(problem)) {
      const Tensor& tensor = workspace.arguments().*spec.member;
      if (!tensor.present()) continue;
      const bool is_data =
          spec.name == "x" || spec.name == "y" || spec.name == "dy" || spec.name == "dx";
      const DType parameter = problem.dtype == DType::kF64 ? DType::kF64 : DType::kF32;
      EXPECT_EQ(name(tensor.dtype), name(is_data ? problem.dtype : parameter))
          << spec.name << " of " << id(problem);
    }
  }
}

}  // namespace
}  // namespace normbench
