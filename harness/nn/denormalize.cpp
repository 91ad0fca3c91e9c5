// How far x = mean + (y - beta) / (gamma * s) is from the x that was normalized, where s is rstd.
//
// u is the relative error of a rounding, c the roundings that a backend claims for a value of a
// sum, and xh = (x - mean) * s. By harness/check/oracle.cpp a mean that was found is off by at most
//   2d, with d = u |mean| + c u mean |x|, where mean |x| <= |mean| + 1 / s,
// rstd by the factor 1 + r, with r = 2 (2u + ((c + 3) u + (s d)^2 + f) / 2), where
//   f = c u sqrt(1 + (s mean)^2) for updating formulas, and else 0,
// and y by E = a + b |xh|, where
//   a = 2 (|gamma| s d + u |y|) + what storing y loses
//   b = 2 |gamma| (6u + c u / 2 + (s d)^2 / 2 + f / 2)
// and folded, with x <= |mean| + |xh| / s, 2u (4 |gamma| s |mean| + |y|) and 4u |gamma| more.
// Statistics that are given have d = r = f = c = 0.
//
// So with q = (y - beta) / (gamma * s) of the saved statistics, x - mean is q (1 + r) but for
// E / (|gamma| s), and its size at most
//   D = (|q| (1 + r) + a / (|gamma| s)) / (1 - b / |gamma|).
// Of that, mean + q is off by
//   2d + (r D + (a + b s D) / (|gamma| s)) / (1 - r)
// and by one rounding, when it is stored: the arithmetic here is wider. d and r need the true s,
// which is within 1 + r of the saved one: r <= 1/4 is put in, and the r that comes out is taken; is
// it more than that, nothing is known.
#include "harness/nn/denormalize.h"

#include <cmath>
#include <limits>

#include "harness/core/tiles.h"

namespace normbench::nn {
namespace {

using Wide = long double;

constexpr double kNothingIsKnown = std::numeric_limits<double>::infinity();

double get(const Tensor& tensor, std::int64_t at, double if_absent) {
  if (!tensor.present()) return if_absent;
  return with_storage(tensor.dtype, [&]<class T>(T) {
    return static_cast<double>(tensor.as<T>()[static_cast<std::size_t>(at)]);
  });
}

void set(const Tensor& tensor, std::int64_t at, Wide value) {
  with_storage(tensor.dtype, [&]<class T>(T) {
    tensor.as<T>()[static_cast<std::size_t>(at)] = static_cast<T>(static_cast<double>(value));
  });
}

// The relative error of a rounding to this type, and what may be lost next to zero.
struct Storage {
  double u, lost;
};

Storage storage_of(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return {0x1p-53, std::numeric_limits<double>::denorm_min()};
    case DType::kBf16:
      return {0x1p-8, 0x1p-126};
    case DType::kF16:
      return {0x1p-11, 0x1p-25};
    case DType::kF32:
      break;
  }
  return {0x1p-24, 0x1p-149};
}

// One statistic as it is known, and how far off it may be.
struct Known {
  Wide mean = 0, rstd = 1;
  double d = 0, r = 0, f = 0;
  bool anything = true;
};

class Inverse {
 public:
  Inverse(const Problem& problem, const Arguments& arguments, const Accuracy& accuracy)
      : problem_(problem),
        arguments_(arguments),
        folded_(accuracy.grade == Grade::kB),
        found_(problem.pass == Pass::kForwardTraining),
        moments_(found_ && accuracy.variance != VarianceForm::kDeviations),
        updating_(found_ && !accuracy.exact_sums),
        u_(storage_of(parameter_dtype(problem.dtype)).u),
        c_(found_ ? accuracy.roundings : 0) {}

  Known statistic(std::int64_t at) const {
    Known known;
    if (!found_) {
      known.mean = get(arguments_.running_mean, at, 0);
      const Wide variance = get(arguments_.running_var, at, 1);
      known.rstd = 1 / std::sqrt(variance + static_cast<Wide>(problem_.eps));
      return known;
    }
    known.mean = get(arguments_.mean, at, 0);
    known.rstd = get(arguments_.rstd, at, 1);
    const auto mean = std::abs(static_cast<double>(known.mean));
    const auto rstd = static_cast<double>(known.rstd);
    constexpr double kMost = 0.25;
    const double shrink = 1 - 2 * (1 + c_) * u_;  // as |mean| is that of the saved one, and 2d
    if (problem_.norm != Norm::kRms) {
      known.d = (u_ * mean + c_ * u_ * (mean + (1 + kMost) / rstd)) / shrink;
    }
    const double s = rstd / (1 - kMost);
    if (updating_)
      known.f = c_ * u_ * std::sqrt(1 + s * s * (mean + 2 * known.d) * (mean + 2 * known.d));
    known.r = 2 * (2 * u_ + ((c_ + 3) * u_ + s * s * known.d * known.d + known.f) / 2);
    known.anything = !moments_ && shrink > 0 && known.r <= kMost;
    return known;
  }

  struct Value {
    Wide x;
    double bound;
  };

  Value invert(double y, double gamma, double beta, const Known& known) const {
    const Storage stored = storage_of(problem_.dtype);
    const Wide q = (static_cast<Wide>(y) - beta) / (gamma * known.rstd);
    if (gamma == 0 || !std::isfinite(q)) return {known.mean, kNothingIsKnown};
    const Wide x = known.mean + q;
    const double size = std::abs(gamma);
    const auto rstd = static_cast<double>(known.rstd);
    const double most_s = rstd / (1 - known.r);
    const double least_s = rstd / (1 + known.r);
    const double sd = most_s * known.d;
    const double mean = std::abs(static_cast<double>(known.mean)) + 2 * known.d;
    // The type of y has the roundings of the arithmetic, or one of its own beside them.
    const double storing = (stored.u > u_ ? stored.u : 0) * std::abs(y) + stored.lost;
    double a = 2 * (size * sd + u_ * std::abs(y)) + storing + (1 + size) * 0x1p-149;
    double b = 2 * size * (6 * u_ + c_ * u_ / 2 + sd * sd / 2 + known.f / 2);
    if (folded_) {
      a += 2 * u_ * (4 * size * most_s * mean + std::abs(y));
      b += 4 * u_ * size;
    }
    const double left = 1 - b / size;
    if (!known.anything || !(left > 0)) return {x, kNothingIsKnown};
    const double most =
        (std::abs(static_cast<double>(q)) * (1 + known.r) + a / (size * least_s)) / left;
    const double error = (a + b * most_s * most) / (size * least_s);
    const double bound = 2 * known.d + (known.r * most + error) / (1 - known.r);
    const double rounding = stored.u * (std::abs(static_cast<double>(x)) + bound) + stored.lost;
    return {x, bound + rounding};
  }

 private:
  const Problem& problem_;
  const Arguments& arguments_;
  bool folded_, found_, moments_, updating_;
  double u_, c_;
};

}  // namespace

void denormalize(const Problem& problem, const Arguments& arguments, const Accuracy& accuracy,
                 const Tensor& x, std::span<double> bound) {
  const Tiles tiles = tiles_of(problem);
  const Inverse inverse(problem, arguments, accuracy);
  for (std::int64_t row = 0; row < tiles.rows; ++row) {
    for (std::int64_t column = 0; column < tiles.columns; ++column) {
      const std::int64_t of_tile = problem.uses_running_statistics() ? 0 : row / tiles.tile_rows;
      const Known known = inverse.statistic(of_tile * tiles.across() + column / tiles.tile_columns);
      const std::int64_t at = row * tiles.columns + column;
      const std::int64_t k = column / tiles.run;
      const auto [value, error] = inverse.invert(
          get(arguments.y, at, 0), get(arguments.gamma, k, 1), get(arguments.beta, k, 0), known);
      set(x, at, value);
      bound[static_cast<std::size_t>(at)] = error;
    }
  }
}

}  // namespace normbench::nn
