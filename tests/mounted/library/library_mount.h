// A small file system of the test's own, really mounted, whose every answer the kernel may keep until it is told.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fusebox/fusebox.h"

namespace fusebox::mounted {

using namespace std::chrono_literals;

constexpr Validity kForever = std::chrono::hours(24);

// A file with a text.  What is asked of it is counted; `on_read` runs in each read first.
class TextFile final : public Node {
 public:
  explicit TextFile(std::string text) : text_(std::move(text)) {}

  Task<Attr> getattr(const Request&, Ref<Handle>) override {
    ++getattrs;
    const std::lock_guard lock(mutex_);
    Attr attr = Attr::file(mode_, text_.size());
    attr.valid_for = kForever;
    co_return attr;
  }
  Task<Opened> open(const Request&, int) override { co_return Opened{.path = DataPath::keep_cached}; }
  Task<std::size_t> read(const Request& request, std::uint64_t offset, std::span<std::byte> into) override {
    ++reads;
    if (on_read) co_await on_read(request);
    const std::lock_guard lock(mutex_);
    co_return copy_from(text_, offset, into);
  }
  Task<unsigned> poll(const Request&, unsigned events, std::optional<PollHandle> tell) override {
    const std::lock_guard lock(mutex_);
    if (tell) poller = tell;
    co_return ready ? events& POLLIN : 0;
  }

  void set(std::string text, mode_t mode = 0444) {
    const std::lock_guard lock(mutex_);
    text_ = std::move(text);
    mode_ = mode;
  }
  std::optional<PollHandle> set_ready() {
    const std::lock_guard lock(mutex_);
    ready = true;
    return poller;
  }

  std::atomic<int> getattrs{0};
  std::atomic<int> reads{0};
  std::function<Task<>(const Request&)> on_read;

 private:
  std::mutex mutex_;  // guards all below
  std::string text_;
  mode_t mode_ = 0444;
  bool ready = false;
  std::optional<PollHandle> poller;
};

// A directory; what is made in it belongs to who makes it.
class Folder final : public Node {
 public:
  Task<Attr> getattr(const Request&, Ref<Handle>) override {
    const std::lock_guard lock(mutex_);
    co_return attr_;
  }
  Task<Entry> lookup(const Request& request, Name name) override {
    ++lookups;
    const Ref<Node> node = child(std::string(name.text()));
    if (!node) co_return Errno::no_entry;
    const Attr attr = co_await node->getattr(request, nullptr);
    co_return Entry{.node = node, .attr = attr, .valid_for = kForever};
  }
  Task<Entry> mkdir(const Request& request, Name name, NewMode mode) override {
    {
      const std::lock_guard lock(mutex_);
      groups_seen_.assign(request.supplementary_groups.begin(), request.supplementary_groups.end());
    }
    const auto made = make<Folder>();
    made->attr_.mode = mode.masked();
    made->attr_.uid = request.caller.uid;
    made->attr_.gid = request.caller.gid;
    put(std::string(name.text()), made);
    co_return Entry{.node = made, .attr = made->attr_, .valid_for = kForever};
  }

  void put(const std::string& name, Ref<Node> node) {
    const std::lock_guard lock(mutex_);
    children_[name] = std::move(node);
  }
  void own(uid_t uid, gid_t gid) {
    const std::lock_guard lock(mutex_);
    attr_.uid = uid;
    attr_.gid = gid;
  }
  Attr attr() {
    const std::lock_guard lock(mutex_);
    return attr_;
  }
  std::vector<gid_t> groups_seen() {
    const std::lock_guard lock(mutex_);
    return groups_seen_;
  }
  Ref<Node> child(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = children_.find(name);
    return found == children_.end() ? nullptr : found->second;
  }

  std::atomic<int> lookups{0};

 private:
  static Attr initial() {
    Attr attr = Attr::directory(0777);
    attr.valid_for = kForever;
    return attr;
  }

  std::mutex mutex_;  // guards all below
  Attr attr_ = initial();
  std::map<std::string, Ref<Node>> children_;
  std::vector<gid_t> groups_seen_;  // with the last mkdir()
};

class LibraryMount : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "mounts: needs root";
    if (access("/dev/fuse", R_OK | W_OK) != 0) GTEST_SKIP() << "needs /dev/fuse";
    alarm(120);  // whoever hangs in a request goes with the server
  }

  void TearDown() override {
    if (attached_) umount2(top_.c_str(), MNT_DETACH);
    mount_.reset();
    if (!top_.empty()) rmdir(top_.c_str());
    alarm(0);
  }

  void serve(MountOptions options = {}) {
    options.transport = Transport::dev_fuse;
    auto mount = Mount::create(std::move(options));
    ASSERT_TRUE(mount) << mount.error().line();
    mount_ = *std::move(mount);
    const Outcome<> served = mount_->serve(root);
    ASSERT_TRUE(served) << served.error().line();
    std::string pattern = "/var/tmp/fusebox-library-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    top_ = pattern;
    chmod(top_.c_str(), 0755);
  }

  void mount(MountOptions options = {}) {
    ASSERT_NO_FATAL_FAILURE(serve(std::move(options)));
    const Outcome<> attached = mount_->attach(top_);
    ASSERT_TRUE(attached) << attached.error().line();
    attached_ = true;
  }

  Notifier& notifier() { return mount_->notifier(); }
  void deliver() { ASSERT_TRUE(wait_for(notifier().delivered())); }

  std::string at(const std::string& name) const { return top_ + "/" + name; }
  std::string text_of(const std::string& name) const {
    const Fd fd(::open(at(name).c_str(), O_RDONLY | O_CLOEXEC));
    std::string text(100, '\0');
    const ssize_t length = fd ? ::pread(fd.get(), text.data(), text.size(), 0) : -1;
    return length < 0 ? "error " + std::to_string(errno) : text.substr(0, static_cast<std::size_t>(length));
  }
  struct stat status_of(const std::string& name) const {
    struct stat status{};
    EXPECT_EQ(::stat(at(name).c_str(), &status), 0) << name << ": errno " << errno;
    return status;
  }

  // Holds within `limit`?
  static bool soon(const std::function<bool()>& condition, std::chrono::milliseconds limit = 5s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }

  const Ref<Folder> root = make<Folder>();
  std::unique_ptr<Mount> mount_;
  std::string top_;
  bool attached_ = false;
};

}  // namespace fusebox::mounted
