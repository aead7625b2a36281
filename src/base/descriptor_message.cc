#include "base/descriptor_message.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace fusebox {

void DescriptorRoom::attach(msghdr& message, int descriptor) {
  offer(message);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
}

void DescriptorRoom::offer(msghdr& message) {
  message.msg_control = bytes_.data();
  message.msg_controllen = bytes_.size();
}

Fd DescriptorRoom::taken(const msghdr& message) {
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return Fd();
  // There is room for a second one, by alignment: all that came are ours to close.
  const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  Fd first;
  for (std::size_t i = 0; i < count; ++i) {
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof descriptor, sizeof descriptor);
    Fd one(descriptor);
    if (i == 0) first = std::move(one);
  }
  return count == 1 ? std::move(first) : Fd();
}

Result<> send_packet(int socket, const msghdr& message) {
  while (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return fail_with_errno();
  }
  return {};
}

Result<std::size_t> receive_packet(int socket, msghdr& message) {
  for (;;) {
    const ssize_t received = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (received >= 0) return static_cast<std::size_t>(received);
    if (errno != EINTR) return fail_with_errno();
  }
}

Result<> send_descriptor(int socket, int descriptor) {
  char byte = '@';
  iovec part{.iov_base = &byte, .iov_len = 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  DescriptorRoom room;
  room.attach(message, descriptor);
  return send_packet(socket, message);
}

Result<Fd> receive_descriptor(int socket) {
  char byte = 0;
  iovec part{.iov_base = &byte, .iov_len = 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  DescriptorRoom room;
  room.offer(message);
  const auto received = receive_packet(socket, message);
  if (!received) return std::unexpected(received.error());
  Fd descriptor = DescriptorRoom::taken(message);
  if (!descriptor) return fail(Errno{*received == 0 ? ENOTCONN : EBADMSG});
  return descriptor;
}

}  // namespace fusebox
