/* Has nothing to run. */
#include "wrong.h"

PLUGIN_WITH("null-entry", run, NULL)
