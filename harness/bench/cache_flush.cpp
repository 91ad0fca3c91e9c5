// Walks a buffer larger than the caches.
#include "harness/bench/sweep.h"

#include <algorithm>

namespace normbench {

Sweeper::Sweeper(std::int64_t bytes)
    : buffer_(static_cast<std::size_t>(bytes) / sizeof(std::uint64_t)) {}

void Sweeper::sweep(int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
  for (std::size_t i = 0; i < buffer_.size(); ++i) ++buffer_[i];
}

std::uint64_t Sweeper::sweeps() const {
  return buffer_.empty() ? 0 : *std::min_element(buffer_.begin(), buffer_.end());
}

}  // namespace normbench
