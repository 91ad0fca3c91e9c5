// dlib, a C++ library of machine learning: batch norm as in its layers bn_fc and bn_con, one
// thread.
//
// - Inference is what dlib's documentation asks for at test time: the layer is turned into affine_,
//   which multiplies and adds. Folding gamma, beta and the running statistics into its two vectors
//   is part of each run.
// - The gradient is added to what dx holds, so dx is zeroed first, as dlib's networks do. It
//   allocates two vectors in each call, and takes three passes over x and dy.
// - Forward training finds the variance as E[x^2] - E[x]^2, of two float sums in one pass, and
// never
//   clamps it: where that cancels below -eps, y is NaN. Momentum is dlib's averaging factor, and
//   the running variance takes the unbiased one, as in PyTorch. dlib saves 1 / sqrt(variance + eps)
//   alone, of which collect() makes the variance.
//
// dlib's functions take its classes of tensors, here over the caller's memory: nothing is copied.
#include <dlib/cuda/tensor_tools.h>
#include <dlib/revision.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "harness/core/backend.h"
#include "harness/core/empty_kernel.h"

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

// (N, C, 1, L) floats that somebody else owns, as one of dlib's tensors.
class View : public dlib::tensor {
 public:
  View(float* values, std::int64_t n, std::int64_t c, std::int64_t l) : values_(values) {
    m_n = n;
    m_k = c;
    m_nr = 1;
    m_nc = l;
    m_size = n * c * l;
  }

  const float* host() const override { return values_; }
  float* host() override { return values_; }
  float* host_write_only() override { return values_; }
  const float* device() const override { return values_; }
  float* device() override { return values_; }
  float* device_write_only() override { return values_; }
  const dlib::any& annotation() const override { return annotation_; }
  dlib::any& annotation() override { return annotation_; }

 private:
  // For devices, of which there is none.
  dlib::gpu_data& data() override { return device_; }
  const dlib::gpu_data& data() const override { return device_; }

  float* values_;
  dlib::any annotation_;
  dlib::gpu_data device_;
};

View view(const normbench::Tensor& tensor) {
  return {static_cast<float*>(tensor.data), tensor.n, tensor.c, tensor.l};
}

// The same for results, of which dlib sets the size. The memory that it has of its own for that is
// allocated here, and never touched.
class Result : public dlib::resizable_tensor {
 public:
  explicit Result(const normbench::Tensor& tensor)
      : resizable_tensor(tensor.n, tensor.c, 1, tensor.l),
        values_(static_cast<float*>(tensor.data)) {}

  const float* host() const override { return values_; }
  float* host() override { return values_; }
  float* host_write_only() override { return values_; }

 private:
  float* values_;
};

// A vector with a value per channel.
View view(std::vector<float>& values) {
  return {values.data(), 1, static_cast<std::int64_t>(values.size()), 1};
}

// Inference on one mini-batch, as by affine_.
class Inference {
 public:
  Inference(const Problem& problem, const Arguments& arguments)
      : problem_(problem),
        arguments_(arguments),
        scale_(static_cast<std::size_t>(problem.c)),
        shift_(scale_.size()),
        x_(view(arguments.x)),
        y_(view(arguments.y)),
        scale_view_(view(scale_)),
        shift_view_(view(shift_)) {}

  void run() {
    fold();
    if (problem_.l == 1) {
      dlib::tt::affine_transform(y_, x_, scale_view_, shift_view_);
    } else {
      dlib::tt::affine_transform_conv(y_, x_, scale_view_, shift_view_);
    }
  }

 private:
  // What the constructor of affine_ does with the parameters of bn_.
  void fold() {
    const auto gamma = arguments_.gamma.as<float>();
    const auto beta = arguments_.beta.as<float>();
    const auto mean = arguments_.running_mean.as<float>();
    const auto variance = arguments_.running_var.as<float>();
    for (std::size_t k = 0; k < scale_.size(); ++k) {
      const double scale = (gamma.empty() ? 1.0 : gamma[k]) / std::sqrt(variance[k] + problem_.eps);
      scale_[k] = static_cast<float>(scale);
      shift_[k] = static_cast<float>((beta.empty() ? 0.0 : beta[k]) - mean[k] * scale);
    }
  }

  const Problem problem_;
  const Arguments arguments_;
  std::vector<float> scale_, shift_;
  View x_, y_, scale_view_, shift_view_;
};

// Whether a running statistic, which dlib updates before it writes y, lies over gamma or beta.
bool shares_memory(const Arguments& a) {
  const auto overlap = [](const normbench::Tensor& one, const normbench::Tensor& other) {
    const auto* first = static_cast<const char*>(one.data);
    const auto* second = static_cast<const char*>(other.data);
    return first < second + other.bytes() && second < first + one.bytes();
  };
  return overlap(a.running_mean, a.gamma) || overlap(a.running_mean, a.beta) ||
         overlap(a.running_var, a.gamma) || overlap(a.running_var, a.beta);
}

// Training on one mini-batch, as by bn_.
class Training {
 public:
  Training(const Problem& problem, const Arguments& arguments)
      : problem_(problem),
        arguments_(arguments),
        own_gamma_(static_cast<std::size_t>(problem.c), 1.0F),
        own_beta_(own_gamma_.size()),
        copies_(problem.affine && shares_memory(arguments)),
        x_(view(arguments.x)),
        gamma_(problem.affine && !copies_ ? view(arguments.gamma) : view(own_gamma_)),
        beta_(problem.affine && !copies_ ? view(arguments.beta) : view(own_beta_)),
        y_(arguments.y),
        mean_(arguments.mean),
        rstd_(arguments.rstd),
        running_mean_(arguments.running_mean),
        running_var_(arguments.running_var) {}

  void run() {
    if (copies_) {
      std::ranges::copy(arguments_.gamma.as<float>(), own_gamma_.begin());
      std::ranges::copy(arguments_.beta.as<float>(), own_beta_.begin());
    }
    const auto normalize =
        problem_.l == 1 ? dlib::tt::batch_normalize : dlib::tt::batch_normalize_conv;
    normalize(problem_.eps, y_, mean_, rstd_, problem_.momentum, running_mean_, running_var_, x_,
              gamma_, beta_);
    // dlib then swaps the memory of the running mean for a copy of the mean.
    if (problem_.momentum == 1) {
      std::memcpy(arguments_.running_mean.data, arguments_.mean.data, arguments_.mean.bytes());
    }
  }

  void collect() {
    const auto rstd = arguments_.rstd.as<float>();
    const auto variance = arguments_.variance.as<float>();
    for (std::size_t k = 0; k < rstd.size(); ++k) {
      variance[k] = static_cast<float>(1 / std::pow(rstd[k], 2.0) - problem_.eps);
    }
  }

 private:
  const Problem problem_;
  const Arguments arguments_;
  std::vector<float> own_gamma_, own_beta_;  // where there are none, or copies
  bool copies_;
  View x_, gamma_, beta_;
  Result y_, mean_, rstd_, running_mean_, running_var_;
};

// The gradient of one mini-batch, as by bn_.
class Gradient {
 public:
  Gradient(const Problem& problem, const Arguments& arguments)
      : problem_(problem),
        arguments_(arguments),
        ones_(static_cast<std::size_t>(problem.c), 1.0F),
        unused_dgamma_(ones_.size()),
        unused_dbeta_(ones_.size()),
        x_(view(arguments.x)),
        dy_(view(arguments.dy)),
        dx_(view(arguments.dx)),
        mean_(view(arguments.mean)),
        rstd_(view(arguments.rstd)),
        gamma_(problem.affine ? view(arguments.gamma) : view(ones_)),
        dgamma_(problem.affine ? view(arguments.dgamma) : view(unused_dgamma_)),
        dbeta_(problem.affine ? view(arguments.dbeta) : view(unused_dbeta_)) {}

  void run() {
    std::memset(arguments_.dx.data, 0, arguments_.dx.bytes());
    const auto gradient = problem_.l == 1 ? dlib::tt::batch_normalize_gradient
                                          : dlib::tt::batch_normalize_conv_gradient;
    gradient(problem_.eps, dy_, mean_, rstd_, x_, gamma_, dx_, dgamma_, dbeta_);
  }

 private:
  const Problem problem_;
  const Arguments arguments_;
  std::vector<float> ones_, unused_dgamma_, unused_dbeta_;
  View x_, dy_, dx_, mean_, rstd_, gamma_, dgamma_, dbeta_;
};

template <class Part>
class DlibKernel : public Kernel {
 public:
  DlibKernel(const Problem& problem, const Arguments& arguments) : is_matrix_(problem.l == 1) {
    for (std::int64_t i = 0; i < problem.mini_batches(); ++i) {
      parts_.push_back(
          std::make_unique<Part>(problem, normbench::mini_batch(problem, arguments, i)));
    }
  }

  void run() override {
    for (const auto& part : parts_) part->run();
  }

  void collect() override {
    if constexpr (std::is_same_v<Part, Training>) {
      for (const auto& part : parts_) part->collect();
    }
  }

  std::string detail() const override {
    return is_matrix_ ? "1 thread, as after fc" : "1 thread, as after con";
  }

 private:
  bool is_matrix_;
  std::vector<std::unique_ptr<Part>> parts_;
};

class Dlib : public Backend {
 public:
  std::string_view name() const override { return "dlib"; }
  // The library refuses to be loaded by a program that was compiled with another version.
  std::string version() const override {
    return std::to_string(DLIB_MAJOR_VERSION) + "." + std::to_string(DLIB_MINOR_VERSION) + "." +
           std::to_string(DLIB_PATCH_VERSION);
  }

  Support supports(const Problem& p) const override {
    if (Support support = Support::if_valid(p); !support.supported) return support;
    if (p.norm == Norm::kLayer) {
      return Support::no("dlib's layer normalization has no gamma per value");
    }
    if (p.norm != Norm::kBatch) {
      return Support::no("dlib has no such normalization: only batch normalization");
    }
    if (p.dtype != DType::kF32) return Support::no("dlib computes in f32");
    if (p.layout == Layout::kNlc && p.l != 1 && p.c != 1) {
      return Support::no("dlib's tensors are ncl");
    }
    if (p.pass == Pass::kForwardTraining && (p.momentum < 0 || p.momentum > 1)) {
      return Support::no("dlib's averaging factor, the momentum, is from 0 to 1");
    }
    if (p.pass == Pass::kBackwardInference) {
      return Support::no("dlib has no gradient of batch normalization with fixed statistics");
    }
    if (p.pass != Pass::kForwardInference && p.batch == 1) {
      return Support::no("dlib's batch normalization needs two samples in a mini-batch");
    }
    return Support::yes();
  }

  // Each value is added to one float per channel. Inference has no sums. Training multiplies by
  // 1 / n, which is one rounding more.
  Accuracy accuracy(const Problem& p) const override {
    if (p.pass == Pass::kForwardInference) return Accuracy::in_double().folded();
    if (p.backward()) return Accuracy::sequential(p.longest_sum());
    const Accuracy sums = Accuracy::sequential(p.longest_sum() + 1).rounded_sums();
    return sums.by_moments().variance_from_rstd();
  }

  std::unique_ptr<Kernel> prepare(const Problem& p, const Arguments& arguments,
                                  int /*threads*/) const override {
    if (p.elements() == 0) return std::make_unique<normbench::EmptyKernel>(arguments);
    if (p.backward()) return std::make_unique<DlibKernel<Gradient>>(p, arguments);
    if (p.pass == Pass::kForwardTraining) {
      return std::make_unique<DlibKernel<Training>>(p, arguments);
    }
    return std::make_unique<DlibKernel<Inference>>(p, arguments);
  }
};

}  // namespace

std::unique_ptr<Backend> make_dlib() { return std::make_unique<Dlib>(); }
