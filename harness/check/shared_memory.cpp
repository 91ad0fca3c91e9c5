// A file in memory, without a name, and a list of those that are mapped.
#include "harness/check/shared_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <new>
#include <utility>

namespace normbench {
namespace {

struct Mapping {
  int descriptor;
  std::size_t bytes;
};

// By first address. Never destroyed, as workspaces may be later.
std::map<const std::byte*, Mapping>& mappings() {
  static auto* const all = new std::map<const std::byte*, Mapping>;
  return *all;
}

std::mutex& mutex_of_mappings() {
  static auto* const mutex = new std::mutex;
  return *mutex;
}

// -1 where there is none, or not as large: ulimit -f counts these files too.
int make_file(std::size_t bytes) {
  const int descriptor = memfd_create("normbench", MFD_CLOEXEC);
  if (descriptor == -1) return -1;
  if (ftruncate(descriptor, static_cast<off_t>(bytes)) == 0) return descriptor;
  close(descriptor);
  return -1;
}

}  // namespace

SharedMemory::SharedMemory(std::size_t bytes) : bytes_(bytes), descriptor_(make_file(bytes)) {
  const int flags = descriptor_ == -1 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, descriptor_, 0);
  if (memory == MAP_FAILED) {
    if (descriptor_ != -1) close(descriptor_);
    throw std::bad_alloc();
  }
  data_ = static_cast<std::byte*>(memory);
  if (descriptor_ == -1) return;
  const std::lock_guard lock(mutex_of_mappings());
  mappings().emplace(data_, Mapping{descriptor_, bytes});
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      bytes_(other.bytes_),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

SharedMemory::~SharedMemory() {
  if (data_ == nullptr) return;
  if (descriptor_ != -1) {
    const std::lock_guard lock(mutex_of_mappings());
    mappings().erase(data_);
    close(descriptor_);
  }
  munmap(data_, bytes_);
}

std::optional<SharedPlace> shared_place(const void* address) {
  const auto* byte = static_cast<const std::byte*>(address);
  const std::lock_guard lock(mutex_of_mappings());
  auto after = mappings().upper_bound(byte);
  if (after == mappings().begin()) return std::nullopt;
  const auto& [first, mapping] = *--after;
  const auto offset = static_cast<std::size_t>(byte - first);
  if (offset >= mapping.bytes) return std::nullopt;
  return SharedPlace{mapping.descriptor, mapping.bytes, offset};
}

}  // namespace normbench
