#include "dispatch/notifications.h"

#include <cstring>
#include <utility>

namespace fusebox::dispatch {

// The bytes of one notification, built up in order.
class Notifications::Message {
 public:
  explicit Message(wire::Notify code) {
    put(wire::OutHeader{.len = 0, .error = static_cast<std::int32_t>(code), .unique = 0});
  }
  template <class T>
  Message& put(const T& value) {
    return put_bytes(std::as_bytes(std::span(&value, 1)));
  }
  Message& put_bytes(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  Message& put_name(std::string_view name) {
    put_bytes(std::as_bytes(std::span(name)));
    bytes_.push_back(std::byte{0});
    return *this;
  }
  std::vector<std::byte> finish() {
    const auto length = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &length, sizeof(length));
    return std::move(bytes_);
  }

 private:
  std::vector<std::byte> bytes_;
};

// Waits for NOTIFY_REPLY; lives in the frame that awaits it.
class Notifications::Retrieval {
 public:
  Retrieval(Notifications& notifications, std::uint64_t node, std::uint64_t offset, std::uint32_t size)
      : notifications_(notifications), node_(node), offset_(offset), size_(size) {}
  Retrieval(const Retrieval&) = delete;
  Retrieval& operator=(const Retrieval&) = delete;
  ~Retrieval() {  // answered, or dropped while it waits
    const std::lock_guard lock(notifications_.mutex_);
    const auto found = notifications_.retrievals_.find(unique_);
    if (found != notifications_.retrievals_.end() && found->second == this) notifications_.retrievals_.erase(found);
  }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine) {
    coroutine_ = coroutine;
    const std::lock_guard lock(notifications_.mutex_);
    unique_ = ++notifications_.last_retrieval_;
    Message message(wire::Notify::retrieve);
    message.put(wire::NotifyRetrieve{
        .notify_unique = unique_, .nodeid = node_, .offset = offset_, .size = size_, .padding = 0});
    if (!notifications_.enqueue_locked({.bytes = message.finish(), .retrieval = unique_, .waiting = {}})) return false;
    notifications_.retrievals_.emplace(unique_, this);
    return true;
  }
  Result<std::string> await_resume() { return std::move(result_); }

 private:
  friend Notifications;

  Notifications& notifications_;
  const std::uint64_t node_;
  const std::uint64_t offset_;
  const std::uint32_t size_;
  std::uint64_t unique_ = 0;
  std::coroutine_handle<> coroutine_;
  Result<std::string> result_ = fail(Errno::no_device);
};

// Waits for its place in the queue.
class Notifications::Delivery {
 public:
  explicit Delivery(Notifications& notifications) : notifications_(notifications) {}
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;
  ~Delivery() {
    if (coroutine_ == nullptr) return;  // it went on
    const std::lock_guard lock(notifications_.mutex_);
    std::erase_if(notifications_.queue_, [this](const Told& told) { return told.waiting == coroutine_; });
  }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine) {
    coroutine_ = coroutine;
    const std::lock_guard lock(notifications_.mutex_);
    return notifications_.enqueue_locked({.bytes = {}, .retrieval = 0, .waiting = coroutine});
  }
  void await_resume() noexcept { coroutine_ = nullptr; }

 private:
  Notifications& notifications_;
  std::coroutine_handle<> coroutine_;
};

Notifications::~Notifications() {
  end();
  if (thread_.joinable()) thread_.join();
}

void Notifications::go_through(std::shared_ptr<door::Channel> channel) {
  const std::lock_guard lock(mutex_);
  channel_ = std::move(channel);
  changed_.notify_all();
}

void Notifications::end() {
  std::unique_lock lock(mutex_);
  if (std::exchange(ended_, true)) return;
  changed_.notify_all();
  while (const std::coroutine_handle<> waiting = take_waiting()) {
    lock.unlock();
    waiting.resume();
    lock.lock();
  }
}

// Whoever waits for something that will not come, or null; one at a time, for it may drop the tasks of others.
std::coroutine_handle<> Notifications::take_waiting() {
  while (!queue_.empty()) {
    const std::coroutine_handle<> waiting = queue_.front().waiting;
    queue_.pop_front();
    if (waiting) return waiting;
  }
  if (retrievals_.empty()) return nullptr;
  return retrievals_.extract(retrievals_.begin()).mapped()->coroutine_;
}

bool Notifications::enqueue_locked(Told told) {
  if (ended_) return false;
  if (!thread_.joinable()) thread_ = std::thread([this] { tell_on(); });
  queue_.push_back(std::move(told));
  changed_.notify_all();
  return true;
}

void Notifications::enqueue(Message message) {
  const std::lock_guard lock(mutex_);
  enqueue_locked({.bytes = message.finish(), .retrieval = 0, .waiting = {}});
}

void Notifications::tell_on() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return ended_ || (channel_ != nullptr && !queue_.empty()); });
    if (ended_) return;
    const Told told = std::move(queue_.front());
    queue_.pop_front();
    const std::shared_ptr<door::Channel> channel = channel_;
    lock.unlock();
    if (told.waiting) {
      told.waiting.resume();
    } else {
      const Result<> sent =
          channel->send(told.bytes);  // ENOENT: the kernel does not know it, so there is nothing to do
      if (!sent && told.retrieval != 0) finish_retrieval(told.retrieval, fail(sent.error()));
    }
    lock.lock();
  }
}

void Notifications::finish_retrieval(std::uint64_t unique, Result<std::string> result) {
  Retrieval* retrieval = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto found = retrievals_.find(unique);
    if (found == retrievals_.end()) return;
    retrieval = found->second;
    retrievals_.erase(found);
  }
  retrieval->result_ = std::move(result);
  retrieval->coroutine_.resume();
}

void Notifications::retrieved(std::uint64_t unique, std::string data) { finish_retrieval(unique, std::move(data)); }

// 0 where the kernel does not know the node.
std::uint64_t Notifications::id_of(const Ref<Node>& node) const {
  return static_cast<std::uint64_t>(inodes_.id_of(*node));
}

void Notifications::wake(PollHandle handle) {
  Message message(wire::Notify::poll);
  message.put(wire::NotifyPoll{.kh = static_cast<std::uint64_t>(handle)});
  enqueue(std::move(message));
}

void Notifications::invalidate(const Ref<Node>& node, std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t id = id_of(node);
  if (id == 0) return;
  Message message(wire::Notify::invalidate_inode);
  message.put(wire::NotifyInvalidateInode{
      .ino = id, .off = static_cast<std::int64_t>(offset), .len = static_cast<std::int64_t>(length)});
  enqueue(std::move(message));
}

void Notifications::invalidate_attributes(const Ref<Node>& node) {
  const std::uint64_t id = id_of(node);
  if (id == 0) return;
  Message message(wire::Notify::invalidate_inode);
  message.put(wire::NotifyInvalidateInode{.ino = id, .off = -1, .len = 0});
  enqueue(std::move(message));
}

void Notifications::invalidate_name(const Ref<Node>& directory, const std::string& name, std::uint32_t flags) {
  const std::uint64_t id = id_of(directory);
  if (id == 0) return;
  Message message(wire::Notify::invalidate_entry);
  message.put(
      wire::NotifyInvalidateEntry{.parent = id, .namelen = static_cast<std::uint32_t>(name.size()), .flags = flags});
  message.put_name(name);
  enqueue(std::move(message));
}

void Notifications::invalidate_entry(const Ref<Node>& directory, std::string name) {
  invalidate_name(directory, name, 0);
}

void Notifications::expire_entry(const Ref<Node>& directory, std::string name) {
  invalidate_name(directory, name, wire::kExpireOnly);
}

void Notifications::removed(const Ref<Node>& directory, const Ref<Node>& child, std::string name) {
  const std::uint64_t parent = id_of(directory);
  const std::uint64_t id = id_of(child);
  if (parent == 0 || id == 0) return;
  Message message(wire::Notify::remove);
  message.put(wire::NotifyDelete{
      .parent = parent, .child = id, .namelen = static_cast<std::uint32_t>(name.size()), .padding = 0});
  message.put_name(name);
  enqueue(std::move(message));
}

void Notifications::store(const Ref<Node>& node, std::uint64_t offset, std::string data) {
  const std::uint64_t id = id_of(node);
  if (id == 0) return;
  Message message(wire::Notify::store);
  message.put(
      wire::NotifyStore{.nodeid = id, .offset = offset, .size = static_cast<std::uint32_t>(data.size()), .padding = 0});
  message.put_bytes(std::as_bytes(std::span(data)));
  enqueue(std::move(message));
}

Task<std::string> Notifications::retrieve(Ref<Node> node, std::uint64_t offset, std::uint32_t size) {
  const std::uint64_t id = id_of(node);
  if (id == 0) co_return Errno::no_entry;
  Retrieval retrieval(*this, id, offset, size);
  co_return co_await retrieval;
}

void Notifications::resend() { enqueue(Message(wire::Notify::resend)); }

void Notifications::expire_all_entries() { enqueue(Message(wire::Notify::increment_epoch)); }

void Notifications::prune(std::span<const Ref<Node>> nodes) {
  std::vector<std::uint64_t> ids;
  for (const Ref<Node>& node : nodes) {
    if (const std::uint64_t id = id_of(node); id != 0) ids.push_back(id);
  }
  if (ids.empty()) return;
  Message message(wire::Notify::prune);
  message.put(wire::NotifyPrune{.count = static_cast<std::uint32_t>(ids.size()), .padding = 0, .spare = 0});
  message.put_bytes(std::as_bytes(std::span(ids)));
  enqueue(std::move(message));
}

Task<> Notifications::delivered() {
  co_await Delivery(*this);
  co_return {};
}

}  // namespace fusebox::dispatch
