// The supervisor's controlling terminal, and whose turn it is to use it.
//
// The command has a process group of its own: in the supervisor's, a kill(0, SIGKILL) in the box would end the
// supervisor, for process groups know no pid namespaces. So the supervisor hands the terminal over, as a shell does to
// a job.
#pragma once

#include <termios.h>

#include <optional>

#include "fusebox/fd.h"

namespace fusebox::box {

class Terminal {
 public:
  // The calling process's; without one every question is answered with no, and every action does nothing.
  static Terminal open();

  int fd() const { return fd_.get(); }  // -1: none

  // Is the process group of the caller the one that the terminal listens to?
  bool is_ours() const;

  // Should the command have the terminal from the start? In a pipeline (`fusebox run -- make | less`) others of our
  // group need it too; there the command gets it when it first asks, that is when SIGTTIN or SIGTTOU stops it.
  bool is_for_the_command() const;

  // Takes the terminal back from a box that is gone, unless another process group outside has it now. With
  // `restore_modes` also the modes it had at open(): for a command that a signal killed before it could.
  void take_back(bool restore_modes) const;

 private:
  Fd fd_;
  std::optional<termios> modes_;
};

// For the box's init: makes `group` the foreground process group of `terminal`. The caller has SIGTTOU blocked.
void give_terminal(int terminal, pid_t group);

}  // namespace fusebox::box
