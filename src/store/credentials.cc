#include "store/credentials.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "base/overflow_ids.h"
#include "store/deputy.h"

namespace fusebox {
namespace {

using Clock = std::chrono::steady_clock;

// Reading /proc/TID/status costs some 10 us.  A thread seldom changes its groups without its uid, and the kernel has
// checked the caller's permission with the true ones before it asks us.
constexpr std::chrono::milliseconds kGroupsValidity{50};
constexpr std::size_t kRememberedCallers = 8;
constexpr std::size_t kStatusBytes = std::size_t{640} * 1024;  // 65536 groups of up to 10 digits (NGROUPS_MAX)

struct RememberedGroups {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t tid = 0;
  Clock::time_point until;
  std::vector<gid_t> groups;
};

// What this thread is, apart from what an ActAs has set for a while.
struct ThreadState {
  uid_t uid = ::geteuid();
  gid_t gid = ::getegid();
  bool has_own_umask = false;
  // The supplementary groups stay from the last caller: they mean nothing to a server that may set them, and equal
  // callers in a row pay once.
  std::optional<std::vector<gid_t>> groups;
  std::array<RememberedGroups, kRememberedCallers> remembered;
  std::size_t next_remembered = 0;
};

ThreadState& thread_state() {
  thread_local ThreadState state;
  return state;
}

std::vector<gid_t> parse_groups(std::string_view status) {
  constexpr std::string_view kKey = "\nGroups:";
  std::vector<gid_t> groups;
  const std::size_t start = status.find(kKey);
  if (start == std::string_view::npos) return groups;
  std::string_view line = status.substr(start + kKey.size());
  line = line.substr(0, line.find('\n'));
  while (!line.empty()) {
    gid_t gid = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), gid);
    if (error == std::errc{}) groups.push_back(gid);
    const auto parsed = static_cast<std::size_t>(end - line.data());
    line.remove_prefix(std::max<std::size_t>(parsed, 1));
  }
  return groups;
}

gid_t foreign_group() {
  static const gid_t foreign = overflow_ids().gid;
  return foreign;
}

std::vector<gid_t> read_groups(int proc, pid_t tid) {
  if (proc < 0 || tid <= 0) return {};
  const Fd fd(::openat(proc, (std::to_string(tid) + "/status").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  std::string text(4096, '\0');
  std::size_t size = 0;
  for (;;) {
    const ssize_t count = ::read(fd.get(), text.data() + size, text.size() - size);
    if (count <= 0) break;
    size += static_cast<std::size_t>(count);
    if (size == text.size() && size < kStatusBytes) text.resize(size * 2);
  }
  return parse_groups(std::string_view(text).substr(0, size));
}

// setfsuid(2) and setfsgid(2) report no errors; asking with -1 changes nothing and tells what is set.
bool set_user(uid_t uid) {
  ::syscall(SYS_setfsuid, uid);
  return static_cast<uid_t>(::syscall(SYS_setfsuid, static_cast<uid_t>(-1))) == uid;
}

bool set_group(gid_t gid) {
  ::syscall(SYS_setfsgid, gid);
  return static_cast<gid_t>(::syscall(SYS_setfsgid, static_cast<gid_t>(-1))) == gid;
}

bool set_groups(const std::vector<gid_t>& groups) {
  ThreadState& state = thread_state();
  if (state.groups == groups) return true;
  if (::syscall(SYS_setgroups, groups.size(), groups.data()) != 0) return false;
  state.groups = groups;
  return true;
}

}  // namespace

Request own_request() { return {.caller = {.uid = thread_state().uid, .gid = thread_state().gid, .tid = 0}}; }

const std::vector<gid_t>& CallerGroups::of(const Caller& caller) const {
  ThreadState& state = thread_state();
  const auto now = Clock::now();
  for (const RememberedGroups& known : state.remembered) {
    if (known.tid == caller.tid && known.uid == caller.uid && known.gid == caller.gid && now < known.until) {
      return known.groups;
    }
  }
  RememberedGroups& place = state.remembered[state.next_remembered++ % kRememberedCallers];
  place = {.uid = caller.uid,
           .gid = caller.gid,
           .tid = caller.tid,
           .until = now + kGroupsValidity,
           .groups = read_groups(proc_.get(), caller.tid)};
  // Groups without a number of their own cannot be set.
  if (own_ == OwnGroups::kept) std::erase(place.groups, foreign_group());
  return place.groups;
}

bool CallerGroups::needs_deputy(const Caller& caller) const {
  return own_ == OwnGroups::kept && caller.uid != thread_state().uid;
}

Result<> have_deputy_do(const std::function<void()>& work) {
  thread_local std::unique_ptr<Deputy> deputy;
  if (deputy == nullptr) {
    deputy = Deputy::start();
    if (deputy == nullptr) return fail(Errno::again);
  }
  deputy->have_done(work);
  return {};
}

ActAs::ActAs(const CallerGroups& groups, const Caller& caller, std::optional<mode_t> umask) {
  become(groups, caller);
  if (ready_ && umask) set_umask(*umask);
}

ActAs::~ActAs() {
  // Back to the server's own, which are always allowed; a failure would leave the thread with the wrong rights.
  const ThreadState& state = thread_state();
  if (has_user_ && !set_user(state.uid)) std::abort();
  if (has_group_ && !set_group(state.gid)) std::abort();
  if (old_umask_) ::umask(*old_umask_);
}

void ActAs::become(const CallerGroups& groups, const Caller& caller) {
  const ThreadState& state = thread_state();
  const bool is_other_user = caller.uid != state.uid;
  if (is_other_user && !set_groups(groups.of(caller))) {
    ready_ = fail(Errno::not_permitted);
    return;
  }
  if (caller.gid != state.gid) {
    has_group_ = true;
    if (!set_group(caller.gid)) ready_ = fail(Errno::not_permitted);
  }
  // Last, because the capabilities to do the rest may go with it.
  if (is_other_user && ready_) {
    has_user_ = true;
    if (!set_user(caller.uid)) ready_ = fail(Errno::not_permitted);
  }
}

void ActAs::set_umask(mode_t umask) {
  ThreadState& state = thread_state();
  if (!state.has_own_umask) {
    // The umask is shared by the threads of a process until one asks for its own (CLONE_FS in unshare(2)).
    if (::unshare(CLONE_FS) != 0) {
      ready_ = fail_with_errno();
      return;
    }
    state.has_own_umask = true;
  }
  old_umask_ = ::umask(umask);
}

}  // namespace fusebox
