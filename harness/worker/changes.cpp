// Two numbers of 64 bits, then the bytes.
#include "harness/worker/changes.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace normbench {
namespace {

using Head = std::array<std::uint64_t, 2>;  // offset, size

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

void append_change(std::vector<std::byte>& records, std::uint64_t offset,
                   std::span<const std::byte> bytes) {
  const Head head = {offset, bytes.size()};
  const auto* first = reinterpret_cast<const std::byte*>(head.data());
  records.insert(records.end(), first, first + sizeof(head));
  records.insert(records.end(), bytes.begin(), bytes.end());
}

void apply_changes(std::span<const std::byte> records, std::span<std::byte> memory) {
  while (!records.empty()) {
    Head head{};
    if (records.size() < sizeof(head)) throw std::runtime_error("a change is not whole");
    std::memcpy(head.data(), records.data(), sizeof(head));
    const auto [offset, size] = head;
    records = records.subspan(sizeof(head));
    if (size > records.size()) throw std::runtime_error("a change is not whole");
    if (offset > memory.size() || size > memory.size() - offset) {
      throw std::runtime_error("a change is not inside of the memory");
    }
    std::memcpy(memory.data() + offset, records.data(), size);
    records = records.subspan(size);
  }
}

MemoryFile::~MemoryFile() {
  if (descriptor_ != -1) close(descriptor_);
}

void MemoryFile::write(std::span<const std::byte> bytes) {
  if (descriptor_ == -1) descriptor_ = memfd_create("normbench-changes", MFD_CLOEXEC);
  if (descriptor_ == -1) fail("cannot make a file in memory");
  std::size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t count =
        pwrite(descriptor_, bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
    if (count <= 0) fail("cannot write a file in memory");
    at += static_cast<std::size_t>(count);
  }
}

std::vector<std::byte> read_file(int descriptor, std::size_t bytes) {
  std::vector<std::byte> all(bytes);
  std::size_t at = 0;
  while (at < bytes) {
    const ssize_t count = pread(descriptor, all.data() + at, bytes - at, static_cast<off_t>(at));
    if (count <= 0) fail("the changes cannot be read");
    at += static_cast<std::size_t>(count);
  }
  return all;
}

}  // namespace normbench
