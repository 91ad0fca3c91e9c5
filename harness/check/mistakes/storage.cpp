// Types that are too narrow, and copies.
#include <algorithm>
#include <bit>
#include <cmath>

#include "harness/check/mistakes/list.h"
#include "harness/check/number_format.h"

namespace normbench::mistakes {
namespace {

// `value` with the first `digits` of its binary digits, the others cut off.
double cut_off(double value, int digits) {
  const std::uint64_t mask = ~std::uint64_t{0} << static_cast<unsigned>(53 - digits);
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) & mask);
}

Statistic statistic_in(DType dtype, const Problem& p, Values x) {
  const Statistic right = two_pass(p, x);
  return {in(dtype, right.mean), in(dtype, right.variance)};
}

Statistic sums_in(DType dtype, const Problem& p, Values x) {
  double sum = 0;
  for (const double value : x) sum = in(dtype, sum + value);
  const double mean = p.norm == Norm::kRms ? 0 : sum / static_cast<double>(x.size());
  return {mean, two_pass(p, x).variance};
}

Run stored(std::function<double(DType, double)> how) { return with(&Steps::stored, how); }

Run stored_by_way_of(DType narrow) {
  return stored([narrow](DType dtype, double value) { return in(dtype, in(narrow, value)); });
}

}  // namespace

void add_storage(Mistakes& list) {
  const auto add = [&](std::string words, Run run) {
    list.push_back({narrow_or_wide, {std::move(words), std::move(run)}});
  };
  add("{} were cut off to the type, not rounded", stored([](DType dtype, double value) {
        return in(dtype, cut_off(value, format_of(dtype).digits));
      }));
  for (const DType narrow : {DType::kBf16, DType::kF16, DType::kF32}) {
    const std::string type(name(narrow));
    add("{} were rounded to " + type + " on the way", stored_by_way_of(narrow));
    add("statistics were kept in " + type,
        with(&Steps::statistic,
             [narrow](const Problem& p, Values x) { return statistic_in(narrow, p, x); }));
    add("values were summed in " + type,
        with(&Steps::statistic,
             [narrow](const Problem& p, Values x) { return sums_in(narrow, p, x); }));
    add("running statistics were kept in " + type,
        with(&Steps::update, [narrow](double running, double statistic, double m) {
          return in(narrow, updated(running, statistic, m));
        }));
    add("momentum were taken in " + type,
        with(&Steps::update, [narrow](double running, double statistic, double m) {
          return updated(running, statistic, in(narrow, m));
        }));
    add("rstd were taken in " + type, with(&Steps::rstd, [narrow](double v, double eps) {
          return in(narrow, inverted_root(v, eps));
        }));
    add("eps were taken in " + type, with(&Steps::rstd, [narrow](double v, double eps) {
          return inverted_root(v, in(narrow, eps));
        }));
    add("x - mean were taken in " + type, with(&Steps::y, [narrow](const Output& t) {
          return in(narrow, t.x - t.mean) * t.rstd * t.gamma + t.beta;
        }));
    add("x were read as " + type, with(&Steps::y, [narrow](const Output& t) {
          return (in(narrow, t.x) - t.mean) * t.rstd * t.gamma + t.beta;
        }));
    add("xh were taken in " + type, with(&Steps::xh, [narrow](double x, double mean, double rstd) {
          return in(narrow, (x - mean) * rstd);
        }));
    add("dgamma and dbeta were kept in " + type,
        with(&Steps::gradients, [narrow](const Problem&, Values dy, Values all_xh) {
          const Sums right = sums_of(dy, all_xh);
          return Sums{in(narrow, right.g), in(narrow, right.g_xh)};
        }));
  }
  add("numbers below the smallest normal one were taken for 0",
      stored([](DType dtype, double value) {
        return std::abs(value) < format_of(dtype).smallest_normal() ? 0 : value;
      }));
  add("what is too large for the type were its largest number",
      stored([](DType dtype, double value) {
        const double most = format_of(dtype).largest();
        return in(dtype, std::clamp(value, -most, most));
      }));
}

void add_copies(Mistakes& list) {
  list.push_back(
      {copies, {"the sign were changed", with(&Steps::copy, [](double value) { return -value; })}});
  list.push_back(
      {copies, {"there were only zeros", with(&Steps::copy, [](double) { return 0.0; })}});
}

}  // namespace normbench::mistakes
