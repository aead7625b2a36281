#include "box/message.h"

#include <limits.h>
#include <sys/socket.h>

#include <array>

#include "base/descriptor_message.h"
#include "base/helper.h"

namespace fusebox::box {
namespace {

struct Head {
  Kind kind;
  std::int32_t number;
  std::int32_t detail;
  std::uint32_t sequence;
};

// Room for the longest path, and for a Fault that names one twice.
constexpr std::size_t kMaxText = 3 * PATH_MAX;

constexpr char kSeparator = '\0';

}  // namespace

Result<std::pair<Fd, Fd>> message_pair() { return datagram_pair(); }

Result<> send_message(int socket, const Message& message) {
  if (message.text.size() > kMaxText) return fail(Errno::name_too_long);
  Head head{message.kind, message.number, message.detail, message.sequence};
  std::array<iovec, 2> parts{{{&head, sizeof head}, {const_cast<char*>(message.text.data()), message.text.size()}}};
  msghdr packet{};
  packet.msg_iov = parts.data();
  packet.msg_iovlen = parts.size();
  DescriptorRoom room;
  if (message.fd) room.attach(packet, message.fd.get());
  return send_packet(socket, packet);
}

Result<Message> receive_message(int socket) {
  Head head{};
  std::string text(kMaxText, '\0');
  std::array<iovec, 2> parts{{{&head, sizeof head}, {text.data(), text.size()}}};
  msghdr packet{};
  packet.msg_iov = parts.data();
  packet.msg_iovlen = parts.size();
  DescriptorRoom room;
  room.offer(packet);
  const auto received = receive_packet(socket, packet);
  if (!received) return std::unexpected(received.error());
  if (*received == 0) return fail(Errno::no_data);

  Message message;
  message.fd = DescriptorRoom::taken(packet);
  if (*received < sizeof head || (packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return fail(Errno::io);
  text.resize(*received - sizeof head);
  message.kind = head.kind;
  message.number = head.number;
  message.detail = head.detail;
  message.sequence = head.sequence;
  message.text = std::move(text);
  return message;
}

Message fault_message(const Fault& fault) {
  Message message{.kind = Kind::fault, .number = static_cast<int>(fault.code), .text = {}, .fd = {}};
  for (const std::string* part : {&fault.what, &fault.why, &fault.remedy}) {
    message.text += part->substr(0, PATH_MAX - 1);
    message.text += kSeparator;
  }
  return message;
}

Fault fault_of(const Message& message) {
  std::array<std::string, 3> parts;
  std::size_t begin = 0;
  for (std::string& part : parts) {
    const std::size_t end = message.text.find(kSeparator, begin);
    if (end == std::string::npos) break;
    part = message.text.substr(begin, end - begin);
    begin = end + 1;
  }
  return Fault{.what = parts[0], .why = parts[1], .remedy = parts[2], .code = static_cast<ExitCode>(message.number)};
}

}  // namespace fusebox::box
