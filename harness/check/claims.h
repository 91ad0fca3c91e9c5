// Which accuracy a backend could claim: the least of a list that its outputs are within, and what
// one output that is not would need.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/check/oracle.h"
#include "harness/check/workspace.h"

namespace normbench {

// A claim, and how it is written in C++ with n = problem.longest_sum().
struct NamedClaim {
  std::string text;
  Accuracy accuracy;
};

// The ways to sum that have a name, from the least claim on: each centered before it is folded and,
// last, with a variance by moments where the pass finds one. As many and in the same order for all
// problems of one norm and pass. `from_rstd` is that of all of them.
std::vector<NamedClaim> named_claims(const Problem& problem, bool from_rstd);

// Whether whatever passes with the one passes with the other, by their bounds.
bool is_within(const Accuracy& claim, const Accuracy& other);

// The named claims, and that of the backend, that all outputs so far are within.
class ClaimSearch {
 public:
  ClaimSearch(const Problem& problem, const Accuracy& claimed);

  // Allows whatever a claim of the list or the backend's own does.
  Accuracy widest() const;

  // The outputs in the workspace, after so many calls as for check_outputs().
  void see(const Workspace& workspace, const Oracle& oracle, std::int64_t calls);

  const std::vector<NamedClaim>& claims() const { return claims_; }
  const Accuracy& claimed() const { return claimed_; }
  bool is_alive(std::size_t at) const { return alive_[at]; }
  bool claimed_is_alive() const { return claimed_is_alive_; }

 private:
  std::vector<NamedClaim> claims_;
  Accuracy claimed_;
  std::vector<bool> alive_;
  bool claimed_is_alive_ = true;
};

// No sum suffers more roundings than it has terms, but for those where parts of it come together:
// an eighth of them, and for few terms so many that are nothing to any bound.
std::int64_t most_roundings(const Problem& problem);

// With how many roundings outputs that are wrong would be right, if more than are claimed is all
// that they lack.
std::optional<double> least_roundings(const Workspace& workspace, const Oracle& oracle,
                                      Accuracy accuracy, std::int64_t calls);

}  // namespace normbench
