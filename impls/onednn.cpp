// oneDNN, a library of primitives for neural networks, version 2 or 3.
//
// Its normalizations read x twice in float, for the mean and then for the mean of squared
// deviations, and a third time to write y = (x - mean) * (gamma / sqrt(variance + eps)) + beta.
// `onednn` runs them on the caller's buffers. `onednn-blocked` runs batch normalization on copies
// in the library's own layout, with blocks of 16 or 8 channels, for which it has more vectorized
// kernels. On a CPU with AVX512-BF16 a bf16 result below the smallest normal number becomes 0,
// whatever the floating-point environment: the library rounds with VCVTNEPS2BF16, which flushes.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "harness/core/backend.h"
#include "harness/core/empty_kernel.h"
#include "harness/core/tiles.h"
#include "impls/onednn/kernel.h"

namespace {

using normbench::Accuracy;
using normbench::Arguments;
using normbench::Backend;
using normbench::DType;
using normbench::Kernel;
using normbench::Layout;
using normbench::Norm;
using normbench::Pass;
using normbench::Problem;
using normbench::Support;
using normbench::Tiles;
using onednn::Storage;

// The version that is loaded at run time, which may differ from the one compiled with.
std::string loaded_version() {
  const dnnl_version_t& v = *dnnl_version();
  return std::to_string(v.major) + "." + std::to_string(v.minor) + "." + std::to_string(v.patch);
}

std::string words(Norm norm) {
  if (norm == Norm::kNone) return "copy";
  return std::string(norm == Norm::kRms ? "RMS" : normbench::name(norm)) + " normalization";
}

// Why the library has no primitive for 16-bit data.
std::string missing_for(DType dtype) {
  if (dtype == DType::kBf16) {
    return DNNL_VERSION_MAJOR >= 3 ? " for this CPU: it needs AVX-512 or AVX-NE-CONVERT"
                                   : " for this CPU: it needs AVX-512";
  }
  return DNNL_VERSION_MAJOR >= 3 ? " for this CPU: it needs AVX512-FP16 or AVX-NE-CONVERT"
                                 : ": version 3 has";
}

class OneDnn : public Backend {
 public:
  explicit OneDnn(Storage storage) : storage_(storage) {}

  std::string_view name() const override {
    return storage_ == Storage::kPlain ? "onednn" : "onednn-blocked";
  }
  std::string version() const override { return loaded_version(); }

  Support supports(const Problem& problem) const override {
    if (Support support = Support::if_valid(problem); !support.supported) return support;
    const std::string lacks = "oneDNN " + loaded_version() + " has no " + words(problem.norm);
    if (storage_ == Storage::kBlocked && problem.norm != Norm::kBatch) {
      return Support::no("only batch normalization gains from the blocked layout: see onednn");
    }
    if (storage_ == Storage::kBlocked && problem.layout == Layout::kNlc && problem.l != 1) {
      return Support::no(
          "the way from PyTorch's layout to the blocked one is what it shows; "
          "channels last has vectorized kernels of its own: see onednn");
    }
    if (problem.norm == Norm::kRms) {
      return Support::no(
          "oneDNN up to 3.8 has no RMS normalization, and what later versions have "
          "is not used");
    }
    if (problem.norm == Norm::kGroup && !onednn::kHasGroupNormalization) {
      return Support::no(lacks + ": it came with 3.3");
    }
    if (problem.norm == Norm::kInstance && !onednn::kHasGroupNormalization) {
      return Support::no(lacks +
                         ": it is group normalization of one channel each, which came "
                         "with 3.3");
    }
    if (problem.dtype == DType::kF64) return Support::no(lacks + " in f64 on CPUs");
    try {
      // An empty batch never reaches the library: it is supported where a batch of one sample is.
      Problem filled = problem;
      filled.n = filled.batch = std::max<std::int64_t>(problem.batch, 1);
      onednn::choose(dnnl::engine(dnnl::engine::kind::cpu, 0), filled, storage_);
    } catch (const dnnl::error& error) {
      return Support::no(lacks + " in " + std::string(normbench::name(problem.dtype)) +
                         (problem.dtype == DType::kF32 ? std::string(": ") + error.what()
                                                       : missing_for(problem.dtype)));
    }
    return Support::yes();
  }

  // Every kernel sums in float and divides once. Kernels spread the n values over threads,
  // registers and lanes in different ways, but no value goes through more than n - 1 additions, and
  // in the vectorized backward kernels on one thread some do go through that many. Gradients of
  // parameters are sums over other values than statistics are; the longer of the two sums counts.
  Accuracy accuracy(const Problem& problem) const override {
    if (!problem.backward() && problem.uses_running_statistics()) return Accuracy::in_double();
    const Tiles tiles = normbench::tiles_of(problem);
    const std::int64_t of_parameter = problem.backward() ? tiles.batch_rows * tiles.run : 1;
    return Accuracy::sequential(std::max(tiles.values(), of_parameter));
  }

  bool native_layout() const override { return storage_ == Storage::kBlocked; }

  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int threads) const override {
    if (problem.elements() == 0) return std::make_unique<normbench::EmptyKernel>(arguments);
    return std::make_unique<onednn::OneDnnKernel>(problem, arguments, threads, storage_);
  }

 private:
  Storage storage_;
};

}  // namespace

std::unique_ptr<Backend> make_onednn() { return std::make_unique<OneDnn>(Storage::kPlain); }
std::unique_ptr<Backend> make_onednn_blocked() {
  return std::make_unique<OneDnn>(Storage::kBlocked);
}
