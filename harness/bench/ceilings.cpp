// Copies of growing size.
#include "harness/bench/ceilings.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "harness/bench/copy.h"
#include "harness/bench/slot.h"
#include "harness/bench/statistics.h"
#include "harness/check/workspace.h"

namespace normbench {
namespace {

constexpr std::int64_t kMostBytes = std::int64_t{128} << 20;

// Median rate of one kind of store in GB/s.
double rate(const Workspace& workspace, int threads, Store store) {
  const Arguments& a = workspace.arguments();
  const auto kernel = make_copy(a.x, a.y, threads, store);
  const std::array<Kernel*, 1> kernels{kernel.get()};
  const double once = time_slot(kernels, 1, WarmUp{}).ns;
  const auto calls = std::max<std::int64_t>(1, static_cast<std::int64_t>(1e6 / once));
  std::array<double, 5> ns{};
  for (double& sample : ns) sample = time_slot(kernels, calls, WarmUp{}).ns;
  return static_cast<double>(compulsory_bytes(workspace.problem())) / median(ns);
}

// Half of each level that the threads can use, and four times the last one.
std::vector<std::int64_t> working_sets(const Machine& machine, int threads) {
  std::vector<std::int64_t> sets;
  for (std::int64_t bytes = 1024; bytes <= kMostBytes; bytes *= 2) {
    const bool last_of_its_regime =
        regime(machine, bytes, threads) != regime(machine, 2 * bytes, threads);
    if (last_of_its_regime) sets.push_back(bytes / 2);
  }
  sets.push_back(std::min(kMostBytes, 4 * last_level_bytes(machine)));
  return sets;
}

}  // namespace

std::vector<Ceiling> measure_ceilings(const Machine& machine, const std::vector<int>& threads) {
  std::vector<Ceiling> ceilings;
  for (const int count : threads) {
    for (const std::int64_t bytes : working_sets(machine, count)) {
      Problem problem;
      problem.pass = Pass::kForwardInference;
      problem.n = problem.batch = 1;
      problem.l = bytes / 2 / static_cast<std::int64_t>(sizeof(float));
      const Workspace workspace(problem);
      ceilings.push_back({.threads = count,
                          .bytes = bytes,
                          .regime = regime(machine, bytes, count),
                          .plain_gbs = std::max(rate(workspace, count, Store::kPlainLoop),
                                                rate(workspace, count, Store::kPlainLibrary)),
                          .streaming_gbs = rate(workspace, count, Store::kStreaming)});
    }
  }
  return ceilings;
}

}  // namespace normbench
