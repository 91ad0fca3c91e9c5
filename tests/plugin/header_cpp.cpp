// normbench.h alone, in the oldest C++ that has its integers.
#include "harness/plugin/normbench.h"

size_t size_of_table_in_cpp();
size_t size_of_table_in_cpp() { return sizeof(normbench_backend); }
