// The allocator of the C library with a counter in front: these definitions take the place of the
// library's for the whole process. The sanitizers bring an allocator of their own, and hooks.
#include "harness/check/allocations.h"

#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace {

std::atomic<bool> counting{false};
std::atomic<std::int64_t> calls{0};

void count_call() {
  if (counting.load(std::memory_order_relaxed)) calls.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__)

// As in <sanitizer/allocator_interface.h>, which g++ does not ship.
extern "C" int __sanitizer_install_malloc_and_free_hooks(
    void (*on_malloc)(const volatile void* memory, std::size_t size),
    void (*on_free)(const volatile void* memory));

namespace {
void on_malloc(const volatile void*, std::size_t) { count_call(); }
void on_free(const volatile void*) {}
const int installed = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}  // namespace

#elif defined(__GLIBC__)

// Names of glibc, kept for just this use.
// NOLINTBEGIN(bugprone-reserved-identifier, readability-identifier-naming)
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
// NOLINTEND(bugprone-reserved-identifier, readability-identifier-naming)

void* malloc(std::size_t size) {
  count_call();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  count_call();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
  count_call();
  return __libc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  count_call();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  count_call();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  count_call();
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
}

#endif

namespace normbench {

AllocationCounter::AllocationCounter() {
  calls = 0;
  counting = true;
}

AllocationCounter::~AllocationCounter() { counting = false; }

std::int64_t AllocationCounter::count() const { return calls; }

void release_free_memory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

}  // namespace normbench
