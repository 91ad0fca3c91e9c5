// The tree of a config file, typed, in which every value knows its place: what is wrong with it is
// reported with file, line and key.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace normbench {

// `text` without line breaks, which keys, strings and paths may hold: a message is one line.
std::string one_line(std::string text);

class TomlValue {
 public:
  enum class Kind { kString, kInteger, kFloat, kBoolean, kTime, kList, kTable };
  static constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

  // The top-level table of `text`; `path` only names it in messages. Throws UsageError.
  static TomlValue parse(const std::string& path, std::string_view text);

  Kind kind() const { return kind_; }
  std::int64_t line() const { return line_; }

  // Throws UsageError "path:line: dotted.key: problem".
  [[noreturn]] void fail(std::string_view problem) const;
  // fail() with "must be <expected>, but got <this value>".
  [[noreturn]] void refuse(std::string_view expected) const;

  // The value as a C++ type; refuses every other type. A number may be written as an integer.
  const std::string& string() const;
  bool boolean() const;
  double number(std::string_view expected = "a number") const;
  double positive_number() const;
  std::int64_t integer(std::int64_t least, std::int64_t most, std::string_view expected) const;
  std::int64_t positive_integer() const;

  // The items of a list.
  std::span<const TomlValue> list() const;
  // The items of a list, which must have some, or the value itself.
  std::span<const TomlValue> one_or_more() const;
  // The tables of a list of tables.
  std::span<const TomlValue> tables(std::string_view expected) const;

  // For tables: the value of a key, or null; require() fails where find() gives null.
  const TomlValue* find(std::string_view key) const;
  const TomlValue& require(std::string_view key) const;
  // Fails when the value is not a table, or at its first key that is not among `known`, with the
  // nearest one that is.
  void allow_only(std::span<const std::string_view> known) const;

 private:
  friend class TomlConverter;  // fills the tree; keeps the library's types out of this header

  TomlValue() = default;
  [[noreturn]] void fail_at(std::string_view dotted_key, std::string_view problem) const;

  std::shared_ptr<const std::string> path_;
  std::int64_t line_ = 1;
  std::string key_;     // as written, without its table: "N"; a list's items have the list's
  std::string dotted_;  // "grid.N"; empty for the top-level table
  Kind kind_ = Kind::kTable;
  std::string string_;
  std::int64_t integer_ = 0;
  double number_ = 0;
  bool boolean_ = false;
  std::vector<TomlValue> children_;  // of a list or a table, in the order of the file
};

}  // namespace normbench
