// What a row of a run folder says of a known defect, and what the folder makes of it.
#include "harness/bench/record.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace normbench {
namespace {

constexpr Problem kGroupBackward = {
    .norm = Norm::kGroup, .pass = Pass::kBackward, .n = 4, .c = 6, .l = 5, .batch = 4, .groups = 2};

class RecordTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "record_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    results_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(results_); }

  // The folder of a run in which onednn 3.7.2 is wrong about one output.
  RunFolder folder_with(const std::string& output) const {
    RunHeader header;
    header.backends = {{"onednn", "3.7.2"}};
    RunFolder folder(results_, header);
    Row row;
    row.backend = "onednn";
    row.verdict = {.outcome = Outcome::kFailed, .reason = output + " is wrong", .output = output};
    CaseResult result;
    result.bench_case.problem = kGroupBackward;
    result.rows = {row};
    folder.append(result);
    return folder;
  }

  static nlohmann::json known_defect_in(const RunFolder& folder) {
    std::ifstream lines(folder.path() / "samples.jsonl");
    return nlohmann::json::parse(lines).at("known_defect");
  }

  std::filesystem::path results_;
};

TEST_F(RecordTest, NamesAKnownDefectWithItsSource) {
  const RunFolder folder = folder_with("dx");
  const KnownDefect* defect = known_defect("onednn", "3.7.2", kGroupBackward);
  const nlohmann::json recorded = known_defect_in(folder);
  EXPECT_EQ(recorded.at("what").get<std::string>(), defect->what);
  EXPECT_EQ(recorded.at("source").get<std::string>(), defect->source);
  EXPECT_EQ(folder.known_defects().at(defect), 1);
  EXPECT_TRUE(folder.any_failed());
  EXPECT_FALSE(folder.any_unexplained_failure());
}

TEST_F(RecordTest, DoesNotExcuseAnotherFaultByIt) {
  const RunFolder folder = folder_with("dgamma");
  EXPECT_TRUE(known_defect_in(folder).is_null());
  EXPECT_TRUE(folder.known_defects().empty());
  EXPECT_TRUE(folder.any_unexplained_failure());
}

}  // namespace
}  // namespace normbench
