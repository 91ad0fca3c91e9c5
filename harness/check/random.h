// Random numbers that depend on nothing but a seed and an index: the same on every machine, in any
// order, by any number of threads.
#pragma once

#include <cstdint>

namespace normbench {

// 64 well-mixed bits (the finalizer of splitmix64, by Steele, Lea and Flood, 2014).
inline std::uint64_t random_bits(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t z = seed * 0xD1342543DE82EF95ULL + (index + 1) * 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

// Uniform in [0, 1).
inline double random_uniform(std::uint64_t seed, std::uint64_t index) {
  return static_cast<double>(random_bits(seed, index) >> 11) * 0x1p-53;
}

// Bell-shaped with mean 0 and deviation 1: the sum of four uniforms, scaled by sqrt(3). Its values
// are multiples of 2^-15, at most 3.5 in size: no subnormals, no outliers.
inline double random_bell(std::uint64_t seed, std::uint64_t index) {
  const std::uint64_t bits = random_bits(seed, index);
  double sum = -2 + 0x1p-15;
  for (int part = 0; part < 4; ++part) {
    sum += static_cast<double>((bits >> (16 * part)) & 0xFFFF) * 0x1p-16;
  }
  return sum * 1.7320508075688772;
}

}  // namespace normbench
