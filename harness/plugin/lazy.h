// A backend of this build in a shared object of its own, which is loaded when it is needed.
#pragma once

#include <memory>
#include <string>

#include "harness/core/backend.h"

namespace normbench {

// Of plugins/libNAME.so beside the program. libtorch alone takes half a second to load, which a
// process that hosts another backend need not spend. What cannot be loaded throws
// std::runtime_error where it is first needed; the name is known before.
std::unique_ptr<Backend> load_lazily(const std::string& name);

}  // namespace normbench
