// Backends that lie in shared objects of their own, behind the C interface of normbench.h.
#pragma once

#include <memory>
#include <string>

#include "harness/core/backend.h"
#include "harness/plugin/normbench.h"

namespace normbench {

// Loads the shared object into this process, and never unloads it. Throws std::runtime_error, in a
// sentence that says what is wrong and what to change, when it is none or no plugin that fits.
//
// Where a plugin throws through the C interface, the call that it was made for throws that as a
// std::runtime_error. So does load() or collect() when the plugin tells of a failure().
std::unique_ptr<Backend> load_plugin(const std::string& path);

// The same for a table that is in memory already and stays there. `where` is for messages.
std::unique_ptr<Backend> wrap_plugin(const normbench_backend* table, const std::string& where);

}  // namespace normbench
