// A product of matrices by plain loops.
#pragma once

#include <algorithm>

#include "harness/nn/products.h"

namespace normbench::nn {

// One thread. The inner loop runs along a row of c.
template <class Real>
void multiply_by_loops(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<Real>& a,
                       const Matrix<Real>& b, Real* c, bool add) {
  if (!add) std::fill(c, c + m * n, Real{0});
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t t = 0; t < k; ++t) {
      const Real factor = a.data[a.transposed ? t * m + i : i * k + t];
      for (std::int64_t j = 0; j < n; ++j) {
        c[i * n + j] += factor * b.data[b.transposed ? j * k + t : t * n + j];
      }
    }
  }
}

}  // namespace normbench::nn
