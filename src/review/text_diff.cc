#include "review/text_diff.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

namespace fusebox::review {
namespace {

// Not by PATH: this runs as root, in whatever directory.
constexpr const char* kDiff = "/usr/bin/diff";
constexpr int kOld = 10;
constexpr int kNew = 11;

bool is_regular(const std::optional<Status>& status) { return status && status->is_regular(); }

Result<Fd> open_side(const Tree& tree, std::string_view path, bool exists) {
  if (exists) return tree.open_file(path);
  Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!nothing) return fail_with_errno();
  return nothing;
}

class FileActions {
 public:
  FileActions() { ::posix_spawn_file_actions_init(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }

  void give(int fd, int as) { ::posix_spawn_file_actions_adddup2(&actions_, fd, as); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// Above those that the program gets them as, so that none is overwritten before it is handed on.
Result<Fd> moved_up(const Fd& fd) {
  Fd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kNew + 1));
  if (!moved) return fail_with_errno();
  return moved;
}

Outcome<pid_t> start(const Fd& old_file, const Fd& new_file, const Fd& output, const Change& change) {
  FileActions actions;
  std::array<Result<Fd>, 3> moved = {moved_up(old_file), moved_up(new_file), moved_up(output)};
  constexpr std::array<int, 3> kAs = {kOld, kNew, STDOUT_FILENO};
  for (std::size_t i = 0; i < moved.size(); ++i) {
    if (!moved[i]) return std::unexpected(fault_at(change.path, moved[i].error()));
    actions.give(moved[i]->get(), kAs[i]);
  }
  std::string old_label = "--label=" + (change.host ? "host/" + printable(change.host_path) : "/dev/null");
  std::string new_label = "--label=" + (change.box ? "box/" + printable(change.path) : "/dev/null");
  std::array<std::string, 6> words = {"diff", "-u", old_label, new_label, "/proc/self/fd/10", "/proc/self/fd/11"};
  std::array<char*, 7> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  std::string locale = "LC_ALL=C";
  std::array<char*, 2> environment = {locale.data(), nullptr};
  pid_t child = 0;
  const int error = ::posix_spawn(&child, kDiff, actions.get(), nullptr, arguments.data(), environment.data());
  if (error != 0)
    return std::unexpected(Fault{.what = kDiff, .why = std::strerror(error), .remedy = "install diffutils"});
  return child;
}

}  // namespace

bool has_text(const Change& change) {
  if (change.kind == Kind::changed && !change.aspects.content) return false;
  return is_regular(change.box) || is_regular(change.host);
}

Outcome<> text_diff(const Layers& layers, const Change& change, const std::function<void(std::string_view)>& out) {
  const Result<Fd> old_file = open_side(layers.host, change.host_path, is_regular(change.host));
  if (!old_file) return std::unexpected(fault_at(change.host_path, old_file.error()));
  const Result<Fd> new_file = open_side(layers.upper, change.path, is_regular(change.box));
  if (!new_file) return std::unexpected(fault_at(change.path, new_file.error()));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return std::unexpected(fault_with_errno("pipe"));
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  const Outcome<pid_t> child = start(*old_file, *new_file, writing, change);
  if (!child) return std::unexpected(child.error());
  writing.reset();
  std::array<char, 64 * 1024> piece;
  for (;;) {
    const ssize_t count = ::read(reading.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    out({piece.data(), static_cast<std::size_t>(count)});
  }
  int status = 0;
  while (::waitpid(*child, &status, 0) < 0 && errno == EINTR) {
  }
  const bool compared = WIFEXITED(status) && WEXITSTATUS(status) <= 1;
  if (!compared) return std::unexpected(fault_at(change.path, "diff could not compare it"));
  return {};
}

}  // namespace fusebox::review
