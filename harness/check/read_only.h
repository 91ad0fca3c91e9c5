// Memory that nobody may write: a write is let through, and noticed.
#pragma once

#include <cstddef>
#include <span>

namespace normbench {

struct ProtectedPages;

// Takes the right to write away from the whole pages of some memory, for as long as this lives.
// Whoever writes there all the same gets the right back, so that no process ends by it, but
// written() says so. Costs nothing while nobody writes, unlike a digest, and sees a change that is
// taken back. Where the system makes huge pages by itself only those are whole: one that is split
// would stay so, and be slower.
class ReadOnly {
 public:
  ReadOnly() = default;  // of nothing
  explicit ReadOnly(std::span<std::byte> memory);
  ReadOnly(ReadOnly&& other) noexcept;
  ReadOnly& operator=(ReadOnly&& other) noexcept;
  ~ReadOnly();

  // What cannot be written unnoticed: nothing, where no page is whole or the system refuses.
  std::span<const std::byte> covered() const;
  bool written() const;

 private:
  ProtectedPages* pages_ = nullptr;
};

// Installs the handler of the signal that tells of writes, which otherwise comes with the first
// ReadOnly: for who compares handlers before and after.
void expect_writes();

}  // namespace normbench
