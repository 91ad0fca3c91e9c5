// ATen, the tensor library under PyTorch: the operators behind torch.nn, called without autograd.
//
// Which kernel runs depends on how a shape is spelled. From the source of 1.13, and from timings:
// - Batch norm of a contiguous (N, C, L) sums one value after the other, in double, channel by
//   channel. A matrix (N, C) goes to the channels-last kernel: vectorized, a float sum per thread.
//   So does (N, C, 1, L) with channels-last strides, which is the same memory as (N * L, C). Other
//   strides, such as those of a permuted (N, L, C), are several times slower still.
// - Layer norm takes a row per sample, in either layout.
// - Instance norm is, in PyTorch too, batch norm of (1, N * C, L) with gamma and beta repeated.
// - Group norm has a channels-last kernel, whose variance is E[x^2] - E[x]^2: at a mean of 1000
//   standard deviations it has no correct digit. So group norm, like instance norm, gets nlc data
//   as a copy, and the result is copied back, both timed. This is what permuting costs a user of
//   PyTorch.
// - RMS norm is composed as in PyTorch, from mean, rsqrt and products.
#include <ATen/Version.h>
#include <torch/csrc/api/include/torch/version.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "harness/core/backend.h"
#include "harness/core/empty_kernel.h"
#include "impls/aten/kernel.h"
#include "impls/aten/norms.h"
#include "impls/aten/rms_norm.h"

namespace {

using normbench::Accuracy;
using normbench::Arguments;
using normbench::Backend;
using normbench::DType;
using normbench::Grade;
using normbench::Kernel;
using normbench::Norm;
using normbench::Problem;
using normbench::Support;

// As the library describes itself: "..., TORCH_VERSION=1.13.0, ...".
std::string loaded_version() {
  constexpr std::string_view kKey = "TORCH_VERSION=";
  const std::string all = at::show_config();
  const std::size_t at = all.find(kKey);
  if (at == std::string::npos) return TORCH_VERSION;
  const std::size_t first = at + kKey.size();
  return all.substr(first, all.find_first_of(",\n", first) - first);
}

// Whether the kernels take 16-bit data with f32 parameters. 1.13 and 2.6 were tried.
constexpr bool kTakesNarrowData = TORCH_VERSION_MAJOR > 2 ||
                                  (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 6);

// The most additions that one of n values goes through in vec::reduce_all and similar functions: in
// a lane (AVX2 has the fewest lanes), then over the lanes.
double vectorized(std::int64_t n, DType dtype) {
  const auto count = static_cast<double>(n);
  return std::min(count - 1, count / (dtype == DType::kF64 ? 4 : 8) + 32);
}

// The same in at::sum: a cascade of four levels, all but the last of `step` values (SumKernel.cpp),
// then the accumulators and lanes.
double cascade(std::int64_t n) {
  const auto count = static_cast<double>(n);
  const double step = std::exp2(std::max(4.0, std::floor(std::ceil(std::log2(count)) / 4)));
  return std::min(count - 1, 3 * step + count / (step * step * step) + 64);
}

// The same in RowwiseMoments (moments_utils.h): an updating formula over 16 values of a lane, a
// tree of merges, a merge per lane, and the updating formula again over the vector tail.
double updating(std::int64_t n) {
  const auto count = static_cast<double>(n);
  return std::min(count, 16 + std::ceil(std::log2(std::max(1.0, count / 64))) + 16 + 15);
}

class Aten : public Backend {
 public:
  std::string_view name() const override { return "aten"; }
  std::string version() const override {
    static const std::string loaded = loaded_version();
    return loaded;
  }
  Support supports(const Problem& p) const override {
    if (Support support = Support::if_valid(p); !support.supported) return support;
    const auto cannot = [&](std::string_view what) {
      return Support::no("libtorch " + version() + " " + std::string(what));
    };
    if (!aten::is_narrow(p.dtype) || p.norm == Norm::kNone || p.norm == Norm::kRms)
      return Support::yes();
    if (!kTakesNarrowData && p.dtype == DType::kF16) {
      return cannot("cannot normalize f16 on a CPU; 2.6 can");
    }
    if (!kTakesNarrowData && (p.norm == Norm::kLayer || p.norm == Norm::kGroup)) {
      return cannot("rounds statistics and parameters of bf16 data to bf16; 2.6 does not");
    }
    if (p.norm == Norm::kLayer && p.backward() && p.affine) {
      return cannot("rounds the sums for dgamma and dbeta to 16 bits");
    }
    return Support::yes();
  }

  Accuracy accuracy(const Problem& p) const override {
    switch (p.norm) {
      case Norm::kNone:
        return {};
      case Norm::kRms:
        return {Grade::kA, std::max(cascade(p.c * p.l), samples(p))};
      case Norm::kBatch:
        return {y_grade(p), batch_norm_roundings(p, p.values_per_channel())};
      case Norm::kInstance:
        return {y_grade(p), batch_norm_roundings(p, p.l) + samples(p)};
      case Norm::kLayer:
        if (p.backward()) return {Grade::kB, std::max(vectorized(p.c * p.l, p.dtype), samples(p))};
        return {Grade::kB, updating(p.c * p.l), false};
      case Norm::kGroup:
        if (p.backward()) {
          return {Grade::kB,
                  vectorized(p.l, p.dtype) + vectorized(p.c / p.groups, p.dtype) + samples(p)};
        }
        return {p.affine ? Grade::kB : Grade::kA, updating(p.c / p.groups * p.l), false};
    }
    return {};
  }

  std::unique_ptr<Kernel> prepare(const Problem& p, const Arguments& a,
                                  int threads) const override {
    // The native operators divide by zero if there are no elements; PyTorch's callers of them check
    // first.
    if (p.elements() == 0) return std::make_unique<normbench::EmptyKernel>(a);
    switch (p.norm) {
      case Norm::kNone:
        return std::make_unique<aten::Identity>(p, a, threads);
      case Norm::kBatch:
        return std::make_unique<aten::BatchNorm>(p, a, threads);
      case Norm::kLayer:
        return std::make_unique<aten::LayerNorm>(p, a, threads);
      case Norm::kInstance:
        return std::make_unique<aten::InstanceNorm>(p, a, threads);
      case Norm::kGroup:
        return std::make_unique<aten::GroupNorm>(p, a, threads);
      case Norm::kRms:
        return std::make_unique<aten::RmsNorm>(p, a, threads);
    }
    return nullptr;
  }

 private:
  // y is folded into x * scale + shift; dx is from deviations.
  static Grade y_grade(const Problem& p) { return p.backward() ? Grade::kA : Grade::kB; }

  // The additions over the samples for dgamma and dbeta.
  static double samples(const Problem& p) {
    return p.backward() ? static_cast<double>(p.batch) : 0;
  }

  // For f32 the contiguous kernels sum the n values of a channel in double, backward after a float
  // sum over each row. The others have one float (for f64: double) sum per thread.
  static double batch_norm_roundings(const Problem& p, std::int64_t n) {
    if (p.dtype != DType::kF32 || aten::channels_last(p)) return static_cast<double>(n - 1);
    return p.backward() ? vectorized(p.l, p.dtype) : 0;
  }
};

}  // namespace

std::unique_ptr<Backend> make_aten() { return std::make_unique<Aten>(); }
