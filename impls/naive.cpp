// The formulas, as a textbook has them: one thread, one loop after the other, sums in double.
#include <cmath>

#include "harness/core/backend.h"

namespace {

using normbench::Arguments;
using normbench::Backend;
using normbench::Kernel;
using normbench::Problem;
using normbench::Support;
using normbench::Tensor;

// Calls visit(position in memory) for every value of channel k.
template <class Visit>
void for_channel(const Problem& p, std::int64_t k, Visit visit) {
  for (std::int64_t i = 0; i < p.batch; ++i) {
    for (std::int64_t j = 0; j < p.l; ++j) {
      visit(static_cast<std::size_t>((i * p.c + k) * p.l + j));
    }
  }
}

float value_or(const Tensor& vector, std::size_t k, float otherwise) {
  return vector.present() ? vector.as<float>()[k] : otherwise;
}

// y = (x - mean) / sqrt(variance + eps) * gamma + beta
void normalize(const Problem& p, const Arguments& a, std::int64_t k, float mean, float rstd) {
  const auto x = a.x.as<float>();
  const auto y = a.y.as<float>();
  const auto at = static_cast<std::size_t>(k);
  const float gamma = value_or(a.gamma, at, 1.0F);
  const float beta = value_or(a.beta, at, 0.0F);
  for_channel(p, k, [&](std::size_t i) { y[i] = (x[i] - mean) * rstd * gamma + beta; });
}

void forward_training(const Problem& p, const Arguments& a) {
  const auto x = a.x.as<float>();
  const auto count = static_cast<double>(p.values_per_channel());
  for (std::int64_t k = 0; k < p.c; ++k) {
    const auto at = static_cast<std::size_t>(k);
    double sum = 0;
    for_channel(p, k, [&](std::size_t i) { sum += x[i]; });
    const double mean = sum / count;
    double squares = 0;
    for_channel(p, k, [&](std::size_t i) { squares += (x[i] - mean) * (x[i] - mean); });
    const double variance = squares / count;
    const double rstd = 1 / std::sqrt(variance + p.eps);
    normalize(p, a, k, static_cast<float>(mean), static_cast<float>(rstd));

    a.mean.as<float>()[at] = static_cast<float>(mean);
    a.variance.as<float>()[at] = static_cast<float>(variance);
    a.rstd.as<float>()[at] = static_cast<float>(rstd);
    const auto update = [&p](float& running, double statistic) {
      running = static_cast<float>((1 - p.momentum) * running + p.momentum * statistic);
    };
    update(a.running_mean.as<float>()[at], mean);
    update(a.running_var.as<float>()[at], squares / (count - 1));
  }
}

void forward_inference(const Problem& p, const Arguments& a) {
  for (std::int64_t k = 0; k < p.c; ++k) {
    const auto at = static_cast<std::size_t>(k);
    const double rstd = 1 / std::sqrt(a.running_var.as<float>()[at] + p.eps);
    normalize(p, a, k, a.running_mean.as<float>()[at], static_cast<float>(rstd));
  }
}

// With xh = (x - mean) * rstd and n values per channel:
// dbeta = sum dy, dgamma = sum dy * xh, dx = gamma * rstd * (dy - dbeta / n - xh * dgamma / n)
void backward(const Problem& p, const Arguments& a) {
  const auto x = a.x.as<float>();
  const auto dy = a.dy.as<float>();
  const auto dx = a.dx.as<float>();
  const auto count = static_cast<double>(p.values_per_channel());
  for (std::int64_t k = 0; k < p.c; ++k) {
    const auto at = static_cast<std::size_t>(k);
    const float mean = a.mean.as<float>()[at];
    const float rstd = a.rstd.as<float>()[at];
    double dbeta = 0;
    double dgamma = 0;
    for_channel(p, k, [&](std::size_t i) {
      dbeta += dy[i];
      dgamma += static_cast<double>(dy[i]) * ((x[i] - mean) * rstd);
    });
    const float scale = value_or(a.gamma, at, 1.0F) * rstd;
    const auto mean_dy = static_cast<float>(dbeta / count);
    const auto mean_dy_xh = static_cast<float>(dgamma / count);
    for_channel(p, k, [&](std::size_t i) {
      dx[i] = scale * (dy[i] - mean_dy - (x[i] - mean) * rstd * mean_dy_xh);
    });
    if (p.affine) {
      a.dgamma.as<float>()[at] = static_cast<float>(dgamma);
      a.dbeta.as<float>()[at] = static_cast<float>(dbeta);
    }
  }
}

class NaiveKernel : public Kernel {
 public:
  NaiveKernel(const Problem& problem, const Arguments& arguments)
      : problem_(problem), arguments_(arguments) {}

  void run() override {
    for (std::int64_t i = 0; i < problem_.mini_batches(); ++i) {
      const Arguments part = mini_batch(problem_, arguments_, i);
      switch (problem_.pass) {
        case normbench::Pass::kForwardTraining:
          forward_training(problem_, part);
          break;
        case normbench::Pass::kForwardInference:
          forward_inference(problem_, part);
          break;
        default:
          backward(problem_, part);
      }
    }
  }

  std::string detail() const override { return "1 thread"; }

 private:
  Problem problem_;
  Arguments arguments_;
};

class Naive : public Backend {
 public:
  std::string_view name() const override { return "naive"; }
  std::string version() const override { return "1"; }
  Support supports(const Problem& problem) const override {
    return normbench::batch_norm_f32_ncl(problem);
  }
  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int) const override {
    return std::make_unique<NaiveKernel>(problem, arguments);
  }
};

}  // namespace

std::unique_ptr<Backend> make_naive() { return std::make_unique<Naive>(); }
