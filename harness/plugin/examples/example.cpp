// A plugin in C++: the forward passes of layer norm in f32, on one thread. Nothing here knows of
// plugins: the same file would be a backend of impls/. README.md says how export.cpp makes a plugin
// of it.
#include <cmath>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "harness/core/backend.h"

namespace {

using normbench::Arguments;
using normbench::Backend;
using normbench::DType;
using normbench::Kernel;
using normbench::Norm;
using normbench::Problem;
using normbench::Support;

class LayerNorm : public Kernel {
 public:
  LayerNorm(const Problem& problem, const Arguments& arguments)
      : problem_(problem), arguments_(arguments) {}

  // In either layout the values of a sample are one after the other, as are gamma and beta.
  void run() override {
    const auto count = static_cast<std::size_t>(problem_.c * problem_.l);
    const auto x = arguments_.x.as<float>();
    const auto y = arguments_.y.as<float>();
    for (std::size_t i = 0; i < static_cast<std::size_t>(problem_.n); ++i) {
      normalize(x.subspan(i * count, count), y.subspan(i * count, count), i);
    }
  }

  std::string detail() const override { return "1 thread"; }

 private:
  void normalize(std::span<const float> x, std::span<float> y, std::size_t sample) const {
    const auto count = static_cast<double>(x.size());
    double mean = 0;
    for (const float value : x) mean += value;
    mean /= count;
    double variance = 0;
    for (const float value : x) variance += (value - mean) * (value - mean);
    variance /= count;
    const double rstd = 1 / std::sqrt(variance + problem_.eps);
    const auto gamma = arguments_.gamma.as<float>();
    const auto beta = arguments_.beta.as<float>();
    for (std::size_t j = 0; j < x.size(); ++j) {
      const double normalized = (x[j] - mean) * rstd;
      y[j] = static_cast<float>(problem_.affine ? normalized * gamma[j] + beta[j] : normalized);
    }
    if (!arguments_.rstd.present()) return;  // in inference
    arguments_.mean.as<float>()[sample] = static_cast<float>(mean);
    arguments_.variance.as<float>()[sample] = static_cast<float>(variance);
    arguments_.rstd.as<float>()[sample] = static_cast<float>(rstd);
  }

  Problem problem_;
  Arguments arguments_;
};

class ExampleCpp : public Backend {
 public:
  std::string_view name() const override { return "example-cpp"; }
  std::string version() const override { return "1"; }
  Support supports(const Problem& problem) const override {
    if (problem.norm != Norm::kLayer) return Support::no("only layer norm");
    if (problem.backward()) return Support::no("only the forward passes");
    if (problem.dtype != DType::kF32) return Support::no("only f32");
    return Support::if_valid(problem);
  }
  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int) const override {
    return std::make_unique<LayerNorm>(problem, arguments);
  }
};

}  // namespace

std::unique_ptr<Backend> make_example_cpp() { return std::make_unique<ExampleCpp>(); }
