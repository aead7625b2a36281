#include <mruby.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/variable.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "ruby/bind.h"
#include "ruby/engine.h"
#include "ruby/modules.h"

namespace fusebox::ruby {
namespace {

// The strings of a Ruby array as exec(3) wants them.
class StringVector {
 public:
  // Anything but strings without NUL makes it invalid.
  explicit StringVector(mrb_value array) {
    for (mrb_int i = 0; i < RARRAY_LEN(array); ++i) {
      const mrb_value element = RARRAY_PTR(array)[i];
      if (!mrb_string_p(element) || view_of(element).contains('\0'))
        valid_ = false;
      else
        strings_.emplace_back(view_of(element));
    }
    for (std::string& string : strings_) pointers_.push_back(string.data());
    pointers_.push_back(nullptr);
  }

  bool valid() const { return valid_; }
  bool empty() const { return strings_.empty(); }
  char** data() { return pointers_.data(); }

 private:
  bool valid_ = true;
  std::vector<std::string> strings_;
  std::vector<char*> pointers_;
};

// The pid, or an errno below zero.
pid_t spawn(mrb_value arguments, mrb_value environment) {
  StringVector argv(arguments);
  StringVector env(environment);
  if (!argv.valid() || !env.valid() || argv.empty()) return -EINVAL;
  // A thread that serves a mount has all signals blocked; the child must have them as any program has.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  ::sigemptyset(&none);
  sigset_t all;
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, argv.data()[0], nullptr, &attributes, argv.data(), env.data());
  ::posix_spawnattr_destroy(&attributes);
  return failed != 0 ? -failed : pid;
}

// An errno.
int execute(mrb_value arguments, mrb_value environment) {
  StringVector argv(arguments);
  StringVector env(environment);
  if (!argv.valid() || !env.valid() || argv.empty()) return EINVAL;
  std::fflush(nullptr);
  ::execvpe(argv.data()[0], argv.data(), env.data());
  return errno;
}

mrb_value fusebox_spawn(mrb_state* mrb, mrb_value) {
  mrb_value arguments;
  mrb_value environment;
  mrb_get_args(mrb, "AA", &arguments, &environment);
  const pid_t pid = spawn(arguments, environment);
  if (pid < 0) raise_system_error(mrb, -pid, "system");
  return mrb_int_value(mrb, pid);
}

void must_be_alone(mrb_state* mrb, const char* what) {
  if (Engine::of(mrb).may_fork()) return;
  mrb_raisef(mrb, E_NOTIMP_ERROR, "%s: not while a file system is served (use system)", what);
}

mrb_value fusebox_exec(mrb_state* mrb, mrb_value) {
  mrb_value arguments;
  mrb_value environment;
  mrb_get_args(mrb, "AA", &arguments, &environment);
  must_be_alone(mrb, "exec");
  const int error = execute(arguments, environment);
  raise_system_error(mrb, error, "exec");
}

mrb_value fusebox_fork(mrb_state* mrb, mrb_value) {
  must_be_alone(mrb, "fork");
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) raise_system_error(mrb, errno, "fork");
  return mrb_int_value(mrb, pid);
}

mrb_value waitpid2(mrb_state* mrb, mrb_value) {
  mrb_int pid = -1;
  mrb_int flags = 0;
  mrb_get_args(mrb, "|ii", &pid, &flags);
  int status = 0;
  pid_t ended = 0;
  do {
    ended = ::waitpid(static_cast<pid_t>(pid), &status, static_cast<int>(flags));
  } while (ended < 0 && errno == EINTR);
  if (ended < 0) raise_system_error(mrb, errno, "waitpid");
  if (ended == 0) return mrb_nil_value();
  RClass* const of = mrb_class_get_under(mrb, mrb_module_get(mrb, "Process"), "Status");
  const std::array<mrb_value, 2> how = {mrb_int_value(mrb, ended), mrb_int_value(mrb, status)};
  const mrb_value told = mrb_obj_new(mrb, of, how.size(), how.data());
  mrb_gv_set(mrb, mrb_intern_cstr(mrb, "$?"), told);
  return mrb_assoc_new(mrb, how[0], told);
}

mrb_value fusebox_kill(mrb_state* mrb, mrb_value) {
  mrb_int signal = 0;
  mrb_int pid = 0;
  mrb_get_args(mrb, "ii", &signal, &pid);
  if (::kill(static_cast<pid_t>(pid), static_cast<int>(signal)) != 0) raise_system_error(mrb, errno, "kill");
  return mrb_int_value(mrb, 1);
}

mrb_value signal_number(mrb_state* mrb, mrb_value) {
  const char* name = nullptr;
  mrb_get_args(mrb, "z", &name);
  for (int signal = 1; signal < SIGRTMIN; ++signal) {
    const char* const abbreviation = ::sigabbrev_np(signal);
    if (abbreviation != nullptr && std::string_view(abbreviation) == name) return mrb_int_value(mrb, signal);
  }
  return mrb_nil_value();
}

mrb_value signal_name(mrb_state* mrb, mrb_value) {
  mrb_int signal = 0;
  mrb_get_args(mrb, "i", &signal);
  const char* const name = ::sigabbrev_np(static_cast<int>(signal));
  return name != nullptr ? to_ruby(mrb, name) : mrb_nil_value();
}

mrb_value pid(mrb_state* mrb, mrb_value) { return mrb_int_value(mrb, ::getpid()); }
mrb_value ppid(mrb_state* mrb, mrb_value) { return mrb_int_value(mrb, ::getppid()); }
mrb_value uid(mrb_state* mrb, mrb_value) { return mrb_int_value(mrb, ::getuid()); }
mrb_value gid(mrb_state* mrb, mrb_value) { return mrb_int_value(mrb, ::getgid()); }

mrb_value fusebox_sleep(mrb_state* mrb, mrb_value) {
  mrb_float seconds = 0;
  mrb_get_args(mrb, "f", &seconds);
  if (!(seconds >= 0)) mrb_raise(mrb, E_ARGUMENT_ERROR, "time interval must not be negative");
  timespec left{};
  left.tv_sec = static_cast<time_t>(std::min(seconds, 1e9));
  left.tv_nsec = static_cast<long>((seconds - std::floor(seconds)) * 1e9);
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
  return mrb_nil_value();
}

mrb_value exit_now(mrb_state* mrb, mrb_value) {
  mrb_int status = 0;
  mrb_get_args(mrb, "i", &status);
  std::fflush(nullptr);
  ::_exit(static_cast<int>(status));
}

}  // namespace

// What prelude/process.rb and prelude/kernel.rb stand on.
void define_process(mrb_state* mrb) {
  RClass* const process = mrb_define_module(mrb, "Process");
  mrb_define_const(mrb, process, "WNOHANG", mrb_fixnum_value(WNOHANG));
  mrb_define_const(mrb, process, "WUNTRACED", mrb_fixnum_value(WUNTRACED));
  mrb_define_module_function(mrb, process, "pid", pid, MRB_ARGS_NONE());
  mrb_define_module_function(mrb, process, "ppid", ppid, MRB_ARGS_NONE());
  mrb_define_module_function(mrb, process, "uid", uid, MRB_ARGS_NONE());
  mrb_define_module_function(mrb, process, "gid", gid, MRB_ARGS_NONE());
  mrb_define_module_function(mrb, process, "waitpid2", waitpid2, MRB_ARGS_OPT(2));
  RClass* const own = fusebox_module(mrb);
  mrb_define_module_function(mrb, own, "fork", fusebox_fork, MRB_ARGS_NONE());
  mrb_define_module_function(mrb, own, "spawn", method_of<fusebox_spawn>, MRB_ARGS_REQ(2));
  mrb_define_module_function(mrb, own, "exec", method_of<fusebox_exec>, MRB_ARGS_REQ(2));
  mrb_define_module_function(mrb, own, "kill", fusebox_kill, MRB_ARGS_REQ(2));
  mrb_define_module_function(mrb, own, "signal_number", signal_number, MRB_ARGS_REQ(1));
  mrb_define_module_function(mrb, own, "signal_name", signal_name, MRB_ARGS_REQ(1));
  mrb_define_module_function(mrb, own, "sleep", fusebox_sleep, MRB_ARGS_REQ(1));
  mrb_define_module_function(mrb, own, "exit_now", exit_now, MRB_ARGS_REQ(1));
  mrb_gv_set(mrb, mrb_intern_cstr(mrb, "$$"), mrb_int_value(mrb, ::getpid()));
}

}  // namespace fusebox::ruby
