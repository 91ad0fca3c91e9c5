// How sharp the check is: an error within the bound passes, and one of two bounds does not.
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "harness/check/check.h"
#include "tests/check/filled.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

constexpr Accuracy kClaim{};

// One output of one problem, and the expectation of its element at some place in memory.
struct Output {
  std::string name;
  Problem problem;
  Tensor Arguments::*tensor;
  Expected (*expected)(const Oracle&, const Problem&, std::int64_t at);
};

std::ostream& operator<<(std::ostream& out, const Output& output) {
  return out << output.name << " of " << id(output.problem);
}

template <auto kMember>
Expected large(const Oracle& oracle, const Problem& p, std::int64_t at) {
  const std::int64_t sample = at / (p.c * p.l);
  const std::int64_t rest = at % (p.c * p.l);
  const bool ncl = p.layout == Layout::kNcl;
  return (oracle.*kMember)(sample, ncl ? rest / p.l : rest % p.c, ncl ? rest % p.l : rest / p.c,
                           kClaim);
}

template <auto kMember>
Expected small(const Oracle& oracle, const Problem&, std::int64_t at) {
  return (oracle.*kMember)(static_cast<std::size_t>(at), kClaim);
}

template <auto kMember>
Expected running(const Oracle& oracle, const Problem&, std::int64_t at) {
  return (oracle.*kMember)(static_cast<std::size_t>(at), kClaim, 1);
}

std::vector<Output> all_outputs() {
  std::vector<Output> outputs;
  for (Problem p : faulty::all_small_problems()) {
    p.batch = 2;
    const std::vector<Output> candidates = {
        {"mean", p, &Arguments::mean, small<&Oracle::mean>},
        {"variance", p, &Arguments::variance, small<&Oracle::variance>},
        {"rstd", p, &Arguments::rstd, small<&Oracle::rstd>},
        {"running_mean", p, &Arguments::running_mean, running<&Oracle::running_mean>},
        {"running_var", p, &Arguments::running_var, running<&Oracle::running_var>},
        {"y", p, &Arguments::y, large<&Oracle::y>},
        {"dbeta", p, &Arguments::dbeta, small<&Oracle::dbeta>},
        {"dgamma", p, &Arguments::dgamma, small<&Oracle::dgamma>},
        {"dx", p, &Arguments::dx, large<&Oracle::dx>}};
    for (const BufferSpec& spec : buffer_specs(p)) {
      if (spec.role != Role::kOutput && spec.role != Role::kUpdated) continue;
      for (const Output& output : candidates) {
        if (output.name == spec.name) outputs.push_back(output);
      }
    }
  }
  return outputs;
}

class Bound : public testing::TestWithParam<Output> {
 protected:
  void SetUp() override {
    // A team of threads costs more than all that is done here.
    omp_set_num_threads(1);
    const Workspace workspace(problem());
    dtype_ = output_of(workspace).dtype;
    last_ = output_of(workspace).size() - 1;
  }
  static const Problem& problem() { return GetParam().problem; }
  static Tensor output_of(const Workspace& workspace) {
    return workspace.arguments().*GetParam().tensor;
  }
  bool is_stored_in_16_bits() const { return size_of(dtype_) == 2; }

  // What the check says about an honest result with `value(expected)` put at `at`.
  static Verdict verdict(InputKind kind, std::int64_t at,
                         const std::function<double(const Expected&)>& value) {
    const Workspace workspace = filled(problem(), kind, 7);
    const Oracle oracle(problem(), workspace.arguments(), kind == InputKind::kExact);
    faulty::normalize(problem(), workspace.arguments(), {});
    faulty::store(output_of(workspace), at, value(GetParam().expected(oracle, problem(), at)));
    return check_outputs(workspace, oracle, kClaim, 1);
  }

  DType dtype_ = DType::kF32;
  std::int64_t last_ = 0;
};

constexpr std::array<InputKind, 3> kKinds = {InputKind::kExact, InputKind::kRandom,
                                             InputKind::kIllConditioned};

// In 16 bits there may be no number between the expected value and its bound but its neighbor.
TEST_P(Bound, AcceptsHalfOfIt) {
  const double half = is_stored_in_16_bits() ? 0 : 0.5;
  for (const InputKind kind : kKinds) {
    for (const double part : {-half, half}) {
      const Verdict got = verdict(kind, last_, [part](const Expected& expected) {
        return expected.value + part * expected.bound;
      });
      EXPECT_TRUE(got.passed()) << name(kind) << " input: " << got.reason;
    }
  }
}

// The next number of the type, or one not far from it.
double neighbor(DType dtype, double value, double direction) {
  const double step = dtype == DType::kBf16  ? 0x1p-7
                      : dtype == DType::kF16 ? 0x1p-10
                      : dtype == DType::kF64 ? 0x1p-52
                                             : 0x1p-23;
  return value + direction * std::max(std::abs(value) * step, 0x1p-24);
}

// A number of 16 bits may lie half a bound nearer than what it stands for, and one of three bounds
// is further off than two.
TEST_P(Bound, RejectsTwiceIt) {
  const double twice = is_stored_in_16_bits() ? 3 : 2;
  for (const InputKind kind : kKinds) {
    for (const double direction : {-1, 1}) {
      const Verdict got = verdict(kind, last_, [&](const Expected& expected) {
        return expected.bound > 0 ? expected.value + direction * twice * expected.bound
                                  : neighbor(dtype_, expected.value, direction);
      });
      EXPECT_FALSE(got.passed()) << name(kind) << " input";
      EXPECT_EQ(got.output, GetParam().name) << name(kind) << " input";
      EXPECT_GT(got.error.bound, 1) << name(kind) << " input";
    }
  }
}

TEST_P(Bound, RejectsWhatIsNotANumber) {
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    for (const std::int64_t at : {std::int64_t{0}, last_}) {
      const Verdict got =
          verdict(InputKind::kRandom, at, [value](const Expected&) { return value; });
      EXPECT_FALSE(got.passed()) << value;
      EXPECT_EQ(got.output, GetParam().name) << value;
      EXPECT_TRUE(std::isinf(got.error.bound)) << got.error.bound;
    }
  }
}

// A bound is never 0 by accident.
TEST_P(Bound, IsZeroOnlyForExactStatisticsAndCopies) {
  const bool is_moment = GetParam().name == "mean" || GetParam().name == "variance";
  for (const InputKind kind : kKinds) {
    const Workspace workspace = filled(problem(), kind, 7);
    const Oracle oracle(problem(), workspace.arguments(), kind == InputKind::kExact);
    const bool exact = kind == InputKind::kExact && is_moment && dtype_ != DType::kF64;
    for (std::int64_t at = 0; at <= last_; ++at) {
      const Expected expected = GetParam().expected(oracle, problem(), at);
      if (exact || problem().norm == Norm::kNone) {
        EXPECT_EQ(expected.bound, 0) << name(kind) << " input, at " << at;
      } else if (expected.value != 0 && std::isfinite(expected.value)) {
        EXPECT_GT(expected.bound, 0) << name(kind) << " input, at " << at;
      }
    }
  }
}

// Nor so wide that anything passes: where means are not far from zero, a few roundings of the type.
TEST_P(Bound, IsNarrow) {
  const DType arithmetic = parameter_dtype(dtype_);
  const double rounding = dtype_ == DType::kBf16      ? 0x1p-8
                          : dtype_ == DType::kF16     ? 0x1p-11
                          : arithmetic == DType::kF64 ? 0x1p-53
                                                      : 0x1p-24;
  const Workspace workspace = filled(problem(), InputKind::kExact, 7);
  const Oracle oracle(problem(), workspace.arguments(), false);
  double size = 0;
  double bound = 0;
  for (std::int64_t at = 0; at <= last_; ++at) {
    const Expected expected = GetParam().expected(oracle, problem(), at);
    size = std::max(size, std::abs(expected.value));
    bound = std::max(bound, expected.bound);
  }
  EXPECT_LT(bound, 64 * rounding * size);
}

INSTANTIATE_TEST_SUITE_P(, Bound, testing::ValuesIn(all_outputs()), [](const auto& info) {
  return info.param.name + "_of_" + faulty::test_name(info.param.problem);
});

}  // namespace
}  // namespace normbench
