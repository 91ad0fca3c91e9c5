// Loads that wait for each other, from working sets of growing size.
#include "harness/bench/last_level.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>

#include "harness/check/random.h"

namespace normbench {
namespace {

constexpr std::int64_t kLine = 64;
constexpr std::int64_t kMebi = std::int64_t{1} << 20;
constexpr double kSteps = 1.3;  // from one working set, and one candidate, to the next
constexpr double kLeastContrast = 1.25;

class Buffer {
 public:
  explicit Buffer(std::int64_t bytes) : bytes_(static_cast<std::size_t>(bytes)) {
    void* memory =
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    memory_ = static_cast<std::byte*>(memory);
#ifdef MADV_HUGEPAGE
    madvise(memory_, bytes_, MADV_HUGEPAGE);  // else translations miss before the cache does
#endif
    for (std::size_t at = 0; at < bytes_; at += 4096) memory_[at] = std::byte{1};
  }
  ~Buffer() {
    if (memory_ != nullptr) munmap(memory_, bytes_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  const std::byte* begin() const { return memory_; }

 private:
  std::size_t bytes_;
  std::byte* memory_ = nullptr;
};

// The least of some attempts: whatever else the machine does only adds.
double latency(const std::byte* memory, std::int64_t bytes) {
  constexpr int kLoads = 20000;
  using Clock = std::chrono::steady_clock;
  const auto lines = static_cast<std::uint64_t>(bytes / kLine);
  volatile std::uint64_t keep = 0;
  std::uint64_t sum = 0;
  for (std::int64_t at = 0; at < bytes; at += kLine) sum += static_cast<std::uint64_t>(memory[at]);
  double best = std::numeric_limits<double>::infinity();
  for (int attempt = 0; attempt < 3; ++attempt) {
    std::uint64_t loaded = 0;
    const auto start = Clock::now();
    for (std::uint64_t load = 0; load < kLoads; ++load) {
      // The place of a load depends on what the one before it found.
      const std::uint64_t random = random_bits(static_cast<std::uint64_t>(attempt) + loaded, load);
      const std::uint64_t line = ((random >> 32) * lines) >> 32;
      loaded = static_cast<std::uint64_t>(memory[line * kLine]) >> 7;
    }
    const std::chrono::duration<double, std::nano> time = Clock::now() - start;
    best = std::min(best, time.count() / kLoads);
    sum += loaded;
  }
  keep = sum;
  static_cast<void>(keep);
  return best;
}

std::int64_t size_of_level(const Machine& machine, int level, std::int64_t otherwise) {
  std::int64_t bytes = 0;
  for (const CacheLevel& cache : machine.caches) {
    if (cache.level == level) bytes = std::max(bytes, cache.bytes);
  }
  return bytes > 0 ? bytes : otherwise;
}

double share(std::int64_t cache, std::int64_t bytes) {
  return std::min(1.0, static_cast<double>(cache) / static_cast<double>(bytes));
}

struct Fit {
  double error = std::numeric_limits<double>::infinity();  // sum of squares
  double cache_ns = 0;
  double memory_ns = 0;
};

// The two times that fit best when the last cache is `cache` bytes large: two normal equations.
Fit fit(const std::vector<Latency>& latencies, std::int64_t l2, double l2_ns, std::int64_t cache) {
  double aa = 0, ab = 0, bb = 0, ac = 0, bc = 0;
  const auto terms = [&](const Latency& latency) {
    const double in_l2 = share(l2, latency.bytes);
    const double in_cache = share(cache, latency.bytes);
    // Relative to what was measured.
    return std::array{(in_cache - in_l2) / latency.ns, (1 - in_cache) / latency.ns,
                      1 - in_l2 * l2_ns / latency.ns};
  };
  for (const Latency& latency : latencies) {
    const auto [a, b, c] = terms(latency);
    aa += a * a;
    ab += a * b;
    bb += b * b;
    ac += a * c;
    bc += b * c;
  }
  const double determinant = aa * bb - ab * ab;
  if (!(determinant > 1e-12 * aa * bb)) return {};
  Fit fit{.error = 0,
          .cache_ns = (ac * bb - bc * ab) / determinant,
          .memory_ns = (bc * aa - ac * ab) / determinant};
  for (const Latency& latency : latencies) {
    const auto [a, b, c] = terms(latency);
    const double residual = a * fit.cache_ns + b * fit.memory_ns - c;
    fit.error += residual * residual;
  }
  return fit;
}

}  // namespace

std::vector<Latency> measure_latencies(const Machine& machine) {
  const std::int64_t l2 = size_of_level(machine, 2, kMebi);
  const std::int64_t said = size_of_level(machine, 3, 32 * kMebi);
  std::int64_t most = std::clamp(4 * said, 64 * kMebi, 256 * kMebi);
  if (machine.available_bytes > 0) most = std::min(most, machine.available_bytes / 4);
  std::vector<Latency> latencies;
  const Buffer buffer(most);
  if (buffer.begin() == nullptr) return latencies;
  for (double bytes = static_cast<double>(l2) / 2; bytes <= static_cast<double>(most);
       bytes *= kSteps) {
    const auto whole = static_cast<std::int64_t>(bytes) / kLine * kLine;
    latencies.push_back({whole, latency(buffer.begin(), whole)});
  }
  return latencies;
}

std::optional<std::int64_t> last_level_from(const std::vector<Latency>& latencies,
                                            std::int64_t l2_bytes) {
  if (latencies.empty()) return std::nullopt;
  const double l2_ns = latencies.front().ns;
  std::vector<Latency> beyond;
  for (const Latency& latency : latencies) {
    if (latency.bytes > l2_bytes) beyond.push_back(latency);
  }
  if (beyond.size() < 6) return std::nullopt;
  const auto most = static_cast<double>(beyond.back().bytes);
  Fit best;
  double size = 0;
  for (double cache = 1.5 * static_cast<double>(l2_bytes); cache <= most; cache *= kSteps) {
    const Fit now = fit(beyond, l2_bytes, l2_ns, static_cast<std::int64_t>(cache));
    const bool is_plausible = now.cache_ns >= l2_ns && now.memory_ns >= now.cache_ns;
    if (!is_plausible || now.error >= best.error) continue;
    best = now;
    size = cache;
  }
  const bool is_told =
      size > 0 && size <= most / 2 && best.memory_ns >= kLeastContrast * best.cache_ns;
  if (!is_told) return std::nullopt;
  return static_cast<std::int64_t>(size);
}

void measure_last_level(Machine& machine) {
  machine.measured_last_level =
      last_level_from(measure_latencies(machine), size_of_level(machine, 2, kMebi));
}

}  // namespace normbench
