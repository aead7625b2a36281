// What a session does about bad bytes, replies that nobody waits for, interrupts, and its own end.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "support/event.h"
#include "support/fake_kernel.h"
#include "support/memory_tree.h"

namespace fusebox::testing {
namespace {

using namespace std::chrono_literals;
using wire::Opcode;

RequestBytes getattr_of(std::uint64_t node) { return RequestBytes(Opcode::getattr, node).put(wire::GetattrIn{}); }

// ---------------------------------------------------------------------------------------------- bytes

TEST(Session, InitSettlesTheProtocol) {
  FakeKernel kernel(memory_tree());
  const auto out = kernel.init();
  ASSERT_TRUE(out);
  EXPECT_EQ(out->major, 7u);
  EXPECT_EQ(out->minor, 45u);
  EXPECT_EQ(out->max_write, 1u << 20);
  EXPECT_TRUE(kernel.session().negotiated().has(wire::kInitExt));
}

TEST(Session, AnInitOfSixteenBytesIsRefused) {
  FakeKernel kernel(memory_tree());
  EXPECT_EQ(kernel.call(RequestBytes(Opcode::init, 0).put_bytes(from_hex("07000000 16000000 00000200 fbff0300"))),
            fail(Errno{EPROTO}));
  EXPECT_EQ(kernel.session().negotiated().minor, 0u);
}

TEST(Session, AKernelOfALaterMajorSendsASecondInit) {
  FakeKernel kernel(memory_tree());
  wire::InitIn later = linux_6_18();
  later.major = 8;
  EXPECT_EQ(kernel.init(later)->major, 7u);
  EXPECT_EQ(kernel.init()->minor, 45u);
  EXPECT_TRUE(kernel.session().negotiated().has(wire::kInitExt));
}

TEST(Session, BytesThatAreNoRequestEndIt) {
  const Bytes whole = getattr_of(kRoot).finish(2, {});
  Bytes cut = whole;
  cut.pop_back();
  Bytes longer = whole;
  longer.push_back(std::byte{0});
  Bytes extended = whole;
  extended[36] = std::byte{0xff};  // more extensions than bytes
  for (const Bytes& bytes : {Bytes{}, Bytes(39), cut, longer, extended}) {
    FakeKernel kernel(memory_tree());
    EXPECT_FALSE(kernel.send_raw(bytes)) << bytes.size();
  }
}

TEST(Session, ArgumentsThatAreCutShortGiveAnErrorAndItGoesOn) {
  FakeKernel kernel(memory_tree());
  ASSERT_TRUE(kernel.init());
  constexpr std::uint32_t kTakeNone[] = {2, 5, 17, 36, 38, 41, 42};  // FORGET, READLINK, STATFS, ...
  for (std::uint32_t opcode = 1; opcode < wire::kOpcodeCount; ++opcode) {
    if (std::ranges::find(kTakeNone, opcode) != std::end(kTakeNone)) continue;
    for (const std::size_t length : {0u, 1u, 7u}) {
      const auto reply = kernel.call(RequestBytes(opcode, kRoot).put_bytes(Bytes(length, std::byte{'x'})));
      ASSERT_FALSE(reply) << opcode << " with " << length;
      EXPECT_TRUE(reply.error() == Errno::io || reply.error() == Errno::not_implemented ||
                  (opcode == 26 && reply.error() == Errno{EPROTO}))
          << opcode << " with " << length << ": " << static_cast<int>(reply.error());
    }
  }
  EXPECT_TRUE(kernel.getattr(kRoot));
}

TEST(Session, AWriteThatPromisesMoreDataThanItBringsIsRefused) {
  const auto root = memory_tree();
  root->add_file("a");
  FakeKernel kernel(root);
  const auto file = kernel.open(kernel.lookup(kRoot, "a")->nodeid, O_WRONLY);
  wire::WriteIn in{};
  in.fh = file->fh;
  in.size = 100;
  EXPECT_EQ(kernel.call(RequestBytes(Opcode::write, kRoot).put(in).put_bytes(Bytes(99))), fail(Errno::io));
  in.size = 0xffffffff;
  EXPECT_EQ(kernel.call(RequestBytes(Opcode::write, kRoot).put(in).put_bytes(Bytes(99))), fail(Errno::io));
}

TEST(Session, ANameThatNoFileCanHaveIsRefused) {
  FakeKernel kernel(memory_tree());
  EXPECT_EQ(kernel.lookup(kRoot, ".."), fail(Errno::invalid));
  EXPECT_EQ(kernel.lookup(kRoot, "a/b"), fail(Errno::invalid));
  EXPECT_EQ(kernel.lookup(kRoot, ""), fail(Errno::invalid));
  EXPECT_EQ(kernel.mkdir(kRoot, std::string(256, 'x')), fail(Errno::name_too_long));
}

TEST(Session, ReadsOfAnySizeStayWithinTheReply) {
  const auto root = memory_tree();
  root->add_file("a", std::string(2u << 20, 'x'));
  FakeKernel kernel(root, {.max_write = 4096});
  const auto file = kernel.open(kernel.lookup(kRoot, "a")->nodeid, O_RDONLY);
  const auto data = kernel.read(file->fh, 0, 0xffffffff);
  ASSERT_TRUE(data);
  EXPECT_GE(data->size(), 4096u);
  EXPECT_LE(data->size(), 4096u + 8192u);
}

// ---------------------------------------------------------------------------------------------- nodes that err

struct BoastfulHandle final : Handle {
  Task<std::size_t> read(const Request&, std::uint64_t, std::span<std::byte> into) override {
    co_return into.size() + 1;
  }
};

// Claims more than it was given room for, and finds nothing where it says it found something.
struct BoastfulNode final : Node {
  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr::directory(0755); }
  Task<Opened> open(const Request&, int) override { co_return Opened{.handle = make<BoastfulHandle>()}; }
  Task<std::size_t> getxattr(const Request&, const std::string&, std::span<std::byte> into) override {
    co_return into.size() + 1;
  }
  Task<std::size_t> listxattr(const Request&, std::span<std::byte> into) override { co_return into.size() + 1; }
  Task<Entry> mkdir(const Request&, Name, NewMode) override { co_return Entry{}; }
  Task<Created> create(const Request&, Name, NewMode, int) override { co_return Created{}; }
  Task<std::string> readlink(const Request&) override { co_return std::string(3u << 20, 'x'); }
};

TEST(Session, AHandlerThatClaimsMoreThanItsRoomIsNotBelieved) {
  FakeKernel kernel(make<BoastfulNode>());
  const auto file = kernel.open(kRoot, O_RDONLY);
  EXPECT_EQ(kernel.read(file->fh, 0, 10), fail(Errno::io));
  EXPECT_EQ(kernel.read(file->fh, 0, 0xffffffff), fail(Errno::io));
  EXPECT_EQ(kernel.getxattr(kRoot, "user.a", 10), fail(Errno::out_of_range));
  EXPECT_EQ(kernel.listxattr(kRoot, 10), fail(Errno::out_of_range));
  EXPECT_LE(kernel.readlink(kRoot)->size(), 2u << 20);
}

TEST(Session, AHandlerThatMakesNothingGivesAnError) {
  FakeKernel kernel(make<BoastfulNode>());
  EXPECT_EQ(kernel.mkdir(kRoot, "a"), fail(Errno::io));
  EXPECT_EQ(kernel.create(kRoot, "a", O_RDWR), fail(Errno::io));
  EXPECT_EQ(kernel.session().tree().handles.size(), 0u);
}

TEST(Session, NegativeEntriesAreKeptAsLongAsTheyAreValid) {
  FakeKernel forgetful(memory_tree(1, 0s));
  EXPECT_EQ(forgetful.lookup(kRoot, "absent"), fail(Errno::no_entry));
  FakeKernel kernel(memory_tree(1, 1500ms));
  const auto entry = kernel.lookup(kRoot, "absent");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->nodeid, 0u);
  EXPECT_EQ(entry->entry_valid, 1u);
  EXPECT_EQ(entry->entry_valid_nsec, 500'000'000u);
  EXPECT_EQ(kernel.lookups(), 0u);
  EXPECT_EQ(kernel.session().tree().inodes.size(), 1u);
}

TEST(Session, HandlersSeeWhoAsks) {
  struct Asked final : Node {
    Task<Attr> getattr(const Request& request, Ref<Handle>) override {
      Attr attr = Attr::directory(0755);
      attr.uid = request.caller.uid;
      attr.gid = request.caller.gid;
      attr.ino = static_cast<std::uint64_t>(request.caller.tid);
      co_return attr;
    }
  };
  FakeKernel kernel(make<Asked>());
  kernel.caller = {.uid = 12, .gid = 34, .tid = 56};
  const auto out = kernel.getattr(kRoot);
  EXPECT_EQ(out->attr.uid, 12u);
  EXPECT_EQ(out->attr.gid, 34u);
  EXPECT_EQ(out->attr.ino, 56u);
}

// ---------------------------------------------------------------------------------------------- undelivered replies

class Undelivered : public ::testing::Test {
 protected:
  Undelivered() {
    root_->add_file("a", "text");
    root_->add_directory("dir")->add_file("b");
    EXPECT_TRUE(kernel_.init());
  }
  std::size_t known() { return kernel_.session().tree().inodes.size(); }
  std::size_t open_files() { return kernel_.session().tree().handles.size(); }

  Ref<MemoryDirectory> root_ = memory_tree();
  FakeKernel kernel_{root_};
};

TEST_F(Undelivered, LookupsAreTakenBack) {
  kernel_.give_up_on_next();
  EXPECT_EQ(kernel_.lookup(kRoot, "a"), fail(Errno::interrupted));
  EXPECT_EQ(known(), 1u);
}

TEST_F(Undelivered, LookupsOfAKnownNodeAreTakenBackOnce) {
  const auto entry = kernel_.lookup(kRoot, "a");
  kernel_.give_up_on_next();
  EXPECT_FALSE(kernel_.lookup(kRoot, "a"));
  EXPECT_TRUE(kernel_.getattr(entry->nodeid));
  kernel_.forget(entry->nodeid, 1);
  EXPECT_EQ(known(), 1u);
}

TEST_F(Undelivered, NewNodesAreForgotten) {
  kernel_.give_up_on_next();
  EXPECT_FALSE(kernel_.mkdir(kRoot, "new"));
  kernel_.give_up_on_next();
  EXPECT_FALSE(kernel_.symlink(kRoot, "newlink", "x"));
  EXPECT_EQ(known(), 1u);
  EXPECT_TRUE(root_->child("new"));  // made all the same: the caller only did not hear of it
}

TEST_F(Undelivered, OpenedFilesAreClosed) {
  const auto entry = kernel_.lookup(kRoot, "a");
  kernel_.give_up_on_next();
  EXPECT_FALSE(kernel_.open(entry->nodeid, O_RDONLY));
  kernel_.give_up_on_next();
  EXPECT_FALSE(kernel_.opendir(kRoot));
  kernel_.give_up_on_next();
  EXPECT_FALSE(kernel_.create(kRoot, "new", O_RDWR));
  kernel_.give_up_on_next();
  EXPECT_FALSE(kernel_.tmpfile(kRoot, O_RDWR));
  EXPECT_EQ(open_files(), 0u);
  EXPECT_EQ(known(), 2u);
}

TEST_F(Undelivered, ListingsWithAttributesAreTakenBack) {
  const auto directory = kernel_.opendir(kRoot);
  kernel_.give_up_on_next();
  EXPECT_FALSE(kernel_.readdirplus(kRoot, directory->fh));
  EXPECT_EQ(known(), 1u);
}

// Adds an entry to a listing, and then fails.
struct TornDirectory final : Node {
  explicit TornDirectory(Ref<Node> child) : child_(std::move(child)) {}
  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr::directory(0755); }
  Task<Entry> lookup(const Request&, Name) override { co_return Entry{.node = child_, .attr = Attr::file(0644, 0)}; }
  Task<Opened> opendir(const Request&) override {
    struct Torn final : Handle {
      explicit Torn(Ref<Node> child) : child_(std::move(child)) {}
      Task<> readdir(const Request&, std::uint64_t, DirSink& sink) override {
        sink.add("a", Entry{.node = child_, .attr = Attr::file(0644, 0)}, 1);
        co_return Errno::io;
      }
      Ref<Node> child_;
    };
    co_return Opened{.handle = make<Torn>(child_)};
  }
  Ref<Node> child_;
};

TEST(FailedListing, TakesItsLookupsBackOnce) {
  FakeKernel kernel(make<TornDirectory>(memory_tree()->add_file("a")));
  const auto entry = kernel.lookup(kRoot, "a");
  const auto directory = kernel.opendir(kRoot);
  EXPECT_EQ(kernel.readdirplus(kRoot, directory->fh), fail(Errno::io));
  EXPECT_TRUE(kernel.getattr(entry->nodeid));
  kernel.give_up_on_next();  // neither can the error be delivered
  EXPECT_FALSE(kernel.readdirplus(kRoot, directory->fh));
  EXPECT_TRUE(kernel.getattr(entry->nodeid));
  kernel.forget(entry->nodeid, 1);
  EXPECT_EQ(kernel.getattr(entry->nodeid), fail(Errno::stale));
}

// ---------------------------------------------------------------------------------------------- waiting

// Its attributes come when the event is set; a caller that gives up hears EINTR.
class WaitingNode final : public Node {
 public:
  Task<Attr> getattr(const Request& request, Ref<Handle>) override {
    if (!co_await event.wait(request.cancelled())) co_return Errno::interrupted;
    co_return Attr::directory(0700);
  }
  Task<struct statvfs> statfs(const Request&) override { co_return {}; }

  Event event;
};

TEST(WaitingRequests, AreAnsweredWhenTheirHandlersEnd) {
  const auto node = make<WaitingNode>();
  FakeKernel kernel(node);
  const std::uint64_t request = kernel.send(getattr_of(kRoot));
  EXPECT_FALSE(kernel.answered(request));
  std::jthread([&node] { node->event.set(); }).join();
  EXPECT_TRUE(kernel.wait(request));
}

TEST(WaitingRequests, AnInterruptCancelsExactlyItsRequest) {
  const auto node = make<WaitingNode>();
  FakeKernel kernel(node);
  const std::uint64_t first = kernel.send(getattr_of(kRoot));
  const std::uint64_t second = kernel.send(getattr_of(kRoot));
  kernel.interrupt(first);
  EXPECT_EQ(kernel.wait(first), fail(Errno::interrupted));
  EXPECT_FALSE(kernel.answered(second));
  node->event.set();
  EXPECT_TRUE(kernel.wait(second));
}

TEST(WaitingRequests, AnInterruptThatOvertakesItsRequestCancelsIt) {
  FakeKernel kernel(make<WaitingNode>());
  kernel.interrupt(2);  // the number of the first request
  const std::uint64_t request = kernel.send(getattr_of(kRoot));
  ASSERT_EQ(request, 2u);
  EXPECT_EQ(kernel.wait(request), fail(Errno::interrupted));
}

TEST(WaitingRequests, ALateInterruptIsHarmless) {
  const auto node = make<WaitingNode>();
  FakeKernel kernel(node);
  const std::uint64_t request = kernel.send(getattr_of(kRoot));
  node->event.set();
  EXPECT_TRUE(kernel.wait(request));
  kernel.interrupt(request);
  EXPECT_TRUE(kernel.getattr(kRoot));
}

TEST(WaitingRequests, TwoHundredOfThemDoNotHoldUpOthers) {
  const auto node = make<WaitingNode>();
  FakeKernel kernel(node);
  kernel.start_servers(2);
  std::vector<std::uint64_t> requests;
  for (int i = 0; i < 200; ++i) requests.push_back(kernel.send(getattr_of(kRoot)));
  EXPECT_TRUE(kernel.statfs());
  while (node->event.waiting() < 200) std::this_thread::yield();
  EXPECT_TRUE(kernel.statfs());
  node->event.set();
  for (const std::uint64_t request : requests) EXPECT_TRUE(kernel.wait(request));
}

TEST(WaitingRequests, AreCancelledWhenTheSessionEnds) {
  const auto node = make<WaitingNode>();
  FakeKernel kernel(node);
  for (int i = 0; i < 50; ++i) kernel.send(getattr_of(kRoot));
  EXPECT_EQ(node->event.waiting(), 50u);
  kernel.end_session();
  EXPECT_EQ(node->event.waiting(), 0u);
}

// Waits for something that cannot be cancelled, and asks only then whether its caller still waits.
class StubbornNode final : public Node {
 public:
  Task<Attr> getattr(const Request& request, Ref<Handle>) override {
    co_await first.wait();
    if (!co_await second.wait(request.cancelled())) co_return Errno::interrupted;
    co_return Attr{};
  }

  Event first;
  Event second;
};

TEST(WaitingRequests, ThatAskOnlyWhileTheSessionEndsAreCancelledToo) {
  const auto node = make<StubbornNode>();
  FakeKernel kernel(node);
  kernel.send(getattr_of(kRoot));
  std::jthread later([&node] {
    std::this_thread::sleep_for(20ms);
    node->first.set();
  });
  kernel.end_session();
  EXPECT_EQ(node->second.waiting(), 0u);
}

TEST(WaitingRequests, InterruptsRaceWithAnswers) {
  for (int round = 0; round < 100; ++round) {
    const auto node = make<WaitingNode>();
    FakeKernel kernel(node);
    kernel.start_servers(2);
    std::vector<std::uint64_t> requests;
    for (int i = 0; i < 8; ++i) requests.push_back(kernel.send(getattr_of(kRoot)));
    std::jthread setter([&node] { node->event.set(); });
    for (const std::uint64_t request : requests) kernel.interrupt(request);
    for (const std::uint64_t request : requests) {
      const auto reply = kernel.wait(request);
      EXPECT_TRUE(reply || reply.error() == Errno::interrupted);
    }
  }
}

// ---------------------------------------------------------------------------------------------- many threads

TEST(Servers, ShareOneTree) {
  const auto root = memory_tree();
  for (int i = 0; i < 20; ++i) root->add_file(std::to_string(i), "contents");
  FakeKernel kernel(root);
  kernel.start_servers(3);
  ASSERT_TRUE(kernel.init());
  {
    std::vector<std::jthread> programs;
    for (int t = 0; t < 4; ++t) {
      programs.emplace_back([&kernel, t] {
        for (int i = 0; i < 300; ++i) {
          const auto entry = kernel.lookup(kRoot, std::to_string((i * 7 + t) % 20));
          ASSERT_TRUE(entry);
          const auto file = kernel.open(entry->nodeid, O_RDONLY);
          ASSERT_TRUE(file);
          EXPECT_EQ(kernel.read(file->fh, 0, 100), "contents");
          EXPECT_TRUE(kernel.release(file->fh));
          kernel.forget(entry->nodeid, 1);
        }
      });
    }
  }
  EXPECT_TRUE(kernel.statfs());
  kernel.door().close();  // what was queued before it, FORGETs above all, may be unserved
  kernel.end_session();
}

TEST(Servers, EndWithTheConnection) {
  FakeKernel kernel(memory_tree());
  kernel.start_servers(4);
  ASSERT_TRUE(kernel.init());
  kernel.end_session();
}

}  // namespace
}  // namespace fusebox::testing
