// normbench list: what a config expands to; without one, what this build contains.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "harness/bench/price.h"
#include "harness/cli/streams.h"
#include "harness/cli/verbs.h"
#include "harness/core/backend.h"

namespace normbench {
namespace {

void list_backends(const FilterOptions& filters) {
  for (const Backend* backend : choose_backends(filters)) {
    out("{:<16} {}{}\n", backend->name(), backend->version(),
        backend->native_layout() ? "  (native layout)" : "");
    for (const BackendOption& option : backend->options()) {
      out("{:<16} option {}={}: {}\n", "", option.name, fmt::join(option.values, "|"), option.what);
    }
  }
  for (const NotBuilt& backend : choose_not_built(filters)) {
    out("{:<16} not built: {}\n", backend.name, backend.reason);
  }
}

void list_cases(const PlanOptions& options) {
  const Plan plan = load_plan(options, read_machine());
  const auto chosen = choose_backends(*options.filters);
  std::int64_t largest = 0;
  for (const Case& bench_case : plan.cases) {
    largest = std::max(largest, compulsory_bytes(bench_case.problem));
    out("{}{}{}\n", id(bench_case), bench_case.name.empty() ? "" : "  ", bench_case.name);
  }
  for (const Exclusion& exclusion : plan.excluded) {
    say("excluded {}: {}\n", exclusion.what, exclusion.reason);
  }
  say("{} cases, {} backends, largest working set {:.1f} MB, about {}\n", plan.cases.size(),
      chosen.size(), static_cast<double>(largest) / 1e6,
      duration(total_seconds(PriceModel(plan.timing, chosen.size()), plan.cases)));
}

}  // namespace

void add_list(CLI::App& app, int&) {
  CLI::App* verb = app.add_subcommand(
      "list", "The cases of a config, and how long they take; without one, the backends");
  const auto options = add_plan(*verb);
  CLI::Option* config = verb->get_option("config")->required(false);
  auto support = std::make_shared<bool>(false);
  verb->add_flag("--support", *support, "Which backend supports what, as Markdown")
      ->excludes(config);
  verb->callback([options, support] {
    if (*support) {
      print_support(choose_backends(*options->filters));
    } else if (options->path.empty()) {
      list_backends(*options->filters);
    } else {
      list_cases(*options);
    }
  });
}

}  // namespace normbench
