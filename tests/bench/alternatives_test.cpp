// What an expression with "or" in it is taken apart into.
#include "harness/bench/alternatives.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace normbench {
namespace {

using testing::ElementsAre;

TEST(Alternatives, AreSeparatedByBars) {
  EXPECT_THAT(alternatives("mine"), ElementsAre("mine"));
  EXPECT_THAT(alternatives("mine|naive"), ElementsAre("mine", "naive"));
  EXPECT_THAT(alternatives(""), ElementsAre(""));
}

TEST(Alternatives, OfAGroupKeepWhatIsAroundIt) {
  EXPECT_THAT(alternatives("^(mine|naive)$"), ElementsAre("^(mine)$", "^(naive)$"));
  EXPECT_THAT(alternatives("a(b|c(d|e))|f"), ElementsAre("a(b)", "a(c(d))", "a(c(e))", "f"));
  EXPECT_THAT(alternatives("(?:a|b)+"), ElementsAre("(?:a)+", "(b)+"));
}

TEST(Alternatives, AreNotSeparatedByBarsThatAreLetters) {
  EXPECT_THAT(alternatives("a[|]b"), ElementsAre("a[|]b"));
  EXPECT_THAT(alternatives("a[\\]|]b|c"), ElementsAre("a[\\]|]b", "c"));
  EXPECT_THAT(alternatives("a\\|b"), ElementsAre("a\\|b"));
  EXPECT_THAT(alternatives("a\\(b|c"), ElementsAre("a\\(b", "c"));
}

TEST(Alternatives, OfWhatMustNotFollowAreOne) {
  EXPECT_THAT(alternatives("^(?!simd|aten)"), ElementsAre("^(?!simd|aten)"));
}

TEST(Alternatives, ThatWouldBeVeryManyAreOne) {
  const std::string many = "(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)";
  EXPECT_THAT(alternatives(many), ElementsAre(many));
}

}  // namespace
}  // namespace normbench
