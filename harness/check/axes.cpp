#include "harness/check/axes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>
#include <vector>

#include "harness/check/grouping.h"

namespace normbench {
namespace {

struct Property {
  std::string words;  // what follows "only where "
  std::function<bool(const Tried&)> holds;
};

using Quantity = std::int64_t (*)(const Problem&);

// Those that kernels cut into vectors and blocks, or into parts for threads.
struct Axis {
  std::string_view name;
  Quantity of;
};
constexpr Axis kAxes[] = {{"l", [](const Problem& p) { return p.l; }},
                          {"c", [](const Problem& p) { return p.c; }},
                          {"n", [](const Problem& p) { return p.n; }},
                          {"c * l", [](const Problem& p) { return p.c * p.l; }},
                          {"values per statistic", values_per_statistic},
                          {"n * c * l", [](const Problem& p) { return p.elements(); }}};

void add(std::vector<Property>& all, std::string words, std::function<bool(const Problem&)> holds) {
  all.push_back({std::move(words),
                 [holds = std::move(holds)](const Tried& tried) { return holds(tried.problem); }});
}

std::vector<Property> named_properties() {
  std::vector<Property> all;
  all.push_back({"there is more than one thread", [](const Tried& t) { return t.threads > 1; }});
  all.push_back({"there is one thread", [](const Tried& t) { return t.threads == 1; }});
  add(all, "there are several mini-batches (_b)", [](const Problem& p) { return p.batch < p.n; });
  add(all, "there is one mini-batch", [](const Problem& p) { return p.batch == p.n; });
  add(all, "a mini-batch is one sample", [](const Problem& p) { return p.batch == 1; });
  add(all, "there is no gamma and beta (_plain)", [](const Problem& p) { return !p.affine; });
  add(all, "there are gamma and beta", [](const Problem& p) { return p.affine; });
  add(all, "eps != 1e-5", [](const Problem& p) { return p.eps != kDefaultEps; });
  add(all, "eps == 1e-5", [](const Problem& p) { return p.eps == kDefaultEps; });
  add(all, "momentum != 0.1 (_m)", [](const Problem& p) { return p.momentum != kDefaultMomentum; });
  add(all, "momentum == 0.1", [](const Problem& p) { return p.momentum == kDefaultMomentum; });
  add(all, "momentum != 0", [](const Problem& p) { return p.momentum != 0; });
  add(all, "momentum != 1", [](const Problem& p) { return p.momentum != 1; });
  add(all, "there are several groups (_g)", [](const Problem& p) { return p.groups > 1; });
  for (const Norm norm : kEveryNorm) {
    add(all, fmt::format("the norm is {}", name(norm)),
        [norm](const Problem& p) { return p.norm == norm; });
  }
  for (const Pass pass : kEveryPass) {
    add(all, fmt::format("the pass is {}", name(pass)),
        [pass](const Problem& p) { return p.pass == pass; });
  }
  for (const DType dtype : kEveryDType) {
    add(all, fmt::format("the type is {}", name(dtype)),
        [dtype](const Problem& p) { return p.dtype == dtype; });
  }
  for (const Layout layout : kEveryLayout) {
    add(all, fmt::format("the layout is {}", name(layout)),
        [layout](const Problem& p) { return p.layout == layout; });
  }
  for (const Axis& axis : kAxes) {
    add(all, fmt::format("{} == 1", axis.name),
        [&axis](const Problem& p) { return axis.of(p) == 1; });
    add(all, fmt::format("{} != 1", axis.name),
        [&axis](const Problem& p) { return axis.of(p) != 1; });
    for (const std::int64_t width : {2, 4, 8, 16, 32, 64}) {
      add(all, fmt::format("{} % {} != 0", axis.name, width),
          [&axis, width](const Problem& p) { return axis.of(p) % width != 0; });
      add(all, fmt::format("{} % {} == 0", axis.name, width),
          [&axis, width](const Problem& p) { return axis.of(p) % width == 0; });
    }
  }
  return all;
}

// From the least or up to the largest that failed.
std::vector<Property> limits(std::span<const Tried> cases) {
  std::vector<Property> all;
  for (const Axis& axis : kAxes) {
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    std::int64_t most = 0;
    for (const Tried& tried : cases) {
      if (!tried.failed) continue;
      least = std::min(least, axis.of(tried.problem));
      most = std::max(most, axis.of(tried.problem));
    }
    if (least > 2) {
      add(all, fmt::format("{} >= {}", axis.name, least),
          [&axis, least](const Problem& p) { return axis.of(p) >= least; });
    }
    add(all, fmt::format("{} <= {}", axis.name, most),
        [&axis, most](const Problem& p) { return axis.of(p) <= most; });
  }
  return all;
}

}  // namespace

std::string shared_by_failures(std::span<const Tried> cases) {
  const auto failed = std::ranges::count(cases, true, &Tried::failed);
  const auto passed = std::ssize(cases) - failed;
  if (failed == 0) return "";
  if (passed == 0) return std::ssize(cases) > 1 ? "which are all" : "";
  std::vector<Property> properties = named_properties();
  for (Property& limit : limits(cases)) properties.push_back(std::move(limit));
  // Of each property that all failures have, which of the others have it too.
  struct Shared {
    const Property* property;
    std::vector<bool> others;
    std::ptrdiff_t count;
  };
  std::vector<Shared> shared;
  for (const Property& property : properties) {
    std::vector<bool> others;
    bool all_failures = true;
    for (const Tried& tried : cases) {
      const bool holds = property.holds(tried);
      if (!tried.failed) others.push_back(holds);
      all_failures = all_failures && (holds || !tried.failed);
    }
    const auto count = std::ranges::count(others, true);
    if (all_failures && count < passed) shared.push_back({&property, std::move(others), count});
  }
  if (shared.empty()) return "";
  const auto best = std::ranges::min_element(shared, {}, &Shared::count);
  std::string words = best->property->words;
  std::ptrdiff_t others = best->count;
  // A second property, where it leaves no others, or few of them.
  for (const Shared& one : shared) {
    for (const Shared& two : shared) {
      if (&one >= &two) continue;
      std::ptrdiff_t both = 0;
      for (std::size_t at = 0; at < one.others.size(); ++at) {
        both += one.others[at] && two.others[at] ? 1 : 0;
      }
      if (both >= others || 4 * both > best->count) continue;
      words = fmt::format("{} and {}", one.property->words, two.property->words);
      others = both;
    }
  }
  if (others == 0) return fmt::format("only where {}, and in all of these cases", words);
  // Half of all that passed: that is no property of failures.
  if (2 * others > passed) return "";
  return fmt::format("only where {}, in {} of {} such cases", words, failed, failed + others);
}

}  // namespace normbench
