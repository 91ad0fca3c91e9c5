// Comparisons with bounds on both sides.
#include "tests/conformance/agreement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>

#include "harness/check/check.h"
#include "harness/check/inputs.h"
#include "harness/check/known_defects.h"
#include "harness/check/large_output.h"
#include "harness/check/saved_statistics.h"
#include "tests/faulty/problems.h"

namespace normbench::conformance {
namespace {

constexpr std::uint64_t kSeed = 1;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

std::vector<Expected> of_every_element(const Problem& p, const LargeOutput& output) {
  std::vector<double> values(index(p.elements()));
  std::vector<double> bounds(values.size());
  output.expect(0, p.elements(), values.data(), bounds.data());
  std::vector<Expected> all;
  for (std::size_t at = 0; at < values.size(); ++at) all.push_back({values[at], bounds[at]});
  return all;
}

template <class Expect>
std::vector<Expected> of_every(const Tensor& tensor, Expect expect) {
  std::vector<Expected> all;
  for (std::size_t at = 0; at < index(tensor.size()); ++at) all.push_back(expect(at));
  return all;
}

std::vector<Expected> expectations(const Problem& p, std::string_view name, const Tensor& tensor,
                                   const Oracle& oracle, const Accuracy& accuracy) {
  const auto small = [&](auto member) {
    return of_every(tensor, [&](std::size_t at) { return (oracle.*member)(at, accuracy); });
  };
  const auto running = [&](auto member) {
    return of_every(tensor, [&](std::size_t at) { return (oracle.*member)(at, accuracy, 1); });
  };
  if (name == "mean") return small(&Oracle::mean);
  if (name == "variance") return small(&Oracle::variance);
  if (name == "rstd") return small(&Oracle::rstd);
  if (name == "dgamma") return small(&Oracle::dgamma);
  if (name == "dbeta") return small(&Oracle::dbeta);
  if (name == "running_mean") return running(&Oracle::running_mean);
  if (name == "running_var") return running(&Oracle::running_var);
  return of_every_element(p, LargeOutput(oracle, accuracy));
}

// The element at which `excess`, the error divided by what is accepted, is largest.
struct Worst {
  double excess = 0;
  std::size_t at = 0;

  // NaN is an agreement where both are NaN; infinities are, where they are equal. Where nothing is
  // known of a value everything is: of a variance that cancels, it may be NaN.
  void see(std::size_t place, double got, double want, double accepted) {
    if (accepted > kLargestBound) return;
    if (got == want || (std::isnan(got) && std::isnan(want))) return;
    const double difference = std::abs(got - want);
    const double ratio =
        difference <= accepted ? difference / accepted : std::max(1.01, difference / accepted);
    if (ratio > excess) {
      excess = ratio;
      at = place;
    }
  }
};

// What one side wrote and must have written, for the comparison with the other.
struct Side {
  Side(const Problem& problem, InputKind kind)
      : workspace(problem, kSeed), exact(kind == InputKind::kExact) {
    fill(workspace, kind, kSeed + static_cast<std::uint64_t>(kind));
    oracle = std::make_unique<Oracle>(problem, workspace.arguments(), exact);
  }
  Workspace workspace;
  bool exact;
  std::unique_ptr<Oracle> oracle;
};

std::vector<Output> run_backend(const Backend& backend, const Problem& problem, InputKind kind,
                                int threads) {
  Side side(problem, kind);
  const auto kernel = backend.prepare(problem, side.workspace.arguments(), threads);
  kernel->load();
  kernel->run();
  kernel->collect();
  return outputs_of(side.workspace, *side.oracle, backend.accuracy(problem));
}

void expect_backends_to_agree(const Problem& problem, InputKind kind, int threads,
                              const std::vector<Output>& torch) {
  for (const auto& backend : backends()) {
    if (!backend->supports(problem).supported) continue;
    // impls_test holds the list of known defects against the oracle.
    if (known_defect(backend->name(), backend->version(), problem) != nullptr) continue;
    SCOPED_TRACE(std::string(backend->name()) + " against torch");
    const auto outputs = run_backend(*backend, problem, kind, threads);
    for (const Output& mine : torch) {
      const auto theirs = std::find_if(outputs.begin(), outputs.end(), [&](const Output& output) {
        return output.name == mine.name;
      });
      ASSERT_NE(theirs, outputs.end()) << mine.name;
      expect_agreement(mine, *theirs);
    }
  }
}

}  // namespace

std::vector<double> values_of(const Tensor& tensor) {
  return with_storage(tensor.dtype, [&]<class T>(T) {
    std::vector<double> all;
    for (const T& value : tensor.as<T>()) all.push_back(static_cast<double>(value));
    return all;
  });
}

std::vector<Output> outputs_of(const Workspace& workspace, const Oracle& oracle,
                               const Accuracy& accuracy) {
  std::vector<Output> all;
  for (const BufferSpec& spec : buffer_specs(workspace.problem())) {
    if (spec.role != Role::kOutput && spec.role != Role::kUpdated) continue;
    const Tensor& tensor = workspace.arguments().*spec.member;
    all.push_back({spec.name, values_of(tensor),
                   expectations(workspace.problem(), spec.name, tensor, oracle, accuracy)});
  }
  return all;
}

std::vector<Output> outputs_of_torch(const Spelled& spelled, const Workspace& workspace,
                                     const Oracle& oracle, bool exact) {
  std::vector<Output> all = outputs_of(workspace, oracle, torch_accuracy(spelled));
  std::erase_if(all, [&](const Output& output) { return !torch_fills(spelled, output.name); });
  if (spelled.problem.pass != Pass::kBackward) return all;
  Spelled forward = spelled;
  forward.problem.pass = Pass::kForwardTraining;
  const SavedStatistics saved(spelled.problem, workspace.arguments(), torch_accuracy(forward),
                              exact);
  for (Output& output : all) {
    const auto widen = [&](const std::vector<double>& errors) {
      for (std::size_t at = 0; at < errors.size(); ++at) output.expected[at].bound += errors[at];
    };
    if (output.name == "dx") widen(saved.dx_errors());
    if (output.name == "dgamma") widen(saved.dgamma_errors());
  }
  return all;
}

void expect_within_bounds(const Output& output) {
  Worst worst;
  for (std::size_t at = 0; at < output.got.size(); ++at) {
    worst.see(at, output.got[at], output.expected[at].value, output.expected[at].bound);
  }
  EXPECT_LE(worst.excess, 1) << output.name << "[" << worst.at << "] is " << output.got[worst.at]
                             << ", expected " << output.expected[worst.at].value << " +- "
                             << output.expected[worst.at].bound;
}

void expect_agreement(const Output& torch, const Output& backend) {
  Worst worst;
  for (std::size_t at = 0; at < torch.got.size(); ++at) {
    worst.see(at, backend.got[at], torch.got[at],
              torch.expected[at].bound + backend.expected[at].bound);
  }
  EXPECT_LE(worst.excess, 1) << torch.name << "[" << worst.at << "] is " << backend.got[worst.at]
                             << " +- " << backend.expected[worst.at].bound << ", that of torch "
                             << torch.got[worst.at] << " +- " << torch.expected[worst.at].bound;
}

void expect_conformance(const Spelled& spelled) {
  const Problem& problem = spelled.problem;
  ASSERT_EQ(invalid(problem), std::nullopt);
  for (const InputKind kind : kInputKinds) {
    for (const int threads : {1, 2}) {
      // More threads are tried on what they may share differently.
      if (threads > 1 && (!problem.affine || problem.momentum != kDefaultMomentum)) continue;
      SCOPED_TRACE(std::string(name(kind)) + " input, threads " + std::to_string(threads));
      Side side(problem, kind);
      run_torch(spelled, side.workspace.arguments(), threads);
      EXPECT_EQ(side.workspace.damage(), std::nullopt);
      const auto outputs = outputs_of_torch(spelled, side.workspace, *side.oracle, side.exact);
      for (const Output& output : outputs) expect_within_bounds(output);
      expect_backends_to_agree(problem, kind, threads, outputs);
    }
  }
}

std::string test_name(const Spelled& spelled) {
  std::string text = faulty::test_name(id(spelled.problem));
  const bool is_usual = spelled.positions == Spelled(spelled.problem).positions;
  for (const std::int64_t size : spelled.positions) {
    if (!is_usual) text.append("_").append(std::to_string(size));
  }
  if (spelled.unbatched) text += "_unbatched";
  if (!spelled.tracked) text += "_untracked";
  return text;
}

}  // namespace normbench::conformance
