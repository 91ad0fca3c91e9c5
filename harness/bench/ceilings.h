// How fast this machine copies, by threads and by where the data lives.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/bench/machine.h"

namespace normbench {

struct Ceiling {
  int threads = 1;
  std::int64_t bytes = 0;  // working set: source and destination
  std::string regime;
  double plain_gbs = 0;  // GB/s, bytes read plus bytes written
  double streaming_gbs = 0;

  double gbs() const { return plain_gbs > streaming_gbs ? plain_gbs : streaming_gbs; }
};

// Measures warm copies with one working set inside each cache level and one beyond them all, for
// each thread count. Takes about a tenth of a second for each.
std::vector<Ceiling> measure_ceilings(const Machine& machine, const std::vector<int>& threads);

}  // namespace normbench
