// The instruction sets that this backend is compiled for. To be included before Highway.
#pragma once

// Scalable vectors (SVE, RVV) are left out, since the arrays here need a size that is known at
// compile time. With sanitizers each target takes a minute to compile, so there are fewer.
#define SIMD_WITHOUT (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#ifdef __SANITIZE_ADDRESS__
#define HWY_DISABLED_TARGETS (SIMD_WITHOUT | HWY_SSSE3 | HWY_SSE4)
#else
#define HWY_DISABLED_TARGETS SIMD_WITHOUT
#endif
