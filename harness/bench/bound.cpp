// Copies and reads, by the caches that they fit in.
#include "harness/bench/bound.h"

#include <algorithm>

#include "harness/check/elements.h"

namespace normbench {

bool must_read_twice(const Problem& p) {
  return p.norm != Norm::kNone && !p.uses_running_statistics();
}

std::int64_t reread_bytes(const Problem& p) {
  constexpr std::int64_t kLine = 64;
  const std::int64_t run = Sharing(p).statistics.run;
  const std::int64_t side_by_side = std::min(run, values_per_statistic(p));
  const std::int64_t pieces = values_per_statistic(p) / std::max<std::int64_t>(1, side_by_side);
  const std::int64_t bytes = side_by_side * static_cast<std::int64_t>(size_of(p.dtype));
  return (p.backward() ? 2 : 1) * pieces * std::max(bytes, kLine);
}

bool is_read_twice(const Problem& p, const Machine& machine, int threads) {
  if (!must_read_twice(p)) return false;
  const std::string home = regime(machine, compulsory_bytes(p), threads);
  // "L1" < "L2" < "L3", and beyond them "DRAM".
  const auto level = [](const std::string& name) { return name == "DRAM" ? 4 : name[1] - '0'; };
  return level(home) == 1 || level(regime(machine, reread_bytes(p), 1)) >= level(home);
}

double bound_ns(const Case& bench_case, const Machine& machine, double copy_ns, double read_ns) {
  const Problem& p = bench_case.problem;
  const auto tensor =
      static_cast<double>(p.elements() * static_cast<std::int64_t>(size_of(p.dtype)));
  const double tensors = static_cast<double>(compulsory_bytes(p)) / tensor;
  const double again = is_read_twice(p, machine, bench_case.threads) ? read_ns : 0;
  if (bench_case.then == Then::kNothing) return copy_ns * tensors / 2 + again;
  // One of the tensors is written; those that the copy does not read are read as fast as can be.
  const double read = tensors - 1;
  return copy_ns + read_ns * (read - 1) / read + again;
}

}  // namespace normbench
