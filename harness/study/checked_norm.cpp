// Copies of what goes in, the module, and the oracle on what comes out.
#include "harness/study/checked_norm.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/check/large_output.h"
#include "harness/check/oracle.h"
#include "harness/check/saved_statistics.h"

namespace normbench::study {
namespace {

const Backend* backend_named(std::string_view name) {
  for (const auto& backend : backends()) {
    if (backend->name() == name) return backend.get();
  }
  return nullptr;  // BatchNorm1d has refused it before
}

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

}  // namespace

CheckedBatchNorm::CheckedBatchNorm(std::int64_t channels, const nn::BatchNormOptions& options,
                                   const nn::On& on)
    : norm(channels, options, on), backend_(backend_named(on.backend)) {}

Problem CheckedBatchNorm::problem(const nn::Array& x, Pass pass) const {
  const nn::Sizes& sizes = x.sizes();
  return {.norm = Norm::kBatch,
          .pass = pass,
          .n = sizes[0],
          .c = sizes[1],
          .l = sizes.size() == 3 ? sizes[2] : 1,
          .batch = sizes[0],
          .eps = norm.eps,
          .momentum = norm.momentum.value_or(kDefaultMomentum)};
}

void CheckedBatchNorm::see(double got, double expected, double bound) {
  const double error = std::abs(got - expected);
  const double ratio = error == 0 ? 0 : error / bound;
  worst_ = std::max(worst_, std::isnan(ratio) ? std::numeric_limits<double>::infinity() : ratio);
}

const nn::Array& CheckedBatchNorm::run_forward(const nn::Array& x) {
  if (!training()) return norm.forward(x);
  const Problem p = problem(x, Pass::kForwardTraining);
  nn::Array mean = *norm.running_mean, variance = *norm.running_var;  // as they are before
  Arguments a;
  a.x = x.tensor(p.n, p.c, p.l);
  a.gamma = norm.weight->tensor(1, p.c, 1);
  a.beta = norm.bias->tensor(1, p.c, 1);
  a.running_mean = mean.tensor(1, p.c, 1);
  a.running_var = variance.tensor(1, p.c, 1);
  const Oracle oracle(p, a, false);
  const nn::Array& y = norm.forward(x);
  const Accuracy accuracy = backend_->accuracy(p);
  std::vector<double> values(index(p.elements())), bounds(values.size());
  LargeOutput(oracle, accuracy).expect(0, p.elements(), values.data(), bounds.data());
  for (std::int64_t at = 0; at < y.size(); ++at) {
    see(y.get(at), values[index(at)], bounds[index(at)]);
  }
  for (std::int64_t k = 0; k < p.c; ++k) {
    const Expected running_mean = oracle.running_mean(index(k), accuracy, 1);
    const Expected running_var = oracle.running_var(index(k), accuracy, 1);
    see(norm.running_mean->get(k), running_mean.value, running_mean.bound);
    see(norm.running_var->get(k), running_var.value, running_var.bound);
  }
  return y;
}

const nn::Array& CheckedBatchNorm::run_backward(const nn::Array& x, const nn::Array& dy) {
  const nn::Array& dx = norm.backward(dy);
  const Problem p = problem(x, Pass::kBackward);
  Problem forward = p;
  forward.pass = Pass::kForwardTraining;
  nn::Array mean({1, p.c}), variance({1, p.c}), rstd({1, p.c});
  Arguments a;
  a.x = x.tensor(p.n, p.c, p.l);
  a.dy = dy.tensor(p.n, p.c, p.l);
  a.gamma = norm.weight->tensor(1, p.c, 1);
  a.mean = mean.tensor(1, p.c, 1);
  a.variance = variance.tensor(1, p.c, 1);
  a.rstd = rstd.tensor(1, p.c, 1);
  const Oracle oracle(p, a, false);
  const Accuracy accuracy = backend_->accuracy(p);
  // The backend has the statistics that its own forward pass saved.
  const SavedStatistics saved(p, a, backend_->accuracy(forward), false);
  std::vector<double> values(index(p.elements())), bounds(values.size());
  LargeOutput(oracle, accuracy).expect(0, p.elements(), values.data(), bounds.data());
  for (std::int64_t at = 0; at < dx.size(); ++at) {
    see(dx.get(at), values[index(at)], bounds[index(at)] + saved.dx_errors()[index(at)]);
  }
  for (const nn::Slot& slot : norm.parameters()) {
    const bool is_weight = slot.name == "weight";
    for (std::int64_t k = 0; k < p.c; ++k) {
      const Expected expected =
          is_weight ? oracle.dgamma(index(k), accuracy) : oracle.dbeta(index(k), accuracy);
      see(slot.gradient->get(k), expected.value,
          expected.bound + (is_weight ? saved.dgamma_errors()[index(k)] : 0));
    }
  }
  return dx;
}

}  // namespace normbench::study
