// Arrays and errors for the tests of modules.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "harness/nn/array.h"

namespace normbench::nn {

inline Array of(const Sizes& sizes, std::initializer_list<double> values,
                ElementType type = ElementType::kF32) {
  return Array(sizes, std::vector<double>(values), type);
}

// Normal numbers around `mean`, rounded to the type.
inline Array random_array(const Sizes& sizes, std::uint64_t seed,
                          ElementType type = ElementType::kF32, Layout layout = Layout::kNcl,
                          double mean = 0.5) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(mean, 1);
  Array array(sizes, type, layout);
  for (std::int64_t at = 0; at < array.size(); ++at) array.set(at, normal(random));
  return array;
}

// Fails unless function() throws just an Error, with just this text.
template <class Error, class Function>
void expect_error(Function function, const std::string& text) {
  try {
    function();
    ADD_FAILURE() << "nothing was thrown, but expected: " << text;
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), text);
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another kind of error: " << error.what();
  }
}

}  // namespace normbench::nn
