// Products of matrices, on which Linear and Conv1d are built.
#pragma once

#include <cstdint>
#include <string>

namespace normbench::nn {

// A matrix in rows that lie one after the other: element (i, j) is data[i * columns + j], or of its
// transpose data[j * rows + i].
template <class Real>
struct Matrix {
  const Real* data;
  bool transposed = false;
};

// c = a * b, or c += a * b: a has m rows and k columns, b has k rows and n columns, c is m by n.
// Each element is a sum of k products, added up in any order, with or without fused operations.
// float is multiplied by oneDNN where the build has it, on at most `threads` threads, else by plain
// loops, as double always is. Throws std::runtime_error when the library refuses.
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<float>& a,
              const Matrix<float>& b, float* c, bool add, int threads);
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<double>& a,
              const Matrix<double>& b, double* c, bool add, int threads);

// Who multiplies floats: "oneDNN 2.6.3", or "plain loops", which take many times as long.
std::string product_library();

}  // namespace normbench::nn
