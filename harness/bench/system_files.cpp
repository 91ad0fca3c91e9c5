// Reading and splitting of small text files.
#include "harness/bench/system_files.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>

namespace normbench {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";
constexpr int kMostCpus = 65536;  // beyond it a list is garbage

}  // namespace

bool SystemFiles::exists(const std::filesystem::path& path) const {
  std::error_code ignored;
  return std::filesystem::exists(root_ / path, ignored);
}

std::string SystemFiles::text(const std::filesystem::path& path) const {
  const std::ifstream file(root_ / path);
  std::ostringstream text;
  // Unlike an iterator over the buffer, this does not throw where reading fails (a directory).
  text << file.rdbuf();
  return text.str();
}

std::string SystemFiles::line(const std::filesystem::path& path) const {
  const std::string all = text(path);
  return std::string(trim(std::string_view(all).substr(0, all.find('\n'))));
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  for (text = trim(text); !text.empty(); text = trim(text)) {
    const std::size_t length = std::min(text.find_first_of(kSpace), text.size());
    found.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return found;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> fields;
  for (std::size_t end = text.find(separator); end != std::string_view::npos;
       end = text.find(separator)) {
    fields.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  fields.push_back(text);
  return fields;
}

std::string_view value_of(std::string_view text, std::string_view key) {
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && trim(line.substr(0, colon)) == key) {
      return trim(line.substr(colon + 1));
    }
  }
  return {};
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  int shift = 0;
  if (text.ends_with('K')) shift = 10;
  if (text.ends_with('M')) shift = 20;
  if (text.ends_with('G')) shift = 30;
  if (shift != 0) text.remove_suffix(1);
  const auto number = parse_number<std::int64_t>(text);
  if (!number || *number < 0 || *number > (std::numeric_limits<std::int64_t>::max() >> shift)) {
    return std::nullopt;
  }
  return *number << shift;
}

std::vector<int> parse_cpu_list(std::string_view text) {
  std::vector<int> cpus;
  for (const std::string_view range : split(trim(text), ',')) {
    const std::size_t dash = range.find('-');
    const auto first = parse_number<int>(range.substr(0, dash));
    const auto last =
        dash == std::string_view::npos ? first : parse_number<int>(range.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last >= kMostCpus) return {};
    for (int cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

}  // namespace normbench
