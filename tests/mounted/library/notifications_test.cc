// Everything that a file system can tell the kernel has its effect on a real mount.
#include <poll.h>
#include <sys/inotify.h>

#include <array>
#include <future>
#include <vector>

#include "mounted/library/library_mount.h"

namespace fusebox::mounted {
namespace {

class Notifications : public LibraryMount {
 protected:
  Ref<TextFile> add(const std::string& name, std::string text) {
    auto file = make<TextFile>(std::move(text));
    root->put(name, file);
    return file;
  }
};

TEST_F(Notifications, WhoPollsIsWoken) {
  const auto file = add("file", "text");
  ASSERT_NO_FATAL_FAILURE(mount());
  const Fd fd(::open(at("file").c_str(), O_RDONLY | O_CLOEXEC));
  pollfd wanted{.fd = fd.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&wanted, 1, 50), 0);
  auto polling = std::async(std::launch::async, [&] { return ::poll(&wanted, 1, 10'000); });
  std::this_thread::sleep_for(100ms);
  const auto poller = file->set_ready();
  ASSERT_TRUE(poller);
  notifier().wake(*poller);
  ASSERT_EQ(polling.wait_for(5s), std::future_status::ready);
  EXPECT_EQ(polling.get(), 1);
  EXPECT_EQ(wanted.revents, POLLIN);
}

TEST_F(Notifications, AnInvalidNodeIsReadAgain) {
  const auto file = add("file", "old");
  ASSERT_NO_FATAL_FAILURE(mount());
  EXPECT_EQ(text_of("file"), "old");
  file->set("newer", 0400);
  EXPECT_EQ(text_of("file"), "old");
  notifier().invalidate(file);
  deliver();
  EXPECT_EQ(status_of("file").st_size, 5);
  EXPECT_EQ(text_of("file"), "newer");
}

TEST_F(Notifications, InvalidAttributesLeaveTheDataAlone) {
  const auto file = add("file", "old");
  ASSERT_NO_FATAL_FAILURE(mount());
  EXPECT_EQ(text_of("file"), "old");
  const int reads = file->reads;
  file->set("new", 0400);
  notifier().invalidate_attributes(file);
  deliver();
  EXPECT_EQ(status_of("file").st_mode & 0777, 0400U);
  EXPECT_EQ(text_of("file"), "old");
  EXPECT_EQ(file->reads, reads);
}

TEST_F(Notifications, AnInvalidNameIsLookedUpAgainAndWhatIsMountedThereGoes) {
  add("name", "one");
  root->put("folder", make<Folder>());
  ASSERT_NO_FATAL_FAILURE(mount());
  EXPECT_EQ(text_of("name"), "one");
  add("name", "two");
  EXPECT_EQ(text_of("name"), "one");
  notifier().invalidate_entry(root, "name");
  deliver();
  EXPECT_EQ(text_of("name"), "two");

  const dev_t ours = status_of("folder").st_dev;
  ASSERT_EQ(::mount("none", at("folder").c_str(), "tmpfs", 0, nullptr), 0);
  ASSERT_NE(status_of("folder").st_dev, ours);
  notifier().invalidate_entry(root, "folder");
  deliver();
  EXPECT_EQ(status_of("folder").st_dev, ours);
}

TEST_F(Notifications, AnExpiredNameIsLookedUpAgainAndWhatIsMountedThereStays) {
  add("name", "one");
  root->put("folder", make<Folder>());
  ASSERT_NO_FATAL_FAILURE(mount());
  EXPECT_EQ(text_of("name"), "one");
  add("name", "two");
  notifier().expire_entry(root, "name");
  deliver();
  EXPECT_EQ(text_of("name"), "two");

  const dev_t ours = status_of("folder").st_dev;
  ASSERT_EQ(::mount("none", at("folder").c_str(), "tmpfs", 0, nullptr), 0);
  notifier().expire_entry(root, "folder");
  deliver();
  EXPECT_NE(status_of("folder").st_dev, ours);
  umount2(at("folder").c_str(), MNT_DETACH);
}

TEST_F(Notifications, ARemovedNameIsToldToWhoWatches) {
  const auto file = add("file", "text");
  ASSERT_NO_FATAL_FAILURE(mount());
  EXPECT_EQ(text_of("file"), "text");
  const Fd watch(::inotify_init1(IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(watch.get(), at("file").c_str(), IN_DELETE_SELF), 0);
  root->put("file", nullptr);
  notifier().removed(root, file, "file");
  pollfd wanted{.fd = watch.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&wanted, 1, 5000), 1);
  alignas(inotify_event) std::array<char, 512> buffer{};
  ASSERT_GT(::read(watch.get(), buffer.data(), buffer.size()), 0);
  const auto* event = reinterpret_cast<const inotify_event*>(buffer.data());
  EXPECT_EQ(event->mask, static_cast<std::uint32_t>(IN_DELETE_SELF));
  EXPECT_EQ(text_of("file"), "error " + std::to_string(ENOENT));
}

TEST_F(Notifications, StoredDataAreReadWithoutARequest) {
  const auto file = add("file", "old");
  ASSERT_NO_FATAL_FAILURE(mount());
  EXPECT_EQ(text_of("file"), "old");
  const int reads = file->reads;
  file->set("other");  // of the length of what is stored, or the kernel would throw that away
  notifier().store(file, 0, "newer");
  deliver();
  EXPECT_EQ(text_of("file"), "newer");
  EXPECT_EQ(file->reads, reads);
}

TEST_F(Notifications, WhatThePageCacheHoldsCanBeRetrieved) {
  const auto file = add("file", "some text");
  ASSERT_NO_FATAL_FAILURE(mount());
  EXPECT_EQ(wait_for(notifier().retrieve(file, 0, 100)), Result<std::string>(fail(Errno::no_entry)));  // unknown yet
  EXPECT_EQ(text_of("file"), "some text");
  EXPECT_EQ(wait_for(notifier().retrieve(file, 0, 100)), "some text");
  EXPECT_EQ(wait_for(notifier().retrieve(file, 5, 3)), "tex");
  notifier().invalidate(file);
  EXPECT_EQ(wait_for(notifier().retrieve(file, 0, 100)), "");
}

TEST_F(Notifications, RequestsAreHandedOutAgain) {
  constexpr std::uint64_t kResent = 1ULL << 63;
  const auto file = add("file", "text");
  std::atomic<bool> waits{false};
  file->on_read = [&waits](const Request& request) -> Task<> {
    if ((request.unique & kResent) != 0) return sleep_for(request, 0s);
    waits = true;
    return sleep_for(request, 1h);
  };
  ASSERT_NO_FATAL_FAILURE(mount());
  auto reading = std::async(std::launch::async, [&] { return text_of("file"); });
  ASSERT_TRUE(soon([&] { return waits.load(); }));
  EXPECT_EQ(reading.wait_for(100ms), std::future_status::timeout);
  notifier().resend();
  ASSERT_EQ(reading.wait_for(5s), std::future_status::ready);
  EXPECT_EQ(reading.get(), "text");
}

TEST_F(Notifications, AllNamesCanExpireAtOnce) {
  for (const char* name : {"a", "b", "c"}) add(name, name);
  ASSERT_NO_FATAL_FAILURE(mount());
  for (const char* name : {"a", "b", "c", "a", "b", "c"}) EXPECT_EQ(text_of(name), name);
  const int lookups = root->lookups;
  EXPECT_EQ(lookups, 3);
  for (const char* name : {"a", "b", "c"}) add(name, std::string("new ") + name);
  notifier().expire_all_entries();
  deliver();
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(text_of(name), std::string("new ") + name);
  EXPECT_GE(root->lookups, lookups + 3);
}

TEST_F(Notifications, PrunedNodesAreForgotten) {
  std::vector<Ref<Node>> nodes;
  for (int number = 0; number < 50; ++number) nodes.push_back(add("f" + std::to_string(number), "text"));
  ASSERT_NO_FATAL_FAILURE(mount());
  for (int number = 0; number < 50; ++number) status_of("f" + std::to_string(number));
  EXPECT_EQ(mount_->state().nodes, 51U);
  const Fd held(::open(at("f7").c_str(), O_RDONLY | O_CLOEXEC));
  notifier().prune(nodes);
  EXPECT_TRUE(soon([&] { return mount_->state().nodes == 2; })) << mount_->state().nodes;
  EXPECT_EQ(text_of("f3"), "text");
}

// As in libfuse's doc/README.notifications: done by the handler itself, each of these could wait for its own request.
TEST_F(Notifications, AHandlerMayTellOfTheVeryNodeThatItServes) {
  const auto file = add("file", std::string(5000, 'x'));
  file->on_read = [&](const Request& request) -> Task<> {
    notifier().invalidate(file);
    notifier().invalidate_attributes(file);
    notifier().store(file, 0, "stored");
    notifier().expire_entry(root, "file");
    notifier().invalidate_entry(root, "file");
    notifier().prune(std::vector<Ref<Node>>{file, root});
    notifier().expire_all_entries();
    return sleep_for(request, 10ms);
  };
  ASSERT_NO_FATAL_FAILURE(mount());
  for (int round = 0; round < 20; ++round) {
    auto reading = std::async(std::launch::async, [&] { return text_of("file"); });
    ASSERT_EQ(reading.wait_for(10s), std::future_status::ready);
    EXPECT_EQ(reading.get().size(), 100U);
  }
}

TEST_F(Notifications, WhatTheKernelDoesNotKnowNeedsNoTelling) {
  const auto file = make<TextFile>("text");
  ASSERT_NO_FATAL_FAILURE(mount());
  notifier().invalidate(file);
  notifier().store(file, 0, "text");
  notifier().removed(root, file, "file");
  notifier().expire_entry(root, "none");
  notifier().invalidate_entry(root, "none");
  notifier().wake(PollHandle{12345});
  notifier().prune(std::vector<Ref<Node>>{file});
  deliver();
  add("file", "there");
  EXPECT_EQ(text_of("file"), "there");
}

}  // namespace
}  // namespace fusebox::mounted
