// Where the last cache ends, measured: a guest is often told the size of the whole host's.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "harness/bench/machine.h"

namespace normbench {

// Time of one load from a random line of a working set, one after the other.
struct Latency {
  std::int64_t bytes;
  double ns;
};

// Of working sets around the second cache up to well beyond the last one. Takes about a third of a
// second.
std::vector<Latency> measure_latencies(const Machine& machine);

// The size of the last cache that fits the latencies best. With h(size) = min(1, size / bytes), the
// share of a working set that a cache holds, a load takes
//   h(L2) * t2 + (h(last) - h(L2)) * t3 + (1 - h(last)) * memory,
// where t2 is measured in half of the L2, and t3, memory and the size of the last cache are fitted
// by least squares of relative errors. Nothing when the latencies do not tell, as memory is not at
// least 1.25 times slower than the cache, or no working set was clearly beyond it.
std::optional<std::int64_t> last_level_from(const std::vector<Latency>& latencies,
                                            std::int64_t l2_bytes);

// Both of the above; the machine's regimes and cache flushes go by it from then on.
void measure_last_level(Machine& machine);

}  // namespace normbench
