// Elements of tensors, and arrays of numbers.
#pragma once

#include <hwy/aligned_allocator.h>

#include <cstdint>
#include <cstring>
#include <new>
#include <vector>

#include "harness/core/arguments.h"

namespace simd {

using Index = std::int64_t;

inline constexpr Index kLineBytes = 64;

// Values from the last multiple of so many bytes, a power of two, to an address, and from there to
// the next multiple: both 0 at a multiple.
template <class Value>
Index values_since(const Value* address, Index bytes) {
  return (static_cast<Index>(reinterpret_cast<std::uintptr_t>(address)) & (bytes - 1)) /
         Index{sizeof(Value)};
}
template <class Value>
Index values_until(const Value* address, Index bytes) {
  return values_since(address, bytes) == 0
             ? 0
             : bytes / Index{sizeof(Value)} - values_since(address, bytes);
}

// The same for cache lines.
template <class Value>
Index since_line(const Value* address) {
  return values_since(address, kLineBytes);
}
template <class Value>
Index until_line(const Value* address) {
  return values_until(address, kLineBytes);
}

// A pointer to element `first` of a tensor; null if the tensor is absent.
template <class Value>
Value* data(const normbench::Tensor& tensor, Index first = 0) {
  return tensor.present() ? static_cast<Value*>(tensor.data) + first : nullptr;
}

// Allocates at a cache line, since a load across two lines takes twice as long, and with a spare
// vector of zeros, so that whole vectors can be loaded and stored. What was there before might be
// denormal, and arithmetic on it a hundred times as slow. Highway staggers allocations within the
// page, which avoids 4K aliasing (a load stalls on a store with the same low 12 bits of address).
template <class Value>
struct LineAllocator {
  using value_type = Value;
  static constexpr std::size_t kSpareBytes = 128;

  LineAllocator() = default;
  template <class Other>
  explicit LineAllocator(const LineAllocator<Other>&) {}

  Value* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(Value) + kSpareBytes;
    void* memory = hwy::AllocateAlignedBytes(bytes, nullptr, nullptr);
    if (memory == nullptr) throw std::bad_alloc();
    std::memset(static_cast<char*>(memory) + count * sizeof(Value), 0, kSpareBytes);
    return static_cast<Value*>(memory);
  }
  void deallocate(Value* memory, std::size_t) { hwy::FreeAlignedBytes(memory, nullptr, nullptr); }
  bool operator==(const LineAllocator&) const { return true; }
};

template <class Value>
using Numbers = std::vector<Value, LineAllocator<Value>>;

}  // namespace simd
