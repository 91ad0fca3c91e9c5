/* Never returns. */
#include <unistd.h>

#include "wrong.h"

static void hang(void* kernel) {
  run(kernel);
  for (;;) pause();
}

PLUGIN_WITH("hangs", run, hang)
