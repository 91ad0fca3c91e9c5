// The functions for f32.
#define SIMD_TYPE float
#include "impls/simd/tables.h"
