// What the lines of a run folder hold: the fields of results/schema.json, which readers go by, and
// known defects.
#include "harness/bench/record.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "source_dir.h"
#include "tests/temporary_folder.h"

namespace normbench {
namespace {

constexpr Problem kGroupBackward = {
    .norm = Norm::kGroup, .pass = Pass::kBackward, .n = 4, .c = 6, .l = 5, .batch = 4, .groups = 2};

using nlohmann::json;

const json& schema() {
  static const json value = json::parse(std::ifstream(NORMBENCH_SOURCE_DIR "/results/schema.json"));
  return value;
}

bool has_type(const json& value, const std::string& type) {
  const auto all = [&value](auto is) {
    return value.is_array() && std::all_of(value.begin(), value.end(), is);
  };
  if (type == "text") return value.is_string();
  if (type == "count") return value.is_number_unsigned();
  if (type == "number") return value.is_number() || value.is_null();
  if (type == "flag") return value.is_boolean();
  if (type == "times") return all([](const json& item) { return item.get<double>() > 0; });
  if (type == "texts") return all([](const json& item) { return item.is_string(); });
  if (type == "object") return value.is_object() || value.is_null();
  return false;
}

// `line` has the fields that the schema lists under `kind`, of the types that it says.
void expect_fields(const json& line, const std::string& kind) {
  std::set<std::string> listed;
  for (const json& field : schema().at(kind)) {
    const std::string name = field.at("name");
    const std::string type = field.at("type");
    listed.insert(name);
    EXPECT_TRUE(schema().at("types").contains(type)) << type;
    if (field.value("optional", false) && !line.contains(name)) continue;
    ASSERT_TRUE(line.contains(name)) << kind << ": " << name;
    EXPECT_TRUE(has_type(line[name], type)) << name << " is no " << type << ": " << line[name];
  }
  for (const auto& [name, value] : line.items()) {
    EXPECT_TRUE(listed.contains(name)) << kind << ": " << name << " is not in results/schema.json";
  }
}

template <class List>
std::set<std::string> names_of(const List& list) {
  std::set<std::string> names;
  for (const auto item : list) names.emplace(name(item));
  return names;
}

std::set<std::string> listed(const std::string& kind) { return schema().at(kind); }

TEST(Schema, ListsWhatThereIs) {
  EXPECT_EQ(listed("norms"), names_of(kEveryNorm));
  EXPECT_EQ(listed("passes"), names_of(kEveryPass));
  EXPECT_EQ(listed("dtypes"), names_of(kEveryDType));
  EXPECT_EQ(listed("layouts"), names_of(kEveryLayout));
  EXPECT_EQ(listed("caches"), names_of(kEveryCache));
  EXPECT_EQ(listed("inputs"), names_of(kEveryInputKind));
  EXPECT_EQ(listed("thens"), names_of(kEveryThen));
  EXPECT_EQ(schema().at("schema").get<int>(), kSchema);
  std::set<std::string> regimes;
  for (std::int64_t bytes = 1; bytes < std::int64_t{1} << 40; bytes *= 2) {
    regimes.insert(regime(Machine{}, bytes, 1));
  }
  EXPECT_EQ(listed("regimes"), regimes);
}

// Those of workers, which crash and hang, are listed already.
TEST(Schema, ListsEveryOutcome) {
  for (const std::string& outcome : names_of(kEveryOutcome)) {
    EXPECT_TRUE(listed("outcomes").contains(outcome)) << outcome;
  }
}

class RecordTest : public testing::Test {
 protected:
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

  static json known_defect_in(const RunFolder& folder) {
    std::ifstream lines(folder.path() / "samples.jsonl");
    return json::parse(lines).at("known_defect");
  }

  TemporaryFolder temporary_;
  std::filesystem::path results_ = temporary_.path();
};

TEST_F(RecordTest, WritesTheFieldsOfTheSchema) {
  Row timed;
  timed.backend = "naive";
  timed.verdict.error_of.fill({.bound = 0.5, .ulp = 1});
  timed.samples_ns = {3, 2, 4};
  timed.calls_per_sample = 7;
  timed.cpus = 1.5;
  timed.remarks = {"is slow"};
  Row failed;
  failed.backend = "onednn";
  failed.verdict = {.outcome = Outcome::kFailed, .reason = "dx is wrong", .output = "dx"};
  Row absent;
  absent.backend = "aten";
  absent.verdict = {.outcome = Outcome::kNotBuilt, .reason = "Torch was not found"};
  CaseResult result;
  result.bench_case.problem = kGroupBackward;
  result.regime = "L1";
  result.rows = {timed, failed, absent};
  result.copy_ns = {1, 1, 1};
  result.read_ns = {1, 1, 1};
  result.copy_store = "plain";
  result.twin = "naive";
  result.twin_ns = {3, 3, 3};
  RunHeader header;
  header.backends = {{"naive", "1"}, {"onednn", "3.7.2"}};
  RunFolder folder(results_, header);
  folder.append(result);

  std::ifstream samples(folder.path() / "samples.jsonl");
  std::string line;
  for (const Row& row : result.rows) {
    ASSERT_TRUE(std::getline(samples, line));
    SCOPED_TRACE(row.backend);
    expect_fields(json::parse(line), "samples");
  }
  std::ifstream controls(folder.path() / "controls.jsonl");
  ASSERT_TRUE(std::getline(controls, line));
  expect_fields(json::parse(line), "controls");
}

TEST_F(RecordTest, SaysHowFarAVarianceByMomentsIsOff) {
  Row row;
  row.backend = "dlib";
  row.verdict.loss_of[static_cast<std::size_t>(InputKind::kRandom)] = {
      .relative = 3e-5, .values = 7, .negative = 1, .not_numbers = 2};
  row.variance = VarianceForm::kMoments;
  CaseResult result;
  result.bench_case.problem = kGroupBackward;
  result.rows = {row, {.backend = "naive"}};
  RunFolder folder(results_, {});
  folder.append(result);
  std::ifstream samples(folder.path() / "samples.jsonl");
  std::string line;
  ASSERT_TRUE(std::getline(samples, line));
  const json moments = json::parse(line);
  expect_fields(moments, "samples");
  EXPECT_EQ(moments.at("variance"), "moments");
  EXPECT_EQ(moments.at("variance_error").at("random"),
            json({{"relative", 3e-5}, {"values", 7}, {"negative", 1}, {"nan", 2}}));
  ASSERT_TRUE(std::getline(samples, line));
  EXPECT_FALSE(json::parse(line).contains("variance"));
}

TEST_F(RecordTest, SaysWhatFollowsTheCalls) {
  CaseResult result;
  result.bench_case = {.problem = kGroupBackward, .then = Then::kRead};
  result.rows = {{.backend = "naive"}};
  RunFolder folder(results_, {});
  folder.append(result);
  const json row = json::parse(std::ifstream(folder.path() / "samples.jsonl"));
  EXPECT_EQ(row.at("then"), "read");
  EXPECT_TRUE(row.at("case").get<std::string>().ends_with("/t1/warm/read"));
  EXPECT_EQ(row.at("problem"), id(kGroupBackward));
}

TEST_F(RecordTest, NamesAKnownDefectWithItsSource) {
  const RunFolder folder = folder_with("dx");
  const KnownDefect* defect = known_defect("onednn", "3.7.2", kGroupBackward);
  const json recorded = known_defect_in(folder);
  EXPECT_EQ(recorded.at("what").get<std::string>(), defect->what);
  EXPECT_EQ(recorded.at("source").get<std::string>(), defect->source);
  EXPECT_EQ(folder.known_defects().at(defect), 1);
  EXPECT_TRUE(folder.failed().empty());
}

TEST_F(RecordTest, DoesNotExcuseAnotherFaultByIt) {
  const RunFolder folder = folder_with("dgamma");
  EXPECT_TRUE(known_defect_in(folder).is_null());
  EXPECT_TRUE(folder.known_defects().empty());
  ASSERT_EQ(folder.failed().count("onednn"), 1U);
  const RunFolder::FailedRows& rows = folder.failed().at("onednn");
  EXPECT_EQ(rows.count, 1);
  EXPECT_NE(rows.first_case, "");
  EXPECT_TRUE(rows.reason.starts_with("failed: ")) << rows.reason;
}

}  // namespace
}  // namespace normbench
