// The table of ops.h for SIMD_TYPE and one instruction set. Highway's foreach_target.h includes
// this once per target.

// Include guard (still compiled once per target).
#if defined(NORMBENCH_IMPLS_SIMD_OPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMBENCH_IMPLS_SIMD_OPS_INL_H_
#undef NORMBENCH_IMPLS_SIMD_OPS_INL_H_
#else
#define NORMBENCH_IMPLS_SIMD_OPS_INL_H_
#endif

#include "impls/simd/elementwise-inl.h"
#include "impls/simd/ops.h"
#include "impls/simd/row-inl.h"
#include "impls/simd/statistics-inl.h"
#include "impls/simd/sums-inl.h"
#include "impls/simd/transposed-row-inl.h"

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {
namespace {

template <class T>
void sum_all_runs(const SumArguments<T>& arguments) {
  arguments.dy == nullptr ? sum_runs<T, false>(arguments) : sum_runs<T, true>(arguments);
}
template <class T>
void sum_all_columns(const SumArguments<T>& arguments) {
  arguments.dy == nullptr ? sum_columns<T, false>(arguments) : sum_columns<T, true>(arguments);
}

const Ops<SIMD_TYPE>* table() {
  using T = SIMD_TYPE;
  using Real = Parameter<T>;
  static const Ops<T> ops = {
      .runs = {find_pivots_of_runs<T>, sum_all_runs<T>, write<false, T>},
      .columns = {find_pivots_of_columns<T>, sum_all_columns<T>, write<true, T>},
      .rows = {normalize_rows<T>, differentiate_rows<T>},
      .transposed_rows = {normalize_transposed<T>, differentiate_transposed<T>},
      .statistics = {find_statistics<Real>, find_rstd<Real>, update<Real>, fold<Real>,
                     find_slopes<Real>, find_gradients<Real>, weigh<Real>, multiply<Real>, add_up,
                     join_pivots<Real>, broadcast<Real>},
      .target = hwy::TargetName(HWY_TARGET),
      .lanes = lanes<T>(),
      .tiles_of_block = kTilesOfBlock<T>};
  return &ops;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();

#endif  // include guard
