// What becomes of buffers between an untimed call and the clock, as the worker is told: records of
// where, how many bytes, and the bytes, one behind the other in a file in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace normbench {

// Adds a record.
void append_change(std::vector<std::byte>& records, std::uint64_t offset,
                   std::span<const std::byte> bytes);

// Does what the records say. Throws std::runtime_error when one is not whole, or not inside.
void apply_changes(std::span<const std::byte> records, std::span<std::byte> memory);

// A file without a name, which processes hand on to each other.
class MemoryFile {
 public:
  MemoryFile() = default;
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile();

  // Of what was written last; -1 before that.
  int descriptor() const { return descriptor_; }
  // Throws std::system_error.
  void write(std::span<const std::byte> bytes);

 private:
  int descriptor_ = -1;
};

// The first bytes of a file. Throws std::system_error.
std::vector<std::byte> read_file(int descriptor, std::size_t bytes);

}  // namespace normbench
