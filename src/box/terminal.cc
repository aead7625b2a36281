#include "box/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

namespace fusebox::box {

Terminal Terminal::open() {
  Terminal terminal;
  terminal.fd_ = Fd(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  termios modes{};
  if (terminal.fd_ && terminal.is_ours() && tcgetattr(terminal.fd_.get(), &modes) == 0) terminal.modes_ = modes;
  return terminal;
}

bool Terminal::is_ours() const { return fd_ && tcgetpgrp(fd_.get()) == getpgrp(); }

bool Terminal::is_for_the_command() const {
  // tcgetpgrp fails for a terminal that is not the controlling one.
  return is_ours() && tcgetpgrp(STDIN_FILENO) == getpgrp() && tcgetpgrp(STDOUT_FILENO) == getpgrp();
}

void Terminal::take_back(bool restore_modes) const {
  if (!fd_) return;
  const pid_t owner = tcgetpgrp(fd_.get());
  if (owner <= 0) return;
  // A group without processes is what the box left behind.
  if (owner != getpgrp() && kill(-owner, 0) != 0 && errno == ESRCH) tcsetpgrp(fd_.get(), getpgrp());
  if (restore_modes && modes_ && is_ours()) tcsetattr(fd_.get(), TCSADRAIN, &*modes_);
}

void give_terminal(int terminal, pid_t group) {
  if (terminal >= 0) tcsetpgrp(terminal, group);
}

}  // namespace fusebox::box
