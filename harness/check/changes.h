// A few numbers that become others for a while, so that a result that was kept is a wrong one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/check/inputs.h"
#include "harness/check/workspace.h"

namespace normbench {

// Places in the inputs and outputs of a problem: one value of each statistic, never its first. So
// few that caches hardly notice, and numbers as others are, but statistics without them are wrong.
class Changes {
 public:
  // The same seed has the same places. `kind`: of what the workspace is filled with.
  Changes(const Problem& problem, InputKind kind, std::uint64_t seed);

  // Changes x and dy there; dy alone where statistics of x are given.
  void make(Workspace& workspace);
  // And back, in a workspace of the same contents.
  void take_back(Workspace& workspace) const;
  // Leaves finite numbers in y and dx there and in their first element, and in all small outputs,
  // as if a result were there.
  void spoil_outputs(Workspace& workspace) const;

  // All bytes that these may write, and those of the running statistics.
  std::vector<std::span<std::byte>> bytes(const Workspace& workspace) const;

  const std::vector<std::int64_t>& places() const { return places_; }

 private:
  bool changes_x_;
  double scale_;
  std::vector<std::int64_t> places_;  // one for each statistic, in the order of these
  std::vector<double> x_before_, dy_before_;
};

}  // namespace normbench
