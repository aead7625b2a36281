#include "dispatch/reader_pool.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/clock.h"

namespace fusebox::dispatch {
namespace {

constexpr std::size_t kMostProcessors = 16;
// A reader of /dev/fuse takes one descriptor, of a ring two; the file system needs the others.
constexpr unsigned kMostReaders = 256;
constexpr rlim_t kDescriptorsPerReader = 8;

// An operation that takes longer is taken to be blocked.
constexpr std::int64_t kBlocked = 20'000'000;

// A channel that knows since when its reader has been at a request; 0 while it waits for one.
class WatchedChannel final : public door::Channel {
 public:
  explicit WatchedChannel(std::shared_ptr<door::Channel> inner) : inner_(std::move(inner)) {}

  Result<std::size_t> receive(std::span<std::byte> into) override {
    busy_since_.store(0, std::memory_order_relaxed);
    const Result<std::size_t> length = inner_->receive(into);
    busy_since_.store(monotonic_now_coarse(), std::memory_order_relaxed);
    return length;
  }
  Result<> send(std::span<const std::byte> message) override { return inner_->send(message); }

  std::int64_t busy_since() const { return busy_since_.load(std::memory_order_relaxed); }
  door::Channel& inner() { return *inner_; }
  void rest() { busy_since_.store(0, std::memory_order_relaxed); }

 private:
  std::shared_ptr<door::Channel> inner_;
  std::atomic<std::int64_t> busy_since_{0};
};

unsigned most_readers() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kMostReaders;
  return static_cast<unsigned>(std::min<rlim_t>(limit.rlim_cur / kDescriptorsPerReader, kMostReaders));
}

}  // namespace

std::vector<int> allowed_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> processors;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE && processors.size() < kMostProcessors; ++cpu) {
      if (CPU_ISSET(cpu, &set)) processors.push_back(cpu);
    }
  }
  if (processors.empty()) processors.push_back(0);
  return processors;
}

struct ReaderPool::Reader {
  Reader(unsigned n, std::shared_ptr<door::Channel> door) : number(n), channel(std::move(door)) {
    CPU_ZERO(&free);
    ::sched_getaffinity(0, sizeof(free), &free);
  }

  const unsigned number;
  WatchedChannel channel;
  cpu_set_t free;  // where it may run when it is not pinned
  int processor = kAnyProcessor;
  std::thread thread;
};

ReaderPool::ReaderPool(Session& session) : session_(session) {}
ReaderPool::~ReaderPool() = default;

Outcome<> ReaderPool::start(unsigned readers) {
  std::vector<std::shared_ptr<door::Channel>> channels;  // all of them before any thread, which could not be stopped
  for (unsigned i = 0; i < readers; ++i) {
    Outcome<std::shared_ptr<door::Channel>> channel = open_channel();
    if (!channel) return std::unexpected(channel.error());
    channels.push_back(*std::move(channel));
  }
  for (auto& channel : channels) {
    if (!add_reader(std::move(channel)) && readers_.empty()) {
      return std::unexpected(
          fault_with_errno("start a thread that serves requests", "is the number of processes limited?"));
    }
  }
  started_.store(true, std::memory_order_release);
  return {};
}

// False: there is no thread to be had, with errno.  Those that there are go on.
bool ReaderPool::add_reader(std::shared_ptr<door::Channel> channel) {
  const std::lock_guard lock(mutex_);
  auto reader = std::make_unique<Reader>(static_cast<unsigned>(readers_.size()), std::move(channel));
  readers_.reserve(readers_.size() + 1);
  try {
    reader->thread = std::thread([this, &self = *reader] { read_on(self); });
  } catch (const std::system_error& error) {
    errno = error.code().value();
    return false;
  }
  readers_.push_back(std::move(reader));
  return true;
}

void ReaderPool::read_on(Reader& reader) {
  bool has_begun = false;
  while (wait_until_wanted(reader)) {
    place(reader);
    if (!std::exchange(has_begun, true)) begun(reader.channel.inner());
    if (!session_.serve_one(reader.channel)) break;
    served();
  }
  end();
}

bool ReaderPool::wait_until_wanted(Reader& reader) {
  if (reader.number < wanted_.load(std::memory_order_relaxed)) return !ended_.load(std::memory_order_relaxed);
  std::unique_lock lock(mutex_);
  reader.channel.rest();
  changed_.wait(lock, [&] {
    return ended_.load(std::memory_order_relaxed) || reader.number < wanted_.load(std::memory_order_relaxed);
  });
  return !ended_.load(std::memory_order_relaxed);
}

void ReaderPool::set_base(unsigned readers) {
  if (base_.exchange(readers, std::memory_order_relaxed) != readers) set_wanted(readers);
}

void ReaderPool::set_wanted(unsigned wanted) {
  {
    const std::lock_guard lock(mutex_);
    wanted_.store(wanted, std::memory_order_relaxed);
  }
  changed_.notify_all();
}

void ReaderPool::place(Reader& reader) const {
  const int processor = processor_for(reader.number);
  if (processor == reader.processor) return;
  cpu_set_t set = reader.free;
  if (processor != kAnyProcessor) {
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
  }
  ::pthread_setaffinity_np(::pthread_self(), sizeof(set), &set);  // where it may not, it stays where it is
  reader.processor = processor;
}

void ReaderPool::end() {
  {
    const std::lock_guard lock(mutex_);
    if (ended_.exchange(true, std::memory_order_relaxed)) return;
  }
  changed_.notify_all();
  ended();
}

unsigned ReaderPool::look(std::int64_t now) {
  const auto is_blocked = [now](const std::unique_ptr<Reader>& reader) {
    const std::int64_t since = reader->channel.busy_since();
    return since != 0 && now - since > kBlocked;
  };
  if (!started_.load(std::memory_order_acquire) || ended_.load(std::memory_order_relaxed)) return 0;
  std::unique_lock lock(mutex_);
  const auto blocked = static_cast<unsigned>(std::ranges::count_if(readers_, is_blocked));
  unsigned wanted = std::min(base() + blocked, std::max(base() + 1, most_readers()));
  if (keeps_readers()) wanted = std::max(wanted, wanted_.load(std::memory_order_relaxed));
  const bool lacks = wanted > readers_.size();
  const bool differs = wanted_.exchange(wanted, std::memory_order_relaxed) != wanted;
  lock.unlock();
  // Where another queue cannot be had, those that wait go on waiting for the readers there are.
  if (lacks) {
    if (Outcome<std::shared_ptr<door::Channel>> channel = open_channel()) add_reader(*std::move(channel));
  }
  if (differs) changed_.notify_all();
  return blocked;
}

void ReaderPool::join() {
  for (std::size_t i = 0;; ++i) {
    std::unique_lock lock(mutex_);
    if (i == readers_.size()) return;
    std::thread& thread = readers_[i]->thread;
    lock.unlock();
    if (thread.joinable()) thread.join();
  }
}

}  // namespace fusebox::dispatch
