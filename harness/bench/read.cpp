// A sum of integers: it is exact, and no slower than loads of any type.
#include "harness/bench/read.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

namespace normbench {
namespace {

std::uint64_t sum_of(const std::byte* begin, std::size_t bytes) {
  // Four vectors, so that additions do not wait for each other.
  using Vector [[gnu::vector_size(64)]] = std::uint64_t;
  constexpr std::size_t kStep = 4 * sizeof(Vector);
  Vector a{}, b{}, c{}, d{};
  const auto add = [begin](Vector& sum, std::size_t at) {
    Vector values;
    std::memcpy(&values, begin + at, sizeof(values));
    sum += values;
  };
  std::size_t at = 0;
  for (; at + kStep <= bytes; at += kStep) {
    add(a, at);
    add(b, at + sizeof(Vector));
    add(c, at + 2 * sizeof(Vector));
    add(d, at + 3 * sizeof(Vector));
  }
  a += b + c + d;
  std::uint64_t sum = 0;
  for (std::size_t lane = 0; lane < sizeof(Vector) / sizeof(std::uint64_t); ++lane) sum += a[lane];
  for (; at < bytes; ++at) sum += static_cast<std::uint64_t>(begin[at]);
  return sum;
}

class ReadKernel : public Kernel {
 public:
  ReadKernel(std::vector<Tensor> tensors, int threads)
      : tensors_(std::move(tensors)), threads_(threads) {}

  void run() override {
    std::uint64_t total = 0;
    if (threads_ == 1) {
      for (const Tensor& tensor : tensors_) {
        total += sum_of(static_cast<const std::byte*>(tensor.data), tensor.bytes());
      }
    } else {
      const auto threads = static_cast<std::size_t>(threads_);
#pragma omp parallel for schedule(static) num_threads(threads_) reduction(+ : total)
      for (std::size_t thread = 0; thread < threads; ++thread) {
        for (const Tensor& tensor : tensors_) {
          // Whole cache lines for each thread.
          const std::size_t bytes = tensor.bytes();
          const std::size_t share = (bytes / threads + 63) / 64 * 64;
          const std::size_t first = std::min(bytes, thread * share);
          const std::size_t last = thread + 1 == threads ? bytes : std::min(bytes, first + share);
          total += sum_of(static_cast<const std::byte*>(tensor.data) + first, last - first);
        }
      }
    }
    sum_ = total;
  }

 private:
  std::vector<Tensor> tensors_;
  int threads_;
  volatile std::uint64_t sum_ = 0;
};

std::vector<Tensor> present(std::vector<Tensor> tensors) {
  std::erase_if(tensors, [](const Tensor& tensor) { return !tensor.present(); });
  return tensors;
}

}  // namespace

std::unique_ptr<Kernel> make_read(std::vector<Tensor> tensors, int threads) {
  return std::make_unique<ReadKernel>(std::move(tensors), threads);
}

std::vector<Tensor> tensors_read(const Arguments& arguments) {
  return present({arguments.x, arguments.dy});
}

std::vector<Tensor> tensors_written(const Arguments& arguments) {
  return present({arguments.y, arguments.dx});
}

}  // namespace normbench
