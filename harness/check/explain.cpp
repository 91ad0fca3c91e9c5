#include "harness/check/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <utility>

#include "harness/check/check.h"
#include "harness/check/grouping.h"
#include "harness/check/mistakes.h"
#include "harness/check/number_format.h"
#include "harness/check/outputs.h"
#include "harness/check/steps.h"
#include "harness/check/where.h"

namespace normbench {
namespace {

// More elements than this are not looked at one by one.
constexpr std::int64_t kMostSeen = 1 << 17;

// One output as it was left, and as it is expected.
struct Seen {
  std::string name;
  Tensor tensor;
  std::vector<double> got, values, bounds;
  std::vector<bool> unwritten = {};
  double error = 0;
  std::vector<bool> wrong = {};

  bool any_wrong() const { return std::ranges::find(wrong, true) != wrong.end(); }
  bool any_wrong_and_written() const {
    for (std::size_t at = 0; at < wrong.size(); ++at) {
      if (wrong[at] && !unwritten[at]) return true;
    }
    return false;
  }
};

std::vector<double> values_of(const Tensor& tensor) {
  std::vector<double> values;
  for (std::int64_t at = 0; at < tensor.size(); ++at) values.push_back(steps::load(tensor, at));
  return values;
}

std::vector<Seen> see(const Workspace& workspace, const Oracle& oracle, const Accuracy& accuracy,
                      std::int64_t calls) {
  const bool may_be_nan = accuracy.variance != VarianceForm::kDeviations;
  std::vector<Seen> all;
  for_each_output(
      workspace, oracle, accuracy, calls, true,
      [&](std::string_view name, const Tensor& tensor, auto expect) {
        Seen seen{.name = std::string(name),
                  .tensor = tensor,
                  .got = values_of(tensor),
                  .values = std::vector<double>(static_cast<std::size_t>(tensor.size())),
                  .bounds = std::vector<double>(static_cast<std::size_t>(tensor.size()))};
        for (std::int64_t first = 0; first < tensor.size(); first += kMostInPiece) {
          const std::int64_t count = std::min(kMostInPiece, tensor.size() - first);
          expect(first, count, seen.values.data() + first, seen.bounds.data() + first);
        }
        const double overflow = format_of(tensor.dtype).overflow();
        const auto* bytes = static_cast<const std::byte*>(tensor.data);
        const std::size_t size = size_of(tensor.dtype);
        for (std::size_t at = 0; at < seen.got.size(); ++at) {
          const double error =
              error_of(seen.got[at], {seen.values[at], seen.bounds[at]}, overflow, may_be_nan);
          seen.error = std::max(seen.error, error);
          seen.wrong.push_back(!(error <= 1));
          seen.unwritten.push_back(workspace.is_poison({bytes + at * size, size}));
        }
        all.push_back(std::move(seen));
      });
  return all;
}

// Outputs of one's own beside the inputs of others, with the running statistics as they were.
class Scratch {
 public:
  explicit Scratch(const Workspace& workspace) : arguments_(workspace.arguments()) {
    std::size_t at = 0;
    for (const BufferSpec& spec : buffer_specs(workspace.problem())) {
      Tensor& tensor = arguments_.*spec.member;
      if (spec.role != Role::kOutput && spec.role != Role::kUpdated) continue;
      auto& memory = memory_.emplace_back(tensor.bytes());
      if (spec.role == Role::kUpdated) {
        const auto saved = workspace.saved_running().subspan(at, memory.size());
        std::copy(saved.begin(), saved.end(), memory.begin());
        at += memory.size();
      }
      tensor.data = memory.data();
      if (spec.role == Role::kOutput) fill_with_nan(tensor);
    }
  }

  const Arguments& arguments() const { return arguments_; }

 private:
  static void fill_with_nan(const Tensor& tensor) {
    for (std::int64_t at = 0; at < tensor.size(); ++at) {
      steps::store(tensor, at, std::numeric_limits<double>::quiet_NaN());
    }
  }

  Arguments arguments_;
  std::vector<std::vector<std::byte>> memory_;
};

Tensor output_named(const Problem& problem, const Arguments& arguments, std::string_view name) {
  for (const BufferSpec& spec : buffer_specs(problem)) {
    if (spec.name == name) return arguments.*spec.member;
  }
  return {};
}

std::string_view large_output(const Problem& p) { return p.backward() ? "dx" : "y"; }

enum class Agreement { kWithMistake, kWithRight, kNone };

// Whether an output is what the mistake leaves, or the mistake says nothing about it. Where the
// output is wrong the mistake must account for most of that, and may miss a thirty-second: what
// follows a wrong statistic in float is off by more than the bound of the right one.
Agreement compare(const Seen& seen, const Tensor& left_by_mistake) {
  const double unit = format_of(seen.tensor.dtype).unit();
  bool as_mistake = seen.any_wrong_and_written();
  bool as_right = true;
  for (std::size_t at = 0; at < seen.got.size() && (as_mistake || as_right); ++at) {
    const double got = seen.got[at];
    const double want = seen.values[at];
    const double mistaken = steps::load(left_by_mistake, static_cast<std::ptrdiff_t>(at));
    if (seen.unwritten[at] || is_unjudged({want, seen.bounds[at]})) continue;
    const double allowed = 2 * seen.bounds[at] + 8 * unit * std::abs(mistaken);
    const double off = std::abs(got - want);
    const double allowed_here = seen.wrong[at] ? std::min(allowed, off / 2) + off / 32 : allowed;
    if (std::isfinite(got) != std::isfinite(mistaken)) return Agreement::kNone;
    as_mistake = as_mistake && (!std::isfinite(got) || got == mistaken ||
                                std::abs(got - mistaken) <= allowed_here);
    as_right = as_right && (mistaken == want || std::abs(mistaken - want) <= allowed);
  }
  if (as_mistake) return Agreement::kWithMistake;
  return as_right ? Agreement::kWithRight : Agreement::kNone;
}

// What a mistake explains of some outputs, in their order; empty when it contradicts one of them.
std::vector<bool> explained_by(const Mistake& mistake, const Workspace& workspace,
                               const std::vector<Seen>& all) {
  const Scratch scratch(workspace);
  mistake.run(workspace.problem(), scratch.arguments());
  std::vector<bool> explained;
  for (const Seen& seen : all) {
    const Tensor left = output_named(workspace.problem(), scratch.arguments(), seen.name);
    const Agreement agreement = compare(seen, left);
    if (agreement == Agreement::kNone) return {};
    explained.push_back(agreement == Agreement::kWithMistake);
  }
  return explained;
}

// Those that explain the most outputs, alike; then those that explain the most of what is left.
std::vector<Alternatives> likely_mistakes(const Workspace& workspace,
                                          const std::vector<Seen>& all) {
  const Problem& p = workspace.problem();
  std::vector<std::pair<const Mistake*, std::vector<bool>>> possible;
  for (const Mistake* mistake : mistakes_for(p)) {
    auto explained = explained_by(*mistake, workspace, all);
    if (!explained.empty()) possible.emplace_back(mistake, std::move(explained));
  }
  std::vector<Alternatives> found;
  while (true) {
    const std::vector<bool>* best = nullptr;
    std::int64_t most = 0;
    for (const auto& [mistake, explained] : possible) {
      const auto count = std::count(explained.begin(), explained.end(), true);
      if (count > most) best = &explained;
      most = std::max(most, count);
    }
    if (best == nullptr) return found;
    const std::vector<bool> taken = *best;
    Alternatives& alike = found.emplace_back();
    for (auto& [mistake, explained] : possible) {
      if (explained == taken)
        alike.push_back(fmt::format(fmt::runtime(mistake->words), large_output(p)));
    }
    for (auto& [mistake, explained] : possible) {
      for (std::size_t at = 0; at < taken.size(); ++at) {
        if (taken[at]) explained[at] = false;
      }
    }
  }
}

// Whether any sum that the pass leaves is wrong, or it leaves none.
bool sums_may_be_wrong(const std::vector<Seen>& all) {
  bool any = false;
  bool wrong = false;
  for (const Seen& seen : all) {
    if (seen.name == "rstd" || seen.name.starts_with("running") || seen.name == "y" ||
        seen.name == "dx") {
      continue;
    }
    any = true;
    wrong = wrong || seen.any_wrong();
  }
  return wrong || !any;
}

// How many bits of the largest value of each output are right, of the worst of them; 0 when it is
// not a matter of bits.
int right_bits(const std::vector<Seen>& all) {
  double worst = 0;
  for (const Seen& seen : all) {
    double off = 0;
    double size = 0;
    for (std::size_t at = 0; at < seen.got.size(); ++at) {
      if (seen.unwritten[at] || !std::isfinite(seen.got[at])) return 0;
      off = std::max(off, std::abs(seen.got[at] - seen.values[at]));
      size = std::max(size, std::abs(seen.values[at]));
    }
    if (off > 0 && size > 0) worst = std::max(worst, off / size);
  }
  constexpr int kLeast = 6;
  const int bits = worst > 0 && worst < 1 ? -std::ilogb(worst) - 1 : 0;
  return bits >= kLeast ? bits : 0;
}

// Whether an output that is far off has all the values that it should have, in other places.
bool is_permutation(const Seen& seen) {
  constexpr double kFar = 1000;
  if (!seen.any_wrong_and_written() || seen.error < kFar) return false;
  std::vector<double> got = seen.got;
  std::vector<std::pair<double, double>> want;
  for (std::size_t at = 0; at < got.size(); ++at) {
    if (!std::isfinite(got[at])) return false;
    want.emplace_back(seen.values[at], seen.bounds[at]);
  }
  std::ranges::sort(got);
  std::ranges::sort(want);
  for (std::size_t at = 0; at < got.size(); ++at) {
    if (!(std::abs(got[at] - want[at].first) <= want[at].second)) return false;
  }
  return true;
}

// Whether any wrong value that was written is one of these, where a number is expected.
template <class Is>
bool any_wrong_value(const std::vector<Seen>& all, Is is) {
  for (const Seen& seen : all) {
    for (std::size_t at = 0; at < seen.got.size(); ++at) {
      const bool counts = seen.wrong[at] && !seen.unwritten[at] && std::isfinite(seen.values[at]);
      if (counts && is(seen, seen.got[at])) return true;
    }
  }
  return false;
}

// What the values themselves tell.
std::string told_by_values(const std::vector<Seen>& all) {
  for (const Seen& seen : all) {
    if (is_permutation(seen)) return "the right values of " + seen.name + " stood in other places";
  }
  if (any_wrong_value(all, [](const Seen& seen, double value) {
        return seen.name == "variance" && value < 0;
      })) {
    return "the variance, which is negative, were made of moments, E[x^2] - E[x]^2, which cancel";
  }
  if (any_wrong_value(all, [](const Seen&, double value) { return std::isinf(value); })) {
    return "a number had grown beyond its type, or there were a division by 0";
  }
  if (any_wrong_value(all, [](const Seen&, double value) { return std::isnan(value); })) {
    return "something were read that is no input: behind or before a buffer, or an output before "
           "it is written";
  }
  return "";
}

// Claims under which all of it is right.
std::vector<Alternatives> claims_that_pass(const Workspace& workspace, const Oracle& oracle,
                                           const Accuracy& accuracy, std::int64_t calls,
                                           const std::vector<Seen>& all) {
  const auto passes = [&](const Accuracy& claim) {
    return check_outputs(workspace, oracle, claim, calls).passed();
  };
  const Problem& p = workspace.problem();
  if (p.finds_variance() && passes(accuracy.variance_from_rstd())) {
    return {
        {"the variance were made of the saved rstd, 1 / rstd^2 - eps: claim "
         "variance_from_rstd()"}};
  }
  const bool seen = !all.empty();
  const bool is_small = !seen || right_bits(all) > 0;
  if (is_small && passes(accuracy.folded())) {
    const bool is_large_wrong = !seen || std::ranges::any_of(all, [&](const Seen& one) {
      return one.name == large_output(p) && one.any_wrong();
    });
    if (is_large_wrong) {
      return {{fmt::format("{} were folded, x * scale + shift: claim Grade::kB", large_output(p))}};
    }
    return {{"dgamma were folded, sum dy * x - mean * sum dy: claim Grade::kB",
             "dgamma were an approximation"}};
  }
  if (seen && !sums_may_be_wrong(all)) return {};
  Accuracy sums = Accuracy::sequential(most_terms(p));
  sums.roundings = std::max(sums.roundings, accuracy.roundings);
  Accuracy updated = sums;
  updated.exact_sums = false;
  if (is_small) {
    if (passes(sums))
      return {{"sums had more roundings than are claimed (verify --claim finds how many)"}};
    if (passes(sums.folded())) {
      return {{fmt::format("sums had more roundings than are claimed, and {} were folded",
                           large_output(p))}};
    }
    if (passes(updated)) {
      return {
          {"sums were not exact, as when they are multiplied by a rounded 1 / n, or updated "
           "value by value: claim exact_sums = false"}};
    }
  }
  if (passes(updated.folded().by_shifted_moments())) {
    return {{"the variance were made of moments shifted by the first value, which cancel"}};
  }
  if (passes(updated.folded().by_moments())) {
    return {{"the variance were made of moments, E[x^2] - E[x]^2, which cancel"}};
  }
  return {};
}

}  // namespace

Explanation explain(const Workspace& workspace, const Oracle& oracle, const Accuracy& accuracy,
                    std::int64_t calls, bool may_be_rounding, bool compare_mistakes) {
  Explanation explanation;
  const Problem& p = workspace.problem();
  if (p.elements() > kMostSeen) {
    if (may_be_rounding) {
      explanation.as_if = claims_that_pass(workspace, oracle, accuracy, calls, {});
    }
    explanation.of_rounding = !explanation.as_if.empty();
    return explanation;
  }
  const std::vector<Seen> all = see(workspace, oracle, accuracy, calls);
  bool any_written = false;
  for (const Seen& seen : all) {
    if (!seen.any_wrong()) continue;
    const bool of_samples = seen.name == "y" || seen.name == "dx" ||
                            (p.norm != Norm::kBatch && !seen.name.starts_with("d"));
    WrongOutput wrong = {.name = seen.name,
                         .error = seen.error,
                         .wrong = std::count(seen.wrong.begin(), seen.wrong.end(), true),
                         .of = seen.tensor.size(),
                         .where = where(seen.tensor, seen.wrong, of_samples ? p.batch : 1,
                                        of_samples ? "sample" : "mini-batch")};
    for (std::size_t at = 0; at < seen.got.size(); ++at) {
      if (!seen.wrong[at]) continue;
      any_written = any_written || !seen.unwritten[at];
      if (seen.unwritten[at]) ++wrong.unwritten;
      explanation.left_as_it_was =
          explanation.left_as_it_was || (seen.unwritten[at] && seen.values[at] != 0);
    }
    explanation.outputs.push_back(std::move(wrong));
  }
  if (!any_written) {
    explanation.compared = true;
    return explanation;
  }
  if (may_be_rounding) {
    explanation.as_if = claims_that_pass(workspace, oracle, accuracy, calls, all);
    explanation.of_rounding = !explanation.as_if.empty();
  }
  explanation.compared =
      explanation.of_rounding || (compare_mistakes && calls == 1 && p.elements() <= kMostCompared);
  if (explanation.as_if.empty() && explanation.compared) {
    explanation.as_if = likely_mistakes(workspace, all);
  }
  if (!explanation.as_if.empty()) return explanation;
  if (const std::string words = told_by_values(all); !words.empty()) {
    explanation.as_if = {{words}};
    return explanation;
  }
  if (explanation.compared) explanation.right_bits = right_bits(all);
  return explanation;
}

}  // namespace normbench
