// normbench list: what a config expands to; without one, what this build contains.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "harness/bench/price.h"
#include "harness/cli/contestants.h"
#include "harness/cli/streams.h"
#include "harness/cli/verbs.h"
#include "harness/core/backend.h"

namespace normbench {
namespace {

void list_backends(const Contestants& chosen) {
  chosen.start_workers();
  for (const Backend* backend : chosen.backends) {
    out("{:<16} {}{}\n", backend->name(), backend->version(),
        backend->native_layout() ? "  (native layout)" : "");
    for (const BackendOption& option : backend->options()) {
      out("{:<16} option {}={}: {}\n", "", option.name, fmt::join(option.choices(), "|"),
          option.what);
    }
  }
  for (const NotBuilt& backend : chosen.not_built) {
    out("{:<16} not built: {}\n", backend.name, backend.reason);
  }
  for (const NotBuilt& backend : chosen.not_installed) {
    out("{:<16} not installed: {}\n", backend.name, backend.reason);
  }
}

void list_cases(const PlanOptions& options, const ContestantOptions& contestants) {
  const Plan plan = load_plan(options, read_machine());
  const Contestants chosen = list_contestants(*options.filters, contestants);
  std::int64_t largest = 0;
  for (const Case& bench_case : plan.cases) {
    largest = std::max(largest, compulsory_bytes(bench_case.problem));
    out("{}{}{}\n", id(bench_case), bench_case.name.empty() ? "" : "  ", bench_case.name);
  }
  for (const Exclusion& exclusion : plan.excluded) {
    say("excluded {}: {}\n", exclusion.what, exclusion.reason);
  }
  say("{} cases, {} backends, largest working set {:.1f} MB, about {}\n", plan.cases.size(),
      chosen.backends.size(), static_cast<double>(largest) / 1e6,
      duration(total_seconds(PriceModel(plan.timing, chosen.backends.size()), plan.cases)));
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
  const auto contestants = add_contestants(*verb, false);
  verb->callback([options, support, contestants] {
    if (!options->path.empty()) return list_cases(*options, *contestants);
    if (*support) return print_support(choose_backends(*options->filters));
    list_backends(list_contestants(*options->filters, *contestants));
  });
}

}  // namespace normbench
