#include "dispatch/server.h"

#include <chrono>
#include <iterator>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "door/awake_processors.h"
#include "door/dev_fuse.h"

namespace fusebox::dispatch {
namespace {

using std::chrono::milliseconds;

// How often the watcher looks, while there is work and else.
constexpr milliseconds kBusyLook{20};
constexpr milliseconds kIdleLook{200};

}  // namespace

// One reader while callers come one at a time, one pinned to each processor while several take turns: so a wake-up need
// not cross to another processor.
class Server::DeviceReaders final : public ReaderPool {
 public:
  DeviceReaders(Server& server, const Fd& device, Readers readers)
      : ReaderPool(server.session_),
        server_(server),
        device_(device),
        most_(readers == Readers::one ? 1 : static_cast<unsigned>(allowed_.size())) {}
  ~DeviceReaders() override { join(); }

  Outcome<> start() {
    Outcome<std::shared_ptr<door::Channel>> channel = open_channel();
    if (!channel) return std::unexpected(channel.error());
    server_.session_.notifier().go_through(*std::move(channel));
    return ReaderPool::start(most_);
  }
  door::CallerPattern& callers() { return callers_; }

 private:
  Outcome<std::shared_ptr<door::Channel>> open_channel() override {
    Outcome<Fd> queue = door::clone_device(device_);
    if (!queue) return std::unexpected(queue.error());
    return std::make_shared<door::DevFuseChannel>(*std::move(queue), callers_);
  }
  int processor_for(unsigned reader) const override {
    return base() > 1 && reader < allowed_.size() ? allowed_[reader] : kAnyProcessor;
  }
  void served() override {
    server_.start_rings();
    set_base(callers_.one_at_a_time() ? 1 : most_);
  }
  void ended() override { server_.end(); }

  Server& server_;
  const Fd& device_;
  const std::vector<int> allowed_ = allowed_processors();
  const unsigned most_;
  door::CallerPattern callers_;
};

// The readers of one processor's queue run on that processor.
class Server::RingReaders final : public ReaderPool {
 public:
  RingReaders(Session& session, std::vector<std::unique_ptr<door::RingChannel>> channels, int processor)
      : ReaderPool(session),
        prepared_(std::make_move_iterator(channels.begin()), std::make_move_iterator(channels.end())),
        processor_(processor) {}
  ~RingReaders() override { join(); }

  void start() {
    const auto readers = static_cast<unsigned>(prepared_.size());
    set_base(readers);
    static_cast<void>(ReaderPool::start(readers));  // all prepared, so it cannot fail
  }

 private:
  Outcome<std::shared_ptr<door::Channel>> open_channel() override {
    if (opened_ < prepared_.size()) return prepared_[opened_++];
    auto channel = prepared_.front()->another();
    if (!channel) return std::unexpected(channel.error());
    return std::shared_ptr<door::Channel>(*std::move(channel));
  }
  int processor_for(unsigned) const override { return processor_; }
  void begun(door::Channel& channel) override { static_cast<door::RingChannel&>(channel).register_entries(); }
  bool keeps_readers() const override { return true; }  // an entry is its thread's for good

  const std::vector<std::shared_ptr<door::RingChannel>> prepared_;
  std::size_t opened_ = 0;
  const int processor_;
};

Server::Server(Session& session, const Fd& device, ServerOptions options)
    : session_(session),
      processors_(options.processors),
      device_readers_(std::make_unique<DeviceReaders>(*this, device, options.readers)) {
  for (auto& channels : options.rings) {
    const auto processor = static_cast<int>(ring_readers_.size());
    ring_readers_.push_back(std::make_unique<RingReaders>(session, std::move(channels), processor));
  }
}

Outcome<std::unique_ptr<Server>> Server::start(Session& session, const Fd& device, ServerOptions options) {
  std::unique_ptr<Server> server(new Server(session, device, std::move(options)));
  const Outcome<> started = server->device_readers_->start();
  if (!started) return std::unexpected(started.error());
  server->watcher_ = std::thread([&self = *server] { self.watch(); });
  return server;
}

// After the reply to INIT.  If the kernel has not taken the rings, or refuses an entry, requests come by /dev/fuse.
void Server::start_rings() {
  if (rings_started_.load(std::memory_order_relaxed)) return;
  const Negotiated negotiated = session_.negotiated();
  if (negotiated.minor == 0 || rings_started_.exchange(true)) return;
  if (!negotiated.has(wire::kOverIoUring)) return;
  for (const auto& readers : ring_readers_) readers->start();
}

void Server::end() {
  session_.notifier().end();
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
}

void Server::watch() {
  std::optional<door::AwakeProcessors> awake;
  if (processors_ == Processors::keep_awake) awake = door::AwakeProcessors::of_this_machine();
  const bool several_processors = allowed_processors().size() > 1;
  std::unique_lock lock(mutex_);
  while (!ended_) {
    lock.unlock();
    const std::int64_t time = monotonic_now();
    if (awake) awake->look(session_.requests(), time);
    device_readers_->callers().may_spin(awake && !awake->kept() && several_processors, time);
    unsigned blocked = device_readers_->look(time);
    for (const auto& readers : ring_readers_) blocked += readers->look(time);
    const bool works = blocked > 0 || device_readers_->callers().soon();
    lock.lock();
    changed_.wait_for(lock, works ? kBusyLook : kIdleLook, [this] { return ended_; });
  }
}

void Server::join() {
  if (watcher_.joinable()) watcher_.join();  // first: it adds readers
  device_readers_->join();
  for (const auto& readers : ring_readers_) readers->join();
}

// Requests that wait for something still reply through our channels.
Server::~Server() {
  join();
  session_.end();
}

}  // namespace fusebox::dispatch
