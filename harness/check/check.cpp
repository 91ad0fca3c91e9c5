// The comparison of outputs with the oracle.
#include "harness/check/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cfenv>
#include <chrono>
#include <cmath>
#include <exception>
#include <limits>
#include <utility>

#include "harness/check/grouping.h"

namespace normbench {
namespace {

constexpr std::array<std::string_view, 4> kOutcomes = {"passed", "failed", "unsupported",
                                                       "not_built"};

// The distance between neighboring numbers of a type at `value`.
double spacing(DType dtype, double value) {
  const auto [digits, smallest_exponent] = [dtype] {
    switch (dtype) {
      case DType::kF64:
        return std::pair{53, -1022};
      case DType::kBf16:
        return std::pair{8, -126};
      case DType::kF16:
        return std::pair{11, -14};
      case DType::kF32:
        break;
    }
    return std::pair{24, -126};
  }();
  const int exponent =
      value > 0 ? std::max(std::ilogb(value), smallest_exponent) : smallest_exponent;
  return std::ldexp(1.0, exponent - digits + 1);
}

// The element of an output that is furthest off, in units of its bound.
struct Worst {
  double error = -1;
  std::int64_t at = 0;
  double got = 0;
  Expected expected{};
  double largest_difference = 0;
  double largest_expected = 0;
  double largest_bound = 0;

  void see(std::int64_t offset, double value, const Expected& want) {
    const double difference = std::abs(value - want.value);
    double ratio = std::numeric_limits<double>::infinity();
    // Written so that NaN, in whichever place, is a failure, unless it is what is expected, and so
    // is infinity. An infinity that is expected may come out as NaN: updating formulas subtract it
    // from itself.
    if (value == want.value) {
      ratio = 0;
    } else if (difference <= want.bound) {
      ratio = want.bound > 0 ? difference / want.bound : 0;
    } else if (want.bound > 0 && difference > want.bound) {
      ratio = difference / want.bound;
    } else if (std::isnan(value) && !std::isfinite(want.value)) {
      ratio = 0;
    }
    largest_difference = std::max(largest_difference, difference);
    largest_expected = std::max(largest_expected, std::abs(want.value));
    largest_bound = std::max(largest_bound, want.bound);
    if (ratio > error || (ratio == error && offset < at)) {
      error = ratio;
      at = offset;
      got = value;
      expected = want;
    }
  }
  void see(const Worst& other) {
    const Worst before = *this;
    if (other.error > error || (other.error == error && other.at < at)) *this = other;
    largest_difference = std::max(before.largest_difference, other.largest_difference);
    largest_expected = std::max(before.largest_expected, other.largest_expected);
    largest_bound = std::max(before.largest_bound, other.largest_bound);
  }
  double ulp(DType dtype) const {
    if (largest_expected <= largest_bound) return 0;
    return largest_difference / spacing(dtype, largest_expected);
  }
  bool within_bound() const { return error <= 1; }
};

std::string position(const Problem& p, const Tensor& tensor, std::int64_t offset) {
  const std::int64_t row = offset / (tensor.c * tensor.l);
  const std::int64_t rest = offset % (tensor.c * tensor.l);
  const bool ncl = tensor.layout == Layout::kNcl;
  const std::int64_t k = ncl ? rest / tensor.l : rest % tensor.c;
  const std::int64_t j = ncl ? rest % tensor.l : rest / tensor.c;
  // The rows of statistics are samples, but for batch norm; those of gradients are mini-batches.
  const bool is_data = tensor.n == p.n && tensor.c == p.c && tensor.l == p.l;
  const bool is_statistic = tensor.n == p.n && tensor.l == 1 && p.norm != Norm::kBatch;
  std::string text = fmt::format("{} {}", is_data || is_statistic ? "sample" : "mini-batch", row);
  if (tensor.c > 1 || p.c == 1) {
    const bool is_group = p.norm == Norm::kGroup && tensor.c == p.groups && !is_data;
    text += fmt::format(", {} {}", is_group ? "group" : "channel", k);
  }
  if (is_data || tensor.l > 1) text += fmt::format(", position {}", j);
  return text;
}

// Collects the verdict over the outputs of one run.
class Comparison {
 public:
  explicit Comparison(const Problem& problem) : problem_(problem) {}

  // expect(i, k, j) for every element of x, y, dy or dx.
  template <class Expect>
  void large(std::string_view name, const Tensor& tensor, Expect expect) {
    if (!tensor.present()) return;
    Worst worst;
    with_storage(tensor.dtype, [&]<class T>(T) {
      const auto values = tensor.as<T>();
      for_each_slab(problem_, Split::kChannels, [&](const Slab& slab) {
        Worst mine;
        auto visit = [&](std::int64_t i, std::int64_t k, std::int64_t j) {
          const std::int64_t offset = offset_of(problem_, i, k, j);
          mine.see(offset, values[static_cast<std::size_t>(offset)], expect(i, k, j));
        };
        for_each_element_of(problem_, slab, visit);
#pragma omp critical
        worst.see(mine);
      });
    });
    conclude(name, worst, tensor);
  }

  // expect(index) for every element of a vector.
  template <class Expect>
  void small(std::string_view name, const Tensor& tensor, Expect expect) {
    if (!tensor.present()) return;
    Worst worst;
    with_storage(tensor.dtype, [&]<class T>(T) {
      const auto values = tensor.as<T>();
      for (std::size_t at = 0; at < values.size(); ++at) {
        worst.see(static_cast<std::int64_t>(at), values[at], expect(at));
      }
    });
    conclude(name, worst, tensor);
  }

  Verdict verdict() && { return std::move(verdict_); }

 private:
  void conclude(std::string_view name, const Worst& worst, const Tensor& tensor) {
    if (tensor.size() == 0) return;
    const Error error{.bound = worst.error, .ulp = worst.ulp(tensor.dtype)};
    verdict_.error.see(error);
    verdict_.error_in[std::string(name)].see(error);
    if (worst.within_bound() || !verdict_.passed()) return;
    verdict_.outcome = Outcome::kFailed;
    verdict_.output = name;
    // As many digits as tell numbers of the type apart.
    const int digits = tensor.dtype == DType::kF64 ? 17 : 9;
    verdict_.reason = fmt::format("{} at {} is {:.{}g}, expected {:.17g} +- {:.3g}", name,
                                  position(problem_, tensor, worst.at), worst.got, digits,
                                  worst.expected.value, worst.expected.bound);
  }

  const Problem& problem_;
  Verdict verdict_;
};

// Whether this thread rounds results below the smallest normal number to zero. A function of its
// own: inside of a parallel region g++ 12 forgets that a local variable is volatile.
bool flushes_to_zero() {
  volatile float tiny = std::numeric_limits<float>::min();
  volatile float half = tiny / 2;
  return !(half > 0);
}

// Whether any thread of the team does so. None does afterwards: the next backend is not to blame.
bool left_flush_to_zero_on() {
  bool left_on = false;
#pragma omp parallel reduction(|| : left_on)
  {
    left_on = flushes_to_zero();
    if (left_on) std::fesetenv(FE_DFL_ENV);
  }
  // Again, because the OpenMP of LLVM takes back what a region does to the caller's registers.
  if (left_on) std::fesetenv(FE_DFL_ENV);
  return left_on;
}

Verdict failed(std::string reason) {
  return {.outcome = Outcome::kFailed, .reason = std::move(reason)};
}

// One filled workspace: run once, and once more on what the first run left behind.
Verdict check_input(Kernel& kernel, const Accuracy& accuracy, Workspace& workspace,
                    InputKind kind) {
  const Oracle oracle(workspace.problem(), workspace.arguments(), kind == InputKind::kExact);
  Verdict total;
  kernel.load();
  for (const std::int64_t calls : {1, 2}) {
    // Before the first call all is poisoned already, and damage done by load() must not be healed.
    if (calls > 1) workspace.poison();
    kernel.run();
    kernel.collect();
    Verdict verdict = check_outputs(workspace, oracle, accuracy, calls);
    verdict.add_errors_of(total);
    if (!verdict.passed()) {
      verdict.reason = fmt::format("{} input, call {}: {}", name(kind), calls, verdict.reason);
      return verdict;
    }
    total = std::move(verdict);
  }
  return total;
}

}  // namespace

void Error::see(const Error& other) {
  bound = std::max(bound, other.bound);
  ulp = std::max(ulp, other.ulp);
}

void Verdict::add_errors_of(const Verdict& earlier) {
  error.see(earlier.error);
  for (const auto& [output, worst] : earlier.error_in) error_in[output].see(worst);
  for (std::size_t kind = 0; kind < error_of.size(); ++kind) {
    error_of[kind].see(earlier.error_of[kind]);
  }
}

std::string_view name(Outcome outcome) { return kOutcomes[static_cast<std::size_t>(outcome)]; }

Verdict check_outputs(const Workspace& workspace, const Oracle& oracle, const Accuracy& accuracy,
                      std::int64_t calls) {
  const Arguments& a = workspace.arguments();
  if (left_flush_to_zero_on()) return failed("left flush-to-zero switched on");
  if (const auto damage = workspace.damage()) return failed(*damage);

  Comparison compare(workspace.problem());
  const Pass pass = workspace.problem().pass;
  if (pass == Pass::kForwardTraining) {
    compare.small("mean", a.mean, [&](std::size_t at) { return oracle.mean(at, accuracy); });
    compare.small("variance", a.variance,
                  [&](std::size_t at) { return oracle.variance(at, accuracy); });
    compare.small("rstd", a.rstd, [&](std::size_t at) { return oracle.rstd(at, accuracy); });
    compare.small("running_mean", a.running_mean,
                  [&](std::size_t at) { return oracle.running_mean(at, accuracy, calls); });
    compare.small("running_var", a.running_var,
                  [&](std::size_t at) { return oracle.running_var(at, accuracy, calls); });
  }
  compare.large("y", a.y, [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    return oracle.y(i, k, j, accuracy);
  });
  compare.small("dbeta", a.dbeta, [&](std::size_t at) { return oracle.dbeta(at, accuracy); });
  compare.small("dgamma", a.dgamma, [&](std::size_t at) { return oracle.dgamma(at, accuracy); });
  compare.large("dx", a.dx, [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    return oracle.dx(i, k, j, accuracy);
  });
  return std::move(compare).verdict();
}

Verdict check_kernel(Kernel& kernel, const Accuracy& accuracy, Workspace& workspace,
                     std::uint64_t seed) {
  Verdict total;
  try {
    for (const InputKind kind : kInputKinds) {
      fill(workspace, kind, seed + static_cast<std::uint64_t>(kind));
      Verdict verdict = check_input(kernel, accuracy, workspace, kind);
      verdict.error_of[static_cast<std::size_t>(kind)] = verdict.error;
      verdict.add_errors_of(total);
      if (!verdict.passed()) return verdict;
      total = std::move(verdict);
    }
  } catch (const std::exception& error) {
    return failed(fmt::format("threw: {}", error.what()));
  } catch (...) {
    return failed("threw: something that is not a std::exception");
  }
  return total;
}

Prepared prepare(const Backend& backend, Workspace& workspace, int threads, std::uint64_t seed) {
  const Support support = backend.supports(workspace.problem());
  if (!support.supported) {
    return {.verdict = {.outcome = Outcome::kUnsupported, .reason = support.reason}};
  }
  Prepared prepared;
  fill(workspace, InputKind::kRandom, ~seed);
  try {
    const auto start = std::chrono::steady_clock::now();
    prepared.kernel = backend.prepare(workspace.problem(), workspace.arguments(), threads);
    const auto end = std::chrono::steady_clock::now();
    prepared.ns = std::chrono::duration<double, std::nano>(end - start).count();
  } catch (const std::exception& error) {
    prepared.verdict = failed(fmt::format("could not be prepared: {}", error.what()));
    return prepared;
  } catch (...) {
    prepared.verdict =
        failed("could not be prepared: threw something that is not a std::exception");
    return prepared;
  }
  if (!prepared.kernel) {
    prepared.verdict = failed("could not be prepared: prepare() returned no kernel");
  } else if (const auto damage = workspace.damage()) {
    prepared.verdict = failed("while it was prepared: " + *damage);
  }
  return prepared;
}

Verdict check(const Backend& backend, Workspace& workspace, int threads, std::uint64_t seed) {
  const Prepared prepared = prepare(backend, workspace, threads, seed);
  if (!prepared.verdict.passed()) return prepared.verdict;
  return check_kernel(*prepared.kernel, backend.accuracy(workspace.problem()), workspace, seed);
}

}  // namespace normbench
