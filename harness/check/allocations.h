// Counts calls of the allocator, whoever makes them.
#pragma once

#include <cstdint>

namespace normbench {

// Calls of malloc and its relatives by any thread of the process between construction and count(),
// libraries included. One at a time.
class AllocationCounter {
 public:
  AllocationCounter();
  ~AllocationCounter();
  AllocationCounter(const AllocationCounter&) = delete;
  AllocationCounter& operator=(const AllocationCounter&) = delete;

  std::int64_t count() const;
};

// Gives the pages of freed memory back to the system: backends that keep copies of their data would
// otherwise leave them behind for the cases to come.
void release_free_memory();

}  // namespace normbench
