// Packets between conductor and worker: harness/worker/PROTOCOL.md.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace normbench {

inline constexpr int kProtocol = 1;
inline constexpr std::size_t kMostBytesOfPacket = 65536;
inline constexpr const char* kSocketVariable = "NORMBENCH_SOCKET";

// One end, which it closes.
class Socket {
 public:
  explicit Socket(int descriptor = -1) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Socket();

  // Throws std::system_error.
  static std::pair<Socket, Socket> pair();

  int descriptor() const { return descriptor_; }

  enum class Sent { kYes, kClosed, kFull };
  // With a descriptor of a file, unless it is -1. Does not wait.
  Sent send(const std::string& packet, int file = -1) const;

  struct Packet {
    std::string text = {};
    int file = -1;  // the reader's to close
    bool too_long = false;
  };
  // Waits; nothing when the other end is closed.
  std::optional<Packet> receive() const;

 private:
  int descriptor_;
};

}  // namespace normbench
