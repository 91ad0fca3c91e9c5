// Regular expressions over names of backends and ids of cases.
#include "harness/bench/filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace normbench {
namespace {

class Filter {
 public:
  Filter(const std::vector<std::string>& keep, const std::vector<std::string>& drop)
      : keep_(compile(keep)), drop_(compile(drop)) {}

  bool accepts(const std::string& text) const {
    const auto found = [&text](const std::regex& expression) {
      return std::regex_search(text, expression);
    };
    return (keep_.empty() || std::any_of(keep_.begin(), keep_.end(), found)) &&
           std::none_of(drop_.begin(), drop_.end(), found);
  }

 private:
  static std::vector<std::regex> compile(const std::vector<std::string>& texts) {
    std::vector<std::regex> expressions;
    for (const std::string& text : texts) {
      try {
        expressions.emplace_back(text);
      } catch (const std::regex_error& error) {
        throw ConfigError(
            fmt::format("filter '{}': not a regular expression: {}", text, error.what()));
      }
    }
    return expressions;
  }

  std::vector<std::regex> keep_;
  std::vector<std::regex> drop_;
};

}  // namespace

std::vector<const Backend*> choose_backends(const FilterOptions& options) {
  const Filter filter(options.backends, options.without_backends);
  std::vector<const Backend*> chosen;
  std::vector<std::string> names;
  for (const auto& backend : backends()) {
    names.emplace_back(backend->name());
    if (filter.accepts(names.back())) chosen.push_back(backend.get());
  }
  if (chosen.empty()) {
    throw ConfigError(
        fmt::format("the backend filter matches nothing: change -b or -B; there are {}",
                    fmt::join(names, ", ")));
  }
  return chosen;
}

std::vector<NotBuilt> choose_not_built(const FilterOptions& options) {
  const Filter filter(options.backends, options.without_backends);
  std::vector<NotBuilt> chosen;
  for (const NotBuilt& backend : not_built_backends()) {
    if (filter.accepts(backend.name)) chosen.push_back(backend);
  }
  return chosen;
}

std::vector<Case> choose_cases(std::vector<Case> cases, const FilterOptions& options) {
  const Filter filter(options.cases, options.without_cases);
  const std::string first = cases.empty() ? "" : id(cases.front());
  std::erase_if(cases, [&filter](const Case& bench_case) {
    return !filter.accepts(fmt::format("{} {}", id(bench_case), bench_case.name));
  });
  if (cases.empty()) {
    throw ConfigError(fmt::format(
        "the case filter matches nothing: change -f or -F; case ids look like {}", first));
  }
  return cases;
}

}  // namespace normbench
