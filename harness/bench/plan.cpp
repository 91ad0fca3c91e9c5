// Reads a config, expands it within its limits, and turns case ids back into cases.
#include "harness/bench/plan.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "harness/bench/errors.h"
#include "harness/bench/product.h"
#include "harness/bench/toml_reader.h"

namespace normbench {
namespace {

constexpr std::int64_t kMostCases = 1'000'000;  // what limits.cases may be raised to
constexpr std::int64_t kMostRounds = 1'000'000;
constexpr double kMostSlotUs = 1e7;               // ten seconds
constexpr double kMostCaseSeconds = 1e5;          // more than a day
constexpr std::string_view kBetweenNames = ", ";  // which no name contains
constexpr std::int64_t kLeastRounds = 6;  // of fewer samples no sign test gives a 95% interval

struct Limits {
  std::int64_t cases = 5000;
  std::int64_t bytes = 104857600;  // of one input tensor
};

Limits read_limits(const TomlValue& root) {
  Limits limits;
  const TomlValue* table = root.find("limits");
  if (table == nullptr) return limits;
  constexpr std::array<std::string_view, 2> kKnown = {"cases", "bytes"};
  table->allow_only(kKnown);
  if (const TomlValue* cases = table->find("cases")) {
    limits.cases =
        cases->integer(1, kMostCases, fmt::format("an integer from 1 to {}", kMostCases));
  }
  if (const TomlValue* bytes = table->find("bytes")) limits.bytes = bytes->positive_integer();
  return limits;
}

TimingOptions read_timing(const TomlValue& root) {
  TimingOptions timing;
  const TomlValue* table = root.find("timing");
  if (table == nullptr) return timing;
  constexpr std::array<std::string_view, 4> kKnown = {"min_slot_us", "min_rounds", "max_rounds",
                                                      "case_seconds"};
  table->allow_only(kKnown);
  const TomlValue* least = table->find("min_rounds");
  const TomlValue* most = table->find("max_rounds");
  const auto rounds = [](const TomlValue& value, std::string_view why) {
    const auto expected = fmt::format("an integer from {} to {}{}", kLeastRounds, kMostRounds, why);
    return static_cast<int>(value.integer(kLeastRounds, kMostRounds, expected));
  };
  constexpr std::string_view kWhy = " (fewer samples give no interval)";
  if (least != nullptr) timing.min_rounds = rounds(*least, kWhy);
  if (most != nullptr) timing.max_rounds = rounds(*most, kWhy);
  if (timing.min_rounds > timing.max_rounds) {
    if (most != nullptr) most->refuse(fmt::format("at least min_rounds = {}", timing.min_rounds));
    least->refuse(fmt::format("at most max_rounds = {}", timing.max_rounds));
  }
  const auto at_most = [table](const char* name, double most, double& target) {
    const TomlValue* value = table->find(name);
    if (value == nullptr) return;
    target = value->positive_number();
    if (!(target <= most)) value->refuse(fmt::format("at most {:.0f}", most));
  };
  at_most("min_slot_us", kMostSlotUs, timing.min_slot_us);
  at_most("case_seconds", kMostCaseSeconds, timing.case_seconds);
  return timing;
}

std::string read_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw UsageError(one_line(fmt::format("{}: is a directory, not a config file", path)));
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) {
    const std::string why = std::generic_category().message(errno);
    throw UsageError(one_line(fmt::format("{}: cannot be read: {}", path, why)));
  }
  return text;
}

void check_version(const TomlValue& root) {
  constexpr std::int64_t kVersion = 1;
  const auto expected = fmt::format("{}, the only version supported here", kVersion);
  root.require("version").integer(kVersion, kVersion, expected);
}

// Before anything is expanded, so that a product of 10^12 fails at once.
void check_count(const std::vector<Product>& products, std::int64_t limit) {
  std::int64_t total = 0;
  for (const Product& product : products) {
    const std::int64_t size = product.size();
    total = size > TomlValue::kLargest - total ? TomlValue::kLargest : total + size;
    if (total <= limit) continue;
    const std::string_view at_least = total == TomlValue::kLargest ? "at least " : "";
    product.place->fail(fmt::format(
        "brings the config to {}{} combinations, more than limits.cases = {}: shorten its lists, "
        "or raise limits.cases (at most {})",
        at_least, total, limit, kMostCases));
  }
}

// Why a case cannot be measured anywhere; nothing when it can.
std::optional<std::string> invalid(const Case& bench_case) {
  if (bench_case.threads < 1 || bench_case.threads > kMostThreads) {
    return fmt::format("threads must be from 1 to {}, but got {}", kMostThreads,
                       bench_case.threads);
  }
  return invalid(bench_case.problem);
}

class Expansion {
 public:
  Expansion(const Limits& limits, int all_threads, Plan& plan)
      : limits_(limits), all_threads_(all_threads), plan_(plan) {}

  void add(const Product& product) {
    std::vector<bool> matched(product.excludes.size(), false);
    for (std::int64_t i = 0; i < product.size(); ++i) {
      Case bench_case = product.at(i, all_threads_);
      if (exclude(product, bench_case, matched)) continue;
      check(product, bench_case);
      bench_case.name = product.name;
      bench_case.source = product.source;
      const auto [place, is_new] = places_.emplace(id(bench_case), plan_.cases.size());
      if (is_new) {
        plan_.cases.push_back(std::move(bench_case));
      } else {
        add_name(plan_.cases[place->second], product);
      }
    }
    for (std::size_t i = 0; i < matched.size(); ++i) {
      if (matched[i]) continue;
      product.excludes[i].place->fail("matches no combination of its grid: correct or remove it");
    }
  }

 private:
  // The same numbers again under another name.
  static void add_name(Case& bench_case, const Product& product) {
    const auto known = names(bench_case);
    if (product.name.empty() ||
        std::find(known.begin(), known.end(), product.name) != known.end()) {
      return;
    }
    if (!bench_case.name.empty()) {
      bench_case.name += kBetweenNames;
      bench_case.source += "; ";
    }
    bench_case.name += product.name;
    bench_case.source += product.source;
  }

  // The first matching item gives the reason; all that match are noted.
  bool exclude(const Product& product, const Case& bench_case, std::vector<bool>& matched) {
    const std::string* reason = nullptr;
    for (std::size_t i = 0; i < product.excludes.size(); ++i) {
      const Exclude& item = product.excludes[i];
      if (!item.matches(bench_case)) continue;
      matched[i] = true;
      if (reason == nullptr) reason = &item.reason;
    }
    if (reason == nullptr) return false;
    const std::string what = id(bench_case);
    if (seen_excluded_.insert(what).second) plan_.excluded.push_back({what, *reason});
    return true;
  }

  void check(const Product& product, const Case& bench_case) const {
    const std::string_view advice = product.name.empty() ? "; or exclude the combination" : "";
    if (const auto problem = invalid(bench_case)) {
      product.place->fail(fmt::format("{}: {}{}", id(bench_case), *problem, advice));
    }
    const std::int64_t bytes = bench_case.problem.elements() *
                               static_cast<std::int64_t>(size_of(bench_case.problem.dtype));
    if (bytes > limits_.bytes) {
      product.place->fail(fmt::format(
          "{}: the input takes {} bytes, more than limits.bytes = {}: make N, C or L smaller, or "
          "raise limits.bytes{}",
          id(bench_case), bytes, limits_.bytes, advice));
    }
  }

  Limits limits_;
  int all_threads_;
  Plan& plan_;
  std::unordered_map<std::string, std::size_t> places_;  // in the plan, by id
  std::unordered_set<std::string> seen_excluded_;
};

// The threads of "t2", or nothing when it is not spelled so.
std::optional<int> parse_threads(std::string_view text) {
  if (!text.starts_with('t')) return std::nullopt;
  int threads = 0;
  std::from_chars(text.data() + 1, text.data() + text.size(), threads);
  const bool canonical = fmt::format("t{}", threads) == text;
  return canonical ? std::optional(threads) : std::nullopt;
}

}  // namespace

std::string_view name(Cache cache) { return cache == Cache::kWarm ? "warm" : "cold"; }

std::string_view name(Then then) { return then == Then::kNothing ? "nothing" : "read"; }

std::vector<std::string> names(const Case& bench_case) {
  std::vector<std::string> all;
  std::size_t begin = 0;
  while (begin < bench_case.name.size()) {
    const std::size_t end =
        std::min(bench_case.name.find(kBetweenNames, begin), bench_case.name.size());
    all.push_back(bench_case.name.substr(begin, end - begin));
    begin = end + kBetweenNames.size();
  }
  return all;
}

std::string id(const Case& bench_case) {
  std::string text =
      fmt::format("{}/t{}/{}", id(bench_case.problem), bench_case.threads, name(bench_case.cache));
  if (bench_case.input != InputKind::kRandom) text += fmt::format("/{}", name(bench_case.input));
  if (bench_case.then != Then::kNothing) text += fmt::format("/{}", name(bench_case.then));
  return text;
}

Case parse_case(std::string_view text) {
  const auto refuse = [whole = text](std::string_view why) {
    throw UsageError(one_line(fmt::format(
        "\"{}\": {}; a case id looks like batch/forward_training/f32/ncl/n64_c256_l128/t2/warm",
        whole, why)));
  };
  // Takes the last part away.
  const auto take_last = [&text] {
    const std::size_t at = text.rfind('/');
    const std::string_view last = at == text.npos ? "" : text.substr(at + 1);
    text = text.substr(0, at);
    return last;
  };
  std::string_view cache = take_last();
  Then then = Then::kNothing;
  if (cache == name(Then::kRead)) {
    then = Then::kRead;
    cache = take_last();
  }
  InputKind input = InputKind::kRandom;
  if (const auto kind = parse_input_kind(cache); kind && *kind != InputKind::kRandom) {
    input = *kind;
    cache = take_last();
  }
  if (cache != name(Cache::kWarm) && cache != name(Cache::kCold)) {
    refuse("does not end in /warm or /cold, or in one of these, a kind of input and /read");
  }
  const auto threads = parse_threads(take_last());
  if (!threads) refuse("does not say the number of threads");
  const auto problem = parse_problem(text);
  if (!problem) refuse("does not begin with the id of a problem");
  Case bench_case{.problem = *problem,
                  .threads = *threads,
                  .cache = cache == name(Cache::kWarm) ? Cache::kWarm : Cache::kCold,
                  .input = input,
                  .then = then};
  if (const auto why = invalid(bench_case)) refuse(*why);
  return bench_case;
}

Plan read_plan(const std::string& path, int all_threads) {
  Plan plan;
  plan.path = path;
  plan.text = read_file(path);
  const TomlValue root = TomlValue::parse(path, plan.text);
  check_version(root);  // first: another version has other keys
  constexpr std::array<std::string_view, 8> kKnown = {"version", "name",     "analysis", "limits",
                                                      "timing",  "defaults", "grid",     "shapes"};
  root.allow_only(kKnown);
  plan.name = read_name(root.require("name"));
  if (const TomlValue* analysis = root.find("analysis")) plan.analysis = analysis->string();
  plan.timing = read_timing(root);
  const Limits limits = read_limits(root);
  const std::vector<Product> products = read_products(root, all_threads);
  check_count(products, limits.cases);
  Expansion expansion(limits, all_threads, plan);
  for (const Product& product : products) expansion.add(product);
  if (plan.cases.empty()) root.fail("every combination is excluded: nothing is left to measure");
  return plan;
}

}  // namespace normbench
