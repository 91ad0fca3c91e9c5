// What the kernels of this backend share: how data is cut, and how memory and threads are used.
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

// The part with this number, of `parts` that are as equal as can be. The borders between parts are
// multiples of `step`.
inline Range share_of(Index all, Index part, Index parts, Index step = 1) {
  const auto border = [=](Index number) {
    return number == parts ? all : all * number / parts / step * step;
  };
  return {border(part), border(part + 1) - border(part)};
}

// The elements of a tensor from `first` on; nothing when it is absent.
template <class Value>
Value* data(const normbench::Tensor& tensor, Index first = 0) {
  return tensor.present() ? static_cast<Value*>(tensor.data) + first : nullptr;
}

// Without statistics to find, everything is read once.
inline bool reads_once(const normbench::Problem& problem) {
  return problem.norm == normbench::Norm::kBatch &&
         problem.pass == normbench::Pass::kForwardInference;
}

inline bool is_centered(const normbench::Problem& problem) {
  return problem.norm != normbench::Norm::kRms;
}

// Memory from the start of a line of a cache: loads across two lines take twice as long. It begins
// at another place in a page each time, since a load waits for a store to the same place in
// another.
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

// The pieces of this backend that can be switched off, to see what they are worth.
struct Settings {
  bool streaming = true;    // stores around the caches
  bool residency = true;    // slabs that stay in a cache between two reads
  bool fetching = true;     // what is needed next is fetched while something else is written
  bool sharing = true;      // threads share a statistic where they are too many to have one each
  bool columns = true;      // short rows are taken as columns
  bool tiny = false;        // caches are taken to be tiny, so that small problems are cut as large
  std::int64_t target = 0;  // an instruction set of Highway; 0: the best there is
};

}  // namespace simd
