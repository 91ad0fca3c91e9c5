// What a backend has unless it says otherwise.
#include "harness/core/backend.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <vector>

namespace normbench {
namespace {

// What an interface offers when a backend implements no more than it must.
class Minimal : public Backend {
 public:
  std::string_view name() const override { return "minimal"; }
  std::string version() const override { return "1"; }
  Support supports(const Problem&) const override { return Support::no("of no use"); }
  std::unique_ptr<Kernel> prepare(const Problem&, const Arguments&, int) const override {
    class Idle : public Kernel {
      void run() override {}
    };
    return std::make_unique<Idle>();
  }
};

TEST(Backend, ClaimsTheSharpestAccuracyUnlessItSaysOtherwise) {
  const Minimal backend;
  EXPECT_EQ(backend.accuracy({}).grade, Grade::kA);
  EXPECT_EQ(backend.accuracy({}).roundings, 0);
  EXPECT_TRUE(backend.accuracy({}).exact_sums);
  EXPECT_FALSE(backend.native_layout());
  EXPECT_EQ(backend.prepare({}, {}, 1)->detail(), "");
}

TEST(BackendOption, TakesItsValuesAndNoNumberUnlessItNamesOne) {
  const BackendOption option{"sharing", {"on", "off"}, "", ""};
  EXPECT_TRUE(option.takes("off"));
  EXPECT_FALSE(option.takes("4096"));
  EXPECT_FALSE(option.takes(""));
  EXPECT_EQ(option.choices(), (std::vector<std::string>{"on", "off"}));
}

TEST(BackendOption, TakesWholeNumbersAboveZeroInOneSpelling) {
  const BackendOption option{"streaming", {"auto"}, "", "BYTES"};
  EXPECT_EQ(option.choices(), (std::vector<std::string>{"auto", "BYTES"}));
  for (const char* text : {"auto", "1", "4194304", "9223372036854775807"}) {
    EXPECT_TRUE(option.takes(text)) << text;
  }
  for (const char* text : {"", "0", "-1", "+1", "01", "1.5", "1e6", "0x10", " 1", "1 ", "4M",
                           "BYTES", "9223372036854775808"}) {
    EXPECT_FALSE(option.takes(text)) << text;
  }
}

TEST(Accuracy, CountsTheRoundingsOfEachWayToSum) {
  EXPECT_EQ(Accuracy::in_double().roundings, 0);
  EXPECT_EQ(Accuracy::sequential(1000).roundings, 999);
  EXPECT_EQ(Accuracy::pairwise(1).roundings, 0);
  EXPECT_EQ(Accuracy::pairwise(1024).roundings, 10);
  EXPECT_EQ(Accuracy::pairwise(1025).roundings, 11);
  EXPECT_EQ(Accuracy::lanes(1000, 8).roundings, 124 + 3);
  EXPECT_EQ(Accuracy::lanes(1001, 8).roundings, 125 + 3);
  EXPECT_EQ(Accuracy::lanes(5, 8).roundings, 3);  // lanes without a value add none
  EXPECT_EQ(Accuracy::lanes(1000, 1).roundings, Accuracy::sequential(1000).roundings);
  EXPECT_EQ(Accuracy::welford(1000).roundings, 999);
}

TEST(Accuracy, OfNoValuesHasNoRoundings) {
  for (const Accuracy& accuracy : {Accuracy::sequential(0), Accuracy::pairwise(0),
                                   Accuracy::lanes(0, 8), Accuracy::welford(0)}) {
    EXPECT_EQ(accuracy.roundings, 0);
  }
}

TEST(Accuracy, SaysHowTheSumsAreUsed) {
  EXPECT_TRUE(Accuracy::sequential(9).exact_sums);
  EXPECT_FALSE(Accuracy::welford(9).exact_sums);
  const Accuracy accuracy = Accuracy::lanes(64, 8).folded().by_moments();
  EXPECT_EQ(accuracy.roundings, 10);
  EXPECT_EQ(accuracy.grade, Grade::kB);
  EXPECT_EQ(accuracy.variance, VarianceForm::kMoments);
  EXPECT_EQ(accuracy.by_shifted_moments().variance, VarianceForm::kShiftedMoments);
  EXPECT_FALSE(accuracy.from_rstd);
  EXPECT_TRUE(accuracy.variance_from_rstd().from_rstd);
}

TEST(AddBackend, RefusesANameThatIsTaken) {
  std::vector<std::unique_ptr<Backend>> list;
  add_backend(list, "minimal", std::make_unique<Minimal>());
  EXPECT_EQ(list.size(), 1U);
  try {
    add_backend(list, "minimal", std::make_unique<Minimal>());
    FAIL() << "two of one name";
  } catch (const std::logic_error& error) {
    EXPECT_STREQ(error.what(), "two backends are named minimal");
  }
  EXPECT_EQ(list.size(), 1U);
}

TEST(AddBackend, RefusesANameUnlikeThatOfCMake) {
  std::vector<std::unique_ptr<Backend>> list;
  EXPECT_THROW(add_backend(list, "mine", std::make_unique<Minimal>()), std::logic_error);
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace normbench
