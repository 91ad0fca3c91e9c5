// The keys of a case, and the tables of a config that give them.
#include "harness/bench/product.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

namespace normbench {
namespace {

template <class Field>
Choice set(Field Problem::*field, Field value) {
  return [field, value](Case& bench_case) { bench_case.problem.*field = value; };
}

template <class Enum>
Enum one_of(const TomlValue& value, std::span<const Enum> all) {
  std::string names;
  for (const Enum item : all) {
    if (value.kind() == TomlValue::Kind::kString && value.string() == name(item)) return item;
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", name(item));
  }
  value.refuse(fmt::format("one of {}", names));
}

bool is(const TomlValue& value, std::string_view text) {
  return value.kind() == TomlValue::Kind::kString && value.string() == text;
}

Choice read_norm(const TomlValue& value, int) {
  return set(&Problem::norm, one_of<Norm>(value, kEveryNorm));
}

Choice read_pass(const TomlValue& value, int) {
  return set(&Problem::pass, one_of<Pass>(value, kEveryPass));
}

Choice read_dtype(const TomlValue& value, int) {
  return set(&Problem::dtype, one_of<DType>(value, kEveryDType));
}

Choice read_layout(const TomlValue& value, int) {
  return set(&Problem::layout, one_of<Layout>(value, kEveryLayout));
}

template <std::int64_t Problem::*field>
Choice read_size(const TomlValue& value, int) {
  return set(field, value.positive_integer());
}

// The whole of N is known only once N is set, which comes before.
Choice read_batch(const TomlValue& value, int) {
  if (is(value, "N")) return [](Case& c) { c.problem.batch = c.problem.n; };
  constexpr std::string_view kExpected = "a positive integer or \"N\"";
  return set(&Problem::batch, value.integer(1, TomlValue::kLargest, kExpected));
}

template <double Problem::*field>
Choice read_number(const TomlValue& value, int) {
  return set(field, value.number());
}

Choice read_affine(const TomlValue& value, int) { return set(&Problem::affine, value.boolean()); }

Choice read_threads(const TomlValue& value, int all_threads) {
  if (is(value, "all")) return [all_threads](Case& c) { c.threads = all_threads; };
  const auto expected = fmt::format("an integer from 1 to {} or \"all\"", kMostThreads);
  const auto threads = static_cast<int>(value.integer(1, kMostThreads, expected));
  return [threads](Case& c) { c.threads = threads; };
}

Choice read_cache(const TomlValue& value, int) {
  return [cache = one_of<Cache>(value, kEveryCache)](Case& c) { c.cache = cache; };
}

Choice read_input(const TomlValue& value, int) {
  return [input = one_of<InputKind>(value, kEveryInputKind)](Case& c) { c.input = input; };
}

Choice read_then(const TomlValue& value, int) {
  return [then = one_of<Then>(value, kEveryThen)](Case& c) { c.then = then; };
}

struct Key {
  std::string_view name;
  Choice (*read)(const TomlValue& value, int all_threads);
  std::int64_t Problem::*size = nullptr;  // of N, C and L, which may be written { pow2 = ... }
};

constexpr std::array<Key, 16> kKeys = {{
    {"norm", read_norm},
    {"pass", read_pass},
    {"dtype", read_dtype},
    {"layout", read_layout},
    {"N", read_size<&Problem::n>, &Problem::n},
    {"C", read_size<&Problem::c>, &Problem::c},
    {"L", read_size<&Problem::l>, &Problem::l},
    {"batch", read_batch},
    {"groups", read_size<&Problem::groups>},
    {"eps", read_number<&Problem::eps>},
    {"momentum", read_number<&Problem::momentum>},
    {"affine", read_affine},
    {"threads", read_threads},
    {"cache", read_cache},
    {"input", read_input},
    {"then", read_then},
}};

static_assert(kKeys.size() == std::tuple_size_v<Choices>);

std::vector<Choice> read_powers(const Key& key, const TomlValue& value) {
  constexpr std::array<std::string_view, 1> kKnown = {"pow2"};
  constexpr std::int64_t kLargestExponent = 62;
  value.allow_only(kKnown);
  const TomlValue& powers = value.require("pow2");
  const auto items = powers.list();
  if (items.size() != 2 && items.size() != 3) {
    powers.fail(
        fmt::format("must be [from, to] or [from, to, step], but has {} items", items.size()));
  }
  const auto expected = fmt::format("an exponent from 0 to {}", kLargestExponent);
  const std::int64_t from = items[0].integer(0, kLargestExponent, expected);
  const std::int64_t to =
      items[1].integer(from, kLargestExponent,
                       fmt::format("an exponent from {} (from) to {}", from, kLargestExponent));
  const std::int64_t step =
      items.size() == 3 ? items[2].integer(1, kLargestExponent, "a positive step") : 1;
  std::vector<Choice> choices;
  for (std::int64_t exponent = from; exponent <= to; exponent += step) {
    choices.push_back(set(key.size, std::int64_t{1} << exponent));
  }
  return choices;
}

Choices read_choices(const TomlValue& table, int all_threads) {
  Choices choices;
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    const Key& key = kKeys[i];
    const TomlValue* value = table.find(key.name);
    if (value == nullptr) continue;
    if (key.size != nullptr && value->kind() == TomlValue::Kind::kTable) {
      choices[i] = read_powers(key, *value);
      continue;
    }
    for (const TomlValue& item : value->one_or_more()) {
      choices[i].push_back(key.read(item, all_threads));
    }
  }
  return choices;
}

// Takes from `fallback` what `choices` leaves open.
void complete(Choices& choices, const Choices& fallback) {
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    if (choices[i].empty()) choices[i] = fallback[i];
  }
}

// The names of all keys that a case depends on, and `more`.
std::vector<std::string_view> keys_and(std::initializer_list<std::string_view> more,
                                       bool with_sizes = true) {
  std::vector<std::string_view> names;
  for (const Key& key : kKeys) {
    if (with_sizes || key.size == nullptr) names.push_back(key.name);
  }
  names.insert(names.end(), more);
  return names;
}

Exclude read_exclude(const TomlValue& table, int all_threads) {
  const auto known = keys_and({"reason"});
  table.allow_only(known);
  const TomlValue& reason = table.require("reason");
  Exclude exclude{
      .place = &table, .choices = read_choices(table, all_threads), .reason = reason.string()};
  if (exclude.reason.empty()) reason.fail("must say why, but is empty");
  const auto is_open = [](const std::vector<Choice>& any) { return any.empty(); };
  if (std::all_of(exclude.choices.begin(), exclude.choices.end(), is_open)) {
    table.fail("must name the combinations to exclude by at least one key of the grid");
  }
  return exclude;
}

Product read_grid(const TomlValue& table, const Choices& defaults, int all_threads) {
  const auto known = keys_and({"exclude"});
  table.allow_only(known);
  Product product{.place = &table, .choices = read_choices(table, all_threads)};
  complete(product.choices, defaults);
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    if (kKeys[i].size != nullptr && product.choices[i].empty()) table.require(kKeys[i].name);
  }
  if (const TomlValue* excludes = table.find("exclude")) {
    for (const TomlValue& item : excludes->tables("a list of tables")) {
      product.excludes.push_back(read_exclude(item, all_threads));
    }
  }
  return product;
}

Product read_row(const TomlValue& row, const Choices& inherited, int all_threads) {
  const auto known = keys_and({"id", "source"});
  row.allow_only(known);
  for (const Key& key : kKeys) {
    if (key.size != nullptr) row.require(key.name).positive_integer();
  }
  Product product{.place = &row, .choices = read_choices(row, all_threads)};
  complete(product.choices, inherited);
  product.name = read_name(row.require("id"));
  product.source = row.require("source").string();
  return product;
}

void read_shapes(const TomlValue& table, const Choices& defaults, int all_threads,
                 std::vector<Product>& products) {
  const auto known = keys_and({"rows"}, false);
  table.allow_only(known);
  Choices choices = read_choices(table, all_threads);
  complete(choices, defaults);
  const TomlValue& rows = table.require("rows");
  const auto tables = rows.tables("a list of tables");
  if (tables.empty()) rows.fail("must have at least one row");
  for (const TomlValue& row : tables) products.push_back(read_row(row, choices, all_threads));
}

}  // namespace

bool Exclude::matches(const Case& bench_case) const {
  // A case has the choice when setting it changes nothing.
  const auto has = [&bench_case](const Choice& choice) {
    Case changed = bench_case;
    choice(changed);
    return changed == bench_case;
  };
  return std::all_of(choices.begin(), choices.end(), [&](const std::vector<Choice>& any) {
    return any.empty() || std::any_of(any.begin(), any.end(), has);
  });
}

std::int64_t Product::size() const {
  std::int64_t product = 1;
  for (const std::vector<Choice>& any : choices) {
    const auto factor = std::max<std::int64_t>(1, static_cast<std::int64_t>(any.size()));
    if (product > TomlValue::kLargest / factor) return TomlValue::kLargest;
    product *= factor;
  }
  return product;
}

Case Product::at(std::int64_t index, int all_threads) const {
  Case bench_case{.problem = {.batch = 0}, .threads = all_threads};
  std::int64_t stride = size();
  for (const std::vector<Choice>& any : choices) {
    if (any.empty()) continue;
    const auto count = static_cast<std::int64_t>(any.size());
    stride /= count;
    any[static_cast<std::size_t>(index / stride % count)](bench_case);
  }
  if (bench_case.problem.batch == 0) bench_case.problem.batch = bench_case.problem.n;
  return bench_case;
}

const std::string& read_name(const TomlValue& value) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-";
  const std::string& text = value.string();
  if (text.empty() || text.find_first_not_of(kAllowed) != std::string::npos) {
    value.refuse("letters, digits and . _ + - only, at least one");
  }
  return text;
}

std::vector<Product> read_products(const TomlValue& root, int all_threads) {
  Choices defaults;
  if (const TomlValue* table = root.find("defaults")) {
    const auto known = keys_and({});
    table->allow_only(known);
    defaults = read_choices(*table, all_threads);
  }
  std::vector<std::pair<const TomlValue*, bool>> tables;  // and whether it is a grid
  for (const bool is_grid : {true, false}) {
    const TomlValue* list = root.find(is_grid ? "grid" : "shapes");
    if (list == nullptr) continue;
    const auto expected =
        is_grid ? "tables, each headed [[grid]]" : "tables, each headed [[shapes]]";
    for (const TomlValue& table : list->tables(expected)) tables.emplace_back(&table, is_grid);
  }
  if (tables.empty()) root.fail("needs at least one [[grid]] or [[shapes]] table");
  // [[grid]] and [[shapes]] may alternate.
  std::stable_sort(tables.begin(), tables.end(),
                   [](const auto& a, const auto& b) { return a.first->line() < b.first->line(); });
  std::vector<Product> products;
  for (const auto& [table, is_grid] : tables) {
    if (is_grid) {
      products.push_back(read_grid(*table, defaults, all_threads));
    } else {
      read_shapes(*table, defaults, all_threads, products);
    }
  }
  return products;
}

}  // namespace normbench
