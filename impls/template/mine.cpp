// The forward training pass of batch norm, f32, ncl, on one thread.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "harness/core/backend.h"

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

// For one problem and its buffers: harness/core/arguments.h says which there are, in which shape.
class BatchNorm : public Kernel {
 public:
  // Untimed: what run() needs is allocated here.
  BatchNorm(const Problem& problem, const Arguments& arguments)
      : problem_(problem), arguments_(arguments) {}

  // Timed: your kernel goes here. All of the work, at each call.
  void run() override {
    for (std::int64_t i = 0; i < problem_.mini_batches(); ++i) {
      const Arguments part = mini_batch(problem_, arguments_, i);
      for (std::int64_t channel = 0; channel < problem_.c; ++channel) {
        normalize(part, static_cast<std::size_t>(channel));
      }
    }
  }

 private:
  void normalize(const Arguments& part, std::size_t channel) const {
    const auto x = part.x.as<float>();
    const auto y = part.y.as<float>();
    const auto for_each_place = [&](auto function) {
      const auto l = static_cast<std::size_t>(problem_.l);
      const auto c = static_cast<std::size_t>(problem_.c);
      for (std::size_t first = channel * l; first < x.size(); first += c * l) {
        for (std::size_t at = first; at < first + l; ++at) function(at);
      }
    };
    const auto count = static_cast<double>(problem_.values_per_channel());
    double mean = 0;
    for_each_place([&](std::size_t at) { mean += x[at]; });
    mean /= count;
    double variance = 0;
    for_each_place([&](std::size_t at) { variance += (x[at] - mean) * (x[at] - mean); });
    variance /= count;
    const double rstd = 1 / std::sqrt(variance + problem_.eps);
    const double gamma = problem_.affine ? part.gamma.as<float>()[channel] : 1;
    const double beta = problem_.affine ? part.beta.as<float>()[channel] : 0;
    for_each_place(
        [&](std::size_t at) { y[at] = static_cast<float>((x[at] - mean) * rstd * gamma + beta); });
    part.mean.as<float>()[channel] = static_cast<float>(mean);
    part.variance.as<float>()[channel] = static_cast<float>(variance);
    part.rstd.as<float>()[channel] = static_cast<float>(rstd);
    update(part.running_mean.as<float>()[channel], mean);
    update(part.running_var.as<float>()[channel], variance * count / (count - 1));
  }

  void update(float& running, double value) const {
    running = static_cast<float>((1 - problem_.momentum) * running + problem_.momentum * value);
  }

  Problem problem_;
  Arguments arguments_;
};

class OwnBackend : public Backend {
 public:
  std::string_view name() const override { return "mine"; }
  std::string version() const override { return "1"; }

  // What it takes; and why not the rest, in words for users.
  Support supports(const Problem& problem) const override {
    if (problem.norm != Norm::kBatch) return Support::no("only batch norm");
    if (problem.pass != Pass::kForwardTraining) return Support::no("only forward training");
    if (problem.dtype != DType::kF32) return Support::no("only f32");
    if (problem.layout != Layout::kNcl) return Support::no("only ncl");
    if (problem.elements() == 0) return Support::no("no values");
    return Support::if_valid(problem);
  }

  // The claim that it is held to; harness/core/backend.h has one for each usual way to sum.
  Accuracy accuracy(const Problem&) const override { return Accuracy::in_double(); }

  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int /*threads*/) const override {
    return std::make_unique<BatchNorm>(problem, arguments);
  }
};

}  // namespace

std::unique_ptr<Backend> make_mine() { return std::make_unique<OwnBackend>(); }
