// Reasons that several backends share.
#include "harness/core/backend.h"

namespace normbench {

Support batch_norm_f32_ncl(const Problem& problem) {
  const auto lacks = [](std::string_view what, std::string_view value) {
    return Support::no(std::string(what) + " " + std::string(value) + " is not implemented");
  };
  if (problem.norm != Norm::kBatch) return lacks("norm", name(problem.norm));
  if (problem.pass == Pass::kBackwardInference) return lacks("pass", name(problem.pass));
  if (problem.dtype != DType::kF32) return lacks("dtype", name(problem.dtype));
  // With one position the two layouts are the same bytes.
  if (problem.layout != Layout::kNcl && problem.l != 1)
    return lacks("layout", name(problem.layout));
  return Support::yes();
}

}  // namespace normbench
