// Puts a command into a box: new namespaces, the mirrored root by pivot_root, and a way to wait for its end.
//
// Knows nothing of FUSE, policy or audit: it is given a detached mount and a command.
#pragma once

#include <string>
#include <vector>

#include "base/fault.h"
#include "base/fd.h"

namespace fusebox::box {

enum class Network { host, none };

struct Plan {
  std::vector<std::string> command;  // argv; [0] is searched in PATH as execvp(3) does
  std::string directory;             // working directory inside: the caller's
  Network network = Network::host;
};

// How the command ended.
struct Ending {
  int status = 0;    // as a shell shows it: the exit status, or 128 + the signal's number
  bool killed_by_signal = false;
};

// A process in new namespaces that waits to be let in.  Spawn it before the supervisor starts any thread.
class Child {
 public:
  static Outcome<Child> spawn(const Plan& plan);
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  ~Child();  // ends everything in the box that still lives, and waits for it

  // Makes `root`, a detached mount whose server is already running, the child's root and starts the command.
  // Comes back when the command was executed, or with the Fault that says why not (126 and 127 as in env(1)).
  Outcome<> enter(Fd root);

  // Waits for the command; meanwhile passes signals on.  When the command has ended, so has everything else in the box.
  Outcome<Ending> wait();

  // A process of the box as the supervisor's pid namespace numbers it (its init).
  pid_t pid() const;

 private:
  struct State;
  explicit Child(State* state);
  State* state_;
};

// A new tmpfs that no mount namespace shows (mode 1777): what the box gets as its own /tmp.
Outcome<Fd> create_private_tmp();

}  // namespace fusebox::box
