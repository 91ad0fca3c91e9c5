// Checks in the words of PyTorch.
#include "harness/nn/norm_parts.h"

namespace normbench::nn {

Array parameter(const Sizes& sizes, DType dtype, double value) {
  Array array(sizes, element_type(dtype));
  array.fill(value);
  return array;
}

void add_slot(std::vector<Slot>& slots, std::string_view name, std::optional<Array>& value,
              Array* gradient) {
  if (value) slots.push_back({std::string(name), &*value, gradient});
}

void blend(Array& running, const Array& batch, double factor) {
  for (std::int64_t k = 0; k < running.size(); ++k) {
    running.set(k, (1 - factor) * running.get(k) + factor * batch.get(k));
  }
}

void require_positive(std::string_view what, std::int64_t value) {
  if (value > 0) return;
  throw std::invalid_argument(std::string(what) + " must be at least 1, but got " +
                              std::to_string(value));
}

void require_parameter_dtype(DType dtype) {
  if (parameter_dtype(dtype) == dtype) return;
  throw std::invalid_argument("parameters are of f32, also for data in " +
                              std::string(name(dtype)) + ", or of f64");
}

void require_data_type(std::string_view who, const Array& x, DType parameters) {
  const auto dtype = dtype_of(x.type());
  if (dtype && parameter_dtype(*dtype) == parameters) return;
  throw std::invalid_argument(
      std::string(who) + " with parameters of " + std::string(name(parameters)) +
      " cannot take data of " + std::string(name(x.type())) +
      (parameters == DType::kF64 ? ": it must be f64" : ": it must be f32, bf16 or f16"));
}

void require_elements(std::string_view which, const Array& array, std::int64_t wanted) {
  if (array.size() == wanted) return;
  throw std::runtime_error(std::string(which) + " should contain " + std::to_string(wanted) +
                           " elements not " + std::to_string(array.size()));
}

void require_type(std::string_view which, const std::optional<Array>& array, ElementType wanted) {
  if (!array || array->type() == wanted) return;
  throw std::invalid_argument(std::string(which) + " must be of " + std::string(name(wanted)) +
                              ", as in the module it belongs to, but is of " +
                              std::string(name(array->type())));
}

std::invalid_argument rank_error(const Array& x, std::string_view expected) {
  return std::invalid_argument("expected " + std::string(expected) + " input (got " +
                               std::to_string(x.sizes().size()) + "D input)");
}

std::invalid_argument one_value_error(const Array& x) {
  return std::invalid_argument(
      "Expected more than 1 value per channel when training, got input size " +
      size_text(x.sizes()));
}

}  // namespace normbench::nn
