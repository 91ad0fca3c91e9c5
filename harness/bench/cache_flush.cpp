// Walks a buffer larger than the caches.
#include "harness/bench/cache_flush.h"

#include <algorithm>

namespace normbench {

CacheFlusher::CacheFlusher(std::int64_t bytes)
    : buffer_(static_cast<std::size_t>(bytes) / sizeof(std::uint64_t)) {}

void CacheFlusher::flush(int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
  for (std::size_t i = 0; i < buffer_.size(); ++i) ++buffer_[i];
}

std::uint64_t CacheFlusher::flushes() const {
  return buffer_.empty() ? 0 : *std::min_element(buffer_.begin(), buffer_.end());
}

}  // namespace normbench
