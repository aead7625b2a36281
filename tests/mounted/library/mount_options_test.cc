// What MountOptions ask the kernel for.
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <fstream>
#include <future>

#include "mounted/library/library_mount.h"

namespace fusebox::mounted {
namespace {

using Options = LibraryMount;

int as_user(uid_t uid, gid_t gid, const std::vector<gid_t>& groups, const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    if (setgroups(groups.size(), groups.data()) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
      _exit(99);
    _exit(work());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// The kernel looks every 15 seconds, so this takes up to thirty (fs/fuse/dev.c: FUSE_TIMEOUT_TIMER_FREQ).
TEST_F(Options, ARequestThatTakesTooLongEndsTheConnection) {
  const auto file = make<TextFile>("text");
  root->put("file", file);
  file->on_read = [](const Request& request) { return sleep_for(request, 1h); };
  ASSERT_NO_FATAL_FAILURE(mount({.request_timeout = 3s}));
  auto reading = std::async(std::launch::async, [&] { return text_of("file"); });
  ASSERT_EQ(reading.wait_for(60s), std::future_status::ready);
  EXPECT_EQ(reading.get().substr(0, 5), "error");
  mount_->wait();
}

// A user namespace that maps `count` users from `first` on to those from 0 on; lives as long as the descriptor.
Fd user_namespace(uid_t first, unsigned count) {
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWUSER) != 0) _exit(1);
    raise(SIGSTOP);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, WUNTRACED);
  const std::string process = "/proc/" + std::to_string(child);
  for (const char* map : {"/uid_map", "/gid_map"}) std::ofstream(process + map) << "0 " << first << ' ' << count;
  Fd names(open((process + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return names;
}

TEST_F(Options, AMountCanBeGivenAnIdMapping) {
  constexpr uid_t kShift = 100'000;
  root->own(0, 0);
  ASSERT_NO_FATAL_FAILURE(serve({.idmapped = true}));
  const Fd mapping = user_namespace(kShift, 65536);
  ASSERT_TRUE(mapping);
  const Fd detached = mount_->take();
  ASSERT_TRUE(soon([&] { return mount_->state().requests.size() > 0; }));  // INIT, before which it cannot be mapped
  struct mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<std::uint64_t>(mapping.get());
  ASSERT_EQ(syscall(SYS_mount_setattr, detached.get(), "", AT_EMPTY_PATH, &attributes, sizeof(attributes)), 0) << errno;
  ASSERT_EQ(syscall(SYS_move_mount, detached.get(), "", AT_FDCWD, top_.c_str(), MOVE_MOUNT_F_EMPTY_PATH), 0);
  attached_ = true;
  EXPECT_EQ(status_of(".").st_uid, kShift);
  EXPECT_EQ(as_user(kShift + 5, kShift + 7, {}, [&] { return mkdir(at("made").c_str(), 0755) == 0 ? 0 : errno; }), 0);
  EXPECT_EQ(status_of("made").st_uid, kShift + 5);
  const auto made = std::static_pointer_cast<Folder>(root->child("made"));
  EXPECT_EQ(made->attr().uid, 5U);
  EXPECT_EQ(made->attr().gid, 7U);
  EXPECT_EQ(as_user(1234, 1234, {}, [&] { return mkdir(at("other").c_str(), 0755) == 0 ? 0 : errno; }), EOVERFLOW);
}

TEST_F(Options, WhoMakesSomethingTellsTheGroupThatMatters) {
  constexpr gid_t kGroup = 4321;
  root->own(0, kGroup);
  ASSERT_NO_FATAL_FAILURE(mount({.creation_context = true}));
  EXPECT_EQ(as_user(1234, 1234, {77, kGroup}, [&] { return mkdir(at("a").c_str(), 0755) == 0 ? 0 : errno; }), 0);
  EXPECT_EQ(root->groups_seen(), std::vector<gid_t>{kGroup});
  EXPECT_EQ(as_user(1234, 1234, {77}, [&] { return mkdir(at("b").c_str(), 0755) == 0 ? 0 : errno; }), 0);
  EXPECT_EQ(root->groups_seen(), std::vector<gid_t>{});
}

}  // namespace
}  // namespace fusebox::mounted
