/* Leaves another process behind, which has everything open that this one has. */
#include <unistd.h>

#include "wrong.h"

static void run_and_fork(void* kernel) {
  static int is_done = 0;
  run(kernel);
  if (is_done) return;
  is_done = 1;
  if (fork() != 0) return;
  sleep(30);
  _exit(0);
}

PLUGIN_WITH("forks", run, run_and_fork)
