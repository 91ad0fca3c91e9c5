// What all kernels of this backend use: ranges, tensors and memory.
#pragma once

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <vector>

#include "harness/core/arguments.h"
#include "harness/core/problem.h"

namespace simd {

using Index = std::int64_t;

struct Range {
  Index first, size;
};

// Part `part` of 0 .. all, if that is divided into `parts` parts of (nearly) equal size, with
// borders at multiples of `step`.
inline Range share_of(Index all, Index part, Index parts, Index step = 1) {
  const auto border = [=](Index number) {
    return number == parts ? all : all * number / parts / step * step;
  };
  return {border(part), border(part + 1) - border(part)};
}

// A pointer to element `first` of a tensor; null if the tensor is absent.
template <class Value>
Value* data(const normbench::Tensor& tensor, Index first = 0) {
  return tensor.present() ? static_cast<Value*>(tensor.data) + first : nullptr;
}

// Whether the input is read once, since there are no statistics to find.
inline bool reads_once(const normbench::Problem& problem) {
  return problem.norm == normbench::Norm::kBatch &&
         problem.pass == normbench::Pass::kForwardInference;
}

inline bool is_centered(const normbench::Problem& problem) {
  return problem.norm != normbench::Norm::kRms;
}

// 1, or the number of mini-batches if parameters have gradients, which are summed per mini-batch.
inline Index gradient_batches(const normbench::Problem& problem) {
  return problem.backward() && problem.affine ? problem.mini_batches() : 1;
}

// Allocates at a cache line, since a load across two lines takes twice as long. Highway staggers
// allocations within the page, which avoids 4K aliasing (a load stalls on a store with the same low
// 12 bits of address).
template <class Value>
struct LineAllocator {
  using value_type = Value;

  LineAllocator() = default;
  template <class Other>
  explicit LineAllocator(const LineAllocator<Other>&) {}

  Value* allocate(std::size_t count) {
    void* memory = hwy::AllocateAlignedBytes(count * sizeof(Value), nullptr, nullptr);
    if (memory == nullptr) throw std::bad_alloc();
    return static_cast<Value*>(memory);
  }
  void deallocate(Value* memory, std::size_t) { hwy::FreeAlignedBytes(memory, nullptr, nullptr); }
  bool operator==(const LineAllocator&) const { return true; }
};

template <class Value>
using Numbers = std::vector<Value, LineAllocator<Value>>;

}  // namespace simd
