// What the norms have in common: parameters, checks and running averages.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "harness/nn/array.h"
#include "harness/nn/module.h"
#include "harness/nn/normalizer.h"

namespace normbench::nn {

Array parameter(const Sizes& sizes, DType dtype, double value);

inline Array* pointer(std::optional<Array>& array) { return array ? &*array : nullptr; }
inline const Array* pointer(const std::optional<Array>& array) { return array ? &*array : nullptr; }

// Adds a slot, if there is such an array.
void add_slot(std::vector<Slot>& slots, std::string_view name, std::optional<Array>& value,
              Array* gradient = nullptr);

// running = (1 - factor) * running + factor * batch, in double.
void blend(Array& running, const Array& batch, double factor);

// Throw std::invalid_argument.
void require_positive(std::string_view what, std::int64_t value);
void require_parameter_dtype(DType dtype);
void require_data_type(std::string_view who, const Array& x, DType parameters);
// Throws std::runtime_error: "weight should contain 3 elements not 5".
void require_elements(std::string_view which, const Array& array, std::int64_t wanted);
// Throws std::invalid_argument where somebody replaced a vector by one of another type.
void require_type(std::string_view which, const std::optional<Array>& array, ElementType wanted);

// "expected 2D or 3D input (got 4D input)".
std::invalid_argument rank_error(const Array& x, std::string_view expected);
// "Expected more than 1 value per channel when training, got input size torch.Size([1, 10])".
std::invalid_argument one_value_error(const Array& x);

}  // namespace normbench::nn
