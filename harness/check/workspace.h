// The buffers of one problem, laid out so that every wrong access shows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

// Memory for all buffers of a problem. Each starts at a 64-byte boundary with an offset of its own
// within a page (so that no two alias in the cache by accident), between two guard zones.
class Workspace {
 public:
  // Allocates and touches all pages. `seed` moves the offsets. With `shift` every buffer starts
  // that many of its elements behind the boundary, and is aligned to its elements only. Throws
  // std::bad_alloc.
  explicit Workspace(const Problem& problem, std::uint64_t seed = 0, std::size_t shift = 0);

  const Problem& problem() const { return problem_; }
  const Arguments& arguments() const { return arguments_; }
  // Bytes of all buffers, guards and padding.
  std::size_t bytes() const { return size_; }

  // Fills every output with NaN, and writes the guard zones anew.
  void poison();
  // Remembers the inputs as they are now, for damage().
  void remember_inputs();
  // What run() must not have done: the name of a buffer written outside its ends or, if it is an
  // input, changed since remember_inputs(). Nothing when all is well.
  std::optional<std::string> damage() const;
  // Copies the running statistics to the side, and back: a timed run changes them.
  void save_running();
  void restore_running();

 private:
  struct Buffer {
    BufferSpec spec;
    std::byte* begin;
    std::size_t bytes;
    std::uint64_t digest = 0;
  };
  struct Unmap {
    std::size_t size;
    void operator()(std::byte* memory) const;
  };

  Problem problem_;
  Arguments arguments_;
  std::size_t size_ = 0;
  std::unique_ptr<std::byte, Unmap> memory_;
  std::vector<Buffer> buffers_;
  std::vector<std::byte> running_;
};

}  // namespace normbench
