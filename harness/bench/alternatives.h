// A regular expression with "or" in it as several without.
#pragma once

#include <string>
#include <vector>

namespace normbench {

// "^(a|b)$" is "^(a)$" or "^(b)$". One that would be very many is left as it is.
std::vector<std::string> alternatives(const std::string& expression);

}  // namespace normbench
