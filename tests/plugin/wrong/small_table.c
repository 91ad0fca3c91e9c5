/* Has a table that ends before what is required. */
#include "wrong.h"

PLUGIN_WITH("small-table", size, offsetof(struct normbench_backend, run))
