// The text of impls/SUPPORT.md: a section for each backend, which says what it supports.
#pragma once

#include <string>
#include <vector>

#include "harness/core/backend.h"

namespace normbench {

// Of one backend, from its heading on: "## naive 2".
std::string support_section(const Backend& backend);

// All of it, for a file that does not have it yet.
std::string support_document(const std::vector<const Backend*>& backends);

// `document` with this section instead of the one of the same backend, or at its end.
std::string with_support_section(const std::string& document, const std::string& section);

}  // namespace normbench
