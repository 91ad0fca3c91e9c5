// The functions for f16.
#define SIMD_TYPE normbench::F16
#include "impls/simd/tables.h"
