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
enum Stream : std::uint64_t { kX = 1, kDy, kGamma, kBeta, kRunningMean, kRunningVar, kChannel };

std::uint64_t stream(std::uint64_t seed, Stream which) { return random_bits(seed, which); }

// After cfg_t of oneDNN's benchdnn: x = m * (1 + f), f = +-k / 2^q in pairs. With n values per
// statistic, sums of x need q + 1 + log2(n) bits and sums of squares 2 * (q + 1) + log2(n); q is
// the largest for which both fit the 24 bits of f32. Where that leaves fewer than 3 bits the mean
// is 0 and only as many pairs as fit are not 0.
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
  const double mean = plan.centered ? 0 : std::ldexp(0.25, static_cast<int>(k % 7));
  const std::int64_t value = i % p.batch * p.l + j;
  const std::int64_t pair = value / 2;
  const bool has_no_partner = (value ^ 1) >= values_per_statistic(p);
  if (has_no_partner || pair % plan.stride != 0) return mean;
  const auto index = static_cast<std::uint64_t>((i / p.batch * p.c + k) * p.n * p.l + pair);
  const auto size = random_bits(seed, index) & ((1U << static_cast<unsigned>(plan.bits)) - 1U);
  const double f = std::ldexp(static_cast<double>(size), -plan.bits) * (value % 2 == 0 ? 1 : -1);
  return plan.centered ? f : mean * (1 + f);
}

// A value of channel k that differs from channel to channel.
double per_channel(std::uint64_t seed, Stream which, std::int64_t k, double low, double high) {
  const auto index = static_cast<std::uint64_t>(k);
  return low + (high - low) * random_uniform(stream(seed, which), index);
}

double other_x(InputKind kind, std::uint64_t seed, std::uint64_t index, std::int64_t k) {
  const double shift = per_channel(seed, kChannel, k, -1, 1);
  if (kind == InputKind::kConstant) return 100 + 50 * shift;
  const double offset =
      kind == InputKind::kIllConditioned ? 1000 * (1 + static_cast<double>(k % 3)) : 0;
  const double deviation = 1 + 0.5 * shift;
  return offset + shift + deviation * random_bell(stream(seed, kX), index);
}

template <class T>
void fill_large(const Workspace& workspace, InputKind kind, std::uint64_t seed) {
  const Problem& p = workspace.problem();
  const Arguments& a = workspace.arguments();
  const auto x = a.x.as<T>();
  const auto dy = a.dy.as<T>();
  const ExactPlan plan(values_per_statistic(p));
  const bool exact = kind == InputKind::kExact;
  for_each_element(p, [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    const auto at = static_cast<std::size_t>(offset_of(p, i, k, j));
    x[at] = static_cast<T>(exact ? exact_x(p, plan, stream(seed, kX), i, k, j)
                                 : other_x(kind, seed, at, k));
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
    const double size = per_channel(seed, kGamma, k, 0.5, 1.5);
    return k % 3 == 2 ? -size : size;
  });
  each(a.beta, [&](std::int64_t k) {
    return exact ? static_cast<double>(k % 3 - 1) * std::ldexp(1.0, static_cast<int>(k % 7) - 9)
                 : per_channel(seed, kBeta, k, -1, 1);
  });
  each(a.running_mean, [&](std::int64_t k) { return per_channel(seed, kRunningMean, k, -1, 1); });
  each(a.running_var, [&](std::int64_t k) { return per_channel(seed, kRunningVar, k, 0.5, 1.5); });
}

// What a forward pass over the same x would have saved for the backward pass.
template <class T>
void fill_saved_statistics(const Workspace& workspace) {
  const Arguments& a = workspace.arguments();
  if (workspace.problem().pass != Pass::kBackward) return;
  const auto statistics = statistics_of(workspace.problem(), a);
  for (std::size_t k = 0; k < statistics.size(); ++k) {
    a.mean.as<T>()[k] = static_cast<T>(statistics[k].mean);
    a.variance.as<T>()[k] = static_cast<T>(statistics[k].variance);
    a.rstd.as<T>()[k] = static_cast<T>(statistics[k].rstd);
  }
}

}  // namespace

std::string_view name(InputKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

void fill(Workspace& workspace, InputKind kind, std::uint64_t seed) {
  workspace.poison();
  fill_large<float>(workspace, kind, seed);
  fill_parameters<float>(workspace, kind, seed);
  fill_saved_statistics<float>(workspace);
  workspace.remember_inputs();
}

}  // namespace normbench
