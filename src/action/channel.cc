#include "action/channel.h"

#include <sys/socket.h>

#include <cerrno>
#include <charconv>

#include "base/fields.h"

namespace fusebox::action {
namespace {

constexpr std::string_view kEnd = "end";

template <class T>
bool parse(std::string_view text, T& into) {
  const auto [end, error] = std::from_chars(text.begin(), text.end(), into);
  return error == std::errc() && end == text.end();
}

std::optional<Told> decode_end(std::string_view at_most, std::string_view idle) {
  std::uint32_t milliseconds = 0;
  End end;
  if (!parse(at_most, milliseconds)) return std::nullopt;
  end.at_most = std::chrono::milliseconds(milliseconds);
  if (idle.empty()) return end;
  if (!parse(idle, milliseconds)) return std::nullopt;
  end.idle = std::chrono::milliseconds(milliseconds);
  return end;
}

}  // namespace

std::string encode(const Order& order) {
  return join_fields({std::to_string(order.rule), std::to_string(order.event), order.op, order.path, order.to,
                      order.pid, order.uid, order.exe, order.verdict, order.json});
}

std::string encode(const End& end) {
  return join_fields({kEnd, std::to_string(end.at_most.count()), end.idle ? std::to_string(end.idle->count()) : ""});
}

std::string encode(const Report& report) {
  return join_fields({std::to_string(report.rule), std::to_string(report.event), report.why});
}

std::optional<Report> decode_report(std::string_view message) {
  const auto fields = split_fields(message);
  Report report;
  if (fields.size() != 3 || !parse(fields[0], report.rule) || !parse(fields[1], report.event)) return std::nullopt;
  report.why = fields[2];
  return report;
}

std::optional<Told> decode_told(std::string_view message) {
  const auto fields = split_fields(message);
  if (fields.size() == 3 && fields[0] == kEnd) return decode_end(fields[1], fields[2]);
  Order order;
  if (fields.size() != 10 || !parse(fields[0], order.rule) || !parse(fields[1], order.event)) return std::nullopt;
  order.op = fields[2];
  order.path = fields[3];
  order.to = fields[4];
  order.pid = fields[5];
  order.uid = fields[6];
  order.exe = fields[7];
  order.verdict = fields[8];
  order.json = fields[9];
  return order;
}

Order order_of(std::size_t rule, const audit::Event& event, std::uint64_t seq, std::string_view line) {
  const bool has_process = event.process != nullptr && event.process->pid != 0;
  return {.rule = rule,
          .event = seq,
          .op = std::string(to_string(event.op)),
          .path = event.path,
          .to = event.to,
          .pid = has_process ? std::to_string(event.process->pid) : std::string(),
          .uid = std::to_string(event.uid),
          .exe = event.process ? event.process->exe : std::string(),
          .verdict = std::string(to_string(event.verdict)),
          .json = std::string(line)};
}

Result<std::string_view> Receiver::receive(const Fd& channel, int flags) {
  const ssize_t length = ::recv(channel.get(), buffer_.data(), buffer_.size(), flags);
  if (length < 0) return fail(errno == EINTR ? Errno::again : errno == ECONNRESET ? Errno::no_data : Errno{errno});
  if (length == 0) return fail(Errno::no_data);
  return std::string_view(buffer_.data(), static_cast<std::size_t>(length));
}

Result<std::string_view> Receiver::receive(const Fd& channel) { return receive(channel, MSG_DONTWAIT); }

Result<std::string_view> Receiver::wait(const Fd& channel) {
  while (true) {
    const auto message = receive(channel, 0);
    if (message || message.error() != Errno::again) return message;
  }
}

Result<> send(const Fd& channel, std::string_view message) {
  if (::send(channel.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return {};
  return errno == EINTR ? fail(Errno::again) : fail_with_errno();
}

}  // namespace fusebox::action
