// Conversion from toml++, typed access, and the wording of errors.
#include "harness/bench/toml_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <utility>

#include "harness/bench/errors.h"
#include "harness/bench/spelling.h"

// Some headers, as [+x], break an assertion of toml++ 3.3 (with NDEBUG: an assumption, as
// undefined) that guards the very code which reports them.
#undef NDEBUG
#define TOML_ASSERT(condition) static_assert(true)
#include <toml++/toml.h>

namespace normbench {
namespace {

std::string unknown_key(std::string_view key, std::span<const std::string_view> known) {
  if (const auto meant = nearest(key, known)) {
    return fmt::format("unknown key; did you mean {}?", *meant);
  }
  return fmt::format("unknown key; the keys here are {}", fmt::join(known, ", "));
}

}  // namespace

std::string one_line(std::string text) {
  const auto is_control = [](unsigned char byte) { return std::iscntrl(byte) != 0; };
  std::replace_if(text.begin(), text.end(), is_control, ' ');
  return text;
}

class TomlConverter {
 public:
  explicit TomlConverter(const std::string& path)
      : path_(std::make_shared<const std::string>(path)) {}

  TomlValue root(const toml::table& table) const {
    TomlValue value;
    value.path_ = path_;
    fill_table(table, value);
    return value;
  }

 private:
  TomlValue convert(const toml::node& node, const TomlValue& parent, std::string key,
                    std::string dotted) const {
    TomlValue value;
    value.path_ = path_;
    value.line_ = node.source().begin ? node.source().begin.line : parent.line_;
    value.key_ = std::move(key);
    value.dotted_ = std::move(dotted);
    fill(node, value);
    return value;
  }

  void fill_table(const toml::table& table, TomlValue& value) const {
    std::vector<std::pair<std::string_view, const toml::node*>> entries;
    for (const auto& [key, node] : table) entries.emplace_back(key.str(), &node);
    // The library sorts by key.
    std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
      return a.second->source().begin < b.second->source().begin;
    });
    const std::string prefix = value.dotted_.empty() ? "" : value.dotted_ + ".";
    for (const auto& [key, node] : entries) {
      value.children_.push_back(
          convert(*node, value, std::string(key), fmt::format("{}{}", prefix, key)));
    }
  }

  void fill(const toml::node& node, TomlValue& value) const {
    using Kind = TomlValue::Kind;
    if (const auto* table = node.as_table()) {
      value.kind_ = Kind::kTable;
      fill_table(*table, value);
    } else if (const auto* list = node.as_array()) {
      value.kind_ = Kind::kList;
      for (const toml::node& item : *list) {
        value.children_.push_back(convert(item, value, value.key_, value.dotted_));
      }
    } else if (const auto* string = node.as_string()) {
      value.kind_ = Kind::kString;
      value.string_ = string->get();
    } else if (const auto* integer = node.as_integer()) {
      value.kind_ = Kind::kInteger;
      value.integer_ = integer->get();
    } else if (const auto* number = node.as_floating_point()) {
      value.kind_ = Kind::kFloat;
      value.number_ = number->get();
    } else if (const auto* boolean = node.as_boolean()) {
      value.kind_ = Kind::kBoolean;
      value.boolean_ = boolean->get();
    } else {
      value.kind_ = Kind::kTime;
    }
  }

  std::shared_ptr<const std::string> path_;
};

TomlValue TomlValue::parse(const std::string& path, std::string_view text) {
  try {
    return TomlConverter(path).root(toml::parse(text, path));
  } catch (const toml::parse_error& error) {
    const toml::source_position place = error.source().begin;
    throw UsageError(one_line(fmt::format("{}:{}: invalid TOML at column {}: {}", path, place.line,
                                          place.column, error.description())));
  }
}

void TomlValue::fail_at(std::string_view dotted_key, std::string_view problem) const {
  const std::string_view separator = dotted_key.empty() ? "" : ": ";
  throw UsageError(
      one_line(fmt::format("{}:{}: {}{}{}", *path_, line_, dotted_key, separator, problem)));
}

void TomlValue::fail(std::string_view problem) const { fail_at(dotted_, problem); }

void TomlValue::refuse(std::string_view expected) const {
  const auto found = [this]() -> std::string {
    switch (kind_) {
      case Kind::kString:
        return fmt::format("the string \"{}\"", string_);
      case Kind::kInteger:
        return fmt::format("{}", integer_);
      case Kind::kFloat:
        return fmt::format("the float {}", number_);
      case Kind::kBoolean:
        return fmt::format("{}", boolean_);
      case Kind::kTime:
        return "a date or time";
      case Kind::kList:
        return children_.empty() ? "an empty list" : "a list";
      case Kind::kTable:
        return "a table";
    }
    return "something else";
  };
  fail(fmt::format("must be {}, but got {}", expected, found()));
}

const std::string& TomlValue::string() const {
  if (kind_ != Kind::kString) refuse("a string");
  return string_;
}

bool TomlValue::boolean() const {
  if (kind_ != Kind::kBoolean) refuse("true or false");
  return boolean_;
}

double TomlValue::number(std::string_view expected) const {
  if (kind_ == Kind::kInteger) return static_cast<double>(integer_);
  if (kind_ != Kind::kFloat) refuse(expected);
  return number_;
}

double TomlValue::positive_number() const {
  constexpr std::string_view kExpected = "a positive number";
  const double value = number(kExpected);
  if (!(value > 0) || !std::isfinite(value)) refuse(kExpected);
  return value;
}

std::int64_t TomlValue::integer(std::int64_t least, std::int64_t most,
                                std::string_view expected) const {
  if (kind_ != Kind::kInteger || integer_ < least || integer_ > most) refuse(expected);
  return integer_;
}

std::int64_t TomlValue::positive_integer() const {
  return integer(1, kLargest, "a positive integer");
}

std::span<const TomlValue> TomlValue::list() const {
  if (kind_ != Kind::kList) refuse("a list");
  return children_;
}

std::span<const TomlValue> TomlValue::one_or_more() const {
  if (kind_ != Kind::kList) return {this, 1};
  if (children_.empty()) refuse("a value or a list of values");
  return children_;
}

std::span<const TomlValue> TomlValue::tables(std::string_view expected) const {
  if (kind_ != Kind::kList) refuse(expected);
  for (const TomlValue& value : children_) {
    if (value.kind_ != Kind::kTable) value.refuse("a table");
  }
  return children_;
}

const TomlValue* TomlValue::find(std::string_view key) const {
  if (kind_ != Kind::kTable) refuse("a table");
  const auto has_key = [key](const TomlValue& value) { return value.key_ == key; };
  const auto found = std::find_if(children_.begin(), children_.end(), has_key);
  return found == children_.end() ? nullptr : &*found;
}

const TomlValue& TomlValue::require(std::string_view key) const {
  if (const TomlValue* value = find(key)) return *value;
  fail_at(fmt::format("{}{}{}", dotted_, dotted_.empty() ? "" : ".", key), "is required");
}

void TomlValue::allow_only(std::span<const std::string_view> known) const {
  if (kind_ != Kind::kTable) refuse("a table");
  for (const TomlValue& value : children_) {
    const bool is_known = std::find(known.begin(), known.end(), value.key_) != known.end();
    if (!is_known) value.fail(unknown_key(value.key_, known));
  }
}

}  // namespace normbench
