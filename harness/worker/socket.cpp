// AF_UNIX, SOCK_SEQPACKET.
#include "harness/worker/socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace normbench {

Socket::~Socket() {
  if (descriptor_ != -1) close(descriptor_);
}

std::pair<Socket, Socket> Socket::pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot make a socket for a worker");
  }
  return {Socket(ends[0]), Socket(ends[1])};
}

Socket::Sent Socket::send(const std::string& packet, int file) const {
  iovec part{.iov_base = const_cast<char*>(packet.data()), .iov_len = packet.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (file != -1) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &file, sizeof(int));
  }
  ssize_t sent = 0;
  do {
    sent = sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent == -1 && errno == EINTR);
  if (sent == static_cast<ssize_t>(packet.size())) return Sent::kYes;
  return errno == EAGAIN || errno == EWOULDBLOCK ? Sent::kFull : Sent::kClosed;
}

std::optional<Socket::Packet> Socket::receive() const {
  Packet packet;
  packet.text.resize(kMostBytesOfPacket);
  iovec part{.iov_base = packet.text.data(), .iov_len = packet.text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_LEN(sizeof(int));  // of one, and not of what fits behind it
  ssize_t received = 0;
  do {
    received = recvmsg(descriptor_, &message, MSG_CMSG_CLOEXEC);
  } while (received == -1 && errno == EINTR);
  if (received <= 0) return std::nullopt;
  packet.text.resize(static_cast<std::size_t>(received));
  packet.too_long = (message.msg_flags & MSG_TRUNC) != 0;
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    std::memcpy(&packet.file, CMSG_DATA(header), sizeof(int));
  }
  return packet;
}

}  // namespace normbench
