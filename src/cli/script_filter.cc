#include "cli/script_filter.h"

#ifdef FUSEBOX_SCRIPT

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "fusebox/fd.h"
#include "ruby/engine.h"
#include "ruby_seccomp/seccomp_module.h"
#include "seccomp/oci_read.h"
#include "seccomp/oci_write.h"

namespace fusebox::cli {
namespace {

// An interpreter that has run the script. Its messages are Ruby's: "x.rb:3: message (Class)".
struct Script {
  std::unique_ptr<ruby::Engine> engine;
  ruby::Ran<> ran;
};

Outcome<Script> run_script(const std::string& file, const std::vector<std::string>& arguments,
                           const ruby_seccomp::HandOver* hand_over) {
  auto engine = ruby::Engine::create({.program_name = file, .arguments = arguments});
  if (!engine) return std::unexpected(engine.error());
  if (const auto defined = ruby_seccomp::define_seccomp(**engine, hand_over); !defined) {
    return std::unexpected(Fault{.what = "start Ruby", .why = defined.error().line, .remedy = {}});
  }
  Script script{.engine = *std::move(engine), .ran = {}};
  script.ran = script.engine->load(file);
  return script;
}

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno != EINTR) return;
    if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
  }
}

// What comes over the pipe: a word and the rest.
constexpr char kProfile = 'p';
constexpr char kFault = 'f';

// In the process that is only to find out.  What the script prints is not what the caller's standard output is for.
[[noreturn]] void tell_profile(const std::string& file, const std::vector<std::string>& arguments, int pipe) {
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  const ruby_seccomp::HandOver hand_over = [pipe](const seccomp::Profile& profile) {
    write_all(pipe, kProfile + seccomp::write_oci(profile));
    std::fflush(nullptr);
    ::_exit(0);
  };
  std::string why = "it makes no filter";
  auto script = run_script(file, arguments, &hand_over);
  if (!script) {
    why = script.error().line();
  } else if (script->ran || script->ran.error().exit_status) {
    (void)ruby_seccomp::hand_over_last(*script->engine);
  } else {
    why = script->ran.error().line;
  }
  write_all(pipe, kFault + why);
  std::fflush(nullptr);
  ::_exit(0);
}

std::string read_all(const Fd& pipe) {
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t count = ::read(pipe.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

Outcome<seccomp::Profile> profile_told(const std::string& file, const std::string& told) {
  if (told.empty() || told[0] != kProfile) {
    return std::unexpected(Fault{.what = file,
                                 .why = told.empty() ? "the script ended without a word" : told.substr(1),
                                 .remedy = {},
                                 .code = ExitCode::usage});
  }
  auto read = seccomp::read_oci(std::string_view(told).substr(1), file, seccomp::circumstances_here(0));
  if (!read) return std::unexpected(read.error());
  return std::move(read->profile);
}

}  // namespace

Outcome<int> run_filter_script(const std::string& file, const std::vector<std::string>& arguments) {
  auto script = run_script(file, arguments, nullptr);
  if (!script) return std::unexpected(script.error());
  if (script->ran) script->ran = ruby_seccomp::run_pending_blocks(*script->engine);
  if (script->ran) return 0;
  if (script->ran.error().exit_status) return *script->ran.error().exit_status;
  const std::string line = script->ran.error().line + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  return 1;
}

Outcome<seccomp::Profile> profile_of_script(const std::string& file, const std::vector<std::string>& arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(fault_with_errno("make a pipe"));
  const Fd reads(ends[0]);
  Fd writes(ends[1]);
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(fault_with_errno("run " + file));
  if (pid == 0) tell_profile(file, arguments, writes.get());
  writes.reset();
  const std::string told = read_all(reads);
  ::waitpid(pid, nullptr, 0);
  return profile_told(file, told);
}

}  // namespace fusebox::cli

#else

namespace fusebox::cli {
namespace {

std::unexpected<Fault> no_ruby(const std::string& file) {
  return std::unexpected(Fault{.what = file,
                               .why = "this fusebox was built without scripting",
                               .remedy = "build it with -DFUSEBOX_SCRIPT=ON, or give a profile in JSON",
                               .code = ExitCode::usage});
}

}  // namespace

Outcome<int> run_filter_script(const std::string& file, const std::vector<std::string>&) { return no_ruby(file); }

Outcome<seccomp::Profile> profile_of_script(const std::string& file, const std::vector<std::string>&) {
  return no_ruby(file);
}

}  // namespace fusebox::cli

#endif
