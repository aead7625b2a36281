#include "dispatch/server.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "door/awake_processors.h"

namespace fusebox::dispatch {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostProcessors = 16;
constexpr unsigned kMostReaders = 256;

// An operation that takes longer is taken to be blocked.  The watcher looks as often while there is work, else rarely.
constexpr milliseconds kBlocked{20};
constexpr milliseconds kIdleLook{200};

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

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

}  // namespace

struct Server::Reader {
  Reader(unsigned n, Fd queue, door::CallerPattern& callers) : number(n), channel(std::move(queue), callers) {}

  const unsigned number;
  door::DevFuseChannel channel;
  bool pinned = false;
  std::thread thread;
};

Server::Server(Session& session, const Fd& device)
    : session_(session), device_(device), processors_(allowed_processors()) {}

Outcome<std::unique_ptr<Server>> Server::start(Session& session, const Fd& device, Processors processors) {
  std::unique_ptr<Server> server(new Server(session, device));
  std::vector<Fd> queues;  // all of them before any thread, which could not be stopped
  for (std::size_t i = 0; i < server->processors_.size(); ++i) {
    Outcome<Fd> queue = door::clone_device(device);
    if (!queue) return std::unexpected(queue.error());
    queues.push_back(*std::move(queue));
  }
  for (Fd& queue : queues) server->add_reader(std::move(queue));
  server->watcher_ = std::thread([&self = *server, processors] { self.watch(processors); });
  return server;
}

void Server::add_reader(Fd queue) {
  const std::lock_guard lock(mutex_);
  auto reader = std::make_unique<Reader>(static_cast<unsigned>(readers_.size()), std::move(queue), callers_);
  reader->thread = std::thread([this, &self = *reader] { read_on(self); });
  readers_.push_back(std::move(reader));
}

void Server::read_on(Reader& reader) {
  while (wait_until_wanted(reader)) {
    place(reader);
    if (!session_.serve_one(reader.channel)) break;
    want_readers_for_callers();
  }
  end();
}

bool Server::wait_until_wanted(const Reader& reader) {
  if (reader.number < wanted_.load(std::memory_order_relaxed)) return !ended_.load(std::memory_order_relaxed);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    return ended_.load(std::memory_order_relaxed) || reader.number < wanted_.load(std::memory_order_relaxed);
  });
  return !ended_.load(std::memory_order_relaxed);
}

void Server::want_readers_for_callers() {
  const unsigned base = callers_.one_at_a_time() ? 1 : static_cast<unsigned>(processors_.size());
  if (base_.exchange(base, std::memory_order_relaxed) != base) set_wanted(base);
}

void Server::set_wanted(unsigned wanted) {
  {
    const std::lock_guard lock(mutex_);
    wanted_.store(wanted, std::memory_order_relaxed);
  }
  changed_.notify_all();
}

// A reader that is alone goes where the scheduler wants it; several stay each on a processor of their own, so that a
// wake-up need not cross to another.
void Server::place(Reader& reader) {
  const bool pin = base_.load(std::memory_order_relaxed) > 1 && reader.number < processors_.size();
  if (pin == reader.pinned) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (pin) {
    CPU_SET(processors_[reader.number], &set);
  } else {
    for (const int cpu : processors_) CPU_SET(cpu, &set);
  }
  ::pthread_setaffinity_np(::pthread_self(), sizeof(set), &set);
  reader.pinned = pin;
}

void Server::end() {
  {
    const std::lock_guard lock(mutex_);
    ended_.store(true, std::memory_order_relaxed);
  }
  changed_.notify_all();
}

unsigned Server::count_blocked(std::int64_t time) const {
  const auto is_blocked = [time](const std::unique_ptr<Reader>& reader) {
    const std::int64_t since = reader->channel.busy_since();
    return since != 0 && time - since > std::chrono::nanoseconds(kBlocked).count();
  };
  return static_cast<unsigned>(std::ranges::count_if(readers_, is_blocked));
}

void Server::watch(Processors processors) {
  std::optional<door::AwakeProcessors> awake;
  if (processors == Processors::keep_awake) awake = door::AwakeProcessors::of_this_machine();
  std::unique_lock lock(mutex_);
  milliseconds pause = kIdleLook;
  while (!ended_.load(std::memory_order_relaxed)) {
    const std::int64_t time = now();
    if (awake) awake->look(callers_.requests(), time);
    const unsigned blocked = count_blocked(time);
    const unsigned wanted = std::min(base_.load(std::memory_order_relaxed) + blocked, kMostReaders);
    const bool lacks = wanted > readers_.size();
    const bool differs = wanted_.exchange(wanted, std::memory_order_relaxed) != wanted;
    const bool works = blocked > 0 || callers_.soon();
    pause = works ? kBlocked : kIdleLook;
    lock.unlock();
    // Where another queue cannot be had, those that wait go on waiting for the readers there are.
    if (lacks) {
      if (Outcome<Fd> queue = door::clone_device(device_)) add_reader(*std::move(queue));
    }
    if (differs) changed_.notify_all();
    lock.lock();
    if (!ended_.load(std::memory_order_relaxed)) changed_.wait_for(lock, pause);
  }
}

void Server::join() {
  if (watcher_.joinable()) watcher_.join();  // first: it adds readers
  for (const std::unique_ptr<Reader>& reader : readers_) {
    if (reader->thread.joinable()) reader->thread.join();
  }
}

Server::~Server() { join(); }

}  // namespace fusebox::dispatch
