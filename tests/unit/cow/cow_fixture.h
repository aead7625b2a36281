// A temporary directory of the host and a box beside it, merged; the test is the caller.
#pragma once

#include <sys/xattr.h>

#include <memory>
#include <string>

#include "cow/cow_store.h"
#include "unit/store/store_fixture.h"

namespace fusebox {

class CowStoreTest : public testing::Test {
 protected:
  void SetUp() override { open_store(); }

  // A test fills `host` before; what is in the box stays from one store to the next.
  void open_store() {
    store.reset();
    auto made = make_store(Fd(::open(host.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)));
    ASSERT_TRUE(made.has_value()) << made.error().line();
    store = *std::move(made);
  }

  virtual Outcome<std::unique_ptr<CowStore>> make_store(Fd root) {
    return CowStore::create(std::move(root), open_box(), {});
  }
  Fd open_box() const { return Fd(::open(box.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }

  Ref<Node> root() { return store->root(); }
  std::string upper(const std::string& path) { return box / ("upper/" + path); }
  bool is_in_upper(const std::string& path) {
    struct stat status{};
    return ::lstat(upper(path).c_str(), &status) == 0;
  }
  bool is_whiteout_there(const std::string& path) {
    struct stat status{};
    return ::lstat(upper(path).c_str(), &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == 0;
  }

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
  bool is_there(std::string_view path) { return walk(path).has_value(); }
  Result<Attr> attributes(const Ref<Node>& of) { return of->getattr(request, nullptr).run(); }

  Ref<Handle> open(std::string_view path, int flags) {
    const Result<Opened> opened = node(path)->open(request, flags).run();
    EXPECT_TRUE(opened.has_value()) << path;
    return opened ? opened->handle : nullptr;
  }
  std::string read_all(const Ref<Handle>& handle) {
    std::string text(1 << 16, '\0');
    const auto count = handle->read(request, 0, std::as_writable_bytes(std::span(text))).run();
    EXPECT_TRUE(count.has_value());
    text.resize(count.value_or(0));
    return text;
  }
  std::string contents(std::string_view path) { return read_all(open(path, O_RDONLY)); }
  void write_to(std::string_view path, std::string_view text) {
    const Ref<Handle> file = open(path, O_WRONLY | O_TRUNC);
    EXPECT_TRUE(file->write(request, 0, std::as_bytes(std::span(text))).run().has_value());
  }
  void create(std::string_view directory, const std::string& name, std::string_view text) {
    const auto made = node(directory)
                          ->create(request, name_of(name), {.mode = S_IFREG | 0644, .umask = 022}, O_WRONLY | O_EXCL)
                          .run();
    ASSERT_TRUE(made.has_value()) << name;
    EXPECT_TRUE(made->opened.handle->write(request, 0, std::as_bytes(std::span(text))).run().has_value());
  }
  Result<> unlink(std::string_view directory, const std::string& name) {
    return node(directory)->unlink(request, name_of(name)).run();
  }
  Result<> rename(std::string_view from, const std::string& name, std::string_view to, const std::string& new_name,
                  unsigned flags = 0) {
    return node(from)->rename(request, name_of(name), node(to), name_of(new_name), flags).run();
  }
  Result<Attr> change(std::string_view path, SetAttr what) { return node(path)->setattr(request, what, nullptr).run(); }
  std::vector<std::string> names(std::string_view path, bool with_entries = false) {
    const Result<Opened> opened = node(path)->opendir(request).run();
    EXPECT_TRUE(opened.has_value());
    ListSink sink(with_entries);
    EXPECT_TRUE(opened->handle->readdir(request, 0, sink).run().has_value());
    std::erase_if(sink.order, [](const std::string& name) { return name == "." || name == ".."; });
    std::ranges::sort(sink.order);
    return sink.order;
  }

  TempDirectory host{"/var/tmp"};
  TempDirectory box{"/var/tmp"};
  std::unique_ptr<CowStore> store;
  Request request;
};

}  // namespace fusebox
