// The functions for f64.
#define SIMD_TYPE double
#include "impls/simd/tables.h"
