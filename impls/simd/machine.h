// The machine that plans are made for: cache sizes as Linux gives them, all else measured.
#pragma once

#include "impls/simd/plan.h"

namespace simd {

// This machine, for calls of at most `threads` threads. Measured at the first call for so many
// threads, in at most 20 ms of each thread's own time, and kept for as long as the process lives.
// Not for several threads at once. `lanes` is left to the caller.
const Machine& this_machine(int threads);

}  // namespace simd
