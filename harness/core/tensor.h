// A tensor: a typed, shaped view of a buffer that somebody else owns.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "harness/core/storage.h"

namespace normbench {

// Dense, contiguous, in `layout` order. Statistics and parameters are tensors too: arguments.h has
// their shapes. An argument that a pass does not use has data == nullptr.
struct Tensor {
  void* data = nullptr;
  std::int64_t n = 0;
  std::int64_t c = 0;
  std::int64_t l = 0;
  DType dtype = DType::kF32;
  Layout layout = Layout::kNcl;

  bool present() const { return data != nullptr; }
  std::int64_t size() const { return n * c * l; }
  std::size_t bytes() const { return static_cast<std::size_t>(size()) * size_of(dtype); }

  // All elements in memory order; empty when absent. T must be the C++ type of dtype.
  template <class T>
  std::span<T> as() const {
    static_assert(kIsStorage<T>);
    assert(!present() || sizeof(T) == size_of(dtype));
    return {static_cast<T*>(data), present() ? static_cast<std::size_t>(size()) : 0};
  }

  // Rows first .. first + count of the outermost dimension, n, in either layout.
  Tensor rows(std::int64_t first, std::int64_t count) const {
    Tensor part = *this;
    if (present()) {
      const auto offset = static_cast<std::size_t>(first * c * l) * size_of(dtype);
      part.data = static_cast<std::byte*>(data) + offset;
    }
    part.n = count;
    return part;
  }
};

}  // namespace normbench
