// Files, documents and limits that must be refused, with the place and the words that help.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "harness/bench/errors.h"
#include "tests/bench/plan_files.h"

namespace normbench {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::vector<BadConfig> bad_documents() {
  return {
      {"Syntax", "2", {"invalid TOML", "column"}, "version = 1\nname = \n"},
      {"RepeatedKey", "3", {"invalid TOML", "redefine"}, config("name = \"again\"\n")},
      {"NotUtf8", "3", {"invalid TOML", "utf-8"}, config("analysis = \"\xff\"\n")},
      {"NoKeyInHeader", "3", {"invalid TOML at column 2", "key"}, config("[+x]\n")},
      {"NoVersion", "1: version", {"is required"}, "name = \"x\"\n" + plain_grid()},
      {"Version", "1: version", {"must be 1", "supported", "got 2"}, "version = 2\nnom = 1\n"},
      {"VersionType", "1: version", {"must be 1", "got the string \"1\""}, "version = \"1\"\n"},
      {"NoName", "1: name", {"is required"}, "version = 1\n" + plain_grid()},
      {"NameType",
       "2: name",
       {"must be a string, but got 3"},
       "version = 1\nname = 3\n" + plain_grid()},
      {"NamePath", "2: name", {"letters", "../x"}, "version = 1\nname = \"../x\"\n" + plain_grid()},
      {"AnalysisType", "3: analysis", {"a string", "got true"}, before_grid("analysis = true")},
      {"TopKey",
       "3: analisys",
       {"unknown key", "did you mean analysis?"},
       before_grid("analisys = 1")},
      {"TopTable", "3: default", {"unknown key", "mean defaults?"}, before_grid("[default]")},
      {"FarKey",
       "3: zebra",
       {"unknown key", "the keys here are version, name"},
       before_grid("zebra = 1")},
      {"KeyWithLineBreak", "3: a b", {"unknown key"}, before_grid("\"a\\nb\" = 1")},
      {"NoTables", "1", {"needs at least one [[grid]] or [[shapes]]"}, config("")},
      {"NoGridInList", "1", {"needs at least one"}, config("grid = []\n")},
      {"SingleGrid", "3: grid", {"[[grid]]", "got a table"}, config("[grid]\nN = 1\n")},
      {"GridOfNumbers", "3: grid", {"must be a table, but got 1"}, config("grid = [1]\n")},
      {"DefaultsType", "3: defaults", {"must be a table, but got 1"}, before_grid("defaults = 1")},
      {"LimitsType", "3: limits", {"must be a table", "list"}, before_grid("limits = []")},
  };
}

std::vector<BadConfig> bad_limits() {
  return {
      {"LimitsKey", "4: limits.case", {"did you mean cases?"}, before_grid("[limits]\ncase = 9")},
      {"LimitsCases",
       "4: limits.cases",
       {"from 1 to 1000000", "got 0"},
       before_grid("[limits]\ncases = 0")},
      {"LimitsBytes",
       "4: limits.bytes",
       {"positive integer", "got -1"},
       before_grid("[limits]\nbytes = -1")},
      {"LimitsFloat",
       "4: limits.bytes",
       {"got the float 1.5"},
       before_grid("[limits]\nbytes = 1.5")},
      {"TimingKey",
       "4: timing.min_round",
       {"did you mean min_rounds?"},
       before_grid("[timing]\nmin_round = 9")},
      {"FewRounds",
       "4: timing.min_rounds",
       {"from 6", "no interval", "got 5"},
       before_grid("[timing]\nmin_rounds = 5")},
      {"RoundsOrder",
       "5: timing.max_rounds",
       {"at least min_rounds = 9", "got 8"},
       before_grid("[timing]\nmin_rounds = 9\nmax_rounds = 8")},
      {"RoundsDefault",
       "4: timing.min_rounds",
       {"at most max_rounds = 30", "got 31"},
       before_grid("[timing]\nmin_rounds = 31")},
      {"Slot",
       "4: timing.min_slot_us",
       {"a positive number", "got 0"},
       before_grid("[timing]\nmin_slot_us = 0")},
      {"SlotType",
       "4: timing.min_slot_us",
       {"a positive number", "\"5\""},
       before_grid("[timing]\nmin_slot_us = \"5\"")},
      {"Seconds",
       "4: timing.case_seconds",
       {"a positive number", "got the float -1"},
       before_grid("[timing]\ncase_seconds = -1.0")},
      {"SecondsInfinite",
       "4: timing.case_seconds",
       {"a positive number", "inf"},
       before_grid("[timing]\ncase_seconds = inf")},
      {"TooManyCases",
       "5: grid",
       {"6 combinations", "limits.cases = 5", "raise limits.cases"},
       config("[limits]\ncases = 5\n[[grid]]\nN = [2, 3]\nC = [2, 3, 4]\nL = 1\n")},
      {"TooManyInAll",
       "9: grid",
       {"9 combinations", "limits.cases = 8"},
       config("[limits]\ncases = 8\n[[grid]]\nN = [2, 3, 4, 5, 6]\nC = 2\nL = 2\n[[grid]]\nN = [2, "
              "3, 4, 5]\nC = 3\nL = 2\n")},
      {"Huge",
       "3: grid",
       {"1000188000000 combinations", "limits.cases = 5000"},
       grid("N = { pow2 = [0, 62] }\nC = { pow2 = [0, 62] }\nL = { pow2 = [0, 62] }\neps = " +
            ones(1000) + "\nmomentum = " + ones(1000) + "\nthreads = " + ones(4))},
      {"Beyond64Bits",
       "3: grid",
       {"at least 9223372036854775807 combinations"},
       grid("N = { pow2 = [0, 62] }\nC = { pow2 = [0, 62] }\nL = { pow2 = [0, 62] }\neps = " +
            ones(1000) + "\nmomentum = " + ones(1000) + "\ngroups = " + ones(1000) +
            "\nthreads = " + ones(1000) + "\nbatch = " + ones(1000))},
      {"InputBytes",
       "3: grid",
       {"n64_c2048_l513/", "takes 268959744 bytes", "limits.bytes = 104857600", "make N"},
       grid("N = 64\nC = 2048\nL = 513")},
      {"Overflow",
       "3: grid",
       {"N*C*L is too large"},
       grid("N = { pow2 = [62, 62] }\nC = { pow2 = [62, 62] }\nL = 1")},
      {"RowBytes",
       "6: shapes.rows",
       {"takes 96 bytes", "limits.bytes = 95"},
       config("[limits]\nbytes = 95\n[[shapes]]\nrows = [{ " + plain_row() + " }]\n")},
  };
}

class BadPlans : public testing::TestWithParam<BadConfig> {};

TEST_P(BadPlans, NamesPlaceAndRemedy) { expect_refused(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Documents, BadPlans, testing::ValuesIn(bad_documents()), label);
INSTANTIATE_TEST_SUITE_P(Limits, BadPlans, testing::ValuesIn(bad_limits()), label);

std::string refusal(const std::string& path, int all_threads = kAllThreads) {
  try {
    read_plan(path, all_threads);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "was accepted";
}

TEST(PlanFile, MissingOneIsAnError) {
  const std::string path = config_path() + "/no/such.toml";
  EXPECT_EQ(refusal(path), path + ": cannot be read: No such file or directory");
}

TEST(PlanFile, DirectoryIsAnError) {
  EXPECT_THAT(refusal(testing::TempDir()), StartsWith(testing::TempDir() + ": is a directory"));
}

TEST(PlanFile, EmptyOneLacksAVersion) {
  std::ofstream(config_path()).close();
  EXPECT_THAT(refusal(config_path()), StartsWith(config_path() + ":1: version: is required"));
}

TEST(PlanFile, MoreThreadsThanACaseMayHaveIsAnError) {
  std::ofstream(config_path()) << before_grid("");
  EXPECT_THAT(refusal(config_path(), 1025), HasSubstr("threads must be from 1 to 1024"));
  EXPECT_THAT(refusal(config_path(), 0), HasSubstr("threads must be from 1 to 1024"));
}

// What an editor leaves behind at any moment must be an error of the config, nothing else.
TEST(PlanFile, NoPrefixOfAConfigThrowsAnythingElse) {
  const std::string text = config(
      "[limits]\ncases = 9\n[defaults]\nC = { pow2 = [0, 2] }\n[[grid]]\nN = [4, 8]\nL = 3\n"
      "exclude = [{ N = 4, C = [1, 2], reason = \"r\" }]\n[[shapes]]\nrows = [{ " +
      plain_row() + " }]\n");
  std::size_t accepted = 0;
  for (std::size_t length = 0; length <= text.size(); ++length) {
    try {
      plan_of(text.substr(0, length));
      ++accepted;
    } catch (const UsageError&) {
    }
  }
  EXPECT_GT(accepted, 0U);
  EXPECT_LT(accepted, text.size() / 2);
}

}  // namespace
}  // namespace normbench
