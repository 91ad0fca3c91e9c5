// A run on disk: a folder that is readable at any moment, whatever happens to the program.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/bench/ceilings.h"
#include "harness/bench/machine.h"
#include "harness/bench/measure.h"
#include "harness/bench/plan.h"
#include "harness/bench/statistics.h"
#include "harness/check/known_defects.h"

namespace normbench {

// Version of the two file formats below; results/README.md describes them.
inline constexpr int kSchema = 1;

struct RecordedBackend {
  std::string name;
  std::string version = {};
  bool built = true;
  Outcome absence = Outcome::kNotBuilt;  // what it is when it is not built
  std::string reason = {};               // why, or the command that installs it
  std::string language = {};             // that it is called from, where calls cost something
  double empty_call_ns = 0;              // what a timed call of nothing takes there
};

// What is known before the first case.
struct RunHeader {
  std::vector<std::string> command;
  Plan plan;
  Machine machine;
  Build build;
  std::vector<RecordedBackend> backends;
  std::map<std::string, std::string> environment;
  std::vector<Ceiling> ceilings;
  double overhead_ns = 0;  // of the harness, per call
  std::uint64_t seed = 1;
  std::optional<double> budget = {};  // in seconds
};

// <results>/<date>_<host>_<config>/ with run.json, samples.jsonl (a line per case and backend) and
// controls.jsonl (a line per case). Every line is flushed when it is written, and run.json is
// replaced whole. Throws std::runtime_error, naming the file and the reason, when something cannot
// be written.
class RunFolder {
 public:
  RunFolder(const std::filesystem::path& results, RunHeader header);

  const std::filesystem::path& path() const { return path_; }
  void append(const CaseResult& result);
  void warn(std::string warning);
  // Completes run.json. `interrupted`: somebody stopped the run before its last case.
  void finish(bool interrupted);
  // The rows of a backend that failed, but for known defects.
  struct FailedRows {
    std::int64_t count = 0;
    std::string first_case = {};
    std::string reason = {};  // of the first: "failed: exact input, ..."
  };
  const std::map<std::string, FailedRows>& failed() const { return failed_; }
  // Rows that failed because of each.
  const std::map<const KnownDefect*, std::int64_t>& known_defects() const { return known_defects_; }

 private:
  const KnownDefect* known_defect_of(const CaseResult& result, const Row& row) const;
  void write_run(bool finished, bool interrupted);

  RunHeader header_;
  std::filesystem::path path_;
  std::string started_;
  std::ofstream samples_;
  std::ofstream controls_;
  std::map<std::string, std::int64_t> outcomes_;
  std::map<std::string, FailedRows> failed_;
  std::map<const KnownDefect*, std::int64_t> known_defects_;
  std::vector<Ratio> twins_;
  std::vector<std::string> warnings_;
};

}  // namespace normbench
