// All kinds of input.
#include "harness/check/inputs.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "harness/check/elements.h"
#include "harness/check/grouping.h"
#include "harness/check/number_format.h"
#include "harness/check/oracle.h"
#include "harness/check/random.h"

namespace normbench {
namespace {

constexpr std::array<std::string_view, kEveryInputKind.size()> kNames = {
    "exact", "random", "ill_conditioned", "constant", "large", "tiny", "denormal", "spiky", "zero"};

// One value of so many is a spike, which is so many times larger.
constexpr std::uint64_t kSpikeEvery = 64;
constexpr double kSpike = 512;

// Sub-seeds: one stream of numbers per buffer.
enum Stream : std::uint64_t {
  kX = 1,
  kDy,
  kGamma,
  kBeta,
  kRunningMean,
  kRunningVar,
  kChannel,
  kStatistic,
  kSpikes
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
      const auto pairs = static_cast<std::uint64_t>((n / 2 + kMostPairs - 1) / kMostPairs);
      stride = static_cast<std::int64_t>(std::bit_ceil(std::max<std::uint64_t>(1, pairs)));
    }
  }
  int bits;
  bool centered;
  std::int64_t stride = 1;  // one pair of so many is not 0: a power of two
};

// x, by number of the statistic and of the value among those of the statistic.
class ExactX {
 public:
  ExactX(const Problem& p, std::uint64_t seed)
      : plan_(values_per_statistic(p)), seed_(seed), values_(values_per_statistic(p)) {}

  double mean(std::int64_t statistic) const {
    return plan_.centered ? 0 : std::ldexp(0.25, static_cast<int>(statistic % 7));
  }
  double operator()(double mean, std::int64_t statistic, std::int64_t value) const {
    const std::int64_t pair = value / 2;
    const auto index = static_cast<std::uint64_t>(statistic * values_ + pair);
    const auto size = static_cast<std::int32_t>(random_bits(seed_, index) & mask_);
    const auto sign = static_cast<std::int32_t>(1 - 2 * (value & 1));
    const bool has_partner = (value ^ 1) < values_;
    const bool is_chosen = has_partner & ((pair & (plan_.stride - 1)) == 0);
    // Without branches. m * f is exact, as m is a power of two.
    const std::int32_t chosen_size = sign * size * static_cast<std::int32_t>(is_chosen);
    return mean + (zero_mean_unit_ + mean * unit_) * chosen_size;
  }

 private:
  ExactPlan plan_;
  std::uint64_t seed_;
  std::int64_t values_;
  std::uint64_t mask_ = (std::uint64_t{1} << static_cast<unsigned>(plan_.bits)) - 1;
  double unit_ = std::ldexp(1.0, -plan_.bits);
  double zero_mean_unit_ = plan_.centered ? unit_ : 0;
};

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

// What the values of each statistic lie around, in units of their scale.
std::vector<double> centers(const Problem& p, InputKind kind, std::uint64_t seed) {
  std::vector<double> centers(static_cast<std::size_t>(statistic_count(p)));
  for (std::size_t at = 0; at < centers.size(); ++at) {
    const auto statistic = static_cast<std::int64_t>(at);
    const double shift = one_of(seed, kStatistic, statistic, -1, 1);
    const double offset = kind == InputKind::kIllConditioned
                              ? deviations_from_zero(p.dtype) *
                                    (1 + static_cast<double>(statistic % 3)) *
                                    (statistic % 2 == 0 ? 1 : -1)
                              : 0;
    centers[at] = kind == InputKind::kConstant ? 100 + 50 * shift : offset + shift;
  }
  return centers;
}

// Channels, also those of one statistic, differ in their deviation: between 1/2 and 2, but for one
// in four, where values are drawn, from 2^-10 on.
std::vector<double> deviations(const Problem& p, InputKind kind, std::uint64_t seed) {
  std::vector<double> deviations(static_cast<std::size_t>(p.c));
  if (kind == InputKind::kConstant) return deviations;
  for (std::size_t at = 0; at < deviations.size(); ++at) {
    const double least = is_drawn(kind) && at % 4 == 3 ? -10 : -1;
    deviations[at] = std::exp2(one_of(seed, kChannel, static_cast<std::int64_t>(at), least, 1));
  }
  return deviations;
}

template <class T>
void fill_x(const Problem& p, std::span<T> x, InputKind kind, std::uint64_t seed) {
  const Sharing sharing(p);
  std::vector<double> center = centers(p, kind, seed);
  std::vector<double> deviation = deviations(p, kind, seed);
  for (auto* all : {&center, &deviation}) {
    for (double& one : *all) one *= scale_of(kind, p.dtype);
  }
  const std::uint64_t bits = stream(seed, kX);
  const std::uint64_t spikes = stream(seed, kSpikes);
  const auto fill = [&](auto factor_of) {
    for_each_range(ranges_of(p.elements()), [&](std::int64_t, const Range& range) {
      for_each_piece(range.first, range.last, sharing.statistics, sharing.channels, p.elements(),
                     [&](std::int64_t first, std::int64_t count, auto s, auto channel) {
                       T* piece = x.data() + first;
#pragma omp simd
                       for (std::int64_t t = 0; t < count; ++t) {
                         const auto at = static_cast<std::uint64_t>(first + t);
                         piece[t] = static_cast<T>(
                             center[static_cast<std::size_t>(s(t))] +
                             factor_of(at) * deviation[static_cast<std::size_t>(channel(t))] *
                                 random_bell(bits, at));
                       }
                     });
    });
  };
  if (kind == InputKind::kSpiky) {
    fill([spikes](std::uint64_t at) {
      return random_bits(spikes, at) % kSpikeEvery == 0 ? kSpike : 1.0;
    });
  } else {
    fill([](std::uint64_t) { return 1.0; });
  }
}

template <class T>
void fill_exact_x(const Problem& p, std::span<T> x, std::uint64_t seed) {
  const Sharing sharing(p);
  const ExactX exact(p, stream(seed, kX));
  std::vector<double> mean(static_cast<std::size_t>(statistic_count(p)));
  for (std::size_t at = 0; at < mean.size(); ++at) {
    mean[at] = exact.mean(static_cast<std::int64_t>(at));
  }
  for_each_range(ranges_of(p.elements()), [&](std::int64_t, const Range& range) {
    const auto visit = [&](std::int64_t first, std::int64_t count, auto s, auto) {
      T* piece = x.data() + first;
      const auto write = [&](auto member) {
#pragma omp simd
        for (std::int64_t t = 0; t < count; ++t) {
          piece[t] = static_cast<T>(exact(mean[static_cast<std::size_t>(s(t))], s(t), member(t)));
        }
      };
      if constexpr (std::is_same_v<decltype(s), Same>) {
        write(Consecutive{sharing.statistics.member(first)});
      } else if constexpr (std::is_same_v<decltype(s), Consecutive>) {
        write(Same{sharing.statistics.member(first)});
      } else {
        write([&](std::int64_t t) { return sharing.statistics.member(first + t); });
      }
    };
    for_each_piece(range.first, range.last, sharing.statistics, sharing.channels, p.elements(),
                   visit);
  });
}

// Neither constant nor symmetric: a dy of ones has dx = 0, whatever the backend does.
template <class T>
void fill_dy(std::span<T> dy, InputKind kind, double scale, std::uint64_t seed) {
  const std::uint64_t bits = stream(seed, kDy);
  const auto elements = static_cast<std::int64_t>(dy.size());
  for_each_range(ranges_of(elements), [&](std::int64_t, const Range& range) {
    T* values = dy.data();
    if (kind == InputKind::kExact) {
      // The upper half of the bits, scaled: -2 to 2.
#pragma omp simd
      for (std::int64_t at = range.first; at < range.last; ++at) {
        const std::uint64_t upper = random_bits(bits, static_cast<std::uint64_t>(at)) >> 32;
        values[at] =
            static_cast<T>(static_cast<float>(static_cast<std::int32_t>(upper * 5 >> 32) - 2));
      }
    } else {
#pragma omp simd
      for (std::int64_t at = range.first; at < range.last; ++at) {
        values[at] =
            static_cast<T>(scale * (0.25 + random_bell(bits, static_cast<std::uint64_t>(at))));
      }
    }
  });
}

template <class T>
void fill_large(const Workspace& workspace, InputKind kind, std::uint64_t seed) {
  const Problem& p = workspace.problem();
  const Arguments& a = workspace.arguments();
  if (a.x.present() && kind == InputKind::kExact) {
    fill_exact_x(p, a.x.as<T>(), seed);
  } else if (a.x.present()) {
    fill_x(p, a.x.as<T>(), kind, seed);
  }
  fill_dy(a.dy.as<T>(), kind, scale_of(kind, p.dtype), seed);
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
    if (k % 11 == 7) return 0.0;
    const double size = one_of(seed, kGamma, k, 0.5, 1.5) * (k % 11 == 9 ? 0x1p-12 : 1);
    return k % 3 == 2 ? -size : size;
  });
  const double scale = scale_of(kind, workspace.problem().dtype);
  // A denormal beta is one of the numbers that are slow.
  const double scale_of_beta = kind == InputKind::kDenormal ? scale : 1;
  each(a.beta, [&](std::int64_t k) {
    return exact ? static_cast<double>(k % 3 - 1) * std::ldexp(1.0, static_cast<int>(k % 7) - 9)
                 : scale_of_beta * one_of(seed, kBeta, k, -1, 1);
  });
  each(a.running_mean,
       [&](std::int64_t k) { return scale * one_of(seed, kRunningMean, k, -1, 1); });
  // From 1e-6 to 10 times that of large values; and where statistics are given, nothing stops one
  // from being negative.
  const double square = std::max(1.0, scale * scale);
  each(a.running_var, [&](std::int64_t k) {
    const double variance = square * std::pow(10, one_of(seed, kRunningVar, k, -6, 1));
    const bool is_wrong = kind == InputKind::kIllConditioned && k == 1 && a.running_var.size() > 2;
    // Far below eps: a sum near zero has no digits, and says nothing about a backend.
    return is_wrong && workspace.problem().uses_running_statistics() ? -2 - variance : variance;
  });
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

std::optional<InputKind> parse_input_kind(std::string_view text) {
  for (const InputKind kind : kEveryInputKind) {
    if (text == name(kind)) return kind;
  }
  return std::nullopt;
}

bool is_drawn(InputKind kind) {
  return kind == InputKind::kRandom || kind == InputKind::kLarge || kind == InputKind::kTiny ||
         kind == InputKind::kDenormal || kind == InputKind::kSpiky;
}

// All values are below 2^3 of these. Squares of the large ones are just below the largest number,
// and doubles hold the sums of them; but those of f16 are added as floats, and those of f64 are so
// small that there are sums of them.
double scale_of(InputKind kind, DType dtype) {
  const NumberFormat format = format_of(dtype);
  switch (kind) {
    case InputKind::kLarge:
      if (dtype == DType::kF16) return std::ldexp(1.0, format.largest_exponent - 3);
      if (dtype == DType::kF64) return std::ldexp(1.0, format.largest_exponent / 2 - 32);
      return std::ldexp(1.0, format.largest_exponent / 2 - 2);
    case InputKind::kTiny:
      return std::ldexp(1.0, format.smallest_exponent * 6 / 7);
    case InputKind::kDenormal:
      return std::ldexp(1.0, format.smallest_exponent - 3);
    case InputKind::kZero:
      return 0;
    case InputKind::kExact:
    case InputKind::kRandom:
    case InputKind::kIllConditioned:
    case InputKind::kConstant:
    case InputKind::kSpiky:
      break;
  }
  return 1;
}

void fill(Workspace& workspace, InputKind kind, std::uint64_t seed) {
  workspace.allow_writes();
  workspace.poison();
  with_storage(workspace.problem().dtype, [&]<class T>(T) {
    fill_large<T>(workspace, kind, seed);
    fill_parameters<Parameter<T>>(workspace, kind, seed);
    fill_saved_statistics<Parameter<T>>(workspace);
  });
  workspace.remember_inputs();
}

}  // namespace normbench
