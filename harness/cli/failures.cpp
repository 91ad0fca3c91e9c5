#include "harness/cli/failures.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <set>

#include "harness/check/axes.h"
#include "harness/cli/streams.h"

namespace normbench {
namespace {

// What is wrong beyond its bound, by output.
std::set<std::string> wrong_outputs(const std::vector<Symptom>& symptoms) {
  std::set<std::string> names;
  for (const Symptom& symptom : symptoms) {
    for (const auto& [output, error] : symptom.errors) {
      if (!(error.bound <= 1)) names.insert(output);
    }
  }
  return names;
}

// A reason without its numbers: what failures of one kind share.
std::string without_numbers(const std::string& reason) {
  std::string text;
  for (const char letter : reason) {
    const bool is_digit = std::isdigit(static_cast<unsigned char>(letter)) != 0;
    if (!is_digit) {
      text += letter;
    } else if (text.empty() || text.back() != '#') {
      text += '#';
    }
  }
  return text;
}

struct Causes {
  Alternatives first;                 // that explain the most
  std::vector<Alternatives> further;  // and what is left
};

Causes causes_of(const std::vector<Symptom>& symptoms) {
  Causes all;
  for (const Symptom& symptom : symptoms) {
    const auto add = [&](std::string words) {
      if (std::ranges::find(all.first, words) == all.first.end()) {
        all.first.push_back(std::move(words));
      }
    };
    if (!symptom.in_other_calls.empty()) {
      add(symptom.in_other_calls);
      continue;
    }
    std::string unwritten;
    for (const WrongOutput& output : symptom.explanation.outputs) {
      if (output.unwritten > 0) unwritten += (unwritten.empty() ? "" : ", ") + output.name;
    }
    if (!unwritten.empty()) unwritten = "nothing is written to all or a part of " + unwritten;
    const auto& as_if = symptom.explanation.as_if;
    if (as_if.empty() && !unwritten.empty()) {
      add(unwritten);
      continue;
    }
    if (as_if.empty() && symptom.explanation.right_bits > 0) add(cause(symptom));
    for (std::size_t at = 0; at < as_if.size(); ++at) {
      Alternatives words;
      for (const std::string& each : as_if[at]) words.push_back("as if " + each);
      if (at == 0) {
        for (std::string& each : words) add(std::move(each));
      } else {
        all.further.push_back(std::move(words));
      }
    }
    if (!unwritten.empty()) all.further.push_back({unwritten});
  }
  return all;
}

std::set<std::string> places_of(const std::vector<Symptom>& symptoms) {
  std::set<std::string> places;
  for (const Symptom& symptom : symptoms) {
    for (const WrongOutput& wrong : symptom.explanation.outputs) {
      if (!wrong.where.empty()) places.insert(wrong.where);
    }
  }
  return places;
}

template <class Cases>
auto smallest(const Cases& cases) {
  return *std::ranges::min_element(
      cases, {}, [](const auto* one) { return one->bench_case.problem.elements(); });
}

// Of the ids of cases, up to a slash.
template <class Cases>
std::string common_prefix(const Cases& cases) {
  std::string prefix = id(cases[0]->bench_case);
  for (const auto* one : cases) {
    const std::string other = id(one->bench_case);
    const auto end = std::ranges::mismatch(prefix, other).in1;
    prefix.erase(end, prefix.end());
  }
  const std::size_t slash = prefix.rfind('/');
  return slash == std::string::npos ? "" : prefix.substr(0, slash + 1);
}

std::string times(double bounds) { return fmt::format("{:.3g}", bounds); }

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

void Failures::add(const Case& bench_case, const Checked& checked) {
  Tested tested{.bench_case = bench_case, .failed = is_failure(checked.verdict.outcome)};
  if (tested.failed) {
    tested.reason = fmt::format("{}: {}", name(checked.verdict.outcome), checked.verdict.reason);
    tested.is_explained = std::ranges::any_of(checked.symptoms, [](const Symptom& symptom) {
      return symptom.explanation.compared || !symptom.in_other_calls.empty();
    });
    tested.symptoms = checked.symptoms;
    const auto wrong = wrong_outputs(tested.symptoms);
    for (const auto& [output, error] : checked.verdict.error_in) {
      if (!wrong.contains(output)) tested.right.push_back(output);
    }
  }
  tested_.push_back(std::move(tested));
}

bool Failures::any() const {
  return std::ranges::any_of(tested_, [](const Tested& tested) { return tested.failed; });
}

// The cause that explains the most cases comes first, with these; then those that are left.
std::vector<Failures::Group> Failures::groups() const {
  std::vector<std::pair<const Tested*, Causes>> open;
  std::vector<const Tested*> unexplained;
  std::vector<std::pair<std::string, Group>> by_symptom;
  const auto with_symptom = [&](const std::string& symptom) -> Group& {
    const auto found =
        std::ranges::find(by_symptom, symptom, [](const auto& one) { return one.first; });
    return found != by_symptom.end() ? found->second
                                     : by_symptom.emplace_back(symptom, Group{}).second;
  };
  for (const Tested& tested : tested_) {
    if (!tested.failed) continue;
    Causes causes = tested.is_explained ? causes_of(tested.symptoms) : Causes{};
    if (!causes.first.empty()) {
      open.emplace_back(&tested, std::move(causes));
    } else if (!tested.symptoms.empty() && !tested.is_explained) {
      unexplained.push_back(&tested);
    } else {
      std::string symptom = tested.symptoms.empty() ? without_numbers(tested.reason) : "";
      for (const std::string& output : wrong_outputs(tested.symptoms)) symptom += " " + output;
      with_symptom(symptom).cases.push_back(&tested);
    }
  }
  std::vector<Group> groups;
  while (!open.empty()) {
    std::map<std::string, std::size_t> votes;
    for (const auto& [tested, causes] : open) {
      for (const std::string& each : causes.first) ++votes[each];
    }
    // Of those with as many votes the one that is named first.
    Group& group = groups.emplace_back();
    std::size_t most = 0;
    for (const auto& [tested, causes] : open) {
      for (const std::string& each : causes.first) {
        if (votes[each] > most) group.cause = each;
        most = std::max(most, votes[each]);
      }
    }
    std::erase_if(open, [&](const auto& one) {
      const auto& [tested, causes] = one;
      if (std::ranges::find(causes.first, group.cause) == causes.first.end()) return false;
      group.cases.push_back(tested);
      std::set<std::string> further;
      for (const Alternatives& alternatives : causes.further) further.insert(alternatives[0]);
      for (const std::string& each : further) ++group.further[each];
      for (const std::string& each : places_of(tested->symptoms)) ++group.where[each];
      return true;
    });
    group.explained = group.cases.size();
  }
  // Cases that were not looked at are told with those that have the most wrong outputs in common.
  std::vector<std::set<std::set<std::string>>> outputs_of_groups;
  for (const Group& group : groups) {
    auto& outputs = outputs_of_groups.emplace_back();
    for (const Tested* tested : group.cases) outputs.insert(wrong_outputs(tested->symptoms));
  }
  for (const Tested* tested : unexplained) {
    const auto wrong = wrong_outputs(tested->symptoms);
    Group* best = nullptr;
    std::size_t most = 0;
    for (std::size_t at = 0; at < groups.size(); ++at) {
      for (const auto& theirs : outputs_of_groups[at]) {
        const auto common = static_cast<std::size_t>(std::ranges::count_if(
            wrong, [&](const std::string& output) { return theirs.contains(output); }));
        if (common > most) best = &groups[at];
        most = std::max(most, common);
      }
    }
    (best != nullptr ? *best : with_symptom("not looked at")).cases.push_back(tested);
  }
  for (auto& [symptom, group] : by_symptom) {
    if (!group.cases.empty()) groups.push_back(std::move(group));
  }
  return groups;
}

void Failures::print(const std::string& again) const {
  const auto failed = std::ranges::count(tested_, true, &Tested::failed);
  out("\n{}: {} of {} cases failed\n", backend_, failed, tested_.size());
  for (const Group& group : groups()) print(group, again);
}

void Failures::print(const Group& group, const std::string& again) const {
  std::vector<Tried> tried;
  for (const Tested& tested : tested_) {
    const bool here = std::ranges::find(group.cases, &tested) != group.cases.end();
    if (tested.failed && !here) continue;  // for another cause
    tried.push_back({tested.bench_case.problem, tested.bench_case.threads, here});
  }
  const bool is_of_outputs = !group.cases[0]->symptoms.empty();
  const Tested& first = *smallest(group.cases);
  out("\n  {}\n", !group.cause.empty() ? group.cause
                  : is_of_outputs      ? "a cause that is not known"
                                       : first.reason);
  for (const auto& [further, count] : group.further)
    out("  and {} (seen in {} cases)\n", further, count);
  const auto usual =
      std::ranges::max_element(group.where, {}, [](const auto& one) { return one.second; });
  if (usual != group.where.end() && 2 * usual->second > group.explained) {
    out("  {} (seen in {} cases)\n", usual->first, usual->second);
  }
  out("    {} cases", group.cases.size());
  if (const std::string axes = shared_by_failures(tried); !axes.empty()) out(", {}", axes);
  out("\n");
  if (group.explained > 0 && group.explained < group.cases.size()) {
    out("    the cause was looked for in {} of them\n", group.explained);
  }
  if (is_of_outputs) out("    {}\n", first.reason);
  out("    {} -f '^{}$'\n", again, id(first.bench_case));
  print_outputs(group);
}

// A line for each output and kind of input, and those that are right.
void Failures::print_outputs(const Group& group) {
  struct Row {
    std::size_t count = 0;
    const Tested* smallest = nullptr;
    const Tested* worst = nullptr;
    double error = -1;
  };
  std::map<std::pair<std::string, InputKind>, Row> rows;
  std::set<std::string> right;
  for (const Tested* tested : group.cases) {
    right.insert(tested->right.begin(), tested->right.end());
    for (const Symptom& symptom : tested->symptoms) {
      for (const auto& [output, error] : symptom.errors) {
        if (error.bound <= 1) continue;
        Row& row = rows[{output, symptom.kind}];
        ++row.count;
        const auto elements = tested->bench_case.problem.elements();
        if (!row.smallest || elements < row.smallest->bench_case.problem.elements()) {
          row.smallest = tested;
        }
        if (!(error.bound <= row.error)) {
          row.worst = tested;
          row.error = error.bound;
        }
      }
    }
  }
  if (rows.empty()) return;
  // What all ids begin and end with is said once.
  const std::string prefix = common_prefix(group.cases);
  const auto brief = [&](const Tested* tested) {
    std::string text = id(tested->bench_case).substr(prefix.size());
    if (text.ends_with("/warm")) text.erase(text.size() - 5);
    return text;
  };
  std::size_t width = 14;
  for (const auto& [key, row] : rows) width = std::max(width, brief(row.smallest).size() + 1);
  out("    {:<13} {:<16} {:>5}  {:>10}  {:<{}} {}{}\n", "output", "input", "cases", "bounds off",
      "smallest case", width, "worst case", prefix.empty() ? "" : " of " + prefix);
  for (const auto& [key, row] : rows) {
    right.erase(key.first);
    out("    {:<13} {:<16} {:>5}  {:>10}  {:<{}} {}\n", key.first, name(key.second), row.count,
        times(row.error), brief(row.smallest), width, brief(row.worst));
  }
  if (!right.empty()) out("    ok: {}\n", joined({right.begin(), right.end()}));
}

}  // namespace normbench
