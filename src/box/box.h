// Puts a command into a box: new namespaces, the mirrored root by pivot_root, and a way to wait for its end.
//
// Knows nothing of FUSE, policy or audit: it is given a detached mount and a command.
//
// Processes, as the caller (the supervisor) sees them: the box's init, process 1 of new pid, mount, IPC and UTS (and
// with Network::none, network) namespaces, in the caller's process group; the command, its child, in a process group of
// its own; the mounter, a helper in the caller's pid namespace and the box's mount namespace. All die with the caller.
// The cgroup namespace stays the caller's: /proc/self/cgroup then still names the directory below /sys/fs/cgroup that
// holds the limits.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "box/capabilities.h"
#include "fusebox/fault.h"
#include "fusebox/fd.h"
#include "seccomp/program.h"

namespace fusebox::box {

enum class Network { host, none };

// A filter for system calls that the caller wants beyond the floor, never instead of it.
struct OwnFilter {
  seccomp::Program program;  // empty: none
  bool is_logged = false;    // see apply_filter()
};

struct Plan {
  std::vector<std::string> command;  // argv; [0] is searched in PATH as execvp(3) does, inside the box
  std::string directory;             // working directory inside: the caller's
  Network network = Network::host;
  std::vector<int> inherited{};  // descriptors above 2 to hand to the command, if they are safe (handed_in.h)
  OwnFilter own_filter{};
  DeviceNodes device_nodes = DeviceNodes::refused;  // for a root in which nothing that is made reaches the host
};

// The caller's descriptors above 2 that are not close-on-exec: what whoever started it handed to it.  To be asked
// before anything else is opened.
std::vector<int> inherited_descriptors();

// How the command ended.
struct Ending {
  int status = 0;  // as a shell shows it: the exit status, or 128 + the signal's number
  bool killed_by_signal = false;
};

// The number (SYS_...) of the system call in which the thread `tid` waits; a thread that is about to wait is waited
// for, some milliseconds. Nothing: not known. Calls of other ABIs than ours have other numbers.
std::optional<long> system_call_of(pid_t tid);

// Opens /dev/null for each of the descriptors 0, 1 and 2 that is closed. First thing in main(): whatever is opened
// before could become "standard output". Fault: /dev/null cannot be opened.
Outcome<> fill_standard_descriptors();

// A process in new namespaces that waits to be let in.
//
// Environment, umask, resource limits, signal dispositions and the descriptors 0, 1 and 2 of the command are those of
// the caller at spawn(); so a caller that wants SIGPIPE or others ignored for itself does that afterwards. Of the
// descriptors, a file opened for reading cannot be changed by the command, and a directory is a Fault: see handed_in.h.
//
// Threads: spawn() comes before the caller has any: it forks, and blocks in the calling thread (so in all threads that
// are started later) SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP, SIGWINCH and SIGTTOU, which
// enter() and wait() handle from then on. The destructor undoes that. enter(), wait() and the destructor belong to the
// thread that called spawn() (the kernel ends the box when that thread ends); bind() may be called from any other.
//
// The box's processes may wait for the root's server when they are killed. So the server goes on until wait() or the
// destructor is through, or is already gone for good.
class Child {
 public:
  // Needs CAP_SYS_ADMIN. Nothing of the command has run yet.
  static Outcome<Child> spawn(const Plan& plan);
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  ~Child();  // as end(), where that was not called

  // Ends everything in the box that still lives, and waits for it, at most 10 s. Afterwards nothing holds the root any
  // more, and all but bind() and unbind() may still be asked. Harmless after wait(), and twice.
  void end();

  // Makes `root`, a detached mount whose server is already running, the child's root and starts the command.
  // Comes back when the command was executed, or with the Fault that says why not (126 and 127 as in env(1)).
  // SIGINT, SIGTERM, SIGHUP and SIGQUIT that come before that end the attempt.
  Outcome<> enter(Fd root);

  // Waits for the command; meanwhile passes signals on. When the command has ended, so has everything else in the box.
  //
  // A signal sent to the caller by kill(2) goes to the command; one from the terminal goes to the command's process
  // group. If the command may use the terminal, Ctrl-C and Ctrl-Z reach it without us; when it stops, the caller's
  // process group stops too, for the shell to see; when it dies of Ctrl-C or Ctrl-\, the caller's process group (a
  // script around us) gets that signal as it would have without a box, and the caller itself survives it.
  Outcome<Ending> wait();

  // Mounts `source`, a detached mount of one file that is no directory (clone_file()), over the file `path` of the box:
  // absolute, canonical (a symlink in it is refused), existing. For objects that a mirror cannot pass on, such as the
  // other end of a FIFO or a socket. The path is walked through the box's root: never call this from a thread that
  // serves it. While it is covered, unlink and rename of `path` inside give EBUSY (see unbind()). Fault: no such path,
  // or not done within `patience`; then it may still happen later. From enter() on, until wait() is through.
  Outcome<> bind(Fd source, const std::string& path,
                 std::chrono::milliseconds patience = std::chrono::milliseconds(5000));

  // Takes off again what bind() mounted on `path`; who has it open keeps it. Threads and failures as for bind().
  Outcome<> unbind(const std::string& path, std::chrono::milliseconds patience = std::chrono::milliseconds(5000));

  // Processes as the caller's pid namespace numbers them, so that their requests can be told from the command's: the
  // init while it builds the root, and the mounter.
  pid_t pid() const;
  pid_t mounter_pid() const;

 private:
  struct State;
  explicit Child(State* state);
  State* state_;
};

// A new tmpfs that no mount namespace shows (mode 1777): what the box gets as its own /tmp.
Outcome<Fd> create_private_tmp();

// A detached mount of the one file that `file` (also O_PATH) stands for, for Child::bind.
Outcome<Fd> clone_file(int file);

}  // namespace fusebox::box
