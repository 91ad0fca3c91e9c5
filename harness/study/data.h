// What the studies learn from: the files of data/, whose README has sources and licenses.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "harness/nn/array.h"

namespace normbench::study {

inline constexpr std::int64_t kSide = 8;  // pixels of a digit, each way
inline constexpr std::int64_t kClasses = 10;

// Inputs with their right answers.
struct Batch {
  nn::Array x;
  std::vector<int> labels;
};

// How a digit is given: its 64 pixels as features, or its rows as 8 channels with 8 positions.
enum class View { kFeatures, kRows };

// Handwritten digits, with pixels from 0 to 1.
struct Digits {
  std::vector<float> pixels;
  std::vector<int> labels;

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  // Makes `batch` those digits. Its memory stays where it is while it suffices.
  void take(std::span<const std::int64_t> which, View view, Batch& batch) const;
  Batch all(View view) const;
};

struct Data {
  Digits train, test;
  std::vector<double> co2;  // ppmv, a value a week
};

// Reads digits.csv and co2.csv in `folder`. Throws std::runtime_error with file and line of what is
// not as it should be.
Data read_data(const std::filesystem::path& folder);

}  // namespace normbench::study
