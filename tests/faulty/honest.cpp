// The honest steps, and the backend that takes them one after the other.
#include "tests/faulty/honest.h"

#include <cmath>
#include <utility>

namespace normbench::faulty {
namespace {

float value_or(const Tensor& vector, std::int64_t k, float otherwise) {
  return vector.present() ? vector.as<float>()[static_cast<std::size_t>(k)] : otherwise;
}

void store(const Tensor& vector, std::int64_t k, double value) {
  vector.as<float>()[static_cast<std::size_t>(k)] = static_cast<float>(value);
}

// Calls visit(index within the channel, element) for every value of channel k, in the order of
// channel_of().
template <class Visit>
void for_channel(const Problem& p, std::int64_t k, Visit visit) {
  std::size_t at = 0;
  for (std::int64_t i = 0; i < p.batch; ++i) {
    for (std::int64_t j = 0; j < p.l; ++j) visit(at++, Element{i, k, j});
  }
}

void store_large(const Problem& p, const Tensor& tensor, const Steps& steps, Element element,
                 float value) {
  const std::ptrdiff_t place = steps.place(p, element);
  // Not through a span: faulty places lie outside of it.
  if (place != kNowhere) static_cast<float*>(tensor.data)[place] = value;
}

void forward(const Problem& p, const Arguments& a, const Steps& steps) {
  const auto count = static_cast<double>(p.values_per_channel());
  const bool training = p.pass == Pass::kForwardTraining;
  for (std::int64_t k = 0; k < p.c; ++k) {
    const std::vector<float> x = channel_of(p, a.x, k);
    const Statistic due =
        training ? steps.statistic(x)
                 : Statistic{value_or(a.running_mean, k, 0), value_or(a.running_var, k, 1)};
    const Statistic used = steps.statistic_of_y(p, a, k, due);
    const auto mean = static_cast<float>(used.mean);
    const auto rstd = static_cast<float>(steps.rstd(used.variance, p.eps));
    const float gamma = value_or(a.gamma, k, 1);
    const float beta = value_or(a.beta, k, 0);
    for_channel(p, k, [&](std::size_t at, Element element) {
      store_large(p, a.y, steps, element, steps.y(x[at], mean, rstd, gamma, beta));
    });
    if (!training) continue;
    store(a.mean, k, due.mean);
    store(a.variance, k, steps.saved_variance(due.variance, count));
    store(a.rstd, k, steps.rstd(due.variance, p.eps));
    const double unbiased = steps.running_variance(due.variance, count);
    store(a.running_mean, k, steps.update(value_or(a.running_mean, k, 0), due.mean, p.momentum));
    store(a.running_var, k, steps.update(value_or(a.running_var, k, 1), unbiased, p.momentum));
  }
}

void backward(const Problem& p, const Arguments& a, const Steps& steps) {
  const auto count = static_cast<double>(p.values_per_channel());
  const bool training = p.pass == Pass::kBackward;
  for (std::int64_t k = 0; k < p.c; ++k) {
    const float mean = value_or(training ? a.mean : a.running_mean, k, 0);
    const float rstd = training
                           ? value_or(a.rstd, k, 1)
                           : static_cast<float>(steps.rstd(value_or(a.running_var, k, 1), p.eps));
    const std::vector<float> dy = channel_of(p, a.dy, k);
    std::vector<float> xh = channel_of(p, a.x, k);
    for (float& value : xh) value = steps.xh(value, mean, rstd);
    const Sums sums = steps.sums(dy, xh);
    InputGradient terms{.gamma = value_or(a.gamma, k, 1),
                        .rstd = rstd,
                        .dy = 0,
                        .xh = 0,
                        .mean_dy = 0,
                        .mean_dy_xh = 0};
    // In inference the statistics do not depend on x, and nothing flows back through them.
    if (training) {
      terms.mean_dy = static_cast<float>(sums.dy / count);
      terms.mean_dy_xh = static_cast<float>(sums.dy_xh / count);
    }
    for_channel(p, k, [&](std::size_t at, Element element) {
      terms.dy = dy[at];
      terms.xh = xh[at];
      store_large(p, a.dx, steps, element, steps.dx(terms));
    });
    if (!p.affine) continue;
    store(a.dgamma, k, sums.dy_xh);
    store(a.dbeta, k, sums.dy);
  }
}

class BehavingKernel : public Kernel {
 public:
  BehavingKernel(const Problem& problem, const Arguments& arguments, Behavior behavior)
      : problem_(problem), arguments_(arguments), behavior_(std::move(behavior)) {
    behavior_.prepare(work());
  }
  void load() override { behavior_.load(work()); }
  void run() override {
    ++call_;
    behavior_.run(work());
  }
  void collect() override { behavior_.collect(work()); }

 private:
  Work work() { return {problem_, arguments_, behavior_.steps, call_, memory_}; }

  Problem problem_;
  Arguments arguments_;
  Behavior behavior_;
  int call_ = 0;
  std::vector<float> memory_;
};

class BehavingBackend : public Backend {
 public:
  BehavingBackend(std::string_view name, Behavior behavior)
      : name_(name), behavior_(std::move(behavior)) {}

  std::string_view name() const override { return name_; }
  std::string version() const override { return "1"; }
  Support supports(const Problem& problem) const override {
    if (problem.norm != Norm::kBatch) return Support::no("only batch norm is implemented");
    if (problem.dtype != DType::kF32) return Support::no("only f32 is implemented");
    return Support::yes();
  }
  Accuracy accuracy(const Problem&) const override { return behavior_.claim; }
  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int) const override {
    if (!behavior_.prepares_a_kernel) return nullptr;
    return std::make_unique<BehavingKernel>(problem, arguments, behavior_);
  }

 private:
  std::string name_;
  Behavior behavior_;
};

}  // namespace

Statistic two_pass(std::span<const float> values) {
  const auto count = static_cast<double>(values.size());
  double sum = 0;
  for (const float value : values) sum += value;
  const double mean = sum / count;
  double squares = 0;
  for (const float value : values) squares += (value - mean) * (value - mean);
  return {mean, squares / count};
}

Sums sums_in_double(std::span<const float> dy, std::span<const float> xh) {
  Sums sums;
  for (std::size_t at = 0; at < dy.size(); ++at) {
    sums.dy += dy[at];
    sums.dy_xh += static_cast<double>(dy[at]) * xh[at];
  }
  return sums;
}

std::ptrdiff_t position(const Problem& p, Element element) {
  const auto [i, k, j] = element;
  return p.layout == Layout::kNcl ? (i * p.c + k) * p.l + j : (i * p.l + j) * p.c + k;
}

std::vector<float> channel_of(const Problem& p, const Tensor& tensor, std::int64_t k) {
  std::vector<float> values(static_cast<std::size_t>(p.values_per_channel()));
  const auto* data = static_cast<const float*>(tensor.data);
  for_channel(p, k,
              [&](std::size_t at, Element element) { values[at] = data[position(p, element)]; });
  return values;
}

Steps::Steps()
    : rstd([](double variance, double eps) { return 1 / std::sqrt(variance + eps); }),
      y([](float x, float mean, float rstd, float gamma, float beta) {
        return (x - mean) * rstd * gamma + beta;
      }),
      saved_variance([](double variance, double) { return variance; }),
      running_variance([](double variance, double n) { return variance * n / (n - 1); }),
      update([](double running, double statistic, double momentum) {
        return (1 - momentum) * running + momentum * statistic;
      }),
      xh([](float x, float mean, float rstd) { return (x - mean) * rstd; }),
      dx([](const InputGradient& t) {
        return t.gamma * t.rstd * (t.dy - t.mean_dy - t.xh * t.mean_dy_xh);
      }) {}

void normalize(const Problem& problem, const Arguments& arguments, const Steps& steps) {
  for (std::int64_t index = 0; index < problem.mini_batches(); ++index) {
    const Arguments part = mini_batch(problem, arguments, index);
    if (problem.backward()) {
      backward(problem, part, steps);
    } else {
      forward(problem, part, steps);
    }
  }
}

std::unique_ptr<Backend> make_backend(std::string_view name, const Behavior& behavior) {
  return std::make_unique<BehavingBackend>(name, behavior);
}

}  // namespace normbench::faulty
