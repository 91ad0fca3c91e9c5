// One step against the oracle, with the state that each side had before it.
#include "tests/conformance/history_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "harness/check/oracle.h"
#include "harness/check/saved_statistics.h"
#include "harness/check/workspace.h"
#include "tests/conformance/agreement.h"

namespace normbench::conformance {
namespace {

void put(const Tensor& tensor, const std::vector<double>& values) {
  if (!tensor.present() || values.empty()) return;
  ASSERT_EQ(static_cast<std::int64_t>(values.size()), tensor.size());
  with_storage(tensor.dtype, [&]<class T>(T) {
    for (std::size_t at = 0; at < values.size(); ++at) tensor.as<T>()[at] = T(values[at]);
  });
}

void put(const Tensor& tensor, const nn::Array& array) {
  ASSERT_EQ(tensor.bytes(), array.bytes().size());
  std::memcpy(tensor.data, array.bytes().data(), tensor.bytes());
}

// The inputs of a problem in a workspace. What the module has not is as if it were not.
Workspace inputs_of(const Problem& problem, const nn::Array& x, const Vectors& before) {
  Workspace workspace(problem);
  const Arguments& a = workspace.arguments();
  const auto channels = static_cast<std::size_t>(problem.c);
  put(a.x, x);
  put(a.gamma, before.gamma);
  put(a.beta, before.beta);
  put(a.running_mean, std::vector<double>(channels, 0));
  put(a.running_var, std::vector<double>(channels, 1));
  put(a.running_mean, before.running_mean);
  put(a.running_var, before.running_var);
  return workspace;
}

double unit_of(const Problem& problem) { return problem.dtype == DType::kF64 ? 0x1p-53 : 0x1p-24; }

}  // namespace

void expect_right(const Problem& forward, const nn::Array& x, const nn::Array& dy,
                  const Vectors& before, const Outcomes& left, const Claims& claims) {
  {
    const Workspace workspace = inputs_of(forward, x, before);
    const Oracle oracle(forward, workspace.arguments(), false);
    put(workspace.arguments().y, left.y);
    for (const Output& output : outputs_of(workspace, oracle, claims.forward)) {
      if (output.name == "y") expect_within_bounds(output);
    }
  }
  Problem backward = forward;
  backward.pass =
      forward.pass == Pass::kForwardTraining ? Pass::kBackward : Pass::kBackwardInference;
  const Workspace workspace = inputs_of(backward, x, before);
  const Arguments& a = workspace.arguments();
  put(a.dy, dy);
  const Oracle oracle(backward, a, false);
  put(a.dx, left.dx);
  put(a.dgamma, left.dgamma);
  put(a.dbeta, left.dbeta);
  std::vector<Output> outputs = outputs_of(workspace, oracle, claims.backward);
  for (Output& output : outputs) {
    if (backward.pass == Pass::kBackward) {
      const SavedStatistics saved(backward, a, claims.forward, false);
      const auto widen = [&](const std::vector<double>& errors) {
        for (std::size_t at = 0; at < errors.size(); ++at) output.expected[at].bound += errors[at];
      };
      if (output.name == "dx") widen(saved.dx_errors());
      if (output.name == "dgamma") widen(saved.dgamma_errors());
    }
    expect_within_bounds(output);
  }
}

RunningPair running_of_batch(const Problem& forward, const nn::Array& x, const Vectors& before,
                             const Accuracy& accuracy, bool in_two_steps) {
  const Workspace workspace = inputs_of(forward, x, before);
  const Oracle oracle(forward, workspace.arguments(), false);
  const double m = std::abs(forward.momentum);
  RunningPair pair;
  const auto add = [&](Running& running, const Expected& expected, const Expected& whole) {
    const double more = in_two_steps ? 3 * unit_of(forward) * m * std::abs(whole.value) : 0;
    running.value.push_back(expected.value);
    running.bound.push_back(expected.bound + more);
  };
  for (std::size_t k = 0; k < static_cast<std::size_t>(forward.c); ++k) {
    const auto n = static_cast<double>(forward.values_per_channel());
    Expected variance = oracle.variance(k, accuracy);
    variance.value *= n / (n - 1);
    add(pair.mean, oracle.running_mean(k, accuracy, 1), oracle.mean(k, accuracy));
    add(pair.var, oracle.running_var(k, accuracy, 1), variance);
  }
  return pair;
}

// Each sample has an update of its own, as in running_of_batch(), with 3u of what it keeps and of
// what it adds; the mean over n of them is a sum of n with n roundings, and a division.
RunningPair running_of_instances(const Problem& forward, const nn::Array& x, const Vectors& before,
                                 const Accuracy& accuracy) {
  const Workspace workspace = inputs_of(forward, x, before);
  const Oracle oracle(forward, workspace.arguments(), false);
  const double m = forward.momentum;
  const double u = unit_of(forward);
  const auto n = static_cast<double>(forward.n);
  const auto l = static_cast<double>(forward.l);
  RunningPair pair;
  const auto add = [&](Running& running, double old, double factor, auto statistic) {
    double sum = 0;
    double size = 0;
    double error = 0;
    for (std::int64_t i = 0; i < forward.n; ++i) {
      const Expected each = statistic(i);
      sum += factor * each.value / n;
      size += factor * std::abs(each.value) / n;
      error += factor * each.bound / n;
    }
    const double kept = (1 - m) * old;
    running.value.push_back(kept + m * sum);
    running.bound.push_back(std::abs(m) * (error + 2 * u * size) +
                            (3 + n + 1) * u *
                                (std::abs(kept) + std::abs(m) * size + std::abs(m * old)));
  };
  for (std::int64_t k = 0; k < forward.c; ++k) {
    const auto at = static_cast<std::size_t>(k);
    const auto place = [&](std::int64_t i) { return static_cast<std::size_t>(i * forward.c + k); };
    add(pair.mean, before.running_mean[at], 1,
        [&](std::int64_t i) { return oracle.mean(place(i), accuracy); });
    add(pair.var, before.running_var[at], l / (l - 1),
        [&](std::int64_t i) { return oracle.variance(place(i), accuracy); });
  }
  return pair;
}

void expect_within(const std::string& what, const std::vector<double>& got,
                   const Running& expected) {
  ASSERT_EQ(got.size(), expected.value.size()) << what;
  for (std::size_t k = 0; k < got.size(); ++k) {
    EXPECT_LE(std::abs(got[k] - expected.value[k]), expected.bound[k]) << what << " " << k;
  }
}

void Apart::step(double momentum, const Running& one, const Running& other) {
  for (std::size_t k = 0; k < bound_.size(); ++k) {
    bound_[k] = std::abs(1 - momentum) * bound_[k] + one.bound[k] + other.bound[k];
  }
}

void Apart::expect(const std::string& what, const std::vector<double>& one,
                   const std::vector<double>& other) const {
  ASSERT_EQ(one.size(), other.size()) << what;
  for (std::size_t k = 0; k < one.size(); ++k) {
    EXPECT_LE(std::abs(one[k] - other[k]), bound_[k]) << what << " " << k;
  }
}

}  // namespace normbench::conformance
