/* Writes to an input. */
#include "wrong.h"

static void run_and_change(void* kernel) {
  const struct kernel* k = kernel;
  run(kernel);
  ((float*)k->x)[0] += 1;
}

PLUGIN_WITH("changes-input", run, run_and_change)
