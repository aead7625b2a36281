#include "box/subordinate_ids.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "base/overflow_ids.h"
#include "box/id_ranges.h"

namespace fusebox::box {
namespace {

constexpr const char* kWhat = "map subordinate ids";
constexpr const char* kRemedy = "newuidmap(1) says what it takes";

Fault fault(std::string why, std::string remedy = kRemedy) {
  return {.what = kWhat, .why = std::move(why), .remedy = std::move(remedy)};
}

std::string contents_of(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Maps {
  std::vector<std::string> users;
  std::vector<std::string> groups;
};

Outcome<Maps> maps_of_this_user() {
  const uid_t uid = geteuid();
  const passwd* user = getpwuid(uid);
  const std::string name = user != nullptr ? user->pw_name : std::to_string(uid);
  const auto users = subordinate_ranges(contents_of("/etc/subuid"), name, uid);
  const auto groups = subordinate_ranges(contents_of("/etc/subgid"), name, uid);
  if (users.empty() || groups.empty()) {
    const std::string file = users.empty() ? "/etc/subuid" : "/etc/subgid";
    return std::unexpected(fault(file + " gives none to " + name,
                                 "as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + name +
                                     ", or whichever ids nobody has"));
  }
  // The overflow ids stay free, so that owners whom the namespace does not know can be told from all others.
  const OverflowIds foreign = overflow_ids();
  return Maps{.users = map_with_subordinates(uid, users, foreign.uid),
              .groups = map_with_subordinates(getegid(), groups, foreign.gid)};
}

// A process in a new user namespace, which waits there.
class Holder {
 public:
  static Outcome<Holder> start();
  Holder(Holder&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Holder& operator=(Holder&&) = delete;
  ~Holder() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  pid_t pid() const { return pid_; }

 private:
  explicit Holder(pid_t pid) : pid_(pid) {}

  pid_t pid_;
};

Outcome<Holder> Holder::start() {
  const pid_t parent = getpid();
  clone_args arguments{};
  arguments.flags = CLONE_NEWUSER;
  arguments.exit_signal = SIGCHLD;
  const auto pid = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid < 0) return std::unexpected(fault_with_errno(kWhat, "user namespaces must be allowed"));
  if (pid > 0) return Holder(pid);
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // newuidmap(1) acts on one's own processes only, and what is not dumpable is not one's own.
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  while (getppid() == parent) pause();
  _exit(0);
}

// Starts a program with its output in `output`: 0, or the number of the error.
int start(std::vector<std::string> words, const Fd& output, pid_t& process) {
  std::vector<char*> arguments(words.size() + 1, nullptr);
  std::ranges::transform(words, arguments.begin(), [](std::string& word) { return word.data(); });
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, output.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output.get(), STDERR_FILENO);
  const int error = posix_spawnp(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

// Has one of the two programs map ids into the process's namespace; if it does not, what it says is the reason.
Outcome<> map(const std::string& program, pid_t process, std::vector<std::string> words) {
  words.insert(words.begin(), {program, std::to_string(process)});
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(fault_with_errno(kWhat, kRemedy));
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  pid_t mapper = -1;
  const int error = start(std::move(words), theirs, mapper);
  if (error == ENOENT) return std::unexpected(fault(program + " is not installed", "install the package uidmap"));
  if (error != 0) return std::unexpected(fault(program + ": " + std::strerror(error)));
  theirs.reset();
  std::string said(512, '\0');
  const ssize_t length = read(ours.get(), said.data(), said.size());
  int status = -1;
  if (waitpid(mapper, &status, 0) == mapper && WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  said.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  said.resize(std::min(said.find('\n'), said.size()));
  return std::unexpected(fault(said.empty() ? program + " refuses" : said));
}

}  // namespace

Outcome<Fd> make_namespace_with_subordinate_ids() {
  auto maps = maps_of_this_user();
  if (!maps) return std::unexpected(maps.error());
  const auto holder = Holder::start();
  if (!holder) return std::unexpected(holder.error());
  if (auto done = map("newuidmap", holder->pid(), std::move(maps->users)); !done) return std::unexpected(done.error());
  if (auto done = map("newgidmap", holder->pid(), std::move(maps->groups)); !done) return std::unexpected(done.error());
  Fd made(open(("/proc/" + std::to_string(holder->pid()) + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  if (!made) return std::unexpected(fault_with_errno(kWhat, kRemedy));
  return made;
}

}  // namespace fusebox::box
