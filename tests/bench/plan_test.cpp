// What good configs expand to.
#include "harness/bench/plan.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <set>

#include "source_dir.h"
#include "tests/bench/plan_files.h"

namespace normbench {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Plan, KeepsWhatTheConfigSays) {
  const std::string text = config(
      "analysis = \"Where?\"\n[timing]\nmin_slot_us = 250\nmin_rounds = 6\nmax_rounds = 6\n"
      "case_seconds = 1.5\n" +
      plain_grid());
  const Plan plan = plan_of(text);
  EXPECT_EQ(plan.path, config_path());
  EXPECT_EQ(plan.text, text);
  EXPECT_EQ(plan.name, "test");
  EXPECT_EQ(plan.analysis, "Where?");
  EXPECT_EQ(plan.timing.min_slot_us, 250);
  EXPECT_EQ(plan.timing.min_rounds, 6);
  EXPECT_EQ(plan.timing.max_rounds, 6);
  EXPECT_EQ(plan.timing.case_seconds, 1.5);
}

TEST(Plan, HasDefaultsForAllButTheSizes) {
  const Plan plan = plan_of(config(plain_grid()));
  Case expected;
  expected.problem = {.n = 4, .c = 2, .l = 3, .batch = 4};
  expected.threads = kAllThreads;
  EXPECT_THAT(plan.cases, ElementsAre(expected));
  EXPECT_THAT(ids(plan), ElementsAre("batch/forward_training/f32/ncl/n4_c2_l3/t7/warm"));
  EXPECT_THAT(plan.excluded, IsEmpty());
  EXPECT_THAT(plan.analysis, IsEmpty());
  EXPECT_EQ(plan.timing.min_slot_us, 500);
  EXPECT_EQ(plan.timing.min_rounds, 10);
  EXPECT_EQ(plan.timing.max_rounds, 30);
  EXPECT_EQ(plan.timing.case_seconds, 4);
}

// Every key at a value that is not its default.
TEST(Plan, SetsEveryKey) {
  const Plan plan = plan_of(config(
      "[[grid]]\nnorm = \"group\"\npass = \"backward\"\ndtype = \"f64\"\nlayout = \"nlc\"\nN = 8\n"
      "C = 6\nL = 5\nbatch = 4\ngroups = 3\neps = 1\nmomentum = 0.25\naffine = false\n"
      "threads = 2\ncache = \"cold\"\ninput = \"tiny\"\nthen = \"read\"\n"));
  Case expected;
  expected.problem = {
      Norm::kGroup, Pass::kBackward, DType::kF64, Layout::kNlc, 8, 6, 5, 4, 3, 1.0, 0.25, false};
  expected.threads = 2;
  expected.cache = Cache::kCold;
  expected.input = InputKind::kTiny;
  expected.then = Then::kRead;
  EXPECT_THAT(plan.cases, ElementsAre(expected));
}

TEST(Plan, KnowsEveryNameOfTheVocabulary) {
  const Plan plan = plan_of(config(
      "[[grid]]\nN = 4\nC = 2\nL = 3\nnorm = [\"batch\", \"layer\", \"instance\", \"group\", "
      "\"rms\"]\npass = [\"forward_training\", \"forward_inference\", \"backward\"]\n"
      "dtype = [\"f32\", \"f64\", \"bf16\", \"f16\"]\nlayout = [\"ncl\", \"nlc\"]\n"
      "cache = [\"warm\", \"cold\"]\nthen = [\"nothing\", \"read\"]\n"
      "[[grid]]\nN = 4\nC = 2\nL = 3\npass = \"backward_inference\"\n"));
  EXPECT_EQ(plan.cases.size(), 5U * 3 * 4 * 2 * 2 * 2 + 1);
  for (const Case& bench_case : plan.cases) EXPECT_EQ(parse_case(id(bench_case)), bench_case);
}

// The keys of a case id from left to right, the last one fastest.
TEST(Plan, MultipliesListsInTheOrderOfTheId) {
  const Plan plan = plan_of(config(
      "[[grid]]\nthen = [\"nothing\", \"read\"]\ncache = [\"warm\", \"cold\"]\nthreads = [2, "
      "1]\naffine = [true, false]\n"
      "momentum = [0.1, 0.5]\neps = [1e-5, 1]\ngroups = [1, 2]\nbatch = [\"N\", 2]\nL = [3, 1]\n"
      "C = { pow2 = [1, 2] }\nN = [4, 8]\nlayout = [\"nlc\", \"ncl\"]\ndtype = [\"f64\", \"f32\"]\n"
      "pass = [\"backward\", \"forward_training\"]\nnorm = \"group\"\n"
      "[limits]\ncases = 20000\n"));
  const std::vector<std::vector<std::string>> parts = {{"/backward", "/forward_training"},
                                                       {"/f64", "/f32"},
                                                       {"/nlc", "/ncl"},
                                                       {"/n4", "/n8"},
                                                       {"_c2", "_c4"},
                                                       {"_l3", "_l1"},
                                                       {"", "_b2"},
                                                       {"", "_g2"},
                                                       {"", "_eps1"},
                                                       {"", "_m0.5"},
                                                       {"", "_plain"},
                                                       {"/t2", "/t1"},
                                                       {"/warm", "/cold"},
                                                       {"", "/read"}};
  std::vector<std::string> expected = {"group"};
  for (const std::vector<std::string>& choices : parts) {
    std::vector<std::string> longer;
    for (const std::string& beginning : expected) {
      for (const std::string& choice : choices) longer.push_back(beginning + choice);
    }
    expected = longer;
  }
  EXPECT_EQ(expected.size(), 16384U);
  EXPECT_EQ(ids(plan), expected);
}

TEST(Plan, CountsPowersOfTwoUpToTheLast) {
  const auto sizes = [](const std::string& powers) {
    std::vector<std::int64_t> all;
    const Plan plan = plan_of(config("[[grid]]\nC = 2\nL = 2\nN = { pow2 = " + powers + " }\n"));
    for (const Case& bench_case : plan.cases) all.push_back(bench_case.problem.n);
    return all;
  };
  EXPECT_THAT(sizes("[2, 10, 2]"), ElementsAre(4, 16, 64, 256, 1024));
  EXPECT_THAT(sizes("[0, 3]"), ElementsAre(1, 2, 4, 8));
  EXPECT_THAT(sizes("[1, 6, 4]"), ElementsAre(2, 32));
  EXPECT_THAT(sizes("[5, 5]"), ElementsAre(32));
}

TEST(Plan, LetsATableOverrideTheDefaultsAndARowTheTable) {
  const Plan plan =
      plan_of(config("[defaults]\nL = 3\nthreads = [1, 2]\ndtype = \"f64\"\neps = 1\n"
                     "[[grid]]\nN = 4\nC = 2\nthreads = 3\n"
                     "[[shapes]]\ndtype = \"bf16\"\nbatch = 2\nrows = [\n"
                     "  { id = \"a\", N = 4, C = 2, L = 9, source = \"here\" },\n"
                     "  { id = \"b\", N = 4, C = 2, L = 8, threads = 5, dtype = [\"f16\", "
                     "\"f32\"], batch = \"N\", "
                     "source = \"there\" },\n]\n"));
  EXPECT_THAT(ids(plan), ElementsAre("batch/forward_training/f64/ncl/n4_c2_l3_eps1/t3/warm",
                                     "batch/forward_training/bf16/ncl/n4_c2_l9_b2_eps1/t1/warm",
                                     "batch/forward_training/bf16/ncl/n4_c2_l9_b2_eps1/t2/warm",
                                     "batch/forward_training/f16/ncl/n4_c2_l8_eps1/t5/warm",
                                     "batch/forward_training/f32/ncl/n4_c2_l8_eps1/t5/warm"));
  ASSERT_EQ(plan.cases.size(), 5U);
  EXPECT_EQ(plan.cases[0].name, "");
  EXPECT_EQ(plan.cases[0].source, "");
  for (std::size_t i = 1; i < 5; ++i) {
    EXPECT_EQ(plan.cases[i].name, i < 3 ? "a" : "b");
    EXPECT_EQ(plan.cases[i].source, i < 3 ? "here" : "there");
  }
}

TEST(Plan, KeepsTheOrderOfTheFileAcrossGridsAndShapes) {
  const std::string rows = "rows = [{ id = \"r\", N = 4, C = 2, source = \"s\", L = ";
  const Plan plan = plan_of(config("[[shapes]]\n" + rows + "9 }]\n[[grid]]\nN = 4\nC = 2\nL = 8\n" +
                                   "[[shapes]]\n" + rows +
                                   "7 }, { id = \"q\", N = 4, C = 2, L = 6, "
                                   "source = \"\" }]\n[[grid]]\nN = 4\nC = 2\nL = 5\n"));
  std::vector<std::int64_t> lengths;
  for (const Case& bench_case : plan.cases) lengths.push_back(bench_case.problem.l);
  EXPECT_THAT(lengths, ElementsAre(9, 8, 7, 6, 5));
}

TEST(Plan, KeepsAllNamesOfACaseInThePlaceOfTheFirst) {
  const std::string rows = "[[shapes]]\nrows = [{ " + plain_row() +
                           " }, { id = \"b\", N = 4, C = 2, " + "L = 3, source = \"t\" }]\n";
  const Plan named = plan_of(config(rows + plain_grid()));
  ASSERT_EQ(named.cases.size(), 1U);
  EXPECT_EQ(named.cases[0].name, "a, b");
  EXPECT_EQ(named.cases[0].source, "s; t");
  EXPECT_THAT(names(named.cases[0]), ElementsAre("a", "b"));
  const Plan unnamed = plan_of(config(plain_grid() + rows));
  ASSERT_EQ(unnamed.cases.size(), 1U);
  EXPECT_EQ(unnamed.cases[0].name, "a, b");
  EXPECT_EQ(unnamed.cases[0].source, "s; t");
  const std::string twice = grid_with("threads = [1, \"all\"]\nbatch = [4, \"N\", 2]");
  EXPECT_EQ(plan_of(twice).cases.size(), 4U);
  EXPECT_EQ(plan_of(twice, 1).cases.size(), 2U);
}

TEST(Plan, BooksEveryExcludedCombination) {
  const Plan plan = plan_of(
      grid("N = [4, 8, 16]\nC = 2\nL = [1, 3]\nbatch = [\"N\", 8, 16]\ndtype = [\"f32\", \"f64\"]\n"
           "exclude = [\n"
           "  { N = [4, 8], batch = 16, reason = \"fewer samples than 16\" },\n"
           "  { N = 4, batch = 8, reason = \"fewer samples than 8\" },\n"
           "  { dtype = \"f64\", L = { pow2 = [0, 1] }, reason = \"half\" },\n"
           "  { N = 16, batch = \"N\", L = 3, reason = \"whole\" },\n]"));
  std::set<std::string> cases;
  std::set<std::pair<std::string, std::string>> excluded;
  for (const int n : {4, 8, 16}) {
    for (const int l : {1, 3}) {
      for (const int batch : {n, 8, 16}) {
        for (const std::string dtype : {"f32", "f64"}) {
          const std::string what = "batch/forward_training/" + dtype + "/ncl/n" +
                                   std::to_string(n) + "_c2_l" + std::to_string(l) +
                                   (batch == n ? "" : "_b" + std::to_string(batch)) + "/t7/warm";
          if (n < 16 && batch == 16) {
            excluded.emplace(what, "fewer samples than 16");
          } else if (n == 4 && batch == 8) {
            excluded.emplace(what, "fewer samples than 8");
          } else if (dtype == "f64" && l == 1) {
            excluded.emplace(what, "half");
          } else if (n == 16 && batch == 16 && l == 3) {
            excluded.emplace(what, "whole");
          } else {
            cases.insert(what);
          }
        }
      }
    }
  }
  const std::vector<std::string> found = ids(plan);
  EXPECT_EQ(std::set(found.begin(), found.end()), cases);
  EXPECT_EQ(found.size(), cases.size());
  std::set<std::pair<std::string, std::string>> booked;
  for (const Exclusion& exclusion : plan.excluded) booked.emplace(exclusion.what, exclusion.reason);
  EXPECT_EQ(booked, excluded);
  EXPECT_EQ(plan.excluded.size(), excluded.size());
}

// Items that overlap are not mistaken for items that match nothing; the first gives the reason.
TEST(Plan, LetsExclusionsOverlap) {
  const Plan plan = plan_of(grid_with(
      "pass = [\"backward\", \"forward_training\"]\nexclude = [\n"
      "{ pass = \"backward\", reason = \"one\" },\n{ pass = \"backward\", reason = \"two\" }]"));
  EXPECT_THAT(ids(plan), ElementsAre("batch/forward_training/f32/ncl/n4_c2_l3/t7/warm"));
  ASSERT_EQ(plan.excluded.size(), 1U);
  EXPECT_EQ(plan.excluded[0].reason, "one");
}

TEST(Plan, ExcludesBeforeItJudges) {
  const std::string exclude =
      "exclude = [{ N = 1, L = 1, reason = \"no variance\" }, { N = 8192, reason = \"big\" }]";
  const Plan plan = plan_of(grid("N = [1, 8192, 2]\nC = 16384\nL = 1\n" + exclude));
  EXPECT_THAT(ids(plan), ElementsAre("batch/forward_training/f32/ncl/n2_c16384_l1/t7/warm"));
  EXPECT_EQ(plan.excluded.size(), 2U);
}

TEST(Plan, AcceptsWhatIsJustWithinTheLimits) {
  const std::string cases = "[limits]\ncases = 6\nbytes = 96\n";
  EXPECT_EQ(plan_of(config(cases +
                           "[[grid]]\nN = [1, 4]\nC = [1, 2]\nL = 3\nbatch = 1\n"
                           "[[shapes]]\nrows = [{ " +
                           plain_row() + ", pass = [\"backward\", \"backward_inference\"] }]\n"))
                .cases.size(),
            6U);
}

TEST(Plan, ReadsTheConfigsOfTheProject) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(NORMBENCH_SOURCE_DIR "/configs")) {
    if (entry.path().extension() != ".toml") continue;
    SCOPED_TRACE(entry.path());
    for (const int threads : {1, 2, 64}) {
      const Plan plan = read_plan(entry.path().string(), threads);
      EXPECT_EQ(plan.name, entry.path().stem());
      EXPECT_THAT(plan.analysis, testing::Not(IsEmpty()));
      names.insert(plan.name);
      for (const Case& bench_case : plan.cases) {
        const Case parsed = parse_case(id(bench_case));
        EXPECT_EQ(parsed.problem, bench_case.problem);
        EXPECT_EQ(id(parsed), id(bench_case));
      }
    }
  }
  EXPECT_THAT(names, testing::IsSupersetOf({"batchnorm1d", "cliffs", "models", "quick"}));
}

}  // namespace
}  // namespace normbench
