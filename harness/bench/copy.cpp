// Three ways to copy. This file is built so that the compiler does not turn the plain loop into a
// call of memcpy, which chooses its own kind of store.
#include "harness/bench/copy.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace normbench {
namespace {

void copy_loop(std::byte* to, const std::byte* from, std::size_t bytes) {
  auto* words_to = reinterpret_cast<std::uint32_t*>(to);
  const auto* words_from = reinterpret_cast<const std::uint32_t*>(from);
  const std::size_t words = bytes / sizeof(std::uint32_t);
#pragma omp simd
  for (std::size_t i = 0; i < words; ++i) words_to[i] = words_from[i];
  for (std::size_t i = words * sizeof(std::uint32_t); i < bytes; ++i) to[i] = from[i];
}

void copy_streaming(std::byte* to, const std::byte* from, std::size_t bytes) {
#if defined(__SSE2__)
  constexpr std::size_t kLine = 64;
  const std::size_t misaligned = reinterpret_cast<std::uintptr_t>(to) % kLine;
  const std::size_t head = std::min(bytes, misaligned == 0 ? 0 : kLine - misaligned);
  std::memcpy(to, from, head);
  std::size_t at = head;
  for (; at + kLine <= bytes; at += kLine) {
    const auto* source = reinterpret_cast<const __m128i*>(from + at);
    auto* target = reinterpret_cast<__m128i*>(to + at);
    const __m128i a = _mm_loadu_si128(source);
    const __m128i b = _mm_loadu_si128(source + 1);
    const __m128i c = _mm_loadu_si128(source + 2);
    const __m128i d = _mm_loadu_si128(source + 3);
    _mm_stream_si128(target, a);
    _mm_stream_si128(target + 1, b);
    _mm_stream_si128(target + 2, c);
    _mm_stream_si128(target + 3, d);
  }
  _mm_sfence();
  std::memcpy(to + at, from + at, bytes - at);
#else
  std::memcpy(to, from, bytes);
#endif
}

void copy_part(Store store, std::byte* to, const std::byte* from, std::size_t bytes) {
  switch (store) {
    case Store::kPlainLoop:
      return copy_loop(to, from, bytes);
    case Store::kPlainLibrary:
      std::memcpy(to, from, bytes);
      return;
    case Store::kStreaming:
      return copy_streaming(to, from, bytes);
  }
}

class CopyKernel : public Kernel {
 public:
  CopyKernel(const Tensor& from, const Tensor& to, int threads, Store store)
      : from_(static_cast<const std::byte*>(from.data)),
        to_(static_cast<std::byte*>(to.data)),
        bytes_(from.bytes()),
        threads_(threads),
        store_(store) {}

  void run() override {
    if (threads_ == 1) return copy_part(store_, to_, from_, bytes_);
    // Whole cache lines for each thread.
    const auto threads = static_cast<std::size_t>(threads_);
    const std::size_t share = (bytes_ / threads + 63) / 64 * 64;
#pragma omp parallel for schedule(static) num_threads(threads_)
    for (std::size_t thread = 0; thread < threads; ++thread) {
      const std::size_t first = std::min(bytes_, thread * share);
      const std::size_t last = thread + 1 == threads ? bytes_ : std::min(bytes_, first + share);
      copy_part(store_, to_ + first, from_ + first, last - first);
    }
  }

 private:
  const std::byte* from_;
  std::byte* to_;
  std::size_t bytes_;
  int threads_;
  Store store_;
};

}  // namespace

std::string_view name(Store store) { return store == Store::kStreaming ? "streaming" : "plain"; }

std::unique_ptr<Kernel> make_copy(const Tensor& from, const Tensor& to, int threads, Store store) {
  return std::make_unique<CopyKernel>(from, to, threads, store);
}

}  // namespace normbench
