// Reads what Linux knows of the caches, and measures the rest.
#include "impls/simd/machine.h"

#include <omp.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "impls/simd/ops.h"

namespace simd {

int cpus_in(std::string_view mask) {
  int count = 0;
  for (const char digit : mask) {
    unsigned bits = 0;
    std::from_chars(&digit, &digit + 1, bits, 16);
    count += std::popcount(bits);
  }
  return count;
}

Index available(Index bytes, int sharing, int threads, int cpus) {
  cpus = std::max(threads, cpus);
  return bytes / std::max(1, (sharing * threads + cpus - 1) / cpus);
}

namespace {

struct Cache {
  Index bytes = 0;  // 0 if unknown
  int cpus = 1;     // that share it
};

// The first core's data cache of this level, from sysfs. sysconf() knows sizes too, but on some
// machines it adds up all dies of the package.
Cache data_cache(Index level) {
  for (const char* index : {"0", "1", "2", "3", "4"}) {
    const auto read = [&](const char* what, auto value) {
      const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index";
      std::ifstream(folder + index + "/" + what) >> value;
      return value;
    };
    if (read("level", Index{0}) != level || read("type", std::string()) == "Instruction") continue;
    return {.bytes = read("size", Index{0}) * 1024,  // "1024K"
            .cpus = cpus_in(read("shared_cpu_map", std::string()))};
  }
  return {};
}

double now_ns() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double, std::nano>(Clock::now().time_since_epoch()).count();
}

// Of this thread alone: what others take of a busy machine does not count.
double cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

// What is left of the time for a measurement: of the thread's own time and, on a machine so busy
// that others take much of it, of the time that passes.
class Deadline {
 public:
  double left_ns() const { return std::min(cpu_ns_ - cpu_ns(), wall_ns_ - now_ns()); }
  bool is_over() const { return left_ns() <= 0; }

 private:
  static constexpr double kCpuNs = 18e6;
  static constexpr double kWallNs = 60e6;
  double cpu_ns_ = cpu_ns() + kCpuNs;
  double wall_ns_ = now_ns() + kWallNs;
};

// The least time of work() in ns, since other load on the machine only adds to it.
template <class Work>
double least_ns(int attempts, Work work) {
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < attempts; ++i) {
    const double start = now_ns();
    work();
    least = std::min(least, now_ns() - start);
  }
  return least;
}

double region_ns(int threads) {
  constexpr int kRegions = 10;
  const double ns = least_ns(20, [=] {
    for (int i = 0; i < kRegions; ++i) {
#pragma omp parallel num_threads(threads)
      { asm volatile("" ::: "memory"); }
    }
  });
  return ns / kRegions;
}

// Bytes that one thread reads and writes per ns while it copies within its private cache.
double copied_per_ns(Index own) {
  const auto size = static_cast<std::size_t>(own / 4);
  const std::vector<char> from(size, 1);
  std::vector<char> to(size);
  const double ns = least_ns(10, [&] {
    std::memcpy(to.data(), from.data(), size);
    asm volatile("" : : "r"(to.data()) : "memory");
  });
  return 2 * static_cast<double>(size) / ns;
}

struct Free {
  void operator()(float* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<float, Free>;

// Null if there is not so much. In huge pages, if there are any: most of the time is taken by the
// first touch of pages.
Memory allocate(std::size_t bytes) {
  constexpr std::size_t kHugePage = 2 * 1024 * 1024;
  const std::size_t whole = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  Memory memory(static_cast<float*>(std::aligned_alloc(kHugePage, whole)));
  if (memory != nullptr) madvise(memory.get(), whole, MADV_HUGEPAGE);
  return memory;
}

// Floats that are read, and as many written, between two looks at the clock: enough that those cost
// nothing beside it, and few enough that most chunks are not interrupted.
constexpr Index kChunk = 16 * 1024;

// A ring buffer of one thread: it reads `size` floats, and writes as many. The work is that of
// inference.
class Circle {
 public:
  Circle(const StridedOps<float>& work, float* memory, Index size)
      : work_(work), from_(memory), to_(memory + size), size_(size) {}

  // The median time of a chunk, once around, or until `limit_ns` are over, but of one at least:
  // interruptions are not in it.
  double chunk_ns(bool streaming, double limit_ns) {
    const float scale = 2;
    const float bias = 1;
    WriteArguments<float> chunk = {.x = nullptr,
                                   .dy = nullptr,
                                   .out = nullptr,
                                   .region = row_of(kChunk),
                                   .coefficients = {nullptr, &scale, &bias, nullptr},
                                   .streaming = streaming};
    std::vector<double> times;
    double spent = 0;
    Index done = 0;
    do {
      const double start = now_ns();
      chunk.x = from_ + at_;
      chunk.out = to_ + at_;
      work_.write(Formula::kApply, chunk);
      times.push_back(now_ns() - start);
      spent += times.back();
      at_ = (at_ + kChunk) % size_;
      done += kChunk;
    } while (done < size_ && spent < limit_ns);
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
  }

 private:
  const StridedOps<float>& work_;
  float* from_;
  float* to_;
  Index size_;
  Index at_ = 0;
};

// Finds from which size on streaming wins by more than 10%: the first of four, from what fits no
// private caches to what fits no cache that a call gets for itself.
class StreamingSearch {
 public:
  StreamingSearch(const Machine& machine, const Deadline& deadline)
      : threads_(machine.threads),
        deadline_(deadline),
        least_(2 * static_cast<double>(machine.own * machine.threads)),
        most_(std::max({64 * kMiB, 2 * least_, std::min(8 * least_, 256 * kMiB)})),
        memory_(allocate(static_cast<std::size_t>(most_))) {}

  // kNever if it loses at all sizes. What the system says of the last cache, if the time is
  // over before.
  Index find() {
    constexpr int kSizes = 4;
    for (int i = 0; i < kSizes; ++i) {
      const Index bytes = whole(least_ * std::pow(most_ / least_, i / (kSizes - 1.0)));
      if (memory_ == nullptr || !is_affordable(bytes)) {
        return std::max(whole(least_), data_cache(3).bytes);
      }
      if (wins(bytes)) return bytes;
    }
    return kNever;
  }

 private:
  static constexpr double kMiB = 1024 * 1024;
  static constexpr double kWorthIt = 1.1;
  static constexpr double kTimedNs = 0.3e6;
  static constexpr double kSettlingNs = 0.5e6;
  static constexpr double kRoundNs = 5e6;  // at most, nearly everywhere

  // Whole MiB, which are easy to write after simd.streaming=.
  static Index whole(double bytes) {
    return std::max<Index>(1, std::llround(bytes / kMiB)) * static_cast<Index>(kMiB);
  }

  // Whether the pages, if they take as long as those so far to be touched, leave time for a round.
  bool is_affordable(Index bytes) const {
    const auto more = static_cast<double>(std::max<Index>(0, bytes - touched_));
    const double per_byte = touched_ == 0 ? 0 : touching_ns_ / static_cast<double>(touched_);
    return deadline_.left_ns() > more * per_byte;
  }

  // Others who use the caches slow plain stores down: a win is looked at again, if there is time.
  bool wins(Index bytes) {
    touch(bytes);
    double plain = std::numeric_limits<double>::infinity();
    double streamed = plain;
    run_round(bytes, plain, streamed);
    if (!(plain > kWorthIt * streamed)) return false;
    if (deadline_.left_ns() > 2 * kRoundNs) run_round(bytes, plain, streamed);
    return plain > kWorthIt * streamed;
  }

  // Floats to read, and as many to write, of each thread.
  Index share_of_thread(Index bytes) const {
    constexpr Index kBytesOfPair = 2 * sizeof(float);
    return std::max<Index>(1, bytes / kBytesOfPair / threads_ / kChunk) * kChunk;
  }
  float* memory_of(int thread) const {
    const auto floats = static_cast<Index>(most_) / Index{sizeof(float)};
    return memory_.get() + thread * (floats / threads_ / kChunk * kChunk);
  }

  // By writing, by the thread that uses them: all pages that were only read are the same one.
  void touch(Index bytes) {
    if (bytes <= touched_) return;
    const Index first = touched_ == 0 ? 0 : 2 * share_of_thread(touched_);
    const double start = cpu_ns();
#pragma omp parallel num_threads(threads_)
    std::fill(memory_of(omp_get_thread_num()) + first,
              memory_of(omp_get_thread_num()) + 2 * share_of_thread(bytes), 1.0F);
    touching_ns_ += cpu_ns() - start;
    touched_ = bytes;
  }

  // The sum over threads of their times per chunk, if that is less than so far.
  void run_round(Index bytes, double& least_plain, double& least_streamed) const {
    const StridedOps<float>& work = ops<float>(0).runs;
    double plain = 0;
    double streamed = 0;
#pragma omp parallel num_threads(threads_) reduction(+ : plain, streamed)
    {
      Circle circle(work, memory_of(omp_get_thread_num()), share_of_thread(bytes));
      circle.chunk_ns(false, kSettlingNs);
#pragma omp barrier
      plain += circle.chunk_ns(false, kTimedNs);
#pragma omp barrier
      // Once around: what is read may fit a cache that what is written no longer takes.
      circle.chunk_ns(true, deadline_.left_ns());
#pragma omp barrier
      streamed += circle.chunk_ns(true, kTimedNs);
    }
    least_plain = std::min(least_plain, plain);
    least_streamed = std::min(least_streamed, streamed);
  }

  int threads_;
  Deadline deadline_;
  double least_, most_;  // bytes
  Memory memory_;
  Index touched_ = 0;  // bytes
  double touching_ns_ = 0;
};

Machine measure(int threads) {
  Machine machine;
  machine.threads = threads;
  const auto of_thread = [=](const Cache& cache) {
    return available(cache.bytes, cache.cpus, threads, omp_get_num_procs());
  };
  machine.first = of_thread(data_cache(1));
  machine.own = of_thread(data_cache(2));
  machine = sane(machine);
  machine.bytes_per_ns = copied_per_ns(machine.own);
  for (int count = 2; count < threads; count *= 2) {
    machine.regions.push_back({count, region_ns(count)});
  }
  if (threads > 1) machine.regions.push_back({threads, region_ns(threads)});
  return machine;
}

}  // namespace

const Machine& this_machine(int threads) {
  static std::map<int, Machine> known;
  if (!known.contains(threads)) known.emplace(threads, measure(threads));
  return known.at(threads);
}

Index measured_streaming(int threads) {
  static std::map<int, Index> known;
  if (!known.contains(threads)) {
    known.emplace(threads, StreamingSearch(this_machine(threads), Deadline()).find());
  }
  return known.at(threads);
}

}  // namespace simd
