// Medians and sign-test intervals.
#include "harness/bench/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace normbench {
namespace {

// The largest k with P(X < k) <= 2.5% for X ~ binomial(rounds, 1/2); 0 when there is none.
std::size_t sign_test_rank(std::size_t rounds) {
  double term = std::exp2(-static_cast<double>(rounds));  // P(X = 0)
  double tail = term;
  std::size_t k = 0;
  while (tail <= 0.025 && k < rounds / 2) {
    ++k;
    term *= static_cast<double>(rounds - k + 1) / static_cast<double>(k);
    tail += term;
  }
  return k;
}

}  // namespace

double median(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

Ratio paired_ratio(std::span<const double> a, std::span<const double> b) {
  std::vector<double> logs(a.size());
  for (std::size_t round = 0; round < a.size(); ++round)
    logs[round] = std::log(a[round] / b[round]);
  std::sort(logs.begin(), logs.end());
  Ratio ratio{std::exp(median(logs)), 0, std::numeric_limits<double>::infinity()};
  const std::size_t k = sign_test_rank(logs.size());
  if (k > 0) {
    ratio.low = std::exp(logs[k - 1]);
    ratio.high = std::exp(logs[logs.size() - k]);
  }
  return ratio;
}

double noise_floor(std::span<const Ratio> twins) {
  if (twins.empty()) return 1;
  std::vector<double> spread;
  for (const Ratio& twin : twins) spread.push_back(std::max(twin.value, 1 / twin.value));
  std::sort(spread.begin(), spread.end());
  const auto rank = static_cast<std::size_t>(std::ceil(0.95 * static_cast<double>(spread.size())));
  return spread[rank - 1];
}

}  // namespace normbench
