// The part of the buffers that a mini-batch works on.
#include "harness/core/arguments.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/faulty/problems.h"

namespace normbench {
namespace {

TEST(MiniBatch, HasItsRowsOfEveryBuffer) {
  const Problem problem = faulty::batch_norm(Pass::kForwardTraining, 6, 3, 4, 2);
  std::vector<float> large(72);
  std::vector<float> rows(9);
  std::vector<float> vector(3);
  const Tensor large_tensor{.data = large.data(), .n = 6, .c = 3, .l = 4};
  const Tensor row_tensor{.data = rows.data(), .n = 3, .c = 3, .l = 1};
  const Tensor vector_tensor{.data = vector.data(), .n = 1, .c = 3, .l = 1};
  Arguments all;
  all.x = all.y = all.dy = all.dx = large_tensor;
  all.mean = all.variance = all.rstd = all.dgamma = all.dbeta = row_tensor;
  all.gamma = all.beta = all.running_mean = all.running_var = vector_tensor;

  for (std::int64_t index = 0; index < 3; ++index) {
    const Arguments part = mini_batch(problem, all, index);
    for (const Tensor& tensor : {part.x, part.y, part.dy, part.dx}) {
      EXPECT_EQ(tensor.as<float>().data(), large.data() + 24 * index);
      EXPECT_EQ(tensor.n, 2);
      EXPECT_EQ(tensor.size(), 24);
    }
    for (const Tensor& tensor : {part.mean, part.variance, part.rstd, part.dgamma, part.dbeta}) {
      EXPECT_EQ(tensor.as<float>().data(), rows.data() + 3 * index);
      EXPECT_EQ(tensor.n, 1);
      EXPECT_EQ(tensor.size(), 3);
    }
    for (const Tensor& tensor : {part.gamma, part.beta, part.running_mean, part.running_var}) {
      EXPECT_EQ(tensor.as<float>().data(), vector.data());
      EXPECT_EQ(tensor.size(), 3);
    }
  }
}

TEST(MiniBatch, LeavesAbsentBuffersAbsent) {
  const Problem problem = faulty::batch_norm(Pass::kForwardInference, 6, 3, 4, 2);
  const Arguments part = mini_batch(problem, {}, 2);
  for (const Tensor& tensor : {part.x, part.gamma, part.y, part.mean, part.dgamma}) {
    EXPECT_FALSE(tensor.present());
  }
}

}  // namespace
}  // namespace normbench
