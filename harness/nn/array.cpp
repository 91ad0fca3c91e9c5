// Storage, conversion and layout of arrays.
#include "harness/nn/array.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace normbench::nn {
namespace {

// Calls function(T{}), T being the C++ type of the element type.
template <class Function>
decltype(auto) with_element(ElementType type, Function function) {
  if (type == ElementType::kI64) return function(std::int64_t{});
  return with_storage(*dtype_of(type), function);
}

}  // namespace

std::string_view name(ElementType type) {
  return type == ElementType::kI64 ? "i64" : name(*dtype_of(type));
}

std::size_t size_of(ElementType type) {
  return type == ElementType::kI64 ? sizeof(std::int64_t) : size_of(*dtype_of(type));
}

ElementType element_type(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return ElementType::kF64;
    case DType::kBf16:
      return ElementType::kBf16;
    case DType::kF16:
      return ElementType::kF16;
    case DType::kF32:
      break;
  }
  return ElementType::kF32;
}

std::optional<DType> dtype_of(ElementType type) {
  switch (type) {
    case ElementType::kF32:
      return DType::kF32;
    case ElementType::kF64:
      return DType::kF64;
    case ElementType::kBf16:
      return DType::kBf16;
    case ElementType::kF16:
      return DType::kF16;
    case ElementType::kI64:
      break;
  }
  return std::nullopt;
}

std::int64_t element_count(const Sizes& sizes) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 16;
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) {
    if (size < 0) throw std::invalid_argument("negative dimension " + std::to_string(size));
  }
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) return 0;
  for (const std::int64_t size : sizes) {
    if (size > kMost / count) {
      throw std::invalid_argument(size_text(sizes) + " is too large to address");
    }
    count *= size;
  }
  return count;
}

std::string size_text(const Sizes& sizes) {
  std::string text = "torch.Size([";
  for (std::size_t at = 0; at < sizes.size(); ++at) {
    text += (at == 0 ? "" : ", ") + std::to_string(sizes[at]);
  }
  return text + "])";
}

Array::Array(const Sizes& sizes, ElementType type, Layout layout) {
  resize(sizes, type, layout);
  std::memset(data_.get(), 0, byte_count());  // all bits of a zero are zero
}

Array::Array(const Sizes& sizes, std::span<const double> values, ElementType type, Layout layout) {
  resize(sizes, type, layout);
  if (std::cmp_not_equal(values.size(), size_)) {
    throw std::invalid_argument(size_text(sizes) + " has " + std::to_string(size_) +
                                " elements, but there are " + std::to_string(values.size()) +
                                " values");
  }
  for (std::int64_t at = 0; at < size_; ++at) set(at, values[static_cast<std::size_t>(at)]);
}

Array::Array(const Array& other) { *this = other; }

Array& Array::operator=(const Array& other) {
  if (this == &other) return *this;
  resize(other.sizes_, other.type_, other.layout_);
  if (size_ != 0) std::memcpy(data_.get(), other.data_.get(), byte_count());
  return *this;
}

void Array::swap(Array& other) noexcept {
  std::swap(sizes_, other.sizes_);
  std::swap(type_, other.type_);
  std::swap(layout_, other.layout_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  std::swap(data_, other.data_);
}

void Array::resize(const Sizes& sizes, ElementType type, Layout layout) {
  if (layout == Layout::kNlc && sizes.size() != 3) {
    throw std::invalid_argument("the layout nlc is one of (N, C, L) arrays, but the size is " +
                                size_text(sizes));
  }
  const std::int64_t size = element_count(sizes);
  const std::size_t bytes = static_cast<std::size_t>(size) * size_of(type);
  if (bytes > capacity_ || !data_) {
    // At least one element, so that there is an address: nullptr stands for what is absent.
    const std::size_t capacity = std::max<std::size_t>(bytes, 8);
    data_.reset(static_cast<std::byte*>(::operator new[](capacity, kAlignment)));
    capacity_ = capacity;
  }
  sizes_ = sizes;
  type_ = type;
  layout_ = layout;
  size_ = size;
}

double Array::get(std::int64_t at) const {
  assert(at >= 0 && at < size_);
  return with_element(type_, [&]<class T>(T) {
    return static_cast<double>(as<T>()[static_cast<std::size_t>(at)]);
  });
}

void Array::set(std::int64_t at, double value) {
  assert(at >= 0 && at < size_);
  with_element(type_,
               [&]<class T>(T) { as<T>()[static_cast<std::size_t>(at)] = static_cast<T>(value); });
}

void Array::fill(double value) {
  with_element(type_, [&]<class T>(T) {
    const auto all = as<T>();
    std::fill(all.begin(), all.end(), static_cast<T>(value));
  });
}

std::vector<double> Array::values() const {
  std::vector<double> all;
  all.reserve(static_cast<std::size_t>(size_));
  for (std::int64_t at = 0; at < size_; ++at) all.push_back(get(at));
  return all;
}

bool Array::operator==(const Array& other) const {
  return sizes_ == other.sizes_ && type_ == other.type_ && layout_ == other.layout_ &&
         std::equal(bytes().begin(), bytes().end(), other.bytes().begin());
}

Tensor Array::tensor(std::int64_t n, std::int64_t c, std::int64_t l) const {
  const auto dtype = dtype_of(type_);
  if (!dtype) throw std::invalid_argument("an array of i64 is no data to normalize");
  assert(n * c * l == size_);
  return {.data = data_.get(), .n = n, .c = c, .l = l, .dtype = *dtype, .layout = layout_};
}

void convert(const Array& from, Array& to) {
  if (from.size() != to.size()) {
    throw std::invalid_argument(size_text(from.sizes()) + " has not as many elements as " +
                                size_text(to.sizes()));
  }
  with_element(from.type(), [&]<class From>(From) {
    with_element(to.type(), [&]<class To>(To) {
      const From* source = from.as<From>().data();
      To* target = to.as<To>().data();
      for (std::int64_t at = 0; at < from.size(); ++at) {
        if constexpr (std::is_same_v<From, To>) {
          target[at] = source[at];
        } else {
          target[at] = static_cast<To>(static_cast<double>(source[at]));
        }
      }
    });
  });
}

Array converted(const Array& array, ElementType type) {
  Array other(array.sizes(), type, array.layout());
  convert(array, other);
  return other;
}

Array laid_out(const Array& array, Layout layout) {
  if (array.sizes().size() != 3 || array.layout() == layout) return array;
  const std::int64_t n = array.sizes()[0];
  const std::int64_t c = array.sizes()[1];
  const std::int64_t l = array.sizes()[2];
  Array other(array.sizes(), array.type(), layout);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < c; ++k) {
      for (std::int64_t j = 0; j < l; ++j) {
        const std::int64_t ncl = (i * c + k) * l + j;
        const std::int64_t nlc = (i * l + j) * c + k;
        const bool to_ncl = layout == Layout::kNcl;
        other.set(to_ncl ? ncl : nlc, array.get(to_ncl ? nlc : ncl));
      }
    }
  }
  return other;
}

}  // namespace normbench::nn
