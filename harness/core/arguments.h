// The buffers of one problem, by name.
#pragma once

#include "harness/core/tensor.h"

namespace normbench {

// Which pass reads (r), fills (w) or updates (u) which buffer of batch norm:
//
//   buffer                     shape      forward_training forward_inference backward backward_inf.
//   x                          (N, C, L)         r                r             r          r
//   gamma, beta                (C)               r                r           gamma r    gamma r
//   running_mean, running_var  (C)               u                r             -          r
//   y                          (N, C, L)         w                w             -          -
//   mean, variance, rstd       (N/batch, C)      w                -             r          -
//   dy                         (N, C, L)         -                -             r          r
//   dx                         (N, C, L)         -                -             w          w
//   dgamma, dbeta              (N/batch, C)      -                -             w          w
//
// gamma, beta, dgamma and dbeta are absent when the problem has no affine. Statistics and gradients
// of the parameters have one row per mini-batch; the running statistics are updated once for each,
// in order, after its y is written. variance is the biased one, rstd = 1 / sqrt(variance + eps).
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
  for (Tensor* tensor : {&part.mean, &part.variance, &part.rstd, &part.dgamma, &part.dbeta}) {
    *tensor = tensor->rows(index, 1);
  }
  return part;
}

}  // namespace normbench
