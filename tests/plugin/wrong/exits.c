/* Ends the process, as if all were well. */
#include "wrong.h"

static void exit_in_run(void* kernel) {
  run(kernel);
  exit(0);
}

PLUGIN_WITH("exits", run, exit_in_run)
