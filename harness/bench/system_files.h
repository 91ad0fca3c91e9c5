// The small text files in which Linux describes itself (/proc, /sys), read without ever failing.
#pragma once

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace normbench {

// The files below a root, which stands for "/". What is missing or unreadable is empty.
class SystemFiles {
 public:
  explicit SystemFiles(std::filesystem::path root) : root_(std::move(root)) {}

  bool exists(const std::filesystem::path& path) const;
  std::string text(const std::filesystem::path& path) const;
  // The first line, without white space at its ends.
  std::string line(const std::filesystem::path& path) const;

 private:
  std::filesystem::path root_;
};

std::string_view trim(std::string_view text);

// What is between white space.
std::vector<std::string_view> words(std::string_view text);

// What is between separators; fields may be empty.
std::vector<std::string_view> split(std::string_view text, char separator);

// The value of the first line "key : value" of /proc/cpuinfo or /proc/meminfo; else empty.
std::string_view value_of(std::string_view text, std::string_view key);

// All of `text` as a number, else nothing.
template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = {};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "48K", "2M", "4096" in bytes, else nothing.
std::optional<std::int64_t> parse_size(std::string_view text);

// "0-3,8" as 0 1 2 3 8; empty when any of it is not a list of CPUs.
std::vector<int> parse_cpu_list(std::string_view text);

}  // namespace normbench
