// Two files of numbers between commas.
#include "harness/study/data.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>

namespace normbench::study {
namespace {

constexpr std::int64_t kPixels = kSide * kSide;
constexpr double kWhite = 16;
constexpr std::int64_t kTraining = 1437;  // of 1,797: data/README.md says why the first

// Calls line(values, number) for each line, from `first` on, which must have `count` numbers.
template <class Line>
void read_lines(const std::filesystem::path& path, std::size_t first, std::size_t count,
                Line line) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(fmt::format("{}: cannot be read", path.string()));
  std::size_t number = 0;
  for (std::string text; std::getline(file, text);) {
    if (++number < first) continue;
    std::vector<double> values;
    for (const char* at = text.data(); at <= text.data() + text.size(); ++at) {
      double value = 0;
      const auto [end, error] = std::from_chars(at, text.data() + text.size(), value);
      if (error != std::errc() || (*end != ',' && *end != '\0')) break;
      values.push_back(value);
      at = end;
    }
    if (values.size() != count) {
      throw std::runtime_error(
          fmt::format("{}:{}: {} numbers were expected", path.string(), number, count));
    }
    line(values);
  }
}

}  // namespace

void Digits::take(std::span<const std::int64_t> which, View view, Batch& batch) const {
  const auto n = static_cast<std::int64_t>(which.size());
  batch.x.resize(view == View::kRows ? nn::Sizes{n, kSide, kSide} : nn::Sizes{n, kPixels},
                 nn::ElementType::kF32);
  batch.labels.clear();
  float* to = batch.x.as<float>().data();
  for (const std::int64_t digit : which) {
    to = std::copy_n(pixels.begin() + digit * kPixels, kPixels, to);
    batch.labels.push_back(labels[static_cast<std::size_t>(digit)]);
  }
}

Batch Digits::all(View view) const {
  std::vector<std::int64_t> every(labels.size());
  std::iota(every.begin(), every.end(), 0);
  Batch batch;
  take(every, view, batch);
  return batch;
}

Data read_data(const std::filesystem::path& folder) {
  Data data;
  read_lines(folder / "digits.csv", 1, kPixels + 1, [&data](const std::vector<double>& values) {
    Digits& part = data.train.size() < kTraining ? data.train : data.test;
    for (std::size_t at = 0; at < kPixels; ++at) {
      part.pixels.push_back(static_cast<float>(values[at] / kWhite));
    }
    part.labels.push_back(static_cast<int>(values[kPixels]));
  });
  read_lines(folder / "co2.csv", 2, 2,
             [&data](const std::vector<double>& values) { data.co2.push_back(values[1]); });
  return data;
}

}  // namespace normbench::study
