// A file `now` that holds the time of day and changes by itself, each second or each `--interval=MILLISECONDS`.
//
// The kernel may keep all that it has seen, for it is told what changes: what it holds is out of date (invalidate),
// here is the new text (store), and whoever waits for it with poll(2) asks again (wake).
#include <dirent.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <set>
#include <string>

#include "fusebox/fusebox.h"

using namespace fusebox;
using std::chrono::milliseconds;

namespace {

constexpr Validity kUntilTold = std::chrono::hours(24);

std::string text_of(const timespec& time) {
  tm local{};
  std::array<char, 64> text{};
  ::localtime_r(&time.tv_sec, &local);
  const std::size_t length = std::strftime(text.data(), text.size(), "%H:%M:%S", &local);
  std::snprintf(text.data() + length, text.size() - length, ".%03ld\n", time.tv_nsec / 1'000'000);
  return text.data();
}

class Now final : public Node, public std::enable_shared_from_this<Now> {
 public:
  Task<Attr> getattr(const Request&, Ref<Handle>) override {
    const std::lock_guard lock(mutex_);
    Attr attr = Attr::file(0444, text_.size());
    attr.mtime = attr.ctime = time_;
    attr.valid_for = kUntilTold;
    co_return attr;
  }

  Task<Opened> open(const Request&, int) override;

  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

  // Whether there was a tick after the one that is `known`, which it makes known; else `tell` is woken by the next.
  bool has_ticked(std::uint64_t& known, std::optional<PollHandle> tell) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(known, ticks_) != ticks_) return true;
    if (tell) waiting_.insert(*tell);
    return false;
  }

  // A notifier's calls return at once and wait for no request, so the mutex may be held.
  void tick(Notifier& notifier) {
    const std::lock_guard lock(mutex_);
    ::clock_gettime(CLOCK_REALTIME, &time_);
    text_ = text_of(time_);
    ++ticks_;
    notifier.invalidate(shared_from_this());
    notifier.store(shared_from_this(), 0, text_);
    for (const PollHandle handle : std::exchange(waiting_, {})) notifier.wake(handle);
  }

 private:
  mutable std::mutex mutex_;  // guards all below
  timespec time_{};
  std::string text_;
  std::uint64_t ticks_ = 0;
  std::set<PollHandle> waiting_;
};

// Who has the file open, and which tick it has heard of.
class Reader final : public Handle {
 public:
  explicit Reader(Ref<Now> now) : now_(std::move(now)) { now_->has_ticked(known_, std::nullopt); }

  Task<std::size_t> read(const Request&, std::uint64_t offset, std::span<std::byte> into) override {
    co_return copy_from(now_->text(), offset, into);
  }

  Task<unsigned> poll(const Request&, unsigned events, std::optional<PollHandle> tell) override {
    const std::lock_guard lock(mutex_);
    co_return now_->has_ticked(known_, tell) ? events&(POLLIN | POLLRDNORM) : 0;
  }

 private:
  const Ref<Now> now_;
  std::mutex mutex_;  // guards known_: several threads may poll one descriptor
  std::uint64_t known_ = 0;
};

Task<Opened> Now::open(const Request&, int) {
  co_return Opened{.handle = make<Reader>(shared_from_this()), .path = DataPath::keep_cached};
}

class Folder final : public Node {
 public:
  explicit Folder(Ref<Now> now) : now_(std::move(now)) {}

  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr::directory(0755); }

  Task<Entry> lookup(const Request& request, Name name) override {
    if (name.text() != "now") co_return Errno::no_entry;
    const Attr attr = co_await now_->getattr(request, nullptr);
    co_return Entry{.node = now_, .attr = attr, .valid_for = kUntilTold};
  }

  Task<> readdir(const Request&, std::uint64_t offset, DirSink& sink) override {
    if (offset == 0) sink.add("now", 0, DT_REG, 1);
    co_return {};
  }

 private:
  const Ref<Now> now_;
};

// Runs beside the requests, until the file system is unmounted.
void run(Now& now, milliseconds interval, Notifier& notifier, const std::stop_token& unmounted) {
  std::mutex mutex;
  std::condition_variable_any wait;
  std::unique_lock lock(mutex);
  while (!unmounted.stop_requested()) {
    now.tick(notifier);
    wait.wait_for(lock, unmounted, interval, [] { return false; });
  }
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::string_view kInterval = "--interval=";
  milliseconds interval{1000};
  if (argc > 1 && std::string_view(argv[1]).starts_with(kInterval)) {
    interval = milliseconds(std::atoi(argv[1] + kInterval.size()));
    --argc;
    ++argv;
  }
  const auto now = make<Now>();
  return serve(make<Folder>(now), argc, argv, {}, [now, interval](Mount& mount, const std::stop_token& unmounted) {
    run(*now, interval, mount.notifier(), unmounted);
  });
}
