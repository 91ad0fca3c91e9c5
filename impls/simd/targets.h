// Which instruction sets the files of this backend are compiled for. To be included before Highway.
#pragma once

// Vectors of a size that is not known when compiling would need arrays of another kind here. And
// sanitizers make a minute of the compilation for each set: then some will do.
#define SIMD_WITHOUT (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#ifdef __SANITIZE_ADDRESS__
#define HWY_DISABLED_TARGETS (SIMD_WITHOUT | HWY_SSSE3 | HWY_SSE4)
#else
#define HWY_DISABLED_TARGETS SIMD_WITHOUT
#endif
