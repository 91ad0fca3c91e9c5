// Case ids: there and back, and what is not one.
#include <gmock/gmock.h>

#include <string>

#include "harness/bench/errors.h"
#include "harness/bench/plan.h"

namespace normbench {
namespace {

using testing::HasSubstr;

class CaseIds : public testing::TestWithParam<std::string> {};

TEST_P(CaseIds, ComeBack) { EXPECT_EQ(id(parse_case(GetParam())), GetParam()); }

INSTANTIATE_TEST_SUITE_P(
    Good, CaseIds,
    testing::Values("batch/forward_training/f32/ncl/n64_c256_l128/t2/warm",
                    "batch/forward_inference/f64/nlc/n1_c1_l1/t1/cold",
                    "batch/backward/bf16/ncl/n64_c256_l1_b16/t1024/warm",
                    "group/backward/f16/nlc/n6_c8_l2_b3_g4_eps0.001_m0.01_plain/t3/cold",
                    "batch/forward_training/f32/ncl/n64_c256_l128/t2/warm/denormal",
                    "batch/forward_training/f32/ncl/n64_c256_l128/t2/warm/read",
                    "batch/backward/f32/nlc/n64_c256_l128/t1/cold/zero/read"));

TEST(CaseId, IsReadIntoEveryField) {
  Case expected;
  expected.problem = {
      Norm::kGroup, Pass::kBackward, DType::kF16, Layout::kNlc, 6, 8, 2, 3, 4, 0.001, 0.01, false};
  expected.threads = 3;
  expected.cache = Cache::kCold;
  expected.input = InputKind::kSpiky;
  expected.then = Then::kRead;
  const std::string text =
      "group/backward/f16/nlc/n6_c8_l2_b3_g4_eps0.001_m0.01_plain/t3/cold/spiky/read";
  EXPECT_EQ(parse_case(text), expected);
  EXPECT_EQ(id(expected), text);
}

struct BadId {
  std::string text;
  std::string words;
};

class BadIds : public testing::TestWithParam<BadId> {};

TEST_P(BadIds, AreRefusedWithAnExample) {
  try {
    parse_case(GetParam().text);
    FAIL() << "was accepted: " << GetParam().text;
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr(GetParam().words));
    EXPECT_THAT(error.what(),
                HasSubstr("looks like batch/forward_training/f32/ncl/n64_c256_l128/t2/warm"));
    EXPECT_THAT(error.what(), testing::Not(HasSubstr("\n")));
  }
}

constexpr char kProblem[] = "batch/forward_training/f32/ncl/n4_c2_l3";

std::string with(const std::string& end) { return kProblem + end; }

INSTANTIATE_TEST_SUITE_P(
    All, BadIds,
    testing::Values(BadId{"", "warm or /cold"},
                    // Another spelling of the same case.
                    BadId{with("/t1/warm/random"), "warm or /cold"},
                    BadId{with("/t1/warm/nothing"), "warm or /cold"},
                    BadId{with("/t1/warm/read/spiky"), "warm or /cold"},
                    BadId{with("/t1/warm/read/read"), "warm or /cold"},
                    BadId{with("/t1/read"), "warm or /cold"}, BadId{"read", "warm or /cold"},
                    BadId{with("/t1/warm/huge"), "warm or /cold"}, BadId{"spiky", "warm or /cold"},
                    BadId{"x\ny", "warm or /cold"}, BadId{"warm", "warm or /cold"},
                    BadId{"/warm", "number of threads"}, BadId{kProblem, "warm or /cold"},
                    BadId{with("/warm"), "threads"}, BadId{with("/t2"), "warm or /cold"},
                    BadId{with("/t2/hot"), "warm or /cold"},
                    BadId{with("/t2/warm/"), "warm or /cold"},
                    BadId{with("/t02/warm"), "number of threads"},
                    BadId{with("/t/warm"), "number of threads"},
                    BadId{with("/t99999999999/warm"), "number of threads"},
                    BadId{with("/t2x/warm"), "number of threads"},
                    BadId{with("/all/warm"), "number of threads"},
                    BadId{with("/t0/warm"), "from 1 to 1024, but got 0"},
                    BadId{with("/t-1/warm"), "from 1 to 1024, but got -1"},
                    BadId{with("/t1025/warm"), "from 1 to 1024, but got 1025"},
                    BadId{"t2/warm", "number of threads"}, BadId{"/t2/warm", "id of a problem"},
                    BadId{with("_b4/t2/warm"), "id of a problem"},
                    BadId{with("_b3/t2/warm"), "batch must divide N: 3 does not divide 4"},
                    BadId{"batch/backward/f32/ncl/n1_c2_l1/t2/warm",
                          "Expected more than 1 value per channel when training"}));

}  // namespace
}  // namespace normbench
