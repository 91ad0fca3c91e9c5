// The machine that plans are made for: cache sizes as Linux gives them, all else measured, once for
// as long as the process lives. In all that takes at most 20 ms of each thread's own time. Not for
// several threads at once.
#pragma once

#include <string_view>

#include "impls/simd/plan.h"

namespace simd {

// This machine, for calls of at most `threads` threads. `lanes` and `streaming_from` are left to
// the caller.
const Machine& this_machine(int threads);

// From how many bytes on, input and output together, non-temporal stores win by more than 10% on so
// many threads: Machine::streaming_from. What the system says of the last-level cache, if the
// machine is too busy to tell.
Index measured_streaming(int threads);

// The number of CPUs in a mask as Linux writes it: 3 in "00000000,00000007".
int cpus_in(std::string_view mask);

// What a thread has of a cache that `sharing` of `cpus` CPUs share, if the threads are spread over
// them evenly.
Index available(Index bytes, int sharing, int threads, int cpus);

}  // namespace simd
