// Runs commands in boxes whose root is a clone of the host's, from a supervisor process of their own: spawn() changes
// signal masks, and some tests kill the supervisor.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "box/box.h"
#include "box/capabilities.h"
#include "fusebox/fd.h"

#define SKIP_WITHOUT_ROOT() \
  if (!fusebox::box::has_capability(CAP_SYS_ADMIN)) GTEST_SKIP() << "needs CAP_SYS_ADMIN to make namespaces"

namespace fusebox::box {

// Seconds until a test's supervisor is killed by SIGALRM, and its box with it.
inline constexpr unsigned kTestLimit = 60;

inline Fd clone_of_host_root() {
  return Fd(open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | AT_RECURSIVE | OPEN_TREE_CLOEXEC));
}

// What became of a box, as told by its supervisor.
struct Told {
  std::string output;  // the command's stdout and stderr
  std::string fault;   // empty: the command ran
  int code = -1;       // the Fault's, or the Ending's status
  bool killed = false;
};

inline Plan shell(const std::string& script) { return {.command = {"sh", "-c", script}, .directory = "/"}; }

inline std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t length = read(fd, buffer.data(), buffer.size());
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(length));
  }
}

inline std::pair<Fd, Fd> pipe_pair() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
  return {Fd(ends[0]), Fd(ends[1])};
}

// The supervisor's life: makes a box, calls `meanwhile` when the command runs, writes how it ended to `report`.
inline void supervise(const Plan& plan, int report, const std::function<void(Child&)>& meanwhile = {}) {
  const auto fault = [&](const Fault& reason) {
    dprintf(report, "fault %d %s", static_cast<int>(reason.code), reason.line().c_str());
  };
  auto child = Child::spawn(plan);
  if (!child) return fault(child.error());
  if (auto entered = child->enter(clone_of_host_root()); !entered) return fault(entered.error());
  if (meanwhile) meanwhile(*child);
  const auto ending = child->wait();
  if (!ending) return fault(ending.error());
  dprintf(report, "ended %d %d", ending->status, ending->killed_by_signal ? 1 : 0);
}

inline Told parse_report(const std::string& report, std::string output) {
  Told told{.output = std::move(output), .fault = {}};
  std::istringstream words(report);
  std::string kind;
  words >> kind >> told.code;
  if (kind == "ended") {
    words >> told.killed;
  } else {
    std::getline(words >> std::ws, told.fault);
    if (told.fault.empty()) told.fault = "no report";
  }
  return told;
}

// Runs `plan` in a box to its end. `prepare` runs in the supervisor before anything else.
inline Told run_box(const Plan& plan, const std::function<void(Child&)>& meanwhile = {},
                    const std::function<void()>& prepare = {}) {
  auto [output, output_in] = pipe_pair();
  auto [report, report_in] = pipe_pair();
  const pid_t supervisor = fork();
  if (supervisor == 0) {
    alarm(kTestLimit);
    const Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
    dup2(null.get(), STDIN_FILENO);
    dup2(output_in.get(), STDOUT_FILENO);
    dup2(output_in.get(), STDERR_FILENO);
    output_in.reset();
    if (prepare) prepare();
    supervise(plan, report_in.get(), meanwhile);
    _exit(0);
  }
  output_in.reset();
  report_in.reset();
  std::string text = read_all(output.get());
  std::string told = read_all(report.get());
  waitpid(supervisor, nullptr, 0);
  return parse_report(told, std::move(text));
}

// The output of a script in a box, without its last line break; the test fails if it did not end with 0.
inline std::string output_of(const std::string& script) {
  Told told = run_box(shell(script));
  EXPECT_EQ(told.fault, "");
  EXPECT_EQ(told.code, 0) << told.output;
  while (told.output.ends_with('\n')) told.output.pop_back();
  return told.output;
}

inline std::string file_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace fusebox::box
