// A cartesian product of cases: what a grid, or one row of shapes, expands to.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/bench/plan.h"
#include "harness/bench/toml_reader.h"

namespace normbench {

inline constexpr std::int64_t kMostThreads = 1024;

// One value of one key: sets it in a case.
using Choice = std::function<void(Case&)>;

// For each key that a case depends on, in the order of a case id, the values it may take; none
// where a config leaves the key open.
using Choices = std::array<std::vector<Choice>, 16>;

// The combinations that have all of `choices`.
struct Exclude {
  const TomlValue* place;
  Choices choices;
  std::string reason;

  bool matches(const Case& bench_case) const;
};

struct Product {
  const TomlValue* place;
  Choices choices;  // at least of N, C and L
  std::vector<Exclude> excludes = {};
  std::string name = {};  // of a row
  std::string source = {};

  // The number of combinations, or TomlValue::kLargest when it is that or more.
  std::int64_t size() const;

  // Combination `index` of size(). The last key changes fastest, so that the cases of one problem
  // are neighbors. `all_threads` is for a config that leaves threads open.
  Case at(std::int64_t index, int all_threads) const;
};

// A name of letters, digits and ._+- : fit for a folder, a table and a regular expression.
const std::string& read_name(const TomlValue& value);

// All grids and rows of a config, in the order of the file; they point into `root`. Throws
// UsageError.
std::vector<Product> read_products(const TomlValue& root, int all_threads);

}  // namespace normbench
