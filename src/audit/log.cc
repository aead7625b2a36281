// Lock order: Impl::file_mutex_ (lines_, summary_, next_seq_, draining_)
//               Impl::queue_mutex_ (filling_, closed_)
#include "audit/log.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "audit/line.h"
#include "audit/line_file.h"
#include "audit/seen.h"
#include "base/quiet_thread.h"

namespace fusebox::audit {
namespace {

constexpr std::size_t kQueue = 4096;  // events; twice, as one half is written while the other one fills
constexpr std::chrono::milliseconds kLongestWait{100};

std::uint16_t mark_of(Kind kind, bool failed) {
  // However it was found out that a path is not there, it is one event.
  if (failed && kind == Kind::look) kind = Kind::read;
  return static_cast<std::uint16_t>(1U << (std::to_underlying(kind) + (failed ? 8U : 0U)));
}

}  // namespace

// Producers put events into filling_; whoever drains swaps it for the empty draining_ and writes.  The writer thread
// drains at its leisure, a violation at once, and so does a producer that finds no room: then it, and those who come
// behind it, wait for the file.
class Log::Impl {
 public:
  Impl(LineFile lines, Level level, std::unique_ptr<EventSink> sink, std::unique_ptr<ActingSink> acting)
      : level_(level), sink_(std::move(sink)), lines_(std::move(lines)), acting_(std::move(acting)) {
    filling_.reserve(kQueue);
    draining_.reserve(kQueue);
    writer_ = start_without_signals([this] { write_until_closed(); });
  }
  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Level level() const { return level_; }
  bool wants(const Process& process, Op op, std::uint64_t path_hash, bool failed, int flags, std::uint64_t triggers);
  Result<void> record(Event event);
  Outcome<Summary> close();

 private:
  bool push(Event& event);
  void drain();
  void write_event(const Event& event);
  void write_undelivered();
  void write_until_closed();
  bool stop();
  Result<void> state() const;

  const Level level_;
  const std::unique_ptr<EventSink> sink_;
  Seen seen_;
  std::atomic<int> error_ = 0;  // the file's, once it has one

  std::mutex file_mutex_;
  LineFile lines_;
  std::string line_;
  std::uint64_t next_seq_ = 1;
  Summary summary_;
  std::vector<Event> draining_;
  const std::unique_ptr<ActingSink> acting_;

  std::mutex queue_mutex_;
  std::condition_variable wake_writer_;
  std::vector<Event> filling_;
  bool closed_ = false;

  std::thread writer_;
};

bool Log::Impl::wants(const Process& process, Op op, std::uint64_t path_hash, bool failed, int flags,
                      std::uint64_t triggers) {
  const Kind kind = kind_of(op, flags);
  if (level_ == Level::violations && triggers == 0) return false;
  if (level_ == Level::io) return true;
  if (level_ == Level::all) return kind != Kind::transfer;
  if (kind == Kind::transfer || op == Op::getxattr || op == Op::listxattr) return false;
  if (!failed && kind == Kind::look) return false;
  if (!failed && (kind == Kind::create || kind == Kind::remove)) return true;
  return seen_.first_time(process.id, path_hash, mark_of(kind, failed));
}

Result<void> Log::Impl::state() const {
  if (const int error = error_.load(std::memory_order_relaxed); error != 0) return fail(static_cast<Errno>(error));
  return {};
}

Result<void> Log::Impl::record(Event event) {
  if (const auto now = state(); !now) return now;
  if (event.time.tv_sec == 0) ::clock_gettime(CLOCK_REALTIME, &event.time);
  const bool violation = event.verdict == Verdict::deny;
  if (sink_ && (violation || level_ >= Level::all)) {
    if (const Result<> told = sink_->add(event); !told) {
      error_ = std::to_underlying(told.error());
      return told;
    }
  }
  if (!push(event)) return fail(Errno::bad_handle);
  if (!violation) return {};
  drain();
  return state();
}

// False: the log is closed.
bool Log::Impl::push(Event& event) {
  while (true) {
    {
      const std::scoped_lock lock(queue_mutex_);
      if (closed_) return false;
      if (filling_.size() < kQueue) {
        filling_.push_back(std::move(event));
        // Careful: not for each event, a wake-up is a system call.  Once it is awake the writer waits a while itself.
        if (filling_.size() == 1 || filling_.size() == kQueue / 2) wake_writer_.notify_one();
        return true;
      }
    }
    drain();
  }
}

void Log::Impl::drain() {
  const std::scoped_lock file_lock(file_mutex_);
  {
    const std::scoped_lock queue_lock(queue_mutex_);
    std::swap(filling_, draining_);
  }
  for (const Event& event : draining_) write_event(event);
  draining_.clear();
  write_undelivered();
  if (const auto written = lines_.flush(); !written) error_ = std::to_underlying(written.error());
}

void Log::Impl::write_event(const Event& event) {
  const std::uint64_t seq = next_seq_++;
  line_.clear();
  append_line(line_, event, seq);
  lines_.add(line_);
  summary_.add(event);
  if (event.triggers != 0 && acting_) acting_->add(event, seq, std::string_view(line_).substr(0, line_.size() - 1));
}

void Log::Impl::write_undelivered() {
  if (!acting_) return;
  for (Undelivered& undelivered : acting_->take_undelivered()) {
    line_.clear();
    append_line(line_, undelivered, next_seq_++);
    lines_.add(line_);
    summary_.add(std::move(undelivered));
  }
}

void Log::Impl::write_until_closed() {
  std::unique_lock lock(queue_mutex_);
  while (!closed_) {
    wake_writer_.wait(lock, [this] { return closed_ || !filling_.empty(); });
    wake_writer_.wait_for(lock, kLongestWait, [this] { return closed_ || filling_.size() >= kQueue / 2; });
    lock.unlock();
    drain();
    lock.lock();
  }
}

// False: it was stopped before.
bool Log::Impl::stop() {
  {
    const std::scoped_lock lock(queue_mutex_);
    if (std::exchange(closed_, true)) return false;
    wake_writer_.notify_one();
  }
  writer_.join();
  drain();
  if (acting_) {
    summary_.delivered = acting_->finish();
    drain();
  }
  return true;
}

Outcome<Summary> Log::Impl::close() {
  if (!stop()) return std::unexpected(Fault{.what = "audit log", .why = "already closed", .remedy = {}});
  const std::scoped_lock lock(file_mutex_);
  if (const auto closed = lines_.close(); !closed) {
    return std::unexpected(Fault{.what = "audit log is not complete",
                                 .why = std::strerror(std::to_underlying(closed.error())),
                                 .remedy = "accesses were refused from then on"});
  }
  return std::move(summary_);
}

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Log::~Log() = default;

Outcome<std::unique_ptr<Log>> Log::create(Fd file, Level level, std::unique_ptr<EventSink> sink,
                                          std::unique_ptr<ActingSink> acting) {
  auto lines = LineFile::create(std::move(file));
  if (!lines) return std::unexpected(std::move(lines).error());
  return std::unique_ptr<Log>(
      new Log(std::make_unique<Impl>(*std::move(lines), level, std::move(sink), std::move(acting))));
}

Level Log::level() const { return impl_->level(); }

bool Log::wants(const Process& process, Op op, std::uint64_t path_hash, bool failed, int flags,
                std::uint64_t triggers) {
  return impl_->wants(process, op, path_hash, failed, flags, triggers);
}

Result<void> Log::record(Event event) { return impl_->record(std::move(event)); }

Outcome<Summary> Log::close() { return impl_->close(); }

}  // namespace fusebox::audit
