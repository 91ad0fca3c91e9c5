// How this program was built. On its own, as this is compiled anew whenever the commit changes.
#include "harness/bench/machine.h"

#if __has_include("git_version.h")
#include "git_version.h"
#endif

#ifndef NORMBENCH_GIT
#define NORMBENCH_GIT "unknown"
#endif
#ifndef NORMBENCH_BUILD_TYPE
#define NORMBENCH_BUILD_TYPE "unknown"
#endif
#ifndef NORMBENCH_COMPILER
#define NORMBENCH_COMPILER "unknown"
#endif
#ifndef NORMBENCH_FLAGS
#define NORMBENCH_FLAGS ""
#endif
#ifndef NORMBENCH_VERSION
#define NORMBENCH_VERSION "unknown"
#endif

namespace normbench {

Build read_build() {
  return {.type = NORMBENCH_BUILD_TYPE,
          .compiler = NORMBENCH_COMPILER,
          .flags = NORMBENCH_FLAGS,
          .git = NORMBENCH_GIT,
          .version = NORMBENCH_VERSION};
}

}  // namespace normbench
