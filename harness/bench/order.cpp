// Groups take turns; within a group, smaller groups do.
#include "harness/bench/order.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/check/random.h"

namespace normbench {
namespace {

// Four times as many bytes are the next class.
int size_class(const Case& c) {
  return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(compulsory_bytes(c.problem)))) /
         2;
}

// Groups of cases, of which the one that has had the least of its due is next.
class Turns {
 public:
  void add(const std::string& group) { ++groups_[group].all; }
  void take(const std::string& group) { ++groups_[group].taken; }

  // Less is sooner: those that have had none, then by the share of the root of their number.
  std::pair<bool, double> due(const std::string& group) const {
    const Count& count = groups_.at(group);
    return {count.taken > 0, (count.taken + 1) / std::sqrt(count.all)};
  }

 private:
  struct Count {
    double all = 0;
    double taken = 0;
  };
  std::map<std::string, Count> groups_;
};

struct Candidate {
  Case bench_case;
  std::uint64_t random;
};

std::uint64_t hash(const std::string& text) {
  std::uint64_t bits = 0;
  for (const char letter : text) bits = random_bits(bits, static_cast<unsigned char>(letter));
  return bits;
}

std::string pass_of(const Case& c) {
  return std::string(name(c.problem.norm)) + "/" + std::string(name(c.problem.pass));
}

// What a report keeps apart.
std::string table_of(const Case& c) {
  return std::string(name(c.problem.dtype)) + "/" + std::string(name(c.problem.layout)) + "/" +
         std::string(name(c.cache)) + "/" + std::string(name(c.input)) + "/" +
         std::string(name(c.then)) + "/t" + std::to_string(c.threads);
}

// The cases of one norm and pass: by table and size class, the next one last.
struct Group {
  Turns tables;
  std::map<int, int> sizes;  // how many of each class were taken
  std::map<std::string, std::map<int, std::vector<Candidate>>> candidates;
};

}  // namespace

std::vector<Case> mixed_order(std::vector<Case> cases) {
  Turns passes;
  std::map<std::string, Group> groups;
  for (Case& c : cases) {
    const std::string table = table_of(c);
    const int size = size_class(c);
    const std::uint64_t random = hash(id(c) + c.name);
    passes.add(pass_of(c));
    Group& group = groups[pass_of(c)];
    group.tables.add(table);
    group.candidates[table][size].push_back({std::move(c), random});
  }
  for (auto& [pass, group] : groups) {
    for (auto& [table, by_size] : group.candidates) {
      for (auto& [size, candidates] : by_size) {
        std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
          return a.random != b.random ? a.random > b.random : id(a.bench_case) > id(b.bench_case);
        });
      }
    }
  }
  std::map<int, int> sizes;
  std::vector<Case> ordered;
  while (!groups.empty()) {
    const auto pass = std::min_element(
        groups.begin(), groups.end(),
        [&](const auto& a, const auto& b) { return passes.due(a.first) < passes.due(b.first); });
    Group& group = pass->second;
    const auto table = std::min_element(
        group.candidates.begin(), group.candidates.end(), [&](const auto& a, const auto& b) {
          return group.tables.due(a.first) < group.tables.due(b.first);
        });
    const auto taken = [&](int size) { return std::pair(group.sizes[size], sizes[size]); };
    auto& by_size = table->second;
    const auto size = std::min_element(
        by_size.begin(), by_size.end(),
        [&](const auto& a, const auto& b) { return taken(a.first) < taken(b.first); });
    passes.take(pass->first);
    group.tables.take(table->first);
    ++group.sizes[size->first];
    ++sizes[size->first];
    ordered.push_back(std::move(size->second.back().bench_case));
    size->second.pop_back();
    if (size->second.empty()) by_size.erase(size);
    if (by_size.empty()) group.candidates.erase(table);
    if (group.candidates.empty()) groups.erase(pass);
  }
  return ordered;
}

}  // namespace normbench
