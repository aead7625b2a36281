#include "tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#include "fusebox/fd.h"

namespace fusebox::model {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;

std::string time_text(const timespec& time, Times times) {
  if (times == Times::all || time.tv_sec < kSetTimesEnd) return fmt::format("{}.{:09}", time.tv_sec, time.tv_nsec);
  return "recent";
}

class Hash {
 public:
  void add(const char* bytes, std::size_t length) {
    for (; length >= 8; bytes += 8, length -= 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes, 8);
      mix(word);
    }
    for (; length > 0; ++bytes, --length) mix(static_cast<unsigned char>(*bytes));
  }
  std::string text() const { return fmt::format("{:016x}", value_); }

 private:
  void mix(std::uint64_t word) {
    value_ = (value_ ^ word) * 0x9E3779B97F4A7C15;
    value_ ^= value_ >> 29;
  }
  std::uint64_t value_ = 1;
};

std::string content_of(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return fmt::format("unreadable: {}", strerrorname_np(errno));
  static thread_local std::string buffer(kChunk, '\0');
  Hash hash;
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0) return fmt::format("unreadable: {}", strerrorname_np(errno));
    if (count == 0) return hash.text();
    hash.add(buffer.data(), static_cast<std::size_t>(count));
  }
}

std::string xattrs_of(const std::string& path) {
  std::array<char, 4096> list;
  const ssize_t length = ::llistxattr(path.c_str(), list.data(), list.size());
  if (length < 0) return fmt::format(" xattrs: {}", strerrorname_np(errno));
  std::vector<std::string> found;
  for (const char* name = list.data(); name < list.data() + length; name += std::strlen(name) + 1) {
    std::array<char, 8192> value;
    const ssize_t size = ::lgetxattr(path.c_str(), name, value.data(), value.size());
    const std::string shown = size < 0 ? strerrorname_np(errno) : hash_of({value.data(), static_cast<size_t>(size)});
    found.push_back(fmt::format(" {}={}", name, shown));
  }
  std::ranges::sort(found);
  std::string text;
  for (const std::string& one : found) text += one;
  return text;
}

std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return {fmt::format("(unreadable: {})", strerrorname_np(errno))};
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(directory);
  std::ranges::sort(names);
  return names;
}

using Visit = std::function<void(const std::string& path, const std::string& relative, const struct stat* status)>;

void walk(const std::string& top, const Visit& visit) {
  std::vector<std::string> waiting{"."};
  while (!waiting.empty()) {
    const std::string relative = waiting.back();
    waiting.pop_back();
    const std::string path = top + "/" + relative;
    struct stat status{};
    const bool is_there = ::lstat(path.c_str(), &status) == 0;
    visit(path, relative, is_there ? &status : nullptr);
    if (!is_there || !S_ISDIR(status.st_mode)) continue;
    std::vector<std::string> names = names_in(path);
    // The first name is taken from the back next.
    std::ranges::reverse(names);
    for (const std::string& name : names) waiting.push_back(relative + "/" + name);
  }
}

}  // namespace

std::string text_of(const struct stat& status, Times times) {
  std::string text =
      fmt::format("mode {:o} links {} owner {}:{}", status.st_mode, status.st_nlink, status.st_uid, status.st_gid);
  // What directories take up is the file system's affair.
  if (!S_ISDIR(status.st_mode)) text += fmt::format(" size {}", status.st_size);
  // Who writes to a FIFO sets its time natively; on a FUSE mount the kernel keeps that from the server and itself.
  if (S_ISFIFO(status.st_mode)) return text;
  if (times != Times::none) text += " mtime " + time_text(status.st_mtim, times);
  if (times == Times::all) text += " ctime " + time_text(status.st_ctim, times);
  return text;
}

std::string hash_of(const std::string& bytes) {
  Hash hash;
  hash.add(bytes.data(), bytes.size());
  return hash.text();
}

Tree tree_of(const std::string& top, Times times) {
  Tree tree;
  std::map<ino_t, std::string> first_name;
  walk(top, [&](const std::string& path, const std::string& relative, const struct stat* status) {
    if (status == nullptr) {
      tree[relative] = fmt::format("no status: {}", strerrorname_np(errno));
      return;
    }
    std::string text = text_of(*status, times) + xattrs_of(path);
    text += " first named " + first_name.try_emplace(status->st_ino, relative).first->second;
    if (S_ISREG(status->st_mode)) text += " content " + content_of(path);
    if (S_ISLNK(status->st_mode)) {
      std::array<char, PATH_MAX> target;
      const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
      text += " target " + std::string(target.data(), static_cast<std::size_t>(std::max(length, ssize_t{0})));
    }
    tree[relative] = text;
  });
  return tree;
}

std::string difference_of(const Tree& one, const Tree& other) {
  std::string text;
  int shown = 0;
  const auto differs = [&](const std::string& name, const std::string& here, const std::string& there) {
    if (shown++ < 10) text += fmt::format("  {}\n    {}\n    {}\n", name, here, there);
  };
  for (const auto& [name, here] : one) {
    const auto there = other.find(name);
    if (there == other.end()) {
      differs(name, here, "(not there)");
    } else if (here != there->second) {
      differs(name, here, there->second);
    }
  }
  for (const auto& [name, there] : other) {
    if (!one.contains(name)) differs(name, "(not there)", there);
  }
  return text;
}

void sync_files_of(const std::string& top) {
  walk(top, [](const std::string& path, const std::string&, const struct stat* status) {
    if (status == nullptr || !S_ISREG(status->st_mode)) return;
    const Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (file) ::fsync(file.get());
  });
}

}  // namespace fusebox::model
