// Pages without the right to write, and the handler of the signal that a write to them raises.
#include "harness/check/read_only.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>

namespace normbench {

// The handler may interrupt any thread anywhere, so it takes no lock.
struct ProtectedPages {
  std::atomic<bool> taken = false;
  std::atomic<std::uintptr_t> begin = 0;
  std::atomic<std::uintptr_t> end = 0;
  std::atomic<bool> written = false;
};

namespace {

std::array<ProtectedPages, 64> all_pages;
struct sigaction action_before;

void give_back(std::uintptr_t begin, std::uintptr_t end) {
  mprotect(reinterpret_cast<void*>(begin), end - begin, PROT_READ | PROT_WRITE);
}

std::uintptr_t page_bytes() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
  std::string modes;
  std::getline(file, modes);
  constexpr std::uintptr_t kHugePage = std::uintptr_t{2} << 20;
  if (modes.find("[always]") != std::string::npos || modes.find("[force]") != std::string::npos) {
    return kHugePage;
  }
  return static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
}

// The write is tried again when this returns.
void on_fault(int signal_number, siginfo_t* information, void*) {
  const auto address = reinterpret_cast<std::uintptr_t>(information->si_addr);
  for (ProtectedPages& pages : all_pages) {
    const std::uintptr_t begin = pages.begin;
    const std::uintptr_t end = pages.end;
    if (address < begin || address >= end) continue;
    pages.written = true;
    give_back(begin, end);
    return;
  }
  // Not ours: it happens again, to whoever was there before.
  sigaction(signal_number, &action_before, nullptr);
}

// A library may have put its own handler in the place of ours meanwhile.
void install() {
  struct sigaction present {};
  sigaction(SIGSEGV, nullptr, &present);
  if ((present.sa_flags & SA_SIGINFO) != 0 && present.sa_sigaction == on_fault) return;
  action_before = present;
  struct sigaction ours {};
  ours.sa_sigaction = on_fault;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&ours.sa_mask);
  sigaction(SIGSEGV, &ours, nullptr);
}

}  // namespace

void expect_writes() { install(); }

ReadOnly::ReadOnly(std::span<std::byte> memory) {
  static const std::uintptr_t page = page_bytes();
  const auto first = reinterpret_cast<std::uintptr_t>(memory.data());
  const std::uintptr_t begin = (first + page - 1) / page * page;
  const std::uintptr_t end = (first + memory.size()) / page * page;
  if (begin >= end) return;
  for (ProtectedPages& pages : all_pages) {
    if (pages.taken.exchange(true)) continue;
    install();
    pages.written = false;
    pages.begin = begin;
    pages.end = end;
    pages_ = &pages;
    if (mprotect(reinterpret_cast<void*>(begin), end - begin, PROT_READ) != 0) *this = {};
    return;
  }
}

ReadOnly::ReadOnly(ReadOnly&& other) noexcept : pages_(std::exchange(other.pages_, nullptr)) {}

ReadOnly& ReadOnly::operator=(ReadOnly&& other) noexcept {
  std::swap(pages_, other.pages_);
  return *this;
}

ReadOnly::~ReadOnly() {
  if (pages_ == nullptr) return;
  give_back(pages_->begin, pages_->end);
  pages_->begin = pages_->end = 0;
  pages_->taken = false;
}

std::span<const std::byte> ReadOnly::covered() const {
  if (pages_ == nullptr) return {};
  const std::uintptr_t begin = pages_->begin;
  return {reinterpret_cast<const std::byte*>(begin), pages_->end - begin};
}

bool ReadOnly::written() const { return pages_ != nullptr && pages_->written; }

}  // namespace normbench
