// The least time that a pass can take on a machine, from what the machine did in the same rounds.
#pragma once

#include <cstdint>

#include "harness/bench/machine.h"
#include "harness/bench/plan.h"
#include "harness/core/problem.h"

namespace normbench {

// Whether the data must be read a second time: sums over it come first.
bool must_read_twice(const Problem& problem);

// Bytes that must stay in a cache between the two reads, if the second is to be cheaper than the
// first: what one statistic is made of, in whole cache lines.
std::int64_t reread_bytes(const Problem& problem);

// Whether both reads are from where the data lives: in L1, or where what one statistic is made of
// fits no cache that is closer.
bool is_read_twice(const Problem& problem, const Machine& machine, int threads);

// The copy of as many bytes as the pass moves, and `read_ns`, a read of all that it reads, where
// that is done twice from one place. `copy_ns` is the copy of one input-sized tensor; where the
// output is read after each call, it is followed by the same read of the copy.
double bound_ns(const Case& bench_case, const Machine& machine, double copy_ns, double read_ns);

}  // namespace normbench
