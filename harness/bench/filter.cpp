// Regular expressions over names of backends and ids of cases.
#include "harness/bench/filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <regex>
#include <utility>

#include "harness/bench/alternatives.h"
#include "harness/bench/errors.h"
#include "harness/bench/in_process.h"

namespace normbench {
namespace {

// A regular expression, and the flag that it was given with.
struct Expression {
  std::string flag;
  std::string text;
  std::regex regex;

  // One hit in any of the texts is enough.
  bool found_in(const std::vector<std::string>& texts) const {
    return std::any_of(texts.begin(), texts.end(), [this](const std::string& candidate) {
      return std::regex_search(candidate, regex);
    });
  }
};

std::vector<Expression> compile(const std::string& flag, const std::vector<std::string>& texts) {
  std::vector<Expression> expressions;
  for (const std::string& text : texts) {
    try {
      expressions.push_back({flag, text, std::regex(text)});
    } catch (const std::regex_error& error) {
      throw UsageError(
          fmt::format("{} '{}' is no regular expression: {}", flag, text, error.what()));
    }
  }
  return expressions;
}

class Filter {
 public:
  Filter(std::vector<Expression> keep, std::vector<Expression> drop)
      : keep_(std::move(keep)), drop_(std::move(drop)) {}

  bool accepts(const std::string& text) const { return accepts(std::vector<std::string>{text}); }
  bool accepts(const std::vector<std::string>& texts) const {
    const auto found = [&texts](const Expression& expression) {
      return expression.found_in(texts);
    };
    return (keep_.empty() || std::any_of(keep_.begin(), keep_.end(), found)) &&
           std::none_of(drop_.begin(), drop_.end(), found);
  }

  // Those of -B or -F that drop none of `all`: perhaps a slip.
  std::vector<std::string> idle(const std::vector<std::vector<std::string>>& all) const {
    std::vector<std::string> texts;
    for (const Expression& expression : drop_) {
      const auto found = [&expression](const auto& each) { return expression.found_in(each); };
      if (std::none_of(all.begin(), all.end(), found)) {
        texts.push_back(fmt::format("{} '{}'", expression.flag, expression.text));
      }
    }
    return texts;
  }

 private:
  std::vector<Expression> keep_;
  std::vector<Expression> drop_;
};

Filter backend_filter(const FilterOptions& options) {
  return {compile("-b", options.backends), compile("-B", options.without_backends)};
}

// BACKEND.OPTION=VALUE
struct Setting {
  std::string backend, option, value;
};

Setting parse_setting(const std::string& text) {
  static const std::regex form(R"(([^.=]+)\.([^.=]+)=(.+))");
  std::smatch parts;
  if (!std::regex_match(text, parts, form)) {
    throw UsageError(
        fmt::format("'{}': an option of a backend is written BACKEND.OPTION=VALUE", text));
  }
  return {parts[1], parts[2], parts[3]};
}

std::string describe(const std::vector<BackendOption>& options) {
  std::vector<std::string> list;
  for (const BackendOption& option : options) {
    list.push_back(fmt::format("{} ({})", option.name, fmt::join(option.choices(), ", ")));
  }
  return list.empty() ? "it has none" : fmt::format("it has {}", fmt::join(list, ", "));
}

// Of every backend of this build: what its process of its own costs.
const BackendOption kWorkerOption = {"worker", {"on", "off"}, "a process of its own", ""};

// Keeps it for as long as the program lives.
const Backend& with_setting(const Backend& backend, const Setting& setting) {
  static std::vector<std::unique_ptr<Backend>> all;
  auto options = backend.options();
  options.push_back(kWorkerOption);
  const auto option = std::find_if(options.begin(), options.end(), [&](const auto& candidate) {
    return candidate.name == setting.option;
  });
  if (option == options.end()) {
    throw UsageError(fmt::format("backend {} has no option '{}': {}", setting.backend,
                                 setting.option, describe(backend.options())));
  }
  if (!option->takes(setting.value)) {
    throw UsageError(fmt::format("option {}.{} does not take '{}': it takes {}", setting.backend,
                                 setting.option, setting.value,
                                 fmt::join(option->choices(), ", ")));
  }
  if (setting.option == kWorkerOption.name) {
    return setting.value == "off" ? *all.emplace_back(in_process(backend)) : backend;
  }
  return *all.emplace_back(backend.with_option(setting.option, setting.value));
}

// A name that nobody has is a mistake; one that is filtered out is not.
void refuse_unknown(const std::vector<Setting>& settings) {
  for (const Setting& setting : settings) find_backend(setting.backend);
}

std::vector<Setting> parse_settings(const std::vector<std::string>& texts) {
  std::vector<Setting> settings;
  for (const std::string& text : texts) settings.push_back(parse_setting(text));
  refuse_unknown(settings);
  // Whatever else is set is set in the backend itself.
  std::stable_partition(settings.begin(), settings.end(), [](const Setting& setting) {
    return setting.option != kWorkerOption.name;
  });
  return settings;
}

struct Absent {
  std::string name;
  std::string words;  // "not built: ..."
};

std::vector<Absent> all_absent(const std::vector<NotBuilt>& not_installed) {
  std::vector<Absent> all;
  for (const NotBuilt& backend : not_built_backends()) {
    all.push_back({backend.name, "not built: " + backend.reason});
  }
  for (const NotBuilt& backend : not_installed) {
    all.push_back({backend.name, "not installed: " + backend.reason});
  }
  return all;
}

// Each part of a -b that chooses nobody: perhaps a slip, or a backend that is not there.
void warn_of_idle_parts(const FilterOptions& options, const std::vector<std::string>& names,
                        const std::vector<Absent>& absent) {
  for (const std::string& text : options.backends) {
    for (const std::string& part : alternatives(text)) {
      const std::regex regex(part);
      const auto found = [&regex](const std::string& name) {
        return std::regex_search(name, regex);
      };
      if (std::any_of(names.begin(), names.end(), found)) continue;
      bool is_known = false;
      for (const Absent& backend : absent) {
        if (!found(backend.name)) continue;
        options.warn(fmt::format("-b '{}': {} is {}", text, backend.name, backend.words));
        is_known = true;
      }
      if (is_known) continue;
      options.warn(fmt::format("-b '{}': '{}' matches no backend, there are: {}", text, part,
                               fmt::join(names, ", ")));
    }
  }
}

}  // namespace

std::vector<const Backend*> choose_backends(const FilterOptions& options,
                                            const std::vector<const Backend*>& others,
                                            const std::vector<NotBuilt>& not_installed) {
  const Filter filter = backend_filter(options);
  const std::vector<Setting> in_place = parse_settings(options.backend_options);
  const std::vector<Setting> beside = parse_settings(options.variants);
  std::vector<const Backend*> chosen;
  std::vector<std::string> names;
  std::vector<const Backend*> candidates;
  for (const auto& built : backends()) candidates.push_back(built.get());
  candidates.insert(candidates.end(), others.begin(), others.end());
  for (const Backend* backend : candidates) {
    names.emplace_back(backend->name());
    if (!filter.accepts(names.back())) continue;
    for (const Setting& setting : in_place) {
      if (setting.backend == names.back()) backend = &with_setting(*backend, setting);
    }
    chosen.push_back(backend);
    for (const Setting& setting : beside) {
      if (setting.backend == names.back()) chosen.push_back(&with_setting(*backend, setting));
    }
  }
  const std::vector<Absent> absent = all_absent(not_installed);
  if (chosen.empty()) {
    std::string known;
    for (const Absent& backend : absent) {
      if (filter.accepts(backend.name))
        known += fmt::format("; {} is {}", backend.name, backend.words);
    }
    if (options.absent_will_do && !known.empty()) return chosen;
    throw UsageError(
        fmt::format("the backend filter matches nothing: change -b or -B; there are {}{}",
                    fmt::join(names, ", "), known));
  }
  warn_of_idle_parts(options, names, absent);
  std::vector<std::vector<std::string>> all;
  for (const std::string& each : names) all.push_back({each});
  for (const Absent& backend : absent) all.push_back({backend.name});
  for (const std::string& idle : filter.idle(all)) {
    options.warn(fmt::format("{} matches no backend, there are: {}", idle, fmt::join(names, ", ")));
  }
  return chosen;
}

const Backend& find_backend(const std::string& name) {
  const std::size_t bracket = name.find('[');
  const std::string wanted = name.substr(0, bracket);
  std::vector<std::string> names;
  for (const auto& built : backends()) {
    names.emplace_back(built->name());
    if (names.back() != wanted) continue;
    const Backend* backend = built.get();
    static const std::regex setting(R"(([^\[\],=]+)=([^\[\],=]+))");
    for (std::sregex_iterator part(name.begin(), name.end(), setting), end; part != end; ++part) {
      backend = &with_setting(*backend, {wanted, (*part)[1], (*part)[2]});
    }
    if (backend->name() == name) return *backend;
  }
  for (const NotBuilt& backend : not_built_backends()) {
    if (backend.name == wanted) {
      throw UsageError(fmt::format("backend {} is not in this build: {}", wanted, backend.reason));
    }
  }
  throw UsageError(
      fmt::format("there is no backend '{}': choose from {}", name, fmt::join(names, ", ")));
}

std::vector<NotBuilt> choose_absent(const FilterOptions& options,
                                    const std::vector<NotBuilt>& absent) {
  const Filter filter = backend_filter(options);
  std::vector<NotBuilt> chosen;
  for (const NotBuilt& backend : absent) {
    if (filter.accepts(backend.name)) chosen.push_back(backend);
  }
  return chosen;
}

std::vector<Case> choose_cases(std::vector<Case> cases, const FilterOptions& options) {
  const Filter filter(compile("-f", options.cases), compile("-F", options.without_cases));
  const std::string first = cases.empty() ? "" : id(cases.front());
  std::vector<std::vector<std::string>> all;
  std::vector<Case> chosen;
  for (Case& bench_case : cases) {
    std::vector<std::string>& texts = all.emplace_back(names(bench_case));
    texts.push_back(id(bench_case));
    if (filter.accepts(texts)) chosen.push_back(std::move(bench_case));
  }
  if (chosen.empty()) {
    throw UsageError(fmt::format(
        "the case filter matches nothing: change -f or -F; case ids look like {}", first));
  }
  for (const std::string& idle : filter.idle(all)) {
    options.warn(fmt::format("{} matches no case; case ids look like {}", idle, first));
  }
  return chosen;
}

}  // namespace normbench
