// The buffers of a problem as ATen tensors, in the shapes that its operators take.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>  // first, or clang rejects the operators of 1.13 in C++20
#include <ATen/ops/from_blob.h>

#include <cstdint>
#include <vector>

#include "harness/core/arguments.h"

namespace aten {

using normbench::Arguments;
using normbench::DType;
using normbench::Layout;
using normbench::Norm;
using normbench::Problem;

inline bool is_narrow(DType dtype) { return dtype == DType::kBf16 || dtype == DType::kF16; }

inline at::ScalarType scalar_type(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return at::kFloat;
    case DType::kF64:
      return at::kDouble;
    case DType::kBf16:
      return at::kBFloat16;
    case DType::kF16:
      return at::kHalf;
  }
  return at::kFloat;
}

// Whether batch norm goes to the channels-last kernel. With one channel, or one position, both
// layouts are the same bytes.
inline bool channels_last(const Problem& p) {
  return p.norm == Norm::kBatch && (p.l == 1 || (p.layout == Layout::kNlc && p.c > 1));
}

// Whether gamma is a tensor of ones: without a parameter in f32, operators round the statistics of
// 16-bit data to 16 bits.
inline bool wants_ones(const Problem& p) {
  const bool has_others = p.norm == Norm::kBatch || p.norm == Norm::kRms || p.norm == Norm::kNone;
  return is_narrow(p.dtype) && !p.affine && !has_others;
}

// Whether nlc data is copied to ncl, for operators that take ncl only.
inline bool copied_to_ncl(const Problem& p) {
  return (p.norm == Norm::kInstance || p.norm == Norm::kGroup) && p.layout == Layout::kNlc &&
         p.l > 1 && p.c > 1;
}

using Dimensions = std::vector<std::int64_t>;

struct Spelling {
  Dimensions sizes, strides;
};

// The shape in which the library gets x, y, dy and dx of one mini-batch.
inline Spelling spell(const Problem& p) {
  const std::int64_t values = p.c * p.l;
  if (p.norm == Norm::kNone) return {{p.batch * values}, {1}};
  if (p.norm == Norm::kLayer || p.norm == Norm::kRms) return {{p.batch, values}, {values, 1}};
  if (channels_last(p)) return {{p.batch * p.l, p.c}, {p.c, 1}};
  const bool ncl = p.layout == Layout::kNcl;
  return {{p.batch, p.c, p.l}, {values, ncl ? p.l : 1, ncl ? 1 : p.c}};
}

// The buffers of one mini-batch; undefined where the pass has none.
struct Buffers {
  at::Tensor x, gamma, beta, running_mean, running_var;
  at::Tensor y, mean, variance, rstd;
  at::Tensor dy, dx, dgamma, dbeta;
};

inline at::Tensor view(const normbench::Tensor& tensor, const Spelling& spelling) {
  if (!tensor.present()) return {};
  return at::from_blob(tensor.data, spelling.sizes, spelling.strides,
                       at::TensorOptions(scalar_type(tensor.dtype)));
}

inline Buffers view(const Problem& p, const Arguments& a) {
  const Spelling data = spell(p);
  const auto vector = [](const normbench::Tensor& t) { return view(t, {{t.size()}, {1}}); };
  // RMS norm is composed of operators that broadcast a statistic along its row of x.
  const auto statistic = [&](const normbench::Tensor& t) {
    return p.norm == Norm::kRms ? view(t, {{t.size(), 1}, {1, 1}}) : vector(t);
  };
  return {.x = view(a.x, data),
          .gamma = vector(a.gamma),
          .beta = vector(a.beta),
          .running_mean = vector(a.running_mean),
          .running_var = vector(a.running_var),
          .y = view(a.y, data),
          .mean = statistic(a.mean),
          .variance = statistic(a.variance),
          .rstd = statistic(a.rstd),
          .dy = view(a.dy, data),
          .dx = view(a.dx, data),
          .dgamma = vector(a.dgamma),
          .dbeta = vector(a.dbeta)};
}

}  // namespace aten
