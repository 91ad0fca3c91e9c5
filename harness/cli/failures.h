// What verify says about a backend that is wrong: failures that have a cause or a symptom in common
// together, with what tells their cases from those that pass.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/bench/plan.h"
#include "harness/check/check.h"

namespace normbench {

// Of one backend.
class Failures {
 public:
  explicit Failures(std::string backend) : backend_(std::move(backend)) {}

  // Of a case that the backend supports. A failure that is a known defect is none of these.
  void add(const Case& bench_case, const Checked& checked);

  bool any() const;
  // To stdout. `again` is how to verify one of the cases once more, up to the filter of the case.
  void print(const std::string& again) const;

 private:
  struct Tested {
    Case bench_case;
    bool failed = false;
    std::string reason = {};
    bool is_explained = false;  // its cause was looked for
    std::vector<Symptom> symptoms = {};
    std::vector<std::string> right = {};  // outputs
  };
  // Failures that are told together: each is in one group.
  struct Group {
    std::string cause = {};  // empty when none is known
    std::vector<const Tested*> cases = {};
    std::size_t explained = 0;                        // the others were not looked at
    std::map<std::string, std::size_t> further = {};  // causes of what is left, with cases
    std::map<std::string, std::size_t> where = {};    // wrong values are, with cases
  };

  std::vector<Group> groups() const;
  void print(const Group& group, const std::string& again) const;
  static void print_outputs(const Group& group);

  std::string backend_;
  std::vector<Tested> tested_;
};

}  // namespace normbench
