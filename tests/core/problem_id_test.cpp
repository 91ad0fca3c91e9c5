// Ids: every problem has one, and only its canonical spelling reads back.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "harness/core/problem.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

TEST(ProblemId, IsReadable) {
  Problem problem = faulty::batch_norm(Pass::kForwardTraining, 64, 256, 128);
  EXPECT_EQ(id(problem), "batch/forward_training/f32/ncl/n64_c256_l128");
  problem.batch = 16;
  EXPECT_EQ(id(problem), "batch/forward_training/f32/ncl/n64_c256_l128_b16");
  problem.norm = Norm::kGroup;
  problem.groups = 8;
  problem.layout = Layout::kNlc;
  problem.dtype = DType::kBf16;
  EXPECT_EQ(id(problem), "group/forward_training/bf16/nlc/n64_c256_l128_b16_g8");
  problem.eps = 1e-3;
  problem.momentum = 0.01;
  problem.affine = false;
  problem.pass = Pass::kBackwardInference;
  EXPECT_EQ(id(problem),
            "group/backward_inference/bf16/nlc/n64_c256_l128_b16_g8_eps0.001_m0.01_plain");
}

// Every field away from its default, alone and with the others.
std::vector<Problem> many_problems() {
  std::vector<Problem> problems;
  for (const Norm norm : kEveryNorm) {
    for (const Pass pass : kEveryPass) {
      for (const DType dtype : kEveryDType) {
        for (const Layout layout : kEveryLayout) {
          problems.push_back({.norm = norm, .pass = pass, .dtype = dtype, .layout = layout});
        }
      }
    }
  }
  const double smallest = std::numeric_limits<double>::denorm_min();
  for (const std::int64_t n : {std::int64_t{1}, std::int64_t{60}, std::int64_t{1} << 40}) {
    for (const std::int64_t batch : {n, std::int64_t{1}, std::int64_t{20}}) {
      for (const std::int64_t groups : {1, 7}) {
        for (const double eps : {kDefaultEps, 0.0, 1e-3, 0.1 + 0.2, 1e22, smallest}) {
          for (const double momentum : {kDefaultMomentum, 0.0, 1.0, -1.2, 1.00001, 1e-300}) {
            for (const bool affine : {true, false}) {
              problems.push_back({.n = n,
                                  .c = 14,
                                  .l = 3,
                                  .batch = batch,
                                  .groups = groups,
                                  .eps = eps,
                                  .momentum = momentum,
                                  .affine = affine});
            }
          }
        }
      }
    }
  }
  return problems;
}

TEST(ProblemId, ReadsBackAsTheSameProblem) {
  for (const Problem& problem : many_problems()) {
    const auto parsed = parse_problem(id(problem));
    ASSERT_TRUE(parsed.has_value()) << id(problem);
    EXPECT_EQ(*parsed, problem) << id(problem);
    EXPECT_EQ(id(*parsed), id(problem));
  }
}

TEST(ProblemId, IsDifferentForDifferentProblems) {
  std::set<std::string> ids;
  std::vector<Problem> seen;
  for (const Problem& problem : many_problems()) {
    const bool is_new = std::find(seen.begin(), seen.end(), problem) == seen.end();
    if (is_new) seen.push_back(problem);
    EXPECT_EQ(ids.insert(id(problem)).second, is_new) << id(problem);
  }
}

class NotAnId : public testing::TestWithParam<const char*> {};

TEST_P(NotAnId, IsRefused) { EXPECT_EQ(parse_problem(GetParam()), std::nullopt) << GetParam(); }

INSTANTIATE_TEST_SUITE_P(Incomplete, NotAnId,
                         testing::Values("", "/", "////", "batch", "batch/forward_training/f32/ncl",
                                         "batch/forward_training/f32/ncl/",
                                         "batch/forward_training/f32/ncl/n2_c3",
                                         "batch/forward_training/f32/ncl/n2_l3",
                                         "batch/forward_training/f32/ncl/c2_l3",
                                         "forward_training/f32/ncl/n2_c3_l4"));
INSTANTIATE_TEST_SUITE_P(
    UnknownWord, NotAnId,
    testing::Values("Batch/forward_training/f32/ncl/n2_c3_l4", "batch/forward/f32/ncl/n2_c3_l4",
                    "batch/backward/float/ncl/n2_c3_l4", "batch/backward/f32/nchw/n2_c3_l4",
                    "batch/backward/f32/ncl/n2_c3_l4_affine", "batch/backward/f32/ncl/n2_c3_l4_x5",
                    "batch/backward/f32/ncl/n2_c3_l4_", "batch/backward/f32/ncl/n2__c3_l4"));
INSTANTIATE_TEST_SUITE_P(AtADefault, NotAnId,
                         testing::Values("batch/backward/f32/ncl/n2_c3_l4_b2",
                                         "batch/backward/f32/ncl/n2_c3_l4_g1",
                                         "batch/backward/f32/ncl/n2_c3_l4_eps1e-05",
                                         "batch/backward/f32/ncl/n2_c3_l4_eps0.00001",
                                         "batch/backward/f32/ncl/n2_c3_l4_m0.1"));
INSTANTIATE_TEST_SUITE_P(OutOfOrderOrTwice, NotAnId,
                         testing::Values("batch/backward/f32/ncl/c3_n2_l4",
                                         "batch/backward/f32/ncl/n2_c3_l4_g2_b1",
                                         "batch/backward/f32/ncl/n2_c3_l4_plain_m0.5",
                                         "batch/backward/f32/ncl/n2_c3_l4_n2",
                                         "batch/backward/f32/ncl/n2_c3_l4_b1_b1",
                                         "batch/backward/f32/ncl/n2_c3_l4_plain_plain"));
INSTANTIATE_TEST_SUITE_P(
    OtherSpellingOfANumber, NotAnId,
    testing::Values("batch/backward/f32/ncl/n02_c3_l4", "batch/backward/f32/ncl/n+2_c3_l4",
                    "batch/backward/f32/ncl/n2.0_c3_l4", "batch/backward/f32/ncl/n2 _c3_l4",
                    "batch/backward/f32/ncl/n0x2_c3_l4", "batch/backward/f32/ncl/n_c3_l4",
                    "batch/backward/f32/ncl/n2_c3_l4_eps1e-3",
                    "batch/backward/f32/ncl/n2_c3_l4_m0.50",
                    "batch/backward/f32/ncl/n2_c3_l4_m.5"));
INSTANTIATE_TEST_SUITE_P(OutOfRange, NotAnId,
                         testing::Values("batch/backward/f32/ncl/n-1_c3_l4",
                                         "batch/backward/f32/ncl/n2_c3_l4_b0",
                                         "batch/backward/f32/ncl/n-2_c3_l4",
                                         "batch/backward/f32/ncl/n9223372036854775808_c3_l4"));
INSTANTIATE_TEST_SUITE_P(MoreBehind, NotAnId,
                         testing::Values("batch/backward/f32/ncl/n2_c3_l4/t2",
                                         "batch/backward/f32/ncl/n2_c3_l4 ",
                                         " batch/backward/f32/ncl/n2_c3_l4",
                                         "batch/backward/f32/ncl/n2_c3_l4\n"));

TEST(Names, ReadBack) {
  for (const Norm norm : kEveryNorm) EXPECT_EQ(parse_norm(name(norm)), norm);
  for (const Pass pass : kEveryPass) EXPECT_EQ(parse_pass(name(pass)), pass);
  for (const DType dtype : kEveryDType) EXPECT_EQ(parse_dtype(name(dtype)), dtype);
  for (const Layout layout : kEveryLayout) EXPECT_EQ(parse_layout(name(layout)), layout);
}

TEST(Names, OfSomethingElseAreRefused) {
  for (const char* text : {"", "BATCH", "batch ", "batc", "batchnorm"}) {
    EXPECT_EQ(parse_norm(text), std::nullopt) << text;
    EXPECT_EQ(parse_pass(text), std::nullopt) << text;
    EXPECT_EQ(parse_dtype(text), std::nullopt) << text;
    EXPECT_EQ(parse_layout(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace normbench
