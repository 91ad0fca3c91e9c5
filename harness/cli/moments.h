// What verify tells of claims of moments, beside the bounds that their outputs are within.
#pragma once

#include <array>
#include <map>
#include <string>

#include "harness/check/check.h"

namespace normbench {

// How far a variance by moments is off itself, by backend and kind of input.
class MomentsReport {
 public:
  void see(const Backend& backend, const Verdict& verdict);
  void print() const;

 private:
  std::map<std::string, std::array<VarianceLoss, kEveryInputKind.size()>> losses_;
};

}  // namespace normbench
