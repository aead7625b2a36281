// The telling side of a connection: a queue, and a thread that hands it to the kernel.
#pragma once

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "door/channel.h"
#include "fusebox/notifier.h"
#include "tree/inode_table.h"
#include "wire/abi.h"

namespace fusebox::dispatch {

// Its thread starts with the first notification.  Any thread may call anything.
class Notifications final : public Notifier {
 public:
  // `inodes` outlives this.
  explicit Notifications(const tree::InodeTable& inodes) : inodes_(inodes) {}
  ~Notifications() override;  // after end()
  Notifications(const Notifications&) = delete;
  Notifications& operator=(const Notifications&) = delete;

  // Where they go from now on; until then they are kept.
  void go_through(std::shared_ptr<door::Channel> channel);

  // The connection has ended: what is not told yet is dropped, and who waits for an answer gets ENODEV.
  void end();

  // The kernel's answer to a retrieve.
  void retrieved(std::uint64_t unique, std::string data);

  void wake(PollHandle handle) override;
  void invalidate(const Ref<Node>& node, std::uint64_t offset, std::uint64_t length) override;
  void invalidate_attributes(const Ref<Node>& node) override;
  void invalidate_entry(const Ref<Node>& directory, std::string name) override;
  void expire_entry(const Ref<Node>& directory, std::string name) override;
  void removed(const Ref<Node>& directory, const Ref<Node>& child, std::string name) override;
  void store(const Ref<Node>& node, std::uint64_t offset, std::string data) override;
  Task<std::string> retrieve(Ref<Node> node, std::uint64_t offset, std::uint32_t size) override;
  void resend() override;
  void expire_all_entries() override;
  void prune(std::span<const Ref<Node>> nodes) override;
  Task<> delivered() override;

 private:
  class Message;
  class Retrieval;
  class Delivery;
  // What comes out of the queue: bytes for the kernel, or somebody who waits for all that came before.
  struct Told {
    std::vector<std::byte> bytes;
    std::uint64_t retrieval = 0;  // its number, where an error ends it
    std::coroutine_handle<> waiting{};
  };

  void enqueue(Message message);
  bool enqueue_locked(Told told);
  std::coroutine_handle<> take_waiting();
  void tell_on();
  void finish_retrieval(std::uint64_t unique, Result<std::string> result);
  std::uint64_t id_of(const Ref<Node>& node) const;
  void invalidate_name(const Ref<Node>& directory, const std::string& name, std::uint32_t flags);

  const tree::InodeTable& inodes_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<Told> queue_;
  std::unordered_map<std::uint64_t, Retrieval*> retrievals_;
  std::uint64_t last_retrieval_ = 0;
  std::shared_ptr<door::Channel> channel_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace fusebox::dispatch
