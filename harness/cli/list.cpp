// normbench list: what a config expands to; without one, what this build contains.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "harness/bench/price.h"
#include "harness/cli/contestants.h"
#include "harness/cli/new_files.h"
#include "harness/cli/streams.h"
#include "harness/cli/support.h"
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

struct SupportOptions {
  bool wanted = false;
  std::string into = {};
};

void list_support(const FilterOptions& filters, const ContestantOptions& contestants,
                  const std::string& into) {
  const auto chosen = choose_without_peers(filters, contestants);
  if (!into.empty()) {
    const std::string before = read_text(into);
    std::string text = before;
    for (const Backend* backend : chosen) {
      text = with_support_section(text, support_section(*backend));
    }
    if (text != before) write_files({}, {{into, text}});
    return;
  }
  if (filters.backends.empty() && filters.without_backends.empty()) {
    return out("{}", support_document(chosen));
  }
  for (const Backend* backend : chosen) {
    out("{}{}", backend == chosen.front() ? "" : "\n", support_section(*backend));
  }
}

}  // namespace

void add_list(CLI::App& app, int&) {
  CLI::App* verb = app.add_subcommand(
      "list", "The cases of a config, and how long they take; without one, the backends");
  const auto options = add_plan(*verb);
  CLI::Option* config = verb->get_option("config")->required(false);
  auto support = std::make_shared<SupportOptions>();
  CLI::Option* flag =
      verb->add_flag("--support", support->wanted, "Which backend supports what, as Markdown")
          ->excludes(config);
  verb->add_option("--into", support->into,
                   "Put the sections of the chosen backends into this file, such as "
                   "impls/SUPPORT.md; the others stay")
      ->type_name("FILE.md")
      ->needs(flag);
  const auto contestants = add_contestants(*verb, false);
  verb->callback([options, support, contestants] {
    FilterOptions& filters = *options->filters;
    if (!options->path.empty()) return list_cases(*options, *contestants);
    if (support->wanted) return list_support(filters, *contestants, support->into);
    filters.absent_will_do = true;
    list_backends(list_contestants(filters, *contestants));
  });
}

}  // namespace normbench
