// Products of doubles, which oneDNN has not.
#include "harness/nn/products.h"

#include "harness/nn/product_loops.h"

namespace normbench::nn {

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<double>& a,
              const Matrix<double>& b, double* c, bool add, int) {
  multiply_by_loops(m, n, k, a, b, c, add);
}

}  // namespace normbench::nn
