#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <ctime>

#include "box/box.h"
#include "box/handed_in.h"
#include "box/init.h"
#include "box/message.h"
#include "box/mounter.h"
#include "box/rights.h"
#include "box/signals.h"
#include "box/terminal.h"

namespace fusebox::box {
namespace {

constexpr int kEndPatienceMs = 10'000;

struct Process {
  pid_t pid = -1;
  Fd fd;
};

std::uint64_t namespaces_of(const Plan& plan) {
  const std::uint64_t always = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
  return plan.network == Network::none ? always | CLONE_NEWNET : always;
}

// fork(2) into new namespaces: pid 0 in the child.
Outcome<Process> fork_into(std::uint64_t namespaces) {
  int fd = -1;
  clone_args arguments{};
  arguments.flags = namespaces | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&fd);
  arguments.exit_signal = SIGCHLD;
  const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return std::unexpected(fault_with_errno("make namespaces for the box", "`fusebox doctor` says more"));
  return Process{.pid = static_cast<pid_t>(pid), .fd = Fd(pid == 0 ? -1 : fd)};
}

Ending ending_of(int wait_status) {
  if (WIFSIGNALED(wait_status)) return {.status = 128 + WTERMSIG(wait_status), .killed_by_signal = true};
  return {.status = WEXITSTATUS(wait_status), .killed_by_signal = false};
}

Outcome<Mounter> spawn_mounter(const Fd& channel) {
  const auto here = receive_message(channel.get());
  if (!here) return std::unexpected(Fault{"start the box", "its init was killed", ""});
  if (here->kind == Kind::fault) return std::unexpected(fault_of(*here));
  return Mounter::spawn(here->fd);
}

bool ends_an_attempt(int signal) {
  return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT;
}

}  // namespace

struct Child::State {
  State(HandedIn files, SignalGate signals, Terminal tty, Fd to_init, Process first, Mounter binder)
      : handed_in(std::move(files)),
        gate(std::move(signals)),
        terminal(std::move(tty)),
        channel(std::move(to_init)),
        init(std::move(first)),
        mounter(std::move(binder)) {}
  ~State() { end(); }

  void end();
  Outcome<> await_start();
  Outcome<Ending> await_end();
  void pass_on(const Arrived& signal);
  void follow_stop(int signal);
  void continue_command();
  void tell(Kind kind, int number, int detail = 0) const;
  bool reap_init(int patience_ms);
  void settle(int wait_status);

  HandedIn handed_in;
  SignalGate gate;
  Terminal terminal;
  Fd channel;
  Process init;
  Mounter mounter;
  bool reaped = false;
  bool command_had_terminal = false;
  int last_passed_on = 0;  // the last signal that the command got from us
};

void Child::State::end() {
  mounter.kill();
  if (!reaped) {
    syscall(SYS_pidfd_send_signal, init.fd.get(), SIGKILL, nullptr, 0);
    reap_init(kEndPatienceMs);
    terminal.take_back(true);
  }
  mounter.end();
}

void Child::State::tell(Kind kind, int number, int detail) const {
  // An init that is gone is noticed by its pidfd.
  (void)send_message(channel.get(), Message{.kind = kind, .number = number, .detail = detail, .text = {}, .fd = {}});
}

bool Child::State::reap_init(int patience_ms) {
  pollfd end{init.fd.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&end, 1, patience_ms);
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) return false;
  waitpid(init.pid, nullptr, 0);
  reaped = true;
  return true;
}

Outcome<> Child::State::await_start() {
  std::array<pollfd, 2> watched{{{channel.get(), POLLIN, 0}, {gate.fd(), POLLIN, 0}}};
  for (;;) {
    if (poll(watched.data(), watched.size(), -1) < 0) continue;
    if (watched[0].revents != 0) {
      const auto message = receive_message(channel.get());
      if (!message) return std::unexpected(Fault{"start the box", "its init was killed", ""});
      if (message->kind == Kind::fault) return std::unexpected(fault_of(*message));
      return {};
    }
    while (const auto signal = gate.next()) {
      if (ends_an_attempt(signal->number)) {
        return std::unexpected(
            Fault{"start the box", "interrupted by SIG" + std::string(sigabbrev_np(signal->number)), ""});
      }
    }
  }
}

void Child::State::pass_on(const Arrived& signal) {
  last_passed_on = signal.number;
  tell(Kind::signal, signal.number, signal.from_terminal ? 1 : 0);
}

void Child::State::continue_command() {
  if (command_had_terminal && terminal.is_ours()) {
    tell(Kind::give_terminal, 0);
  } else {
    tell(Kind::signal, SIGCONT, 1);
  }
}

void Child::State::follow_stop(int signal) {
  const bool wants_terminal = signal == SIGTTIN || signal == SIGTTOU;
  if (wants_terminal && terminal.is_ours()) {
    command_had_terminal = true;
    return continue_command();
  }
  // Our group got the Ctrl-Z itself if we passed it on; otherwise only the command did, and the others are told here.
  stop_here(signal == SIGSTOP ? SIGTSTP : signal, last_passed_on != signal);
  last_passed_on = 0;
  if (wants_terminal && !terminal.is_ours()) {
    // Where nothing can stop us, a command that wants the terminal at all costs must not keep us busy.
    const timespec pause{.tv_sec = 0, .tv_nsec = 50'000'000};
    nanosleep(&pause, nullptr);
  }
  continue_command();
}

void Child::State::settle(int wait_status) {
  terminal.take_back(WIFSIGNALED(wait_status));
  if (!WIFSIGNALED(wait_status) || !command_had_terminal) return;
  const int signal = WTERMSIG(wait_status);
  // Without a box Ctrl-C would have reached the script around us as well. We have it blocked.
  if ((signal == SIGINT || signal == SIGQUIT) && last_passed_on != signal) kill(0, signal);
}

Outcome<Ending> Child::State::await_end() {
  int wait_status = SIGKILL;  // what it was if the init cannot say it
  std::array<pollfd, 3> watched{{{channel.get(), POLLIN, 0}, {gate.fd(), POLLIN, 0}, {init.fd.get(), POLLIN, 0}}};
  bool ended = false;
  while (!ended) {
    if (poll(watched.data(), watched.size(), -1) < 0) continue;
    while (const auto signal = gate.next()) pass_on(*signal);
    if (watched[0].revents == 0 && watched[2].revents == 0) continue;
    const auto message = receive_message(channel.get());
    if (!message) {
      ended = true;
    } else if (message->kind == Kind::stopped) {
      follow_stop(message->number);
    } else if (message->kind == Kind::ended) {
      wait_status = message->number;
      ended = true;
    }
  }
  mounter.kill();  // first: the two end at the same time
  reap_init(-1);
  mounter.end();
  handed_in.hand_back();
  settle(wait_status);
  return ending_of(wait_status);
}

Child::Child(State* state) : state_(state) {}
Child::Child(Child&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
Child& Child::operator=(Child&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Child::~Child() { delete state_; }

Outcome<Child> Child::spawn(const Plan& plan) {
  if (plan.command.empty()) return std::unexpected(Fault{"run", "no command given", "", ExitCode::usage});
  if (auto filled = fill_standard_descriptors(); !filled) return std::unexpected(filled.error());
  if (auto allowed = acquire_rights(); !allowed) return std::unexpected(allowed.error());
  auto handed_in = HandedIn::secure(plan.inherited);
  if (!handed_in) return std::unexpected(handed_in.error());
  auto gate = SignalGate::close();
  if (!gate) return std::unexpected(gate.error());
  Terminal terminal = Terminal::open();
  auto pair = message_pair();
  if (!pair) return std::unexpected(fault_with_errno("make a channel for the box"));
  auto& [ours, theirs] = *pair;

  auto init = fork_into(namespaces_of(plan));
  if (!init) return std::unexpected(init.error());
  if (init->pid == 0) {
    ours.reset();
    if (!handed_in->take_over()) _exit(static_cast<int>(ExitCode::failed));
    run_init({.plan = plan,
              .dispositions = gate->before(),
              .supervisor = theirs.get(),
              .terminal = terminal.fd(),
              .inherited = handed_in->inherited()});
  }
  theirs.reset();
  auto mounter = spawn_mounter(ours);
  if (!mounter) {
    kill(init->pid, SIGKILL);
    waitpid(init->pid, nullptr, 0);
    return std::unexpected(mounter.error());
  }
  return Child(new State(*std::move(handed_in), *std::move(gate), std::move(terminal), std::move(ours),
                         *std::move(init), *std::move(mounter)));
}

Outcome<> Child::enter(Fd root) {
  state_->command_had_terminal = state_->terminal.is_for_the_command();
  const Message enter{
      .kind = Kind::enter, .number = state_->command_had_terminal ? 1 : 0, .text = {}, .fd = std::move(root)};
  (void)send_message(state_->channel.get(), enter);  // an init that has ended may have said why
  return state_->await_start();
}

void Child::end() { state_->end(); }

Outcome<Ending> Child::wait() { return state_->await_end(); }

Outcome<> Child::bind(Fd source, const std::string& path, std::chrono::milliseconds patience) {
  return state_->mounter.bind(std::move(source), path, patience);
}

Outcome<> Child::unbind(const std::string& path, std::chrono::milliseconds patience) {
  return state_->mounter.unbind(path, patience);
}

pid_t Child::pid() const { return state_->init.pid; }
pid_t Child::mounter_pid() const { return state_->mounter.pid(); }

Outcome<> fill_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number is `fd`: those below are open. Inherited on purpose.
    if (open("/dev/null", O_RDWR) < 0) return std::unexpected(fault_with_errno("open /dev/null"));
  }
  return {};
}

}  // namespace fusebox::box
