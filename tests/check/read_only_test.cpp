// Memory that nobody may write.
#include "harness/check/read_only.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace normbench {
namespace {

constexpr std::size_t kBytes = std::size_t{16} << 20;  // has huge pages in it, whole ones

class ReadOnlyMemory : public testing::Test {
 protected:
  ReadOnlyMemory() {
    void* memory =
        mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(memory, MAP_FAILED);
    all_ = {static_cast<std::byte*>(memory), kBytes};
  }
  ~ReadOnlyMemory() override { munmap(all_.data(), all_.size()); }

  std::byte& middle() { return all_[kBytes / 2]; }

  std::span<std::byte> all_;
};

TEST_F(ReadOnlyMemory, MayBeRead) {
  middle() = std::byte{7};
  const ReadOnly read_only(all_);
  EXPECT_EQ(middle(), std::byte{7});
  EXPECT_FALSE(read_only.written());
}

TEST_F(ReadOnlyMemory, LetsAWriteThroughAndNoticesIt) {
  const ReadOnly read_only(all_);
  middle() = std::byte{7};
  EXPECT_EQ(middle(), std::byte{7});
  EXPECT_TRUE(read_only.written());
}

TEST_F(ReadOnlyMemory, NoticesAWriteThatChangesNothing) {
  const ReadOnly read_only(all_);
  const_cast<volatile std::byte&>(middle()) = middle();
  EXPECT_TRUE(read_only.written());
}

TEST_F(ReadOnlyMemory, NoticesAWriteOfAnotherThread) {
  const ReadOnly read_only(all_);
  std::thread([&] { middle() = std::byte{7}; }).join();
  EXPECT_TRUE(read_only.written());
}

TEST_F(ReadOnlyMemory, CoversWholePagesOnly) {
  const auto inner = all_.subspan(100, kBytes - 200);
  const ReadOnly read_only(inner);
  const auto covered = read_only.covered();
  ASSERT_FALSE(covered.empty());
  EXPECT_GE(covered.data(), inner.data());
  EXPECT_LE(covered.data() + covered.size(), inner.data() + inner.size());
  all_.front() = std::byte{1};
  all_.back() = std::byte{1};
  EXPECT_FALSE(read_only.written());
  EXPECT_TRUE(ReadOnly(all_.first(100)).covered().empty());
}

TEST_F(ReadOnlyMemory, IsOrdinaryAgainAfterwards) {
  { const ReadOnly read_only(all_); }
  middle() = std::byte{7};
  const ReadOnly again(all_);
  EXPECT_FALSE(again.written());
}

TEST_F(ReadOnlyMemory, MayBeMoved) {
  ReadOnly first(all_);
  const ReadOnly second(std::move(first));
  EXPECT_TRUE(first.covered().empty());
  middle() = std::byte{7};
  EXPECT_TRUE(second.written());
}

// Each has its own; when there are too many, the last ones cover nothing and say so.
TEST_F(ReadOnlyMemory, MayBeHeldManyTimes) {
  std::vector<ReadOnly> many;
  std::size_t covered = 0;
  for (int number = 0; number < 100; ++number) {
    covered += many.emplace_back(all_).covered().empty() ? 0 : 1;
  }
  EXPECT_GT(covered, 10U);
  EXPECT_LT(covered, 100U);
}

// Any other fault is what it was.
TEST(ReadOnlyMemoryDeathTest, LeavesOtherFaultsAlone) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        void* none = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        std::vector<std::byte> memory(kBytes);
        const ReadOnly read_only(memory);
        *static_cast<volatile std::byte*>(none) = std::byte{1};
      },
      "");
}

}  // namespace
}  // namespace normbench
