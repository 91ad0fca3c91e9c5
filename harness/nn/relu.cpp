// One sweep forward and one backward.
#include "harness/nn/relu.h"

#include "harness/nn/norm_parts.h"

namespace normbench::nn {

ReLU::ReLU(int threads) : threads_(threads) { require_positive("threads", threads); }

const Array& ReLU::run_forward(const Array& x) {
  y_.resize(x.sizes(), x.type(), x.layout());
  const std::int64_t count = x.size();
  with_storage(x.tensor(1, 1, count).dtype, [&]<class T>(T) {
    const T* from = x.as<T>().data();
    T* to = y_.as<T>().data();
    const T zero(0.0F);
#pragma omp parallel for num_threads(threads_) if (threads_ > 1)
    for (std::int64_t at = 0; at < count; ++at) to[at] = from[at] < 0 ? zero : from[at];
  });
  return y_;
}

const Array& ReLU::run_backward(const Array& x, const Array& dy) {
  dx_.resize(x.sizes(), x.type(), x.layout());
  const std::int64_t count = x.size();
  with_storage(x.tensor(1, 1, count).dtype, [&]<class T>(T) {
    const T* input = x.as<T>().data();
    const T* from = dy.as<T>().data();
    T* to = dx_.as<T>().data();
    const T zero(0.0F);
#pragma omp parallel for num_threads(threads_) if (threads_ > 1)
    for (std::int64_t at = 0; at < count; ++at) to[at] = input[at] <= 0 ? zero : from[at];
  });
  return dx_;
}

}  // namespace normbench::nn
