// The list. An entry needs a source: an issue or a change of the library.
#include "harness/check/known_defects.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace normbench {
namespace {

// oneDNN's backward takes the sums of dgamma and dbeta, over a channel of all samples, for those
// over a statistic. They are the same where there is one sample and a group is one channel.
bool group_sums_matter(const Problem& p) {
  const bool is_group = p.norm == Norm::kGroup || p.norm == Norm::kInstance;
  if (!is_group || p.pass != Pass::kBackward || p.elements() == 0) return false;
  const bool one_channel = p.norm == Norm::kInstance || p.groups == p.c;
  return p.batch > 1 || !one_channel;
}

constexpr std::array kKnownDefects = {
    KnownDefect{.backend = "onednn",
                .from = "3.3",
                .before = "3.10",
                .covers = group_sums_matter,
                .output = "dx",
                .what = "dx of group and instance norm is made with sums over a channel of all "
                        "samples instead of a group of one sample",
                .source = "uxlfoundation/oneDNN#3543, mended by #3615"},
};

using Version = std::array<int, 3>;

// What is missing is 0, and what follows the numbers does not count.
std::optional<Version> parse_version(std::string_view text) {
  Version version = {};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t part = 0; part < version.size(); ++part) {
    const auto [next, error] = std::from_chars(at, end, version[part]);
    if (error != std::errc() || version[part] < 0) return std::nullopt;
    if (next == end || *next != '.') break;
    at = next + 1;
  }
  return version;
}

}  // namespace

bool KnownDefect::explains(const Verdict& verdict) const {
  return verdict.outcome == Outcome::kFailed && verdict.output == output;
}

const KnownDefect* known_defect(std::string_view backend, std::string_view version,
                                const Problem& problem) {
  const auto loaded = parse_version(version);
  if (!loaded) return nullptr;
  const auto found =
      std::find_if(kKnownDefects.begin(), kKnownDefects.end(), [&](const KnownDefect& defect) {
        return defect.backend == backend && parse_version(defect.from) <= loaded &&
               loaded < parse_version(defect.before) && defect.covers(problem);
      });
  return found == kKnownDefects.end() ? nullptr : &*found;
}

std::string describe(const KnownDefect& defect) {
  return fmt::format("{} {} to before {}: {} ({})", defect.backend, defect.from, defect.before,
                     defect.what, defect.source);
}

}  // namespace normbench
