/* Is from the future. */
#include "wrong.h"

PLUGIN_WITH("other-abi", abi, NORMBENCH_ABI + 1)
