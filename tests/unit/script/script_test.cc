#include "script/script.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <mruby.h>
#include <mruby/string.h>

#include <array>
#include <string>

#include "unit/script/scripted.h"

namespace fusebox::script {
namespace {

const std::string kTree = R"(
Stat = Struct.new(:st_mode, :st_nlink, :st_size)
class Node
  def initialize(path) @path = path end
  def on_getattr
    return Stat.new(FUSE::S_IFDIR | 0755, 2) if @path == "/" || @path.start_with?("/d")
    Stat.new(FUSE::S_IFREG | 0644, 1, 4) unless @path.include?("missing")
  end
end
)";

Name name(const char* text) { return *Name::parse(text); }

class NoDirSink final : public DirSink {
 public:
  bool wants_entries() const override { return false; }
  bool add(std::string_view, std::uint64_t, std::uint8_t, std::uint64_t) override { return true; }
  bool add(std::string_view, Entry, std::uint64_t) override { return true; }
};

// Each operation of a node and of its children, so that every hook is called; what fails, fails.
void do_everything(Scripted& scripted) {
  const Request& request = scripted.request;
  const Ref<Node> root = scripted.root;
  std::array<std::byte, 64> buffer{};
  NoDirSink sink;
  static_cast<void>(root->getattr(request, nullptr).run());
  static_cast<void>(root->lookup(request, name("f")).run());
  if (const auto opened = root->opendir(request).run())
    static_cast<void>(opened->handle->readdir(request, 0, sink).run());
  static_cast<void>(root->open(request, O_TRUNC).run());
  static_cast<void>(root->read(request, 1, buffer).run());
  static_cast<void>(root->write(request, 0, buffer).run());
  static_cast<void>(root->fsync(request, true).run());
  static_cast<void>(root->readlink(request).run());
  const SetTime now{.now = true};
  static_cast<void>(root->setattr(request, {.mode = 0700, .uid = 1, .size = 9, .atime = now}, nullptr).run());
  static_cast<void>(root->create(request, name("new"), {.mode = S_IFREG | 0644, .umask = 022}, O_RDWR).run());
  static_cast<void>(root->mkdir(request, name("dir"), {.mode = 0755, .umask = 022}).run());
  static_cast<void>(root->symlink(request, name("link"), "target").run());
  static_cast<void>(root->link(request, root, name("hard")).run());
  static_cast<void>(root->rename(request, name("new"), root, name("newer"), 0).run());
  static_cast<void>(root->unlink(request, name("newer")).run());
  static_cast<void>(root->rmdir(request, name("dir")).run());
  static_cast<void>(root->getxattr(request, "user.x", buffer).run());
  static_cast<void>(root->setxattr(request, "user.x", buffer, 0).run());
  static_cast<void>(root->listxattr(request, buffer).run());
  static_cast<void>(root->removexattr(request, "user.x").run());
  static_cast<void>(root->statfs(request).run());
}

TEST(Script, ReturnValuesOfEveryTypeAndSizeForEveryHookDoNoHarm) {
  constexpr std::array kValues = {"nil",
                                  "true",
                                  "false",
                                  "0",
                                  "1",
                                  "-1",
                                  "-4095",
                                  "-4096",
                                  "2**62",
                                  "-(2**62)",
                                  "1.5",
                                  "0.0 / 0.0",
                                  "1.0 / 0.0",
                                  "1r",
                                  "1i",
                                  ":symbol",
                                  "''",
                                  "'x'",
                                  "'x' * 1_000_000",
                                  "\"a\\0b\"",
                                  "\"\\xff\\xfe\"",
                                  "[]",
                                  "[nil]",
                                  "[nil, nil]",
                                  "['x']",
                                  "['x', 1]",
                                  "['x', -1]",
                                  "['x', 2**62]",
                                  "['x', nil]",
                                  "['x' * 1_000_000, 1_000_000]",
                                  "[1, 'x']",
                                  "['x', 1, 2]",
                                  "['a', 'b']",
                                  "['a/b', 'c']",
                                  "['', '.']",
                                  "[\"a\\0\"]",
                                  "['x' * 256]",
                                  "['.', '..']",
                                  "(0..100_000).map { |i| \"name#{i}\" }",
                                  "[[]]",
                                  "{}",
                                  "{ st_mode: 0100644 }",
                                  "{ st_mode: 'x' }",
                                  "{ st_mode: -1 }",
                                  "{ st_mode: 0100644, st_size: -1 }",
                                  "{ st_mode: 0100644, st_size: 2**62, st_ino: 2**62, st_nlink: 2**62 }",
                                  "{ st_mode: 0100644, st_mtime: -1, st_atime: 2**62, st_ctime: -(2**62) }",
                                  "{ st_mode: 0100644, st_mtime: 'x' }",
                                  "{ st_mode: 0100644, st_mtime: Time.now, st_valid: 0.0 / 0.0 }",
                                  "{ st_mode: 0100644, st_valid: 1e300 }",
                                  "{ f_bsize: 'x' }",
                                  "{ f_blocks: -1 }",
                                  "{ f_bsize: 2**62 }",
                                  "{ f_namelen: 255 }",
                                  "Object",
                                  "Object.new",
                                  "BasicObject.new",
                                  "Class",
                                  "FUSE",
                                  "Node",
                                  "self",
                                  "proc { }",
                                  "1..2",
                                  "Struct.new(:st_mode).new(nil)",
                                  "Struct.new(:st_mode).new(0100644)",
                                  "Struct.new(:st_mode, :st_size).new(0100644, 'x')",
                                  "Evil.new",
                                  "Deep",
                                  "(raise 'x')",
                                  "(raise Errno::EPERM)",
                                  "(raise SystemCallError.new('x', 99999))",
                                  "(raise Evil.new)",
                                  "(raise Class.new(Exception))",
                                  "(throw 1)",
                                  "nope",
                                  "(exit 3)",
                                  "(raise NoMemoryError)",
                                  "Fiber.new { 1 }"};
  std::string text = kTree + R"(
class Evil < StandardError
  def st_mode() raise "st_mode" end
  def f_bsize() self end
  def inspect() raise "inspect" end
  def message() 1 end
  def backtrace() "x" end
end
Deep = []
1000.times { |i| Deep << (i == 0 ? [] : Deep.last) }
class Node
)";
  for (const char* hook : kHookNames) {
    text += "  def " + std::string(hook) + "(*) $hook == :" + hook + " ? $value.call : 0 end\n";
  }
  // What the others need to come to pass.
  text += "  def on_getattr() $hook == :on_getattr ? $value.call : Stat.new(FUSE::S_IFDIR | 0755, 1, 1) end\nend\n";
  Scripted scripted(text);
  for (const char* hook : kHookNames) {
    for (const char* value : kValues) {
      SCOPED_TRACE(std::string(hook) + " gives " + value);
      scripted.evaluate(std::string("$hook = :") + hook + "; $value = proc { " + value + " }");
      do_everything(scripted);
      for (const std::string& line : scripted.told()) EXPECT_EQ(line.find('\n'), std::string::npos);
    }
  }
  EXPECT_EQ(scripted.ended, 3);
}

TEST(Script, AMillionQuestionsTakeNoMemory) {
  Scripted scripted(kTree);
  const auto ask = [&scripted](int times) {
    for (int i = 0; i < times; ++i) {
      const std::string missing = "missing" + std::to_string(i);
      static_cast<void>(scripted.root->getattr(scripted.request, nullptr).run());
      static_cast<void>(scripted.root->lookup(scripted.request, name(missing.c_str())).run());
      static_cast<void>(scripted.root->lookup(scripted.request, name("there")).run());
    }
  };
  ask(1000);
  const std::size_t before = scripted.engine().memory().used();
  ask(100'000);
  EXPECT_LT(scripted.engine().memory().used(), before + (std::size_t{1} << 20));
}

TEST(Script, ANodeKeepsItsObjectUntilItIsForgottenOrChanged) {
  Scripted scripted(kTree + "class Node\n def on_truncate(size) 0 end\nend\n");
  const auto pool = [&scripted] {
    std::string text;
    EXPECT_TRUE(scripted.engine().protect([&text](mrb_state* mrb) {
      const mrb_value pool = mrb_funcall(mrb, mrb_obj_value(mrb_module_get(mrb, "FUSE")), "pool", 0);
      const mrb_value shown = mrb_funcall(mrb, mrb_funcall(mrb, pool, "keys", 0), "inspect", 0);
      text.assign(RSTRING_PTR(shown), static_cast<std::size_t>(RSTRING_LEN(shown)));
    }));
    return text;
  };
  const auto look_up = [&scripted](const char* what) {
    return scripted.root->lookup(scripted.request, name(what)).run();
  };
  {
    const auto kept = look_up("a");
    const auto changed = look_up("b");
    EXPECT_TRUE(changed->node->setattr(scripted.request, {.size = 1}, nullptr).run());
    EXPECT_FALSE(look_up("missing"));
    EXPECT_EQ(pool(), R"(["/a", "/b"])");
  }
  EXPECT_TRUE(scripted.root->getattr(scripted.request, nullptr).run());
  EXPECT_EQ(pool(), R"(["/b", "/"])");
}

TEST(Script, AnObjectIsMadeAfreshAfterItsNameWasMovedAndGoesWithTheName) {
  Scripted scripted(kTree +
                    "class Node\n def on_rename(to) 0 end\n def on_unlink() 0 end\n"
                    " def on_read_all() [@path, @path.size] end\nend\n");
  const auto path_of = [&scripted](const Ref<Node>& node) {
    std::array<std::byte, 64> text{};
    const auto size = node->read(scripted.request, 0, text).run();
    return size ? std::string(reinterpret_cast<const char*>(text.data()), *size) : "none";
  };
  const auto directory = scripted.root->lookup(scripted.request, name("d")).run()->node;
  const auto file = directory->lookup(scripted.request, name("f")).run()->node;
  EXPECT_EQ(path_of(file), "/d/f");
  EXPECT_TRUE(scripted.root->rename(scripted.request, name("d"), scripted.root, name("d2"), 0).run());
  EXPECT_EQ(path_of(file), "/d2/f");
  EXPECT_EQ(scripted.root->lookup(scripted.request, name("d2")).run()->node, directory);
  EXPECT_TRUE(directory->unlink(scripted.request, name("f")).run());
  EXPECT_EQ(path_of(file), "none");
  EXPECT_NE(directory->lookup(scripted.request, name("f")).run()->node, file);
}

}  // namespace
}  // namespace fusebox::script
