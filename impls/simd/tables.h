// The tables of functions.h for one storage type, SIMD_TYPE. Each storage type has a file that
// includes this once, so that they are compiled in parallel.
#include "impls/simd/targets.h"
#define HWY_TARGET_INCLUDE "impls/simd/functions-inl.h"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

#include "impls/simd/functions-inl.h"
#include "impls/simd/functions.h"

namespace simd {

HWY_EXPORT(table);

template <>
const Functions<SIMD_TYPE>& functions<SIMD_TYPE>(std::int64_t target) {
  if (target != 0) hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  const Functions<SIMD_TYPE>* chosen = HWY_DYNAMIC_DISPATCH(table)();
  if (target != 0) hwy::SetSupportedTargetsForTest(0);
  return *chosen;
}

}  // namespace simd
