// The four kinds of input.
#include "harness/check/inputs.h"

#include <algorithm>
#include <cmath>

#include "harness/check/grouping.h"
#include "harness/check/oracle.h"
#include "harness/check/random.h"

namespace normbench {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"exact", "random", "ill_conditioned",
                                                    "constant"};

// Sub-seeds: one stream of numbers per buffer.
enum Stream : std::uint64_t {
  kX = 1,
  kDy,
  kGamma,
  kBeta,
  kRunningMean,
  kRunningVar,
  kChannel,
  kStatistic
};

std::uint64_t stream(std::uint64_t seed, Stream which) { return random_bits(seed, which); }

// After cfg_t of oneDNN's benchdnn: x = m * (1 + f), f = +-k / 2^q in pairs. With n values per
// statistic, sums of x need q + 1 + log2(n) bits and sums of squares 2 * (q + 1) + log2(n); q is
// the largest for which both fit the 24 bits of a float. Where that leaves fewer than 3 bits the
// mean is 0 and only as many pairs as fit are not 0. The values themselves fit all storage types.
struct ExactPlan {
  explicit ExactPlan(std::int64_t n) {
    constexpr int kDigits = 24;
    const int log_n = static_cast<int>(std::ceil(std::log2(static_cast<double>(n))));
    bits = std::min(6, (kDigits - log_n) / 2 - 1);
    centered = bits < 3;
    if (centered) {
      bits = 3;
      constexpr std::int64_t kMostPairs = std::int64_t{1} << (kDigits - 2 * 4 - 1);
      stride = (n / 2 + kMostPairs - 1) / kMostPairs;
    }
  }
  int bits;
  bool centered;
  std::int64_t stride = 1;
};

double exact_x(const Problem& p, const ExactPlan& plan, std::uint64_t seed, std::int64_t i,
               std::int64_t k, std::int64_t j) {
  const std::int64_t statistic = statistic_of(p, i, k, j);
  const double mean = plan.centered ? 0 : std::ldexp(0.25, static_cast<int>(statistic % 7));
  const std::int64_t value = value_of(p, i, k, j);
  const std::int64_t pair = value / 2;
  const bool has_no_partner = (value ^ 1) >= values_per_statistic(p);
  if (has_no_partner || pair % plan.stride != 0) return mean;
  const auto index = static_cast<std::uint64_t>(statistic * values_per_statistic(p) + pair);
  const auto size = random_bits(seed, index) & ((1U << static_cast<unsigned>(plan.bits)) - 1U);
  const double f = std::ldexp(static_cast<double>(size), -plan.bits) * (value % 2 == 0 ? 1 : -1);
  return plan.centered ? f : mean * (1 + f);
}

// A value that differs from one statistic or parameter to the next.
double one_of(std::uint64_t seed, Stream which, std::int64_t at, double low, double high) {
  const auto index = static_cast<std::uint64_t>(at);
  return low + (high - low) * random_uniform(stream(seed, which), index);
}

// How many deviations the mean of ill-conditioned input is away from zero: about 2^(digits / 2),
// where half of the digits of every value are lost to the mean, but for f32 the thousand at which
// careless algorithms fail for certain.
double deviations_from_zero(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return 1e6;
    case DType::kBf16:
      return 16;
    case DType::kF16:
      return 48;
    case DType::kF32:
      break;
  }
  return 1000;
}

// Statistics differ in their mean, and channels, also those of one statistic, in their deviation.
double other_x(const Problem& p, InputKind kind, std::uint64_t seed, std::int64_t i, std::int64_t k,
               std::int64_t j) {
  const std::int64_t statistic = statistic_of(p, i, k, j);
  const double shift = one_of(seed, kStatistic, statistic, -1, 1);
  if (kind == InputKind::kConstant) return 100 + 50 * shift;
  const double offset =
      kind == InputKind::kIllConditioned
          ? deviations_from_zero(p.dtype) * (1 + static_cast<double>(statistic % 3))
          : 0;
  const auto at = static_cast<std::uint64_t>(offset_of(p, i, k, j));
  const double deviation = one_of(seed, kChannel, k, 0.5, 1.5);
  return offset + shift + deviation * random_bell(stream(seed, kX), at);
}

template <class T>
void fill_large(const Workspace& workspace, InputKind kind, std::uint64_t seed) {
  const Problem& p = workspace.problem();
  const auto x = workspace.arguments().x.as<T>();
  const auto dy = workspace.arguments().dy.as<T>();
  const ExactPlan plan(values_per_statistic(p));
  const bool exact = kind == InputKind::kExact;
  for_each_element(p, Split::kSamples, [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    const auto at = static_cast<std::size_t>(offset_of(p, i, k, j));
    if (!x.empty()) {
      x[at] = static_cast<T>(exact ? exact_x(p, plan, stream(seed, kX), i, k, j)
                                   : other_x(p, kind, seed, i, k, j));
    }
    if (dy.empty()) return;
    // Neither constant nor symmetric: a dy of ones has dx = 0, whatever the backend does.
    const auto bits = stream(seed, kDy);
    dy[at] = static_cast<T>(exact ? static_cast<double>(random_bits(bits, at) % 5) - 2
                                  : 0.25 + random_bell(bits, at));
  });
}

template <class T>
void fill_parameters(const Workspace& workspace, InputKind kind, std::uint64_t seed) {
  const Arguments& a = workspace.arguments();
  const bool exact = kind == InputKind::kExact;
  const auto each = [](const Tensor& tensor, auto value) {
    const auto all = tensor.as<T>();
    for (std::size_t k = 0; k < all.size(); ++k) {
      all[k] = static_cast<T>(value(static_cast<std::int64_t>(k)));
    }
  };
  each(a.gamma, [&](std::int64_t k) {
    if (exact) return std::ldexp(0.125, static_cast<int>(k % 7));
    const double size = one_of(seed, kGamma, k, 0.5, 1.5);
    return k % 3 == 2 ? -size : size;
  });
  each(a.beta, [&](std::int64_t k) {
    return exact ? static_cast<double>(k % 3 - 1) * std::ldexp(1.0, static_cast<int>(k % 7) - 9)
                 : one_of(seed, kBeta, k, -1, 1);
  });
  each(a.running_mean, [&](std::int64_t k) { return one_of(seed, kRunningMean, k, -1, 1); });
  each(a.running_var, [&](std::int64_t k) { return one_of(seed, kRunningVar, k, 0.5, 1.5); });
}

// What a forward pass over the same x would have saved for the backward pass.
template <class T>
void fill_saved_statistics(const Workspace& workspace) {
  const Problem& p = workspace.problem();
  const Arguments& a = workspace.arguments();
  if (p.pass != Pass::kBackward || p.norm == Norm::kNone) return;
  const auto statistics = statistics_of(p, a);
  for (std::size_t at = 0; at < statistics.size(); ++at) {
    if (a.mean.present()) a.mean.as<T>()[at] = static_cast<T>(statistics[at].mean);
    a.variance.as<T>()[at] = static_cast<T>(statistics[at].variance);
    a.rstd.as<T>()[at] = static_cast<T>(statistics[at].rstd);
  }
}

}  // namespace

std::string_view name(InputKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

void fill(Workspace& workspace, InputKind kind, std::uint64_t seed) {
  workspace.poison();
  with_storage(workspace.problem().dtype, [&]<class T>(T) {
    fill_large<T>(workspace, kind, seed);
    fill_parameters<Parameter<T>>(workspace, kind, seed);
    fill_saved_statistics<Parameter<T>>(workspace);
  });
  workspace.remember_inputs();
}

}  // namespace normbench
