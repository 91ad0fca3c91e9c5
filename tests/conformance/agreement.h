// Whether torch::nn, the oracle and the backends of the build agree about a problem.
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "harness/check/oracle.h"
#include "harness/check/workspace.h"
#include "tests/conformance/torch_side.h"

namespace normbench::conformance {

// One buffer after a run, in the order of memory: what is there and what is expected.
struct Output {
  std::string_view name;
  std::vector<double> got;
  std::vector<Expected> expected;
};

std::vector<double> values_of(const Tensor& tensor);

// What an implementation of this accuracy wrote into the workspace, beside what `oracle` expects.
std::vector<Output> outputs_of(const Workspace& workspace, const Oracle& oracle,
                               const Accuracy& accuracy);

// The same of torch, without what it does not fill. The statistics that autograd saves are torch's
// own, while those that backends are given are exact: the bounds of dx and dgamma are wider by
// that.
std::vector<Output> outputs_of_torch(const Spelled& spelled, const Workspace& workspace,
                                     const Oracle& oracle, bool exact);

// Fails the present test where a value is further from the expected one than its bound.
void expect_within_bounds(const Output& output);

// Fails the present test where two values are further apart than the sum of their bounds.
void expect_agreement(const Output& torch, const Output& backend);

// All of it: torch against the oracle and every backend that supports the problem against torch, on
// every kind of input, with one thread and with two.
void expect_conformance(const Spelled& spelled);

// "batch_backward_n4_c5_l3", with what is unusual about the spelling.
std::string test_name(const Spelled& spelled);

// GoogleTest would print bytes.
inline void PrintTo(const Spelled& spelled, std::ostream* out) { *out << test_name(spelled); }

}  // namespace normbench::conformance
