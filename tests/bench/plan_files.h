// Configs for the tests of the plan: written to a file of the running test and read back.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <ostream>
#include <string>
#include <vector>

#include "harness/bench/errors.h"
#include "harness/bench/plan.h"
#include "tests/temporary_folder.h"

namespace normbench {

inline constexpr int kAllThreads = 7;  // unlike any number of threads in the configs of the tests

inline std::string config_path() {
  static const TemporaryFolder folder;
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  std::string file = std::string(test->test_suite_name()) + "." + test->name() + ".toml";
  std::replace(file.begin(), file.end(), '/', '.');
  return folder.path() / file;
}

inline Plan plan_of(const std::string& text, int all_threads = kAllThreads) {
  std::ofstream(config_path(), std::ios::binary) << text;
  return read_plan(config_path(), all_threads);
}

// The config's two required keys, on lines 1 and 2, and `text` from line 3.
inline std::string config(const std::string& text) {
  return "version = 1\nname = \"test\"\n" + text;
}

inline std::vector<std::string> ids(const Plan& plan) {
  std::vector<std::string> all;
  for (const Case& bench_case : plan.cases) all.push_back(id(bench_case));
  return all;
}

struct BadConfig {
  std::string label;
  std::string place;  // line and key
  std::vector<std::string> words;
  std::string text;
};

inline std::ostream& operator<<(std::ostream& out, const BadConfig& bad) { return out << bad.text; }

inline std::string label(const testing::TestParamInfo<BadConfig>& info) { return info.param.label; }

// The message is one line: path, place, and all of the words.
inline void expect_refused(const BadConfig& bad) {
  using testing::HasSubstr;
  try {
    plan_of(bad.text);
    FAIL() << "was accepted:\n" << bad.text;
  } catch (const UsageError& error) {
    const std::string message = error.what();
    EXPECT_THAT(message, testing::StartsWith(config_path() + ":" + bad.place + ": "));
    EXPECT_THAT(message, testing::Not(HasSubstr("\n")));
    for (const std::string& word : bad.words) EXPECT_THAT(message, HasSubstr(word));
  }
}

// The body of a [[grid]], from line 4.
inline std::string grid(const std::string& body) { return config("[[grid]]\n" + body + "\n"); }

// The keys of a row, on line 4.
inline std::string row(const std::string& keys) {
  return config("[[shapes]]\nrows = [{ " + keys + " }]\n");
}

// Sections from line 3, before a grid that is fine.
inline std::string before_grid(const std::string& sections) {
  return config(sections + "\n[[grid]]\nN = 4\nC = 2\nL = 3\n");
}

// A [[grid]] with one more line, line 7.
inline std::string grid_with(const std::string& line) {
  return grid("N = 4\nC = 2\nL = 3\n" + line);
}

// [1, 1, ...]
inline std::string ones(int count) {
  std::string list = "[1";
  for (int i = 1; i < count; ++i) list += ", 1";
  return list + "]";
}

inline std::string plain_grid() { return "[[grid]]\nN = 4\nC = 2\nL = 3\n"; }
inline std::string plain_row() { return "id = \"a\", N = 4, C = 2, L = 3, source = \"s\""; }

}  // namespace normbench
