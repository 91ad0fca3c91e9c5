/* The template in C, of which each file of this folder changes one entry. */
#define _POSIX_C_SOURCE 200809L
#include "harness/plugin/normbench.h"

#define normbench_plugin honest_plugin
#include "impls/template/mine.c"
#undef normbench_plugin

/* Ends a file. */
#define PLUGIN_WITH(NAME, ENTRY, VALUE)                    \
  const struct normbench_backend* normbench_plugin(void) { \
    static struct normbench_backend wrong;                 \
    wrong = *honest_plugin();                              \
    wrong.name = NAME;                                     \
    wrong.ENTRY = VALUE;                                   \
    return &wrong;                                         \
  }
