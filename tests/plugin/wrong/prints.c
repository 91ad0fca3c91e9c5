/* Prints more than a pipe holds. */
#include <unistd.h>

#include "wrong.h"

static void print(int stream) {
  static const char line[] =
      "a line of a plugin that has much to say, and says it to whoever is there\n";
  for (int i = 0; i < 1000; ++i) {
    if (write(stream, line, sizeof(line) - 1) < 0) return;
  }
}

static void run_and_print(void* kernel) {
  run(kernel);
  print(STDOUT_FILENO);
  print(STDERR_FILENO);
}

PLUGIN_WITH("prints", run, run_and_print)
