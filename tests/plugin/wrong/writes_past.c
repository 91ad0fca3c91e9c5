/* Writes one element further than y. */
#include "wrong.h"

static void run_and_more(void* kernel) {
  const struct kernel* k = kernel;
  run(kernel);
  k->y[k->problem->n * k->problem->c * k->problem->l] = 1;
}

PLUGIN_WITH("writes-past", run, run_and_more)
