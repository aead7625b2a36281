// Threads that serve the requests of one door, or of one queue of it.
//
// As many readers wait for requests as are wanted, and another for each that a slow operation holds up, so that one
// blocked request never stops the others.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "dispatch/session.h"
#include "fusebox/fault.h"

namespace fusebox::dispatch {

inline constexpr int kAnyProcessor = -1;

class ReaderPool {
 public:
  explicit ReaderPool(Session& session);
  virtual ~ReaderPool();  // whoever derives calls join() in its own destructor
  ReaderPool(const ReaderPool&) = delete;
  ReaderPool& operator=(const ReaderPool&) = delete;

  // Starts `readers` threads, of which one is wanted at first.
  Outcome<> start(unsigned readers);

  // How many readers its callers need, not counting those for blocked ones.
  void set_base(unsigned readers);
  unsigned base() const { return base_.load(std::memory_order_relaxed); }

  // To be called now and then, by one thread: adds readers for those that are blocked, and takes them back.  Gives how
  // many are.  `now` is CLOCK_MONOTONIC in nanoseconds.
  unsigned look(std::int64_t now);

  // Waits until the door has ended.
  void join();

 protected:
  virtual Outcome<std::shared_ptr<door::Channel>> open_channel() = 0;

  // Where a reader, the first of which is 0, should run now.
  virtual int processor_for(unsigned reader) const = 0;

  // Whether readers that are no longer wanted go on reading.
  virtual bool keeps_readers() const { return false; }

  // Called by a reader: before its first request, after each request, and when the door has ended.
  virtual void begun(door::Channel&) {}
  virtual void served() {}
  virtual void ended() {}

 private:
  struct Reader;

  bool add_reader(std::shared_ptr<door::Channel> channel);
  void read_on(Reader& reader);
  bool wait_until_wanted(Reader& reader);
  void place(Reader& reader) const;
  void set_wanted(unsigned wanted);
  void end();

  Session& session_;
  std::atomic<unsigned> base_{1};
  std::atomic<unsigned> wanted_{1};   // base and those for the blocked ones; readers from this number on sleep
  std::atomic<bool> started_{false};  // open_channel() is the watcher's from now on
  std::atomic<bool> ended_{false};
  std::mutex mutex_;  // guards readers_ and the waiting
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Reader>> readers_;
};

// The processors that this thread may run on, at most 16 of them.
std::vector<int> allowed_processors();

}  // namespace fusebox::dispatch
