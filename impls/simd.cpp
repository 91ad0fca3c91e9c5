// Our own backend: vectorized by Highway for the instruction set of the CPU, threaded by OpenMP.
// The data is cut into blocks that stay in a cache, where they fit one, until they are normalized.
// plan.h decides how; a kernel obeys.
//
// A pivot near the mean is subtracted from the values, which are then accumulated in vector lanes
// of the arithmetic type. The lanes are moved into doubles after at most eight additions. A tile
// whose pivot was far from its mean is summed again. impls/simd/README.md describes the files and
// what each technique is worth.

// clang-format off
#include "impls/simd/targets.h"  // before highway.h
// clang-format on
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "harness/core/backend.h"
#include "harness/core/copy_kernel.h"
#include "harness/core/empty_kernel.h"
#include "harness/core/storage.h"
#include "harness/core/tiles.h"
#include "impls/simd/machine.h"
#include "impls/simd/ops.h"
#include "impls/simd/plan.h"
#include "impls/simd/row_kernel.h"
#include "impls/simd/strided_kernel.h"
#include "impls/simd/threads.h"

namespace {

using normbench::Accuracy;
using normbench::Arguments;
using normbench::Backend;
using normbench::DType;
using normbench::Grade;
using normbench::Kernel;
using normbench::Norm;
using normbench::Problem;
using normbench::Support;
using normbench::Tensor;
using simd::Index;

class Simd : public Backend {
 public:
  std::string_view name() const override { return name_; }
  std::string version() const override {
    return "1, Highway " + std::to_string(HWY_MAJOR) + "." + std::to_string(HWY_MINOR) + "." +
           std::to_string(HWY_PATCH);
  }
  Support supports(const Problem& problem) const override { return Support::if_valid(problem); }
  Accuracy accuracy(const Problem& problem) const override;
  std::vector<normbench::BackendOption> options() const override;
  std::unique_ptr<Backend> with_option(std::string_view name,
                                       std::string_view value) const override;
  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int threads) const override;

 private:
  simd::Settings settings_;
  std::string name_ = "simd";
};

struct Switch {
  const char* name;
  bool simd::Settings::*member;
  const char* what;
};

constexpr std::array<Switch, 4> kSwitches = {{
    {"residency", &simd::Settings::residency, "what is read twice stays in a cache in between"},
    {"sharing", &simd::Settings::sharing, "threads share a statistic where there are few"},
    {"borders", &simd::Settings::borders,
     "a cache line that two threads have in common is written by one"},
    {"columns", &simd::Settings::columns, "short runs are taken as columns or transposed"},
}};

std::vector<normbench::BackendOption> Simd::options() const {
  std::vector<normbench::BackendOption> list = {
      {"streaming",
       {"auto", "on", "off"},
       "output goes around the caches: from a size on, which is measured or given",
       "BYTES"},
      {"parallel",
       {"auto", "on", "off"},
       "several threads: from a size on, which is measured or given",
       "BYTES"}};
  for (const Switch& one : kSwitches) list.push_back({one.name, {"on", "off"}, one.what, ""});
  list.push_back({"caches",
                  {"real", "tiny"},
                  "what is planned for: a core's own cache of so many bytes; tiny is for tests",
                  "BYTES"});
  normbench::BackendOption target{"target", {}, "instruction set", ""};
  for (const std::int64_t one : simd::targets()) target.values.emplace_back(hwy::TargetName(one));
  list.push_back(std::move(target));
  return list;
}

// 0 if it is no number.
Index number(std::string_view value) {
  Index found = 0;
  std::from_chars(value.data(), value.data() + value.size(), found);
  return found;
}

// "auto", "on", "off", or the bytes from which on it is on.
std::optional<Index> size_from(std::string_view value) {
  if (value == "auto") return std::nullopt;
  if (value == "off") return simd::kNever;
  return number(value);
}

std::unique_ptr<Backend> Simd::with_option(std::string_view name, std::string_view value) const {
  auto variant = std::make_unique<Simd>(*this);
  if (name_.back() == ']') {
    variant->name_.back() = ',';
  } else {
    variant->name_ += '[';
  }
  variant->name_.append(name).append("=").append(value).append("]");
  for (const Switch& one : kSwitches) {
    if (name == one.name) variant->settings_.*one.member = value == "on";
  }
  if (name == "streaming") variant->settings_.streaming_from = size_from(value);
  if (name == "parallel") variant->settings_.parallel_from = size_from(value);
  if (name == "caches") {
    variant->settings_.tiny = value == "tiny";
    variant->settings_.own = number(value);
  }
  for (const std::int64_t one : simd::targets()) {
    if (name == "target" && value == hwy::TargetName(one)) variant->settings_.target = one;
  }
  return variant;
}

class ParallelCopy : public normbench::CopyKernel {
 public:
  ParallelCopy(const Problem& problem, const Arguments& arguments, const simd::Plan& plan)
      : CopyKernel(problem, arguments), plan_(plan) {}

  void run() override {
    simd::on_threads(plan_.threads, [this](int thread, int team) {
      copy_share(static_cast<std::size_t>(thread), static_cast<std::size_t>(team));
    });
  }

  std::string detail() const override { return plan_.detail(); }
  std::string measured() const override { return plan_.measured; }

 private:
  simd::Plan plan_;
};

// Roundings of one value: one when the pivot is subtracted, at most eight in its accumulator, and
// two when the four accumulators are combined: 11. For f64 the double accumulators round too: once
// for every eight values. If the pivot lies t standard deviations off the mean, the sums are larger
// than sums about the mean: all errors of the variance together are at most
// (1 + t^2) + 2 t sqrt(1 + t^2) times as large.
Accuracy Simd::accuracy(const Problem& problem) const {
  const Index n = tiles_of(problem).values();
  const auto values = static_cast<double>(std::max(n, problem.values_per_channel()));
  const bool is_double = problem.dtype == DType::kF64;
  const double roundings = 11 + (is_double ? values / 8 : 0);
  const double t = is_double ? simd::most_off<double>(static_cast<double>(n))
                             : simd::most_off<float>(static_cast<double>(n));
  return {.grade = simd::reads_once(problem) ? Grade::kB : Grade::kA,
          .roundings = roundings * ((1 + t * t) + 2 * t * std::sqrt(1 + t * t))};
}

// Whether the running statistics overlap gamma or beta in memory. Then all of y must be written
// before they are updated. A single thread does both in order.
bool shares_memory(const Arguments& arguments) {
  const auto overlap = [](const Tensor& a, const Tensor& b) {
    if (!a.present() || !b.present()) return false;
    const auto* first = static_cast<const char*>(a.data);
    const auto* second = static_cast<const char*>(b.data);
    return first < second + b.bytes() && second < first + a.bytes();
  };
  const Arguments& a = arguments;
  return overlap(a.running_mean, a.gamma) || overlap(a.running_mean, a.beta) ||
         overlap(a.running_var, a.gamma) || overlap(a.running_var, a.beta);
}

std::unique_ptr<Kernel> Simd::prepare(const Problem& problem, const Arguments& arguments,
                                      int threads) const {
  if (problem.elements() == 0) return std::make_unique<normbench::EmptyKernel>(arguments);
  if (shares_memory(arguments)) threads = 1;
  return with_storage(problem.dtype, [&]<class T>(T) -> std::unique_ptr<Kernel> {
    const simd::Ops<T>& ops = simd::ops<T>(settings_.target);
    simd::Machine machine = simd::this_machine(threads);
    machine.lanes = ops.lanes;
    const bool is_measured =
        !settings_.streaming_from && !settings_.tiny && problem.norm != Norm::kNone;
    if (is_measured) machine.streaming_from = simd::measured_streaming(threads);
    const simd::Plan plan = make_plan(problem, machine, settings_);
    switch (plan.kernel) {
      case simd::KernelKind::kCopy:
        break;
      case simd::KernelKind::kStrided:
        return std::make_unique<simd::StridedKernel<T>>(problem, arguments, plan, ops);
      case simd::KernelKind::kRow:
      case simd::KernelKind::kTransposedRow:
        return std::make_unique<simd::RowKernel<T>>(problem, arguments, plan, ops);
    }
    return std::make_unique<ParallelCopy>(problem, arguments, plan);
  });
}

}  // namespace

// The baseline target is always among them: Highway reports NEON as unsupported on Arm CPUs without
// AES, which nothing here needs.
std::vector<std::int64_t> simd::targets() {
  std::vector<std::int64_t> list;
  std::int64_t left = (hwy::SupportedTargets() | HWY_STATIC_TARGET) & HWY_TARGETS;
  for (; left != 0; left &= left - 1) list.push_back(left & -left);
  return list;
}

std::unique_ptr<Backend> make_simd() { return std::make_unique<Simd>(); }
