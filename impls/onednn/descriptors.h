// A problem as oneDNN describes it: memory and primitive descriptors, in version 2 or 3.
#pragma once

#include <cstdint>
#include <oneapi/dnnl/dnnl.hpp>

#include "harness/core/problem.h"

namespace onednn {

using dnnl::memory;
using dnnl::normalization_flags;
using dnnl::prop_kind;
using normbench::DType;
using normbench::Layout;
using normbench::Norm;
using normbench::Pass;
using normbench::Problem;

inline constexpr bool kHasGroupNormalization = DNNL_VERSION_MAJOR > 3 ||
                                               (DNNL_VERSION_MAJOR == 3 && DNNL_VERSION_MINOR >= 3);

// f64 is missing: the library does not compute in it on CPUs, and version 2 has no name for it.
inline memory::data_type data_type(DType dtype) {
  if (dtype == DType::kBf16) return memory::data_type::bf16;
  return dtype == DType::kF16 ? memory::data_type::f16 : memory::data_type::f32;
}

// The layout of the caller's buffers. With one position or one channel, two tags describe the same
// bytes. Then it must be the same tag for every problem of a process: the library's cache of
// primitives ignores the strides of dimensions of size 1, and returns whichever came first. With
// one position only channels last has a vectorized kernel; with one channel neither has.
inline memory::format_tag plain_tag(const Problem& p) {
  if (p.l == 1) return memory::format_tag::acdb;
  if (p.c == 1) return memory::format_tag::abcd;
  return p.layout == Layout::kNlc ? memory::format_tag::acdb : memory::format_tag::abcd;
}

// x, y, dy or dx of `samples` samples. For layer normalization a sample is one row; a copy is flat.
// The others have layout `tag`, and four dimensions, since for three version 2 has only its slow
// reference implementation.
inline memory::desc describe_data(const Problem& p, std::int64_t samples, memory::format_tag tag) {
  const memory::data_type type = data_type(p.dtype);
  if (p.norm == Norm::kNone) return {{samples * p.c * p.l}, type, memory::format_tag::a};
  if (p.norm == Norm::kLayer) return {{samples, p.c * p.l}, type, memory::format_tag::ab};
  return {{samples, p.c, 1, p.l}, type, tag};
}

// Mean or variance of one mini-batch.
inline memory::desc describe_statistics(const Problem& p) {
  constexpr auto kType = memory::data_type::f32;
  if (p.norm == Norm::kBatch) return {{p.c}, kType, memory::format_tag::a};
  if (p.norm == Norm::kLayer) return {{p.batch}, kType, memory::format_tag::a};
  const std::int64_t groups = p.norm == Norm::kInstance ? p.c : p.groups;
  return {{p.batch, groups}, kType, memory::format_tag::ab};
}

// No backward pass reads the shift (beta), but some refuse to run without it, and others with it.
inline bool backward_wants_shift(Norm norm) {
  return norm == Norm::kLayer || (norm == Norm::kBatch && DNNL_VERSION_MAJOR < 3);
}

// We allocate the scratchpad, so that no call does.
inline dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

// The descriptor of a normalization of one mini-batch. `shape` are the arguments that only this
// kind of normalization takes.
template <class Forward, class Backward, class... Shape>
dnnl::primitive_desc_base describe_normalization(const dnnl::engine& engine, const Problem& p,
                                                 const memory::desc& data, const Shape&... shape) {
  const dnnl::primitive_attr attributes = user_scratchpad();
  const auto eps = static_cast<float>(p.eps);
  normalization_flags flags = normalization_flags::none;
  if (p.affine) flags = normalization_flags::use_scale | normalization_flags::use_shift;
  if (p.uses_running_statistics()) flags |= normalization_flags::use_global_stats;
  const prop_kind forward_kind = p.pass == Pass::kForwardInference ? prop_kind::forward_inference
                                                                   : prop_kind::forward_training;
  const prop_kind backward_kind = p.affine ? prop_kind::backward : prop_kind::backward_data;
  using ForwardDescriptor = typename Forward::primitive_desc;
  using BackwardDescriptor = typename Backward::primitive_desc;
  // Version 2 takes the arguments in an operation descriptor.
#if DNNL_VERSION_MAJOR >= 3
  ForwardDescriptor forward(engine, forward_kind, data, data, shape..., eps, flags, attributes);
  if (!p.backward()) return forward;
  return BackwardDescriptor(engine, backward_kind, data, data, data, shape..., eps, flags, forward,
                            attributes);
#else
  ForwardDescriptor forward(typename Forward::desc(forward_kind, data, shape..., eps, flags),
                            attributes, engine);
  if (!p.backward()) return forward;
  return BackwardDescriptor(
      typename Backward::desc(backward_kind, data, data, shape..., eps, flags), attributes, engine,
      forward);
#endif
}

// The descriptor of the primitive for one mini-batch. Throws dnnl::error if the library has none
// for this CPU. Instance normalization is group normalization with a group per channel, as in the
// library's documentation. Group and instance need kHasGroupNormalization.
inline dnnl::primitive_desc_base describe_primitive(const dnnl::engine& engine, const Problem& p,
                                                    memory::format_tag tag) {
  const memory::desc data = describe_data(p, p.batch, tag);
  if (p.norm == Norm::kNone) {
    return dnnl::reorder::primitive_desc(engine, data, engine, data, user_scratchpad());
  }
  if (p.norm == Norm::kLayer) {
    return describe_normalization<dnnl::layer_normalization_forward,
                                  dnnl::layer_normalization_backward>(engine, p, data,
                                                                      describe_statistics(p));
  }
#if DNNL_VERSION_MAJOR > 3 || (DNNL_VERSION_MAJOR == 3 && DNNL_VERSION_MINOR >= 3)
  if (p.norm == Norm::kGroup || p.norm == Norm::kInstance) {
    const memory::dim groups = p.norm == Norm::kInstance ? p.c : p.groups;
    return describe_normalization<dnnl::group_normalization_forward,
                                  dnnl::group_normalization_backward>(engine, p, data, groups);
  }
#endif
  return describe_normalization<dnnl::batch_normalization_forward,
                                dnnl::batch_normalization_backward>(engine, p, data);
}

}  // namespace onednn
