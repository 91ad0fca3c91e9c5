// Prints claims.
#include "harness/cli/claims.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/cli/streams.h"

namespace normbench {
namespace {

std::string description(const Accuracy& accuracy) {
  std::string text = fmt::format("{}, {:.9g} roundings at most",
                                 accuracy.grade == Grade::kA ? "A" : "B", accuracy.roundings);
  if (!accuracy.exact_sums) text += ", rounded sums";
  if (accuracy.variance != VarianceForm::kDeviations) {
    text += fmt::format(", variance by {}", name(accuracy.variance));
  }
  if (accuracy.from_rstd) text += ", variance from rstd";
  return text;
}

bool same(const Accuracy& a, const Accuracy& b) { return is_within(a, b) && is_within(b, a); }

template <class List, class Value>
void add_once(List& list, const Value& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

std::size_t first(const std::vector<bool>& flags) {
  return static_cast<std::size_t>(std::find(flags.begin(), flags.end(), true) - flags.begin());
}

}  // namespace

void ClaimReport::see(const Problem& problem, const Checked& checked) {
  if (!checked.claims) {
    if (!is_failure(checked.verdict.outcome)) return;
  }
  const std::string backend(checked.backend->name());
  const std::string row =
      fmt::format("{} {} {}", name(problem.norm), name(problem.pass), name(problem.dtype));
  add_once(backends_, backend);
  add_once(rows_[backend], row);
  Found& found = found_[{backend, row}];
  if (!checked.verdict.passed() && found.failure.empty()) {
    found.failure = fmt::format("{}: {}", id(problem), checked.verdict.reason);
  }
  if (!checked.claims) return;
  const ClaimSearch& search = *checked.claims;
  const std::size_t count = search.claims().size();
  if (found.texts.empty()) {
    for (auto* flags : {&found.alive, &found.claimed, &found.less}) flags->assign(count, true);
    for (const NamedClaim& claim : search.claims()) found.texts.push_back(claim.text);
  }
  for (std::size_t at = 0; at < count; ++at) {
    const Accuracy& claim = search.claims()[at].accuracy;
    found.alive[at] = found.alive[at] && search.is_alive(at);
    found.claimed[at] = found.claimed[at] && same(claim, search.claimed());
    found.less[at] = found.less[at] && is_within(claim, search.claimed());
  }
  found.claimed_passes = found.claimed_passes && search.claimed_is_alive();
  if (search.claimed().roundings >= found.most_claimed.roundings) {
    found.most_claimed = search.claimed();
  }
}

bool ClaimReport::Found::none_passes() const {
  return !failure.empty() || std::find(alive.begin(), alive.end(), true) == alive.end();
}

std::string ClaimReport::Found::words() const {
  if (none_passes()) return "none passes";
  const std::size_t least = first(alive);
  const std::size_t named = first(claimed);
  const std::string now = named < texts.size() ? texts[named] : description(most_claimed);
  if (!claimed_passes) return fmt::format("{:<44}  claimed, and too little: {}", texts[least], now);
  if (claimed[least]) return fmt::format("{:<44}  claimed: the same", texts[least]);
  if (less[least]) {
    return fmt::format("{:<44}  claimed, and more than these inputs need: {}", texts[least], now);
  }
  return fmt::format("{:<44}  claimed passes too: {}", texts[least], now);
}

void ClaimReport::print() const {
  bool any_failure = false;
  for (const std::string& backend : backends_) {
    out("{}\n", backend);
    for (const std::string& row : rows_.at(backend)) {
      const Found& found = found_.at({backend, row});
      out("  {:<34} {}\n", row + ":", found.words());
      if (!found.none_passes()) continue;
      any_failure = true;
      if (!found.failure.empty()) out("    {}\n", found.failure);
    }
  }
  out("n is problem.longest_sum(). Each line is the least claim that all outputs of these problems "
      "passed with; it says nothing of other inputs.\n");
  if (any_failure) {
    out("none passes: it is no matter of rounding. verify without --claim tells what is wrong.\n");
  }
}

bool ClaimReport::all_pass() const {
  return std::all_of(found_.begin(), found_.end(), [](const auto& entry) {
    return entry.second.claimed_passes && !entry.second.none_passes();
  });
}

}  // namespace normbench
