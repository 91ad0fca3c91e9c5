// Counts what the process writes, whoever does.
#pragma once

#include <cstdint>

namespace normbench {

// Bytes that any thread of the process hands to the system to be written, to whatever file or
// stream, between construction and count(). Nothing where the system does not count them.
class OutputCounter {
 public:
  OutputCounter();

  std::int64_t count() const;

 private:
  std::int64_t before_;
};

}  // namespace normbench
