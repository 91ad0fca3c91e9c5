/* Is killed by a signal. */
#include <signal.h>

#include "wrong.h"

static void crash(void* kernel) {
  run(kernel);
  raise(SIGSEGV);
}

PLUGIN_WITH("crashes", run, crash)
