// Products of floats where the build has no oneDNN.
#include "harness/nn/product_loops.h"

namespace normbench::nn {

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<float>& a,
              const Matrix<float>& b, float* c, bool add, int) {
  multiply_by_loops(m, n, k, a, b, c, add);
}

std::string product_library() { return "plain loops"; }

}  // namespace normbench::nn
