// What verify --claim tells: the least accuracy that each backend could claim.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/check/check.h"

namespace normbench {

// Collects over problems what is found for each backend, norm, pass and dtype.
class ClaimReport {
 public:
  void see(const Problem& problem, const Checked& checked);
  // Ready lines of C++, beside what is claimed now.
  void print() const;
  // Whether every claim that is made passes.
  bool all_pass() const;

 private:
  struct Found {
    std::vector<std::string> texts;
    std::vector<bool> alive;    // on all problems
    std::vector<bool> claimed;  // the same as what is claimed, on all problems
    std::vector<bool> less;     // than what is claimed, on all problems
    bool claimed_passes = true;
    Accuracy most_claimed;
    std::string failure = {};  // of the first problem that nothing passes on

    bool none_passes() const;
    std::string words() const;
  };

  std::vector<std::string> backends_;                     // as they came
  std::map<std::string, std::vector<std::string>> rows_;  // of each, as they came
  std::map<std::pair<std::string, std::string>, Found> found_ = {};
};

}  // namespace normbench
