// As Python writes numbers.
#include "harness/nn/text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace normbench::nn {

std::string python_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const double size = std::abs(value);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  std::array<char, 64> text;
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, format).ptr;
  std::string number(text.data(), end);
  if (plain && number.find('.') == std::string::npos) number += ".0";
  return number;
}

std::string list_text(const Sizes& sizes) {
  std::string text = "[";
  for (std::size_t at = 0; at < sizes.size(); ++at) {
    text += (at == 0 ? "" : ", ") + std::to_string(sizes[at]);
  }
  return text + "]";
}

std::string quoted(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "\"" : ", \"") + name + "\"";
  return text;
}

}  // namespace normbench::nn
