// An array that owns its elements: what modules take, give and hold.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/tensor.h"

namespace normbench::nn {

// The storage types of core, and that of counters.
enum class ElementType { kF32, kF64, kBf16, kF16, kI64 };

inline constexpr std::array kEveryElementType = {
    ElementType::kF32, ElementType::kF64, ElementType::kBf16, ElementType::kF16, ElementType::kI64};

// "f32", as in core, and "i64".
std::string_view name(ElementType type);
// Bytes of one element.
std::size_t size_of(ElementType type);
ElementType element_type(DType dtype);
// Nothing for kI64.
std::optional<DType> dtype_of(ElementType type);

// Of each dimension, in the order of PyTorch: (N, C), (N, C, L), (C); none is a single number.
using Sizes = std::vector<std::int64_t>;

// The product of all sizes. Throws std::invalid_argument where one is negative, or where the
// elements have more than 2^62 bytes together.
std::int64_t element_count(const Sizes& sizes);

// "torch.Size([4, 10])", as in PyTorch's messages.
std::string size_text(const Sizes& sizes);

// Dense and contiguous. An (N, C, L) array may lie in memory as (N, L, C): `layout` says so.
class Array {
 public:
  // One element, 0.
  Array() : Array(Sizes{}) {}
  // Zeros. Throws as element_count(), and where `layout` is nlc but the sizes are not three.
  explicit Array(const Sizes& sizes, ElementType type = ElementType::kF32,
                 Layout layout = Layout::kNcl);
  // These values, in the order of memory, rounded to the type. Throws std::invalid_argument where
  // they are not as many as the sizes say.
  Array(const Sizes& sizes, std::span<const double> values, ElementType type = ElementType::kF32,
        Layout layout = Layout::kNcl);
  Array(const Array& other);
  Array& operator=(const Array& other);
  // What was moved from can be assigned to, and nothing else.
  Array(Array&& other) noexcept : Array(Nothing{}) { swap(other); }
  Array& operator=(Array&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Array() = default;

  const Sizes& sizes() const { return sizes_; }
  ElementType type() const { return type_; }
  Layout layout() const { return layout_; }
  std::int64_t size() const { return size_; }

  // As if it were made anew, but the elements are any, and the memory is kept where it suffices:
  // nothing is allocated when it had as many bytes before.
  void resize(const Sizes& sizes, ElementType type, Layout layout = Layout::kNcl);

  // All bytes and all elements, in the order of memory; T must be the C++ type of type().
  std::span<std::byte> bytes() { return {data_.get(), byte_count()}; }
  std::span<const std::byte> bytes() const { return {data_.get(), byte_count()}; }
  template <class T>
  std::span<T> as() {
    assert(sizeof(T) == size_of(type_));
    return {reinterpret_cast<T*>(data_.get()), static_cast<std::size_t>(size_)};
  }
  template <class T>
  std::span<const T> as() const {
    assert(sizeof(T) == size_of(type_));
    return {reinterpret_cast<const T*>(data_.get()), static_cast<std::size_t>(size_)};
  }

  // Element `at` in the order of memory, as a double, and rounded from one. An i64 is truncated.
  double get(std::int64_t at) const;
  void set(std::int64_t at, double value);
  void fill(double value);
  std::vector<double> values() const;

  // The same sizes, type, layout and bits.
  bool operator==(const Array& other) const;

  // As core sees it, in these dimensions, whose product is size(). Core's tensors can be written;
  // who has a const array only reads them. Throws std::invalid_argument for an i64.
  Tensor tensor(std::int64_t n, std::int64_t c, std::int64_t l) const;

 private:
  struct Nothing {};
  struct Free {
    void operator()(std::byte* data) const { ::operator delete[](data, kAlignment); }
  };
  static constexpr std::align_val_t kAlignment{64};

  explicit Array(Nothing) noexcept {}
  void swap(Array& other) noexcept;
  std::size_t byte_count() const { return static_cast<std::size_t>(size_) * size_of(type_); }

  Sizes sizes_;
  ElementType type_ = ElementType::kF32;
  Layout layout_ = Layout::kNcl;
  std::int64_t size_ = 0;
  std::size_t capacity_ = 0;
  std::unique_ptr<std::byte[], Free> data_;
};

// Gives `to` the elements of `from`, in the order of memory, rounded to nearest. Throws
// std::invalid_argument when they are not as many.
void convert(const Array& from, Array& to);
// The same elements in another type.
Array converted(const Array& array, ElementType type);

// The same (N, C, L) elements in another layout; other sizes have one layout only.
Array laid_out(const Array& array, Layout layout);

}  // namespace normbench::nn
