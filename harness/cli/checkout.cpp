// The path of the sources is compiled in.
#include "harness/cli/checkout.h"

#include <fmt/format.h>

#include <cstdlib>

#include "harness/bench/errors.h"
#include "source_dir.h"

namespace normbench {

std::filesystem::path scripts_folder() {
  const char* const named = std::getenv("NORMBENCH_SCRIPTS");
  const bool is_named = named != nullptr && *named != '\0';
  return std::filesystem::absolute(is_named ? named : NORMBENCH_SOURCE_DIR "/scripts");
}

std::filesystem::path checkout() {
  std::filesystem::path root = std::filesystem::weakly_canonical(scripts_folder()).parent_path();
  if (!std::filesystem::is_regular_file(root / "harness" / "plugin" / "normbench.h")) {
    throw UsageError(
        fmt::format("{}: the sources of this program are not there: build it anew where they are "
                    "now (./scripts/build), or point NORMBENCH_SCRIPTS to their folder scripts/",
                    root.string()));
  }
  return root;
}

}  // namespace normbench
