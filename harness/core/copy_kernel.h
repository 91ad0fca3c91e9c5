// The norm `none`: a copy.
#pragma once

#include <cstddef>
#include <cstring>

#include "harness/core/backend.h"

namespace normbench {

// Copies x to y or, backward, dy to dx. Who has threads overrides run(), and calls copy_share() on
// each of them.
class CopyKernel : public Kernel {
 public:
  CopyKernel(const Problem& problem, const Arguments& arguments)
      : from_(problem.backward() ? arguments.dy : arguments.x),
        to_(problem.backward() ? arguments.dx : arguments.y) {}

  void run() override { copy_share(0, 1); }
  std::string detail() const override { return "1 thread"; }

 protected:
  // Copies share `part` of `parts` of (nearly) equal size, in whole cache lines.
  void copy_share(std::size_t part, std::size_t parts) const {
    constexpr std::size_t kLine = 64;
    const std::size_t lines = from_.bytes() / kLine;
    const std::size_t first = lines * part / parts * kLine;
    const bool is_last = part + 1 == parts;
    const std::size_t last = is_last ? from_.bytes() : lines * (part + 1) / parts * kLine;
    std::memcpy(static_cast<std::byte*>(to_.data) + first,
                static_cast<const std::byte*>(from_.data) + first, last - first);
  }

 private:
  Tensor from_, to_;
};

}  // namespace normbench
