/* Does nothing at all, so that whoever touches its buffers is somebody else. */
#include "wrong.h"

static void do_nothing(void* kernel) { (void)kernel; }

PLUGIN_WITH("idle", run, do_nothing)
