#include "cli/box_argument.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/clock.h"
#include "base/utf8.h"
#include "cli/policy_options.h"

namespace fusebox::cli {
namespace {

constexpr std::int64_t kInterval = 100'000'000;  // ns
constexpr std::size_t kLine = 100;               // bytes of a path

// "/a/./b/../c" is "a/c".
std::string without_dots(std::string_view path) {
  std::string plain;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (name == "..") {
      plain = review::parent_of(plain);
    } else if (!name.empty() && name != ".") {
      plain = review::join(plain, name);
    }
  }
  return plain;
}

}  // namespace

Outcome<ReviewedBox> ReviewedBox::open(const std::string& name) {
  auto box = review::Box::open(name);
  if (!box) return std::unexpected(box.error());
  Fd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return std::unexpected(fault_with_errno("open /"));
  return ReviewedBox(*std::move(box), review::Tree(std::move(root)));
}

review::Layers ReviewedBox::layers() const {
  return {.upper = box_.upper(),
          .host = host_,
          .space = box_.description().space,
          .created = box_.description().created_at,
          .interrupted = box_.word_of_apply().has_value()};
}

Outcome<std::vector<review::Change>> ReviewedBox::scan(review::Thoroughness thoroughness,
                                                       const review::Progress& progress) const {
  return review::scan(layers(), thoroughness, progress);
}

Outcome<review::Selection> selection_of(const std::vector<std::string>& paths) {
  review::Selection selection;
  for (const std::string& path : paths) {
    std::string whole = path;
    if (!path.starts_with('/')) {
      auto directory = working_directory();
      if (!directory) return std::unexpected(directory.error());
      whole = *directory + "/" + path;
    }
    selection.paths.push_back(without_dots(whole));
  }
  return selection;
}

ProgressLine::ProgressLine(std::string verb)
    : verb_(std::move(verb)), is_terminal_(::isatty(STDERR_FILENO) == 1), last_(monotonic_now()) {}

ProgressLine::~ProgressLine() {
  if (is_shown_) std::fputs("\r\x1b[K", stderr);
}

review::Progress ProgressLine::progress() {
  return [this](std::string_view path) { show(path); };
}

void ProgressLine::show(std::string_view path) {
  ++count_;
  if (!is_terminal_) return;
  const std::int64_t now = monotonic_now_coarse();
  if (now - last_ < kInterval) return;
  last_ = now;
  is_shown_ = true;
  std::string text = printable(path);
  if (text.size() > kLine) {
    text.erase(0, text.size() - kLine);
    while (!text.empty() && utf8_length(text) == 0) text.erase(0, 1);
  }
  const std::string line = fmt::format("\r\x1b[K{} {} /{}", verb_, count_, text);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

Outcome<> show(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return {};
  if (errno == EPIPE) return {};
  return std::unexpected(fault_with_errno("standard output"));
}

}  // namespace fusebox::cli
