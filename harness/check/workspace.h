// The buffers of one problem, laid out so that every wrong access shows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/check/read_only.h"
#include "harness/check/shared_memory.h"
#include "harness/core/arguments.h"

namespace normbench {

enum class Role { kUnused, kInput, kOutput, kUpdated };

struct BufferSpec {
  std::string_view name;
  Tensor Arguments::*member;
  Role role;
};

// The table of harness/core/arguments.h for one problem: every buffer with its role.
std::vector<BufferSpec> buffer_specs(const Problem& problem);

// The most bytes that a workspace of the problem takes.
std::int64_t workspace_bytes(const Problem& problem);

// A number that any changed bit changes. Reads at the speed of memory, on all threads.
std::uint64_t digest(std::span<const std::byte> bytes);

// What outputs hold before a run: numbers that no run leaves, so that what was not written shows. A
// backend that asks whether there is a result already sees NaN, or a number. Zeros are for who
// looks for the cause of a wrong result: whoever adds to an output is right there.
enum class Poison : unsigned char { kNan = 0xFF, kNumber = 0xCC, kZero = 0 };

// Where buffers start: at a cache line, with an offset of its own within a page; one element behind
// such a line, aligned to its elements only; at a page.
enum class Placement { kLine, kElement, kPage };

// Bytes that are more than lie between the ends of a buffer and those of its pages.
using Guard = std::array<std::byte, 3 * 4096>;

// Memory for all buffers of a problem, which workers can map. Each starts at a 64-byte boundary
// with an offset of its own within a page (so that no two alias in the cache by accident), between
// two guard zones; no two share a page.
class Workspace {
 public:
  // Allocates and touches all pages. `seed` moves the offsets. Throws std::bad_alloc.
  explicit Workspace(const Problem& problem, std::uint64_t seed = 0,
                     Placement placement = Placement::kLine);

  const Problem& problem() const { return problem_; }
  const Arguments& arguments() const { return arguments_; }
  // Bytes of all buffers, guards and padding.
  std::size_t bytes() const { return size_; }

  // Fills every output with all bits set or with a finite number, and writes the guard zones anew.
  void poison(Poison with = Poison::kNan);
  // Of the outputs only, or of those that are not y or dx. All are looked at for these bytes from
  // then on.
  void poison_outputs(Poison with);
  void poison_small_outputs(Poison with);
  // Whether these bytes of an output are as poison() left them.
  bool is_poison(std::span<const std::byte> bytes) const;
  // Remembers the inputs as they are now, for damage().
  void remember_inputs();
  // The same, and takes the right to write them away from this process, until allow_writes():
  // damage() then sees a change that is taken back.
  void protect_inputs();
  void allow_writes();
  // What run() must not have done: the name of a buffer written outside its ends or, if it is an
  // input, changed since remember_inputs(). Nothing when all is well.
  std::optional<std::string> damage() const;
  // Makes other numbers of the inputs, of their size, all over them; the same once more takes it
  // back. The x of a training pass keeps what its statistics are made of: values change places
  // within a statistic, so that a variance that the library does not have can still be computed
  // from it.
  void disturb_inputs();
  // Copies the running statistics to the side, and back: a timed run changes them.
  void save_running();
  void restore_running();
  // As they were saved, one tensor after the other.
  std::span<const std::byte> saved_running() const { return running_; }

 private:
  struct Buffer {
    BufferSpec spec;
    std::byte* begin;
    std::size_t bytes;
    const Guard* guard;  // what lies around it
    std::uint64_t digest = 0;
    ReadOnly read_only = {};

    std::span<std::byte> pages() const;  // which no other buffer shares
    std::span<std::byte> before() const;
    std::span<std::byte> behind() const;
    bool is_guard(std::span<const std::byte> zone) const;
    bool changed() const;  // since it was remembered or protected
  };

  Problem problem_;
  Arguments arguments_;
  std::size_t size_ = 0;
  std::optional<SharedMemory> memory_;
  std::vector<Buffer> buffers_;
  std::vector<std::byte> running_;
  Poison poison_ = Poison::kNan;
};

}  // namespace normbench
