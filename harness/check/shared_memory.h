// Memory that a worker can map too.
#pragma once

#include <cstddef>
#include <optional>

namespace normbench {

// Pages of zeros. Straight from the system: returned to it at once, and never moved into somebody's
// free list. Private where the system does not share any.
class SharedMemory {
 public:
  // Throws std::bad_alloc.
  explicit SharedMemory(std::size_t bytes);
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;
  ~SharedMemory();

  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  int descriptor_ = -1;
};

// Where an address lies in shared memory.
struct SharedPlace {
  int descriptor;     // of the memory, which is all of the file
  std::size_t bytes;  // of all of it
  std::size_t offset;
};

// Nothing when the address is in no memory that is shared.
std::optional<SharedPlace> shared_place(const void* address);

}  // namespace normbench
