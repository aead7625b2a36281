#include "door/memory_door.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "wire/abi.h"

namespace fusebox::door {
namespace {

constexpr std::int32_t kLargestErrno = 511;  // fs/fuse/dev.c: fuse_dev_do_write

// The header of a request, where there is one.
std::optional<wire::InHeader> header_of(std::span<const std::byte> request) {
  if (request.size() < sizeof(wire::InHeader)) return std::nullopt;
  wire::InHeader header{};
  std::memcpy(&header, request.data(), sizeof(header));
  return header;
}

bool takes_reply(std::uint32_t opcode) {
  switch (static_cast<wire::Opcode>(opcode)) {
    case wire::Opcode::forget:
    case wire::Opcode::batch_forget:
    case wire::Opcode::notify_reply:
    case wire::Opcode::interrupt:
      return false;
    default:
      return true;
  }
}

}  // namespace

void MemoryChannel::enqueue(Bytes request) {
  const std::optional<wire::InHeader> header = header_of(request);
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  if (header && takes_reply(header->opcode)) waiting_.insert(header->unique);
  queue_.push_back(std::move(request));
  queued_.notify_one();
}

Result<std::size_t> MemoryChannel::receive(std::span<std::byte> into) {
  std::unique_lock lock(mutex_);
  for (;;) {
    queued_.wait(lock, [this] { return closed_ || !queue_.empty(); });
    if (closed_) return fail(Errno::no_device);
    const Bytes request = std::move(queue_.front());
    queue_.pop_front();
    if (request.size() <= into.size()) {
      std::ranges::copy(request, into.begin());
      return request.size();
    }
    if (const std::optional<wire::InHeader> header = header_of(request)) reply_with_error(header->unique, Errno::io);
  }
}

void MemoryChannel::reply_with_error(std::uint64_t unique, Errno error) {
  if (waiting_.erase(unique) == 0) return;
  const wire::OutHeader header{
      .len = sizeof(wire::OutHeader), .error = -static_cast<std::int32_t>(error), .unique = unique};
  const auto bytes = std::as_bytes(std::span(&header, 1));
  replies_.insert_or_assign(unique, Bytes(bytes.begin(), bytes.end()));
  replied_.notify_all();
}

Result<> MemoryChannel::send(std::span<const std::byte> message) {
  wire::OutHeader header{};
  if (message.size() < sizeof(header)) return fail(Errno::invalid);
  std::memcpy(&header, message.data(), sizeof(header));
  const std::lock_guard lock(mutex_);
  if (closed_) return fail(Errno::no_device);
  if (header.len != message.size()) return fail(Errno::invalid);
  Bytes bytes(message.begin(), message.end());
  if (header.unique == 0) {
    notifications_.push_back(std::move(bytes));
    return {};
  }
  const bool with_payload = message.size() > sizeof(header);
  if (header.error > 0 || header.error < -kLargestErrno || (header.error != 0 && with_payload)) {
    return fail(Errno::invalid);
  }
  if (waiting_.erase(header.unique) == 0) {
    ++refused_;
    return fail(Errno::no_entry);
  }
  replies_.insert_or_assign(header.unique, std::move(bytes));
  replied_.notify_all();
  return {};
}

void MemoryChannel::abandon(std::uint64_t unique) {
  const std::lock_guard lock(mutex_);
  waiting_.erase(unique);
}

std::optional<MemoryChannel::Bytes> MemoryChannel::take_reply(std::uint64_t unique, std::chrono::nanoseconds patience) {
  std::unique_lock lock(mutex_);
  if (!replied_.wait_for(lock, patience, [&] { return replies_.contains(unique); })) return std::nullopt;
  return std::move(replies_.extract(unique).mapped());
}

std::vector<MemoryChannel::Bytes> MemoryChannel::take_notifications() {
  const std::lock_guard lock(mutex_);
  return std::exchange(notifications_, {});
}

std::size_t MemoryChannel::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

void MemoryChannel::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  queue_.clear();
  queued_.notify_all();
}

}  // namespace fusebox::door
