// The error of whoever calls the program.
#pragma once

#include <stdexcept>

namespace normbench {

// A command line, a config or an environment that cannot be used; what() is one line that says what
// to change, of a config with file, line and key.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace normbench
