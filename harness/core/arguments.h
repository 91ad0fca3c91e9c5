// The buffers of one problem, by name.
#pragma once

#include "harness/core/tensor.h"

namespace normbench {

// Which pass reads (r), fills (w) or updates (u) which buffer:
//
//   buffer                     shape               forward_   forward_   backward  backward_
//                                                  training   inference            inference
//   x                          (N, C, L)           r          r          r         r
//   gamma                      parameters          r          r          r         r
//   beta                       parameters          r          r          -         -
//   running_mean, running_var  (C)                 u          r          -         r
//   y                          (N, C, L)           w          w          -         -
//   mean, variance, rstd       statistics          w          -          r         -
//   dy                         (N, C, L)           -          -          r         r
//   dx                         (N, C, L)           -          -          w         w
//   dgamma, dbeta              N/batch parameters  -          -          w         w
//
//   norm      statistics    parameters  absent
//   batch     (N/batch, C)  (C)
//   instance  (N, C)        (C)         running statistics
//   group     (N, groups)   (C)         running statistics
//   layer     (N, 1)        (C, L)      running statistics
//   rms       (N, 1)        (C, L)      running statistics, mean, beta, dbeta
//   none      -             -           all but y, or dy and dx; backward does not read x
//
// The (C, L) parameters of layer and rms lie in the layout of the data, so that those of a sample
// are in the order of its values. Without affine gamma, beta, dgamma and dbeta are absent.
//
// variance is the biased one, for rms the mean square; rstd = 1 / sqrt(variance + eps). dgamma and
// dbeta are sums over one mini-batch, in every norm. The running statistics are updated once for
// each mini-batch, in order, after its y is written: they may share memory with gamma and beta.
// No other two buffers do: nothing is normalized in place.
struct Arguments {
  Tensor x, gamma, beta, running_mean, running_var;
  Tensor y, mean, variance, rstd;
  Tensor dy, dx, dgamma, dbeta;
};

// The part of `arguments` that mini-batch `index` of `problem` works on.
inline Arguments mini_batch(const Problem& problem, const Arguments& arguments,
                            std::int64_t index) {
  Arguments part = arguments;
  for (Tensor* tensor : {&part.x, &part.y, &part.dy, &part.dx}) {
    *tensor = tensor->rows(index * problem.batch, problem.batch);
  }
  const std::int64_t rows = problem.norm == Norm::kBatch ? 1 : problem.batch;
  for (Tensor* tensor : {&part.mean, &part.variance, &part.rstd}) {
    *tensor = tensor->rows(index * rows, rows);
  }
  for (Tensor* tensor : {&part.dgamma, &part.dbeta}) *tensor = tensor->rows(index, 1);
  return part;
}

}  // namespace normbench
