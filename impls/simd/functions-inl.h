// The table of functions.h for SIMD_TYPE and one instruction set. Highway's foreach_target.h
// includes this once per target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "impls/simd/functions.h"
#include "impls/simd/overflow.h"
// In this order: each uses those before it.
// clang-format off
#include "impls/simd/vectors-inl.h"
#include "impls/simd/terms-inl.h"
#include "impls/simd/sums-inl.h"
#include "impls/simd/segments-inl.h"
#include "impls/simd/statistics-inl.h"
#include "impls/simd/rows-inl.h"
#include "impls/simd/transpose-inl.h"
#include "impls/simd/short-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {
namespace {

const Functions<SIMD_TYPE>* table() {
  using T = SIMD_TYPE;
  using Real = Parameter<T>;
  static const Functions<T> functions = {
      .runs = {find_pivot_of_runs<T>, join_pivots<T>, sum_runs_forward<T>, sum_runs_backward<T>,
               normalize_runs<T>, apply_runs<T>, differentiate_runs<T>, rescale_runs<T>},
      .columns = {find_pivot_of_columns<T>, join_pivots<T>, sum_columns_forward<T>,
                  sum_columns_backward<T>, normalize_columns<T>, apply_columns<T>,
                  differentiate_columns<T>, rescale_columns<T>},
      .rows = {normalize_rows<T>, differentiate_rows<T>},
      .short_tiles = {normalize_short<T>, differentiate_short<T>},
      .statistics = {conclude<Real>, find_rstd<Real>, update<Real>, fold<Real>, find_slopes<Real>,
                     gradients<Real>, add_up, broadcast<Real>, add, weigh<Real>, multiply<Real>},
      .target = hwy::TargetName(HWY_TARGET),
      .lanes = lanes<T>(),
      .tiles_of_block = kTilesOfBlock<T>};
  return &functions;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();
