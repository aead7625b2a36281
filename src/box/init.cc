#include "box/init.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "base/helper.h"
#include "box/command.h"
#include "box/message.h"
#include "box/mount_tools.h"
#include "box/network.h"
#include "box/own_devices.h"
#include "box/root.h"
#include "box/terminal.h"

namespace fusebox::box {
namespace {

constexpr int kFailed = static_cast<int>(ExitCode::failed);

[[noreturn]] void report_and_exit(int supervisor, const Fault& fault) {
  (void)send_message(supervisor, fault_message(fault));
  _exit(kFailed);
}

class Init {
 public:
  explicit Init(const InitPlan& plan) : plan_(plan) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    children_ = Fd(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  // While the supervisor makes the root.
  Outcome<> prepare() {
    if (!children_) return std::unexpected(fault_with_errno("watch for children"));
    if (plan_.plan.network == Network::none) {
      if (auto up = bring_up_loopback(); !up) return up;
    }
    // The modes of what is made in /dev are meant as they are.
    const mode_t mask = umask(0);
    auto mounts = prepare_mounts(plan_.plan.network);
    umask(mask);
    if (!mounts) return std::unexpected(mounts.error());
    mounts_ = *std::move(mounts);
    const auto dev = open_beneath(mounts_.get(), "dev");
    if (!dev) return std::unexpected(fault_of_errno("open the box's /dev", dev.error()));
    exchange_devices(*dev, plan_.inherited);
    auto filter = seccomp_floor(plan_.plan.network);
    if (!filter) return std::unexpected(filter.error());
    filter_ = *std::move(filter);
    return {};
  }

  Outcome<> build() {
    auto enter = receive_message(plan_.supervisor);
    if (!enter || enter->kind != Kind::enter || !enter->fd) _exit(kFailed);
    takes_terminal_ = enter->number == 1;
    auto entered = enter_root(enter->fd, mounts_, plan_.plan.directory);
    mounts_.reset();
    return entered;
  }

  Outcome<> start() {
    auto pair = message_pair();
    if (!pair) return std::unexpected(fault_with_errno("make a channel for the command"));
    auto& [ours, theirs] = *pair;
    command_ = fork();
    if (command_ < 0) return std::unexpected(fault_with_errno("start the command"));
    if (command_ == 0) {
      const Fault fault = become_command({.command = plan_.plan.command,
                                          .filter = filter_,
                                          .own_filter = plan_.plan.own_filter,
                                          .device_nodes = plan_.plan.device_nodes,
                                          .dispositions = plan_.dispositions,
                                          .inherited = plan_.inherited,
                                          .terminal = takes_terminal_ ? plan_.terminal : -1});
      (void)send_message(theirs.get(), fault_message(fault));
      _exit(static_cast<int>(fault.code));
    }
    theirs.reset();
    let_go_of_standard_descriptors();
    for (const int fd : plan_.inherited) close(fd);
    return await_exec(ours);
  }

  [[noreturn]] void serve() {
    std::array<pollfd, 2> watched{{{plan_.supervisor, POLLIN, 0}, {children_.get(), POLLIN, 0}}};
    reap();  // await_exec() may have taken the signal
    for (;;) {
      if (poll(watched.data(), watched.size(), -1) < 0) continue;
      if (watched[0].revents != 0) obey();
      if (watched[1].revents != 0) reap();
    }
  }

 private:
  // Its end of the pair closes by the exec, or it tells why not.
  Outcome<> await_exec(const Fd& channel) {
    std::array<pollfd, 2> watched{{{channel.get(), POLLIN, 0}, {children_.get(), POLLIN, 0}}};
    for (;;) {
      if (poll(watched.data(), watched.size(), -1) < 0) continue;
      if (watched[0].revents != 0) break;
      forget_children_signal();
      if (!command_is_stopped()) continue;
      // Stopped behind its exec, it is for serve() to tell; before it, the supervisor would wait for ever.
      if (poll(watched.data(), 1, 0) > 0) break;
      kill(-command_, SIGCONT);
      kill(command_, SIGCONT);  // it may not have made its group yet
    }
    auto message = receive_message(channel.get());
    if (message) return std::unexpected(fault_of(*message));
    if (message.error() != Errno::no_data) return std::unexpected(Fault{"start the command", "lost contact", ""});
    return {};
  }

  bool command_is_stopped() const {
    siginfo_t information{};
    return waitid(P_PID, static_cast<id_t>(command_), &information, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
           information.si_pid == command_;
  }

  void obey() {
    auto message = receive_message(plan_.supervisor);
    // Without a supervisor nothing in the box may go on; PR_SET_PDEATHSIG says so too.
    if (!message) _exit(kFailed);
    if (message->kind == Kind::signal) {
      kill(message->detail == 1 ? -command_ : command_, message->number);
    } else if (message->kind == Kind::give_terminal) {
      give_terminal(plan_.terminal, command_);
      kill(-command_, SIGCONT);
    }
  }

  void reap() {
    forget_children_signal();
    for (;;) {
      int status = 0;
      const pid_t child = waitpid(-1, &status, WNOHANG | WUNTRACED);
      if (child <= 0) return;
      if (child != command_) continue;
      if (WIFSTOPPED(status)) {
        tell(Kind::stopped, WSTOPSIG(status));
      } else {
        tell(Kind::ended, status);
        _exit(0);
      }
    }
  }

  void forget_children_signal() const {
    signalfd_siginfo information{};
    while (read(children_.get(), &information, sizeof information) > 0) {
    }
  }

  void tell(Kind kind, int number) const {
    (void)send_message(plan_.supervisor, Message{.kind = kind, .number = number, .text = {}, .fd = {}});
  }

  const InitPlan& plan_;
  Fd children_;
  Fd mounts_;
  Filter filter_;
  bool takes_terminal_ = false;
  pid_t command_ = -1;
};

}  // namespace

void run_init(const InitPlan& plan) {
  // Now: once it is not dumpable, nobody without rights over the whole machine may open it.
  Fd own_mounts(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!own_mounts) report_and_exit(plan.supervisor, fault_with_errno("open the box's mount namespace"));
  (void)send_message(plan.supervisor, Message{.kind = Kind::here, .text = {}, .fd = std::move(own_mounts)});
  std::vector<int> kept = plan.inherited;
  kept.insert(kept.end(), {plan.supervisor, plan.terminal});
  if (!become_helper("fusebox-init", std::move(kept), plan.supervisor)) _exit(kFailed);
  Init init(plan);
  if (auto prepared = init.prepare(); !prepared) report_and_exit(plan.supervisor, prepared.error());
  if (auto built = init.build(); !built) report_and_exit(plan.supervisor, built.error());
  if (auto started = init.start(); !started) report_and_exit(plan.supervisor, started.error());
  (void)send_message(plan.supervisor, Message{.kind = Kind::entered, .text = {}, .fd = {}});
  init.serve();
}

}  // namespace fusebox::box
