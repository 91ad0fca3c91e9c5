// Workspaces that are ready for the oracle.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/check/inputs.h"
#include "harness/check/oracle.h"
#include "harness/check/workspace.h"
#include "tests/faulty/honest.h"

namespace normbench {

inline Workspace filled(const Problem& problem, InputKind kind, std::uint64_t seed) {
  Workspace workspace(problem);
  fill(workspace, kind, seed);
  return workspace;
}

// Without the knowledge that sums are exact.
inline Oracle oracle_of(const Workspace& workspace) {
  return {workspace.problem(), workspace.arguments(), false};
}

// The elements of a tensor of any dtype, in the order of memory; none when it is absent.
inline std::vector<double> all_of(const Tensor& tensor) {
  std::vector<double> values;
  if (!tensor.present()) return values;
  for (std::ptrdiff_t at = 0; at < tensor.size(); ++at) values.push_back(faulty::load(tensor, at));
  return values;
}

// Writes as many values as the tensor has, which may be absent.
inline void put(const Tensor& tensor, const std::vector<double>& values) {
  if (!tensor.present()) return;
  for (std::size_t at = 0; at < values.size(); ++at) {
    faulty::store(tensor, static_cast<std::ptrdiff_t>(at), values[at]);
  }
}

// Calls visit(element) for every element, with the sample counted over the whole problem.
template <class Visit>
void for_each_of(const Problem& p, Visit visit) {
  Problem whole = p;
  whole.batch = p.n;
  faulty::for_each_element(whole, visit);
}

}  // namespace normbench
