// The functions for bf16.
#define SIMD_TYPE normbench::Bf16
#include "impls/simd/tables.h"
