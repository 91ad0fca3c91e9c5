// Views of tensors and of their rows.
#include "harness/core/tensor.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace normbench {
namespace {

class TensorInEitherLayout : public testing::TestWithParam<Layout> {
 protected:
  TensorInEitherLayout() {
    std::iota(values_.begin(), values_.end(), 0.0F);
    tensor_ = {.data = values_.data(), .n = 6, .c = 2, .l = 5, .layout = GetParam()};
  }
  std::vector<float> values_ = std::vector<float>(60);
  Tensor tensor_;
};

TEST_P(TensorInEitherLayout, HasItsSizeAndElements) {
  EXPECT_TRUE(tensor_.present());
  EXPECT_EQ(tensor_.size(), 60);
  EXPECT_EQ(tensor_.bytes(), 240U);
  EXPECT_EQ(tensor_.as<float>().data(), values_.data());
  EXPECT_EQ(tensor_.as<float>().size(), 60U);
}

TEST_P(TensorInEitherLayout, HasRowsOfTheOutermostDimension) {
  const Tensor rows = tensor_.rows(2, 3);
  EXPECT_EQ(rows.n, 3);
  EXPECT_EQ(rows.c, 2);
  EXPECT_EQ(rows.l, 5);
  EXPECT_EQ(rows.layout, GetParam());
  EXPECT_EQ(rows.as<float>().size(), 30U);
  EXPECT_EQ(rows.as<float>().front(), 20);
  EXPECT_EQ(rows.as<float>().back(), 49);
}

TEST_P(TensorInEitherLayout, HasRowsOfRows) {
  EXPECT_EQ(tensor_.rows(2, 3).rows(1, 2).as<float>().front(), 30);
  EXPECT_EQ(tensor_.rows(0, 6).as<float>().size(), 60U);
}

INSTANTIATE_TEST_SUITE_P(, TensorInEitherLayout, testing::Values(Layout::kNcl, Layout::kNlc),
                         [](const auto& info) { return std::string(name(info.param)); });

TEST(Tensor, CountsRowsInBytesOfItsType) {
  std::vector<double> values(12);
  const Tensor tensor{.data = values.data(), .n = 4, .c = 3, .l = 1, .dtype = DType::kF64};
  EXPECT_EQ(tensor.bytes(), 96U);
  EXPECT_EQ(tensor.rows(1, 1).as<double>().data(), values.data() + 3);
}

TEST(Tensor, ThatIsAbsentHasNoElementsAndNoRows) {
  const Tensor absent{};
  EXPECT_FALSE(absent.present());
  EXPECT_TRUE(absent.as<float>().empty());
  EXPECT_FALSE(absent.rows(3, 2).present());
  EXPECT_TRUE(absent.rows(3, 2).as<float>().empty());
}

}  // namespace
}  // namespace normbench
