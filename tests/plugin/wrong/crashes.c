/* Writes where there is nothing, and is killed by a signal. */
#include "wrong.h"

static void crash(void* kernel) {
  run(kernel);
  volatile int* const nothing = NULL;
  *nothing = 1;
}

PLUGIN_WITH("crashes", run, crash)
