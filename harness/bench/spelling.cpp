// Edit distances.
#include "harness/bench/spelling.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

namespace normbench {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  const auto to_lower = [](unsigned char byte) { return static_cast<char>(std::tolower(byte)); };
  std::transform(result.begin(), result.end(), result.begin(), to_lower);
  return result;
}

// Optimal string alignment: insertions, deletions, replacements, and swaps of neighbors.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> distance(a.size() + 1,
                                                 std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        distance[i][j] = i + j;
        continue;
      }
      const std::size_t replaced = distance[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      distance[i][j] = std::min({replaced, distance[i - 1][j] + 1, distance[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        distance[i][j] = std::min(distance[i][j], distance[i - 2][j - 2] + 1);
      }
    }
  }
  return distance[a.size()][b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view typed,
                                        std::span<const std::string_view> known) {
  const std::size_t near = (typed.size() + 1) / 3;
  std::optional<std::string_view> best;
  std::size_t least = near + 1;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(lower(typed), lower(candidate));
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace normbench
