// Evicts from the caches whatever was in them.
#pragma once

#include <cstdint>
#include <vector>

namespace normbench {

class CacheFlusher {
 public:
  // `bytes`: three times the last-level cache is enough for every replacement policy in use.
  explicit CacheFlusher(std::int64_t bytes);

  // Each of `threads` threads reads and writes its share, and at least one private cache's worth.
  void flush(int threads);

  // How often all of it was written.
  std::uint64_t flushes() const;

 private:
  std::vector<std::uint64_t> buffer_;
};

}  // namespace normbench
