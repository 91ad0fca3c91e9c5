// What a config asks for: the list of cases, after expansion, and how to time them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/check/inputs.h"
#include "harness/core/problem.h"

namespace normbench {

enum class Cache { kWarm, kCold };

inline constexpr std::array kEveryCache = {Cache::kWarm, Cache::kCold};

std::string_view name(Cache cache);

// What follows each timed call, and is timed with it. kRead: all of the output is read, y or
// backward dx, as by the layer that comes next: what stores that go around the caches cost there.
enum class Then { kNothing, kRead };

inline constexpr std::array kEveryThen = {Then::kNothing, Then::kRead};

std::string_view name(Then then);

// A problem and how it is measured.
struct Case {
  Problem problem;
  int threads = 1;
  Cache cache = Cache::kWarm;
  InputKind input = InputKind::kRandom;
  Then then = Then::kNothing;
  // Of a curated shape: "quartznet-b3", or "quartznet-b3, citrinet-b1" where two rows are the same
  // case; else empty. And where the shapes come from, with "; " between two.
  std::string name = {};
  std::string source = {};

  bool operator==(const Case&) const = default;
};

// Problem id + "/t2/warm", the kind of input where it is not random: "/denormal", and "/read" where
// the output is read after each call.
std::string id(const Case& bench_case);

// Each of its names.
std::vector<std::string> names(const Case& bench_case);

// The case that `text` names (without name and source). Throws UsageError with what is wrong.
Case parse_case(std::string_view text);

struct TimingOptions {
  double min_slot_us = 500;  // least time of one sample of the fastest backend
  int min_rounds = 10;
  int max_rounds = 30;
  double case_seconds = 4;  // no more rounds beyond min_rounds after this
};

struct Exclusion {
  std::string what;  // id of the excluded case
  std::string reason;
};

struct Plan {
  std::string path;
  std::string text;  // of the config file, as read
  std::string name;
  std::string analysis;
  TimingOptions timing;
  std::vector<Case> cases;  // without duplicates, in the order of the file
  std::vector<Exclusion> excluded;
};

// Reads and expands a config. `all_threads` is what threads = "all" means. Throws UsageError.
Plan read_plan(const std::string& path, int all_threads);

}  // namespace normbench
