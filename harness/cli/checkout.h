// Where the sources are.
#pragma once

#include <filesystem>

namespace normbench {

// The folder scripts/ of the checkout that this program was built from, or the one that the
// environment variable NORMBENCH_SCRIPTS names.
std::filesystem::path scripts_folder();

// That checkout. Throws UsageError where it is no longer there.
std::filesystem::path checkout();

}  // namespace normbench
