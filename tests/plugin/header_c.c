/* normbench.h alone, in C99. */
#include "harness/plugin/normbench.h"

size_t size_of_table_in_c(void);
size_t size_of_table_in_c(void) { return sizeof(struct normbench_backend); }

size_t size_of_accuracy_in_c(void);
size_t size_of_accuracy_in_c(void) { return sizeof(struct normbench_accuracy); }
