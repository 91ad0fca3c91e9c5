// The studies as lists of measurements, and what does them.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/study/data.h"

namespace normbench::study {

struct Settings {
  std::string backend = "naive";      // that trains
  std::vector<std::string> backends;  // that are compared
  std::uint64_t seed = 1;             // the first one
  int seeds = 10;
  int threads = 1;    // of all measurements together
  bool tiny = false;  // a few steps of everything: whether it works, not what comes out
};

// A measurement: one line of the study's file, of `keys` and what `measure` adds. Measurements know
// nothing of each other, and are the same in any order.
struct Measurement {
  nlohmann::ordered_json keys;
  std::function<void(nlohmann::ordered_json& line)> measure;
};

struct Study {
  std::string_view name;      // also of its file, NAME.jsonl
  std::string_view question;  // in a line, for the help
  bool timed;  // one at a time, since it reads a clock; else the numbers are the same twice
  std::vector<Measurement> (*measurements)(const Settings& settings, const Data& data);
};

// All, in the order of the report. Data must outlive their measurements.
std::span<const Study> studies();

std::vector<Measurement> convergence(const Settings& settings, const Data& data);
std::vector<Measurement> same_curve(const Settings& settings, const Data& data);
std::vector<Measurement> mini_batch(const Settings& settings, const Data& data);
std::vector<Measurement> drift(const Settings& settings, const Data& data);
std::vector<Measurement> cost(const Settings& settings, const Data& data);

// Does them on as many threads, unless `stop` says so before the next one begins, and gives the
// lines to `take` in their order, each with an `outcome`: "measured", or "refused" with the
// `reason` of a layer or backend that does not take it. False when it was stopped.
bool measure(std::span<const Measurement> measurements, int threads,
             const std::function<bool(std::size_t done)>& stop,
             const std::function<void(const nlohmann::ordered_json&)>& take);

// With as many digits as are worth keeping: six.
double rounded(double value);
std::vector<double> rounded(std::vector<double> values);

}  // namespace normbench::study
