// A problem in JSON, as records and messages have it.
#pragma once

#include <nlohmann/json.hpp>

#include "harness/core/problem.h"

namespace normbench {

// What its id says, field by field, in this order.
nlohmann::ordered_json problem_fields(const Problem& problem);

}  // namespace normbench
