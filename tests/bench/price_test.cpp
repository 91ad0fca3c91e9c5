// What a budget buys.
#include "harness/bench/price.h"

#include <gtest/gtest.h>

#include <vector>

namespace normbench {
namespace {

const TimingOptions kTiming{
    .min_slot_us = 1000, .min_rounds = 6, .max_rounds = 30, .case_seconds = 3};

Case case_of(std::int64_t n) { return {.problem = {.n = n, .c = 64, .l = 100, .batch = n}}; }

Guess guess_of(const PriceModel& model, const std::vector<Case>& cases) {
  Guess all;
  for (const Case& c : cases) all.add(model.guess(c));
  return all;
}

TEST(PriceModel, AsksMoreForMore) {
  const PriceModel few(kTiming, 2);
  const PriceModel many(kTiming, 7);
  EXPECT_GT(few.price(case_of(4096)).check, 10 * few.price(case_of(16)).check);
  EXPECT_GT(many.price(case_of(16)).rounds, 1.5 * few.price(case_of(16)).rounds);
  EXPECT_GT(few.price(case_of(16)).more, 0);
}

TEST(PriceModel, AsksMoreForAReadOfTheOutput) {
  const PriceModel model(kTiming, 2);
  Case long_calls = case_of(4096);
  const double plain = model.guess(long_calls).round;
  long_calls.then = Then::kRead;
  EXPECT_GT(model.guess(long_calls).round, 1.2 * plain);
}

TEST(PriceModel, LearnsFromWhatCasesTook) {
  PriceModel model(kTiming, 3);
  const Price before = model.price(case_of(64));
  const Guess guess = model.guess(case_of(64));
  for (int at = 0; at < 200; ++at) {
    model.learn(case_of(64), 5 * guess.check, 2 * 6 * guess.round, 6);
  }
  const Price after = model.price(case_of(64));
  EXPECT_NEAR(after.check / before.check, 5, 0.5);
  EXPECT_NEAR(after.rounds / before.rounds, 2, 0.1);
  // Another case is judged by it, too.
  EXPECT_GT(model.price(case_of(1024)).check,
            4 * PriceModel(kTiming, 3).price(case_of(1024)).check);
}

TEST(Budget, GivesAllCasesTheSameTimeWhereItIsEnough) {
  const PriceModel model(kTiming, 3);
  const std::vector<Case> cases(10, case_of(64));
  const double least = model.price(guess_of(model, cases)).least();
  const auto share =
      share_of_budget(model, kTiming, cases[0], guess_of(model, cases), 10, least + 10 * 0.25);
  ASSERT_TRUE(share);
  EXPECT_NEAR(share->case_seconds, model.price(cases[0]).rounds + 0.25, 1e-9);
  EXPECT_EQ(share->min_rounds, kTiming.min_rounds);
  const auto plenty = share_of_budget(model, kTiming, cases[0], guess_of(model, cases), 10, 1e6);
  EXPECT_EQ(plenty->case_seconds, kTiming.case_seconds);
}

TEST(Budget, GivesTheFirstCasesTheLeastWhereItIsNot) {
  const PriceModel model(kTiming, 3);
  const std::vector<Case> cases(10, case_of(64));
  const Price price = model.price(cases[0]);
  const auto share =
      share_of_budget(model, kTiming, cases[0], guess_of(model, cases), 10, 3.5 * price.least());
  ASSERT_TRUE(share);
  EXPECT_NEAR(share->case_seconds, price.rounds, 1e-9);
  EXPECT_FALSE(
      share_of_budget(model, kTiming, cases[0], guess_of(model, cases), 10, 0.9 * price.least()));
  EXPECT_EQ(affordable(model, cases, 3.5 * price.least()), 3U);
  EXPECT_EQ(affordable(model, cases, 1e6), 10U);
  EXPECT_EQ(affordable(model, cases, 0), 0U);
}

}  // namespace
}  // namespace normbench
