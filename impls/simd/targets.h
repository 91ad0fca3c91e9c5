// The instruction sets that this backend is compiled for. To be included before Highway.
#pragma once

// Scalable vectors (SVE, RVV) are left out, since the arrays here need a size that is known at
// compile time. So is SSSE3, of CPUs before 2008, which would be a fifth of the time to compile.
// With sanitizers each target takes a minute, so there are fewer.
#define SIMD_WITHOUT (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV | HWY_SSSE3)
#ifdef __SANITIZE_ADDRESS__
#define HWY_DISABLED_TARGETS (SIMD_WITHOUT | HWY_SSE4)
#else
#define HWY_DISABLED_TARGETS SIMD_WITHOUT
#endif
