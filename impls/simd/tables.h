// The tables of ops.h for one storage type, SIMD_TYPE. Each storage type has a file that includes
// this once, so that they are compiled in parallel.
#include "impls/simd/targets.h"
#define HWY_TARGET_INCLUDE "impls/simd/ops-inl.h"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

#include <iterator>

#include "impls/simd/ops-inl.h"
#include "impls/simd/ops.h"

namespace simd {

HWY_EXPORT(table);

template <>
const Ops<SIMD_TYPE>& ops<SIMD_TYPE>(std::int64_t target) {
  hwy::ChosenTarget chosen;  // not the one of the process
  chosen.Update(target != 0 ? target : hwy::SupportedTargets());
  // A single target has the only entry.
  const auto index = std::size(HWY_DISPATCH_TABLE(table)) == 1 ? 0 : chosen.GetIndex();
  return *HWY_DISPATCH_TABLE(table)[index]();
}

}  // namespace simd
