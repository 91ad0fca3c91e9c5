// A backend that is measured in the process of the harness while others have processes of their
// own.
#pragma once

#include <memory>

#include "harness/core/backend.h"

namespace normbench {

// The same backend, which must outlive it, as "NAME[worker=off]".
std::unique_ptr<Backend> in_process(const Backend& backend);

// Whether it is one of those.
bool is_in_process(const Backend& backend);

}  // namespace normbench
