// A temporary directory of the host, mirrored; the test is the caller.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "store/host_store.h"

namespace fusebox {

class TempDirectory {
 public:
  explicit TempDirectory(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string pattern = (parent / "fusebox-store-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
    // Callers other than root work here too.
    std::filesystem::permissions(path_, std::filesystem::perms{0777});
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline void write_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

inline void make_symlink(const std::string& target, const std::string& path) {
  EXPECT_EQ(::symlink(target.c_str(), path.c_str()), 0) << path;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline struct stat stat_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status;
}

struct Listed {
  std::uint64_t ino = 0;
  std::uint8_t type = 0;
  std::uint64_t next = 0;
  Entry entry;
};

// Takes everything, or as much as it has room for.
class ListSink final : public DirSink {
 public:
  explicit ListSink(bool with_entries, std::size_t room = static_cast<std::size_t>(-1))
      : with_entries_(with_entries), room_(room) {}

  bool wants_entries() const override { return with_entries_; }
  bool add(std::string_view name, std::uint64_t ino, std::uint8_t type, std::uint64_t next) override {
    return take(name, {.ino = ino, .type = type, .next = next, .entry = {}});
  }
  bool add(std::string_view name, Entry entry, std::uint64_t next) override {
    const auto type = static_cast<std::uint8_t>(IFTODT(entry.attr.mode));
    const std::uint64_t ino = entry.attr.ino;
    return take(name, {.ino = ino, .type = type, .next = next, .entry = std::move(entry)});
  }

  std::map<std::string, Listed, std::less<>> listed;
  std::vector<std::string> order;
  std::uint64_t last = 0;

 private:
  bool take(std::string_view name, Listed what) {
    if (order.size() == room_) return false;
    last = what.next;
    order.emplace_back(name);
    listed.emplace(name, std::move(what));
    return true;
  }

  bool with_entries_;
  std::size_t room_;
};

inline Name name_of(const std::string& text) {
  const Result<Name> name = Name::parse(text);
  EXPECT_TRUE(name.has_value()) << text;
  return *name;
}

class HostStoreTest : public testing::Test {
 protected:
  HostStoreTest() = default;
  explicit HostStoreTest(const std::filesystem::path& parent) : host(parent) {}

  void SetUp() override { open_store({}); }

  void open_store(HostStoreOptions options) {
    auto made =
        HostStore::create(Fd(::open(host.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)), std::move(options));
    ASSERT_TRUE(made.has_value()) << made.error().line();
    store = *std::move(made);
  }

  Ref<Node> root() { return store->root(); }

  Result<Entry> look_up(const Ref<Node>& directory, const std::string& name) {
    return directory->lookup(request, name_of(name)).run();
  }
  Result<Entry> walk(std::string_view path) {
    Entry entry{.node = root(), .attr = {}, .valid_for = {}};
    std::istringstream parts{std::string(path)};
    for (std::string part; std::getline(parts, part, '/');) {
      Result<Entry> next = look_up(entry.node, part);
      if (!next) return next;
      if (next->node == nullptr) return fail(Errno::no_entry);
      entry = *std::move(next);
    }
    return entry;
  }
  Ref<Node> node(std::string_view path) {
    const Result<Entry> entry = walk(path);
    EXPECT_TRUE(entry.has_value()) << path;
    return entry ? entry->node : nullptr;
  }
  Result<Attr> attributes(const Ref<Node>& of, Ref<Handle> open = nullptr) {
    return of->getattr(request, std::move(open)).run();
  }
  std::string read_all(const Ref<Handle>& handle, std::uint64_t offset = 0) {
    std::string text(1 << 16, '\0');
    const auto count = handle->read(request, offset, std::as_writable_bytes(std::span(text))).run();
    EXPECT_TRUE(count.has_value());
    text.resize(count.value_or(0));
    return text;
  }
  Result<std::size_t> write_all(const Ref<Handle>& handle, std::uint64_t offset, std::string_view text) {
    return handle->write(request, offset, std::as_bytes(std::span(text))).run();
  }
  std::string contents(std::string_view path) {
    const Result<Opened> opened = node(path)->open(request, O_RDONLY).run();
    EXPECT_TRUE(opened.has_value()) << path;
    return opened ? read_all(opened->handle) : "";
  }
  std::map<std::string, Listed, std::less<>> list(const Ref<Node>& directory, bool with_entries) {
    const Result<Opened> opened = directory->opendir(request).run();
    EXPECT_TRUE(opened.has_value());
    ListSink sink(with_entries);
    EXPECT_TRUE(opened->handle->readdir(request, 0, sink).run().has_value());
    return std::move(sink.listed);
  }

  TempDirectory host;
  std::unique_ptr<HostStore> store;
  Request request;
};

#define SKIP_WITHOUT_ROOT() \
  if (::geteuid() != 0) GTEST_SKIP() << "needs root"

}  // namespace fusebox
