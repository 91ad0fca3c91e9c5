// Products of floats by oneDNN.
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>

#include <stdexcept>
#include <string>

#include "harness/nn/product_loops.h"

namespace normbench::nn {
namespace {

// oneDNN follows OpenMP.
class ThreadCount {
 public:
  explicit ThreadCount(int threads) : before_(omp_get_max_threads()) {
    omp_set_num_threads(threads);
  }
  ~ThreadCount() { omp_set_num_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

}  // namespace

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<float>& a,
              const Matrix<float>& b, float* c, bool add, int threads) {
  if (m == 0 || n == 0 || k == 0) return multiply_by_loops(m, n, k, a, b, c, add);
  const ThreadCount limit(threads);
  const auto letter = [](const Matrix<float>& matrix) { return matrix.transposed ? 'T' : 'N'; };
  const dnnl_status_t status =
      dnnl_sgemm(letter(a), letter(b), m, n, k, 1, a.data, a.transposed ? m : k, b.data,
                 b.transposed ? k : n, add ? 1.0F : 0.0F, c, n);
  if (status != dnnl_success) {
    throw std::runtime_error("oneDNN refuses the product of a " + std::to_string(m) + " x " +
                             std::to_string(k) + " and a " + std::to_string(k) + " x " +
                             std::to_string(n) + " matrix (status " + std::to_string(status) + ")");
  }
}

std::string product_library() {
  const dnnl_version_t* version = dnnl_version();
  return "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch);
}

}  // namespace normbench::nn
