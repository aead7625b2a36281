// The guard between the tree and a store in memory, spoken to in the terms of the kernel.
#include "guard/guard.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/fake_kernel.h"
#include "support/memory_tree.h"

namespace fusebox::guard {
namespace {

using policy::Rule;
using policy::RuleKind;
using ::testing::ElementsAre;
using testing::FakeKernel;
using ::testing::IsEmpty;
using testing::kRoot;

// A tree with /src (writable), /etc (readable), /secret (hidden) and a log in a file of its own.
class GuardTest : public ::testing::Test {
 protected:
  explicit GuardTest(audit::Level level = audit::Level::files) {
    const auto src = root_->add_directory("src");
    src->add_file("main.c", "int main;");
    src->add_directory("sub")->add_file("deep", "x");
    const auto etc = root_->add_directory("etc");
    etc->add_file("passwd", "root");
    etc->add_symlink("alias", "passwd");
    root_->add_directory("secret")->add_file("key", "k");
    root_->add_directory("quiet")->add_file("cache", "c");
    policy_ = policy::Policy({{RuleKind::read, "/", "test"},
                              {RuleKind::write, "/src", "test"},
                              {RuleKind::deny, "/src/sub/locked", "test"},
                              {RuleKind::hide, "/secret", "test"},
                              {RuleKind::deny, "/etc/alias", "test"},
                              {RuleKind::predict, "/quiet", "test"}});
    char name[] = "/tmp/fusebox-guard-test-XXXXXX";
    Fd file(::mkstemp(name));
    path_ = name;
    ::fcntl(file.get(), F_SETFL, O_APPEND);
    log_ = *audit::Log::create(std::move(file), level);
    processes_ = *audit::ProcessTable::create();
    guard_.emplace(policies_, *log_, *processes_);
    kernel_.emplace(wrap_root(*guard_, root_));
    EXPECT_TRUE(kernel_->init().has_value());
    kernel_->caller.tid = ::getpid();
  }
  ~GuardTest() override {
    kernel_.reset();
    ::unlink(path_.c_str());
  }

  // The log's lines once it is closed, as "op path verdict".
  std::vector<std::string> logged() {
    if (log_) EXPECT_TRUE(log_->close().has_value());
    std::vector<std::string> lines;
    std::ifstream in(path_);
    for (std::string line; std::getline(in, line);) {
      const auto event = nlohmann::json::parse(line);
      lines.push_back(event["op"].get<std::string>() + " " + event["path"].get<std::string>() + " " +
                      event["verdict"].get<std::string>());
    }
    return lines;
  }

  // What is in the log now, before it is closed: what was durable when the reply went out.
  std::string written_so_far() const {
    std::ifstream in(path_);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::uint64_t node(std::string_view path) { return kernel_->walk(path)->nodeid; }

  Ref<testing::MemoryDirectory> root_ = testing::memory_tree();
  policy::Policy policy_{{}};
  std::string path_;
  std::unique_ptr<audit::Log> log_;
  std::unique_ptr<audit::ProcessTable> processes_;
  FixedPolicy policies_{policy_};
  std::optional<Guard> guard_;
  std::optional<FakeKernel> kernel_;
};

Errno error_of(const auto& result) { return result.has_value() ? Errno{} : result.error(); }

TEST_F(GuardTest, WhatIsAllowedReachesTheStoreAndTheLog) {
  EXPECT_TRUE(kernel_->create(node("src"), "new", O_WRONLY).has_value());
  EXPECT_NE(root_->child("src"), nullptr);
  EXPECT_THAT(logged(), ElementsAre("create /src/new allow"));
}

TEST_F(GuardTest, ARefusedCreationNeverReachesTheStoreAndIsOnDiskBeforeTheReply) {
  EXPECT_EQ(error_of(kernel_->create(node("etc"), "new", O_WRONLY)), Errno::access);
  EXPECT_EQ(error_of(kernel_->lookup(node("etc"), "new")), Errno::no_entry);
  EXPECT_THAT(written_so_far(), ::testing::HasSubstr("\"/etc/new\""));
}

TEST_F(GuardTest, EveryKindOfChangeOutsideTheRulesIsRefused) {
  const std::uint64_t etc = node("etc");
  const std::uint64_t passwd = node("etc/passwd");
  const std::uint64_t src = node("src");
  EXPECT_EQ(error_of(kernel_->open(passwd, O_WRONLY)), Errno::access);
  EXPECT_EQ(error_of(kernel_->open(passwd, O_RDWR)), Errno::access);
  EXPECT_EQ(error_of(kernel_->open(passwd, O_RDONLY | O_TRUNC)), Errno::access);
  EXPECT_EQ(error_of(kernel_->mkdir(etc, "d")), Errno::access);
  EXPECT_EQ(error_of(kernel_->mknod(etc, "fifo", S_IFIFO | 0600)), Errno::access);
  EXPECT_EQ(error_of(kernel_->symlink(etc, "l", "passwd")), Errno::access);
  EXPECT_EQ(error_of(kernel_->unlink(etc, "passwd")), Errno::access);
  EXPECT_EQ(error_of(kernel_->rmdir(kRoot, "etc")), Errno::access);
  EXPECT_EQ(error_of(kernel_->rename(etc, "passwd", src, "mine")), Errno::access);
  EXPECT_EQ(error_of(kernel_->rename(src, "main.c", etc, "theirs")), Errno::access);
  EXPECT_EQ(error_of(kernel_->tmpfile(etc, O_RDWR)), Errno::access);
  EXPECT_EQ(error_of(kernel_->setxattr(passwd, "user.a", "b")), Errno::access);
  EXPECT_EQ(error_of(kernel_->removexattr(passwd, "user.a")), Errno::access);
  for (const std::uint32_t bit : {wire::kSetMode, wire::kSetUid, wire::kSetGid, wire::kSetSize, wire::kSetMtime}) {
    wire::SetattrIn change{};
    change.valid = bit;
    EXPECT_EQ(error_of(kernel_->setattr(passwd, change)), Errno::access) << bit;
  }
  EXPECT_EQ(std::static_pointer_cast<testing::MemoryFile>(
                std::static_pointer_cast<testing::MemoryDirectory>(root_->child("etc"))->child("passwd"))
                ->contents(),
            "root");
}

TEST_F(GuardTest, AHardLinkNeedsTheRightToWriteTheFileItself) {
  EXPECT_EQ(error_of(kernel_->link(node("etc/passwd"), node("src"), "mine")), Errno::access);
  EXPECT_TRUE(kernel_->link(node("src/main.c"), node("src"), "again").has_value());
}

TEST_F(GuardTest, WhatIsHiddenIsNotFoundAndNotListed) {
  EXPECT_EQ(error_of(kernel_->lookup(kRoot, "secret")), Errno::no_entry);
  const auto directory = kernel_->opendir(kRoot);
  std::vector<std::string> names;
  for (const auto& entry : *kernel_->readdirplus(kRoot, directory->fh)) names.push_back(entry.name);
  EXPECT_THAT(names, ::testing::Not(::testing::Contains("secret")));
  EXPECT_THAT(names, ::testing::Contains("etc"));
}

TEST_F(GuardTest, APredictedRefusalIsNoViolation) {
  EXPECT_EQ(error_of(kernel_->open(node("quiet/cache"), O_WRONLY)), Errno::access);
  const auto summary = log_->close();
  EXPECT_EQ(summary->violations, 0u);
}

TEST_F(GuardTest, ADirectoryThatCarriesARuleDoesNotMove) {
  EXPECT_EQ(error_of(kernel_->rename(node("src"), "sub", node("src"), "other")), Errno::access);
  EXPECT_TRUE(kernel_->mkdir(node("src"), "plain").has_value());
  EXPECT_TRUE(kernel_->rename(node("src"), "plain", node("src"), "plainer").has_value());
}

TEST_F(GuardTest, ADeniedSymlinkIsNoWayThrough) {
  EXPECT_EQ(error_of(kernel_->readlink(node("etc/alias"))), Errno::access);
}

TEST_F(GuardTest, TheNameUsedLastByTheCallerIsTheOneLogged) {
  const std::uint64_t src = node("src");
  const std::uint64_t file = node("src/main.c");
  ASSERT_TRUE(kernel_->link(file, src, "second").has_value());
  ASSERT_TRUE(kernel_->lookup(src, "second").has_value());
  ASSERT_TRUE(kernel_->open(file, O_RDONLY).has_value());
  EXPECT_THAT(logged(), ::testing::Contains("open /src/second allow"));
}

TEST_F(GuardTest, AFileWithSeveralNamesIsAskedForAtEachWalk) {
  const auto inner = testing::memory_tree(1, std::chrono::seconds(1));
  inner->add_file("one", "x");
  inner->add_file("single", "y");
  const Request request{.caller = {.tid = ::getpid()}};
  const auto look = [&request](const Ref<Node>& in, const char* name) {
    return *in->lookup(request, *Name::parse(name)).run();
  };
  ASSERT_TRUE(inner->link(request, look(inner, "one").node, *Name::parse("two")).run().has_value());
  const Ref<Node> root = wrap_root(*guard_, inner);
  EXPECT_EQ(look(root, "one").valid_for, Validity::zero());
  EXPECT_EQ(look(root, "two").valid_for, Validity::zero());
  EXPECT_EQ(look(root, "single").valid_for, Validity{std::chrono::seconds(1)});
}

TEST_F(GuardTest, AfterARenameOfItsDirectoryAFileIsJudgedWhereItIsNow) {
  ASSERT_TRUE(kernel_->mkdir(node("src"), "a").has_value());
  ASSERT_TRUE(kernel_->create(node("src/a"), "f", O_WRONLY).has_value());
  const std::uint64_t file = node("src/a/f");
  ASSERT_TRUE(kernel_->open(file, O_RDONLY).has_value());
  ASSERT_TRUE(kernel_->rename(node("src"), "a", node("src"), "b").has_value());
  ASSERT_TRUE(kernel_->open(file, O_WRONLY).has_value());
  EXPECT_THAT(logged(), ::testing::Contains("open /src/b/f allow"));
}

TEST_F(GuardTest, AMissingFileIsRecordedOnce) {
  EXPECT_EQ(error_of(kernel_->lookup(node("etc"), "nowhere")), Errno::no_entry);
  EXPECT_EQ(error_of(kernel_->lookup(node("etc"), "nowhere")), Errno::no_entry);
  EXPECT_THAT(logged(), ElementsAre("stat /etc/nowhere allow"));
}

TEST_F(GuardTest, AccessOnlyAsksAndIsNoViolation) {
  EXPECT_EQ(error_of(kernel_->access(node("etc/passwd"), W_OK)), Errno::access);
  EXPECT_THAT(logged(), IsEmpty());
}

class IoGuardTest : public GuardTest {
 protected:
  IoGuardTest() : GuardTest(audit::Level::io) {}
};

TEST_F(IoGuardTest, AtLevelIoEachTransferPassesByAndIsRecorded) {
  const auto file = kernel_->open(node("src/main.c"), O_RDONLY);
  EXPECT_NE(file->open_flags & wire::kOpenDirectIo, 0u);
  EXPECT_EQ(kernel_->read(file->fh, 0, 3), "int");
  EXPECT_THAT(logged(), ::testing::Contains("read /src/main.c allow"));
}

TEST(GuardWithoutALog, RefusesEverythingWhenTheLogCannotBeWritten) {
  const auto root = testing::memory_tree();
  root->add_directory("src");
  const policy::Policy policy({{RuleKind::read, "/", "test"}, {RuleKind::write, "/src", "test"}});
  auto log = *audit::Log::create(Fd(::open("/dev/full", O_WRONLY | O_APPEND | O_CLOEXEC)), audit::Level::files);
  auto processes = *audit::ProcessTable::create();
  FixedPolicy policies(policy);
  Guard guard(policies, *log, *processes);
  FakeKernel kernel(wrap_root(guard, root));
  ASSERT_TRUE(kernel.init().has_value());
  const auto src = kernel.walk("src");
  ASSERT_TRUE(src.has_value());
  EXPECT_EQ(error_of(kernel.create(kRoot, "denied", O_WRONLY)), Errno::io);
  EXPECT_EQ(error_of(kernel.mkdir(src->nodeid, "allowed")), Errno::io);
}

// Two policies; which one holds for a caller is the test's to say.
class SwitchedPolicy final : public PolicySource {
 public:
  Ruling for_caller(const Caller& caller) override { return caller.uid == 1000 ? rulings_[1] : rulings_[now]; }
  Result<> tell(const Caller& caller, std::string_view name, std::span<const std::byte> value) override {
    if (name == kTellRefused) return {};
    told = std::to_string(caller.uid) + " " + std::string(name) + " " +
           std::string(reinterpret_cast<const char*>(value.data()), value.size());
    return {};
  }

  std::size_t now = 0;
  std::string told;

 private:
  static Ruling ruling(std::uint64_t generation, RuleKind kind) {
    auto rules = std::vector<Rule>{{RuleKind::read, "/", "test"}, {kind, "/src", "test"}};
    return {.policy = std::make_shared<const policy::Policy>(std::move(rules)), .generation = generation};
  }
  const std::array<Ruling, 2> rulings_{ruling(1, RuleKind::write), ruling(2, RuleKind::read)};
};

class ChangingGuardTest : public GuardTest {
 protected:
  ChangingGuardTest() {
    guard_.emplace(switched_, *log_, *processes_);
    kernel_.emplace(wrap_root(*guard_, root_));
    EXPECT_TRUE(kernel_->init().has_value());
    kernel_->caller.tid = ::getpid();
    kernel_->caller.uid = 0;
  }
  ~ChangingGuardTest() override { kernel_.reset(); }

  SwitchedPolicy switched_;
};

TEST_F(ChangingGuardTest, AChangedPolicyHoldsForTheNextRequest) {
  const std::uint64_t file = node("src/main.c");
  ASSERT_TRUE(kernel_->open(file, O_WRONLY).has_value());
  switched_.now = 1;
  EXPECT_EQ(error_of(kernel_->open(file, O_WRONLY)), Errno::access);
  EXPECT_EQ(error_of(kernel_->create(node("src"), "new", O_WRONLY)), Errno::access);
  switched_.now = 0;
  EXPECT_TRUE(kernel_->open(file, O_WRONLY).has_value());
}

TEST_F(ChangingGuardTest, EachCallerIsJudgedByItsOwnPolicy) {
  const std::uint64_t file = node("src/main.c");
  for (int round = 0; round < 3; ++round) {
    kernel_->caller.uid = 0;
    EXPECT_TRUE(kernel_->open(file, O_WRONLY).has_value());
    kernel_->caller.uid = 1000;
    EXPECT_EQ(error_of(kernel_->open(file, O_WRONLY)), Errno::access);
  }
}

TEST_F(ChangingGuardTest, WhatACallerTellsOfItselfReachesThePolicyAndNoFile) {
  kernel_->caller.uid = 1000;
  EXPECT_TRUE(kernel_->setxattr(kRoot, "system.fusebox.x", "value").has_value());
  EXPECT_EQ(switched_.told, "1000 system.fusebox.x value");
  EXPECT_THAT(logged(), IsEmpty());
}

TEST_F(ChangingGuardTest, WhatTheKernelRefusedBeforeIsRecordedIfThePolicyWouldHaveRefusedItToo) {
  EXPECT_EQ(error_of(kernel_->setxattr(kRoot, "system.fusebox.refused", "create 1 /etc/x")), Errno::access);
  EXPECT_TRUE(kernel_->setxattr(kRoot, "system.fusebox.refused", "create 1 /src/x").has_value());
  EXPECT_TRUE(kernel_->setxattr(kRoot, "system.fusebox.refused", "open 0 /etc/x").has_value());
  for (const char* text : {"", "create", "create 1", "create x /etc/x", "bend 1 /etc/x", "create 1 etc"}) {
    EXPECT_EQ(error_of(kernel_->setxattr(kRoot, "system.fusebox.refused", text)), Errno::invalid) << text;
  }
  EXPECT_THAT(logged(), ElementsAre("create /etc/x deny"));
}

TEST_F(ChangingGuardTest, WhatTheGuardRefusedItselfIsRecordedOnce) {
  EXPECT_EQ(error_of(kernel_->create(node("etc"), "x", O_WRONLY)), Errno::access);
  EXPECT_EQ(error_of(kernel_->setxattr(kRoot, "system.fusebox.refused", "create 1 /etc/x")), Errno::access);
  EXPECT_THAT(logged(), ElementsAre("create /etc/x deny"));
}

TEST_F(GuardTest, APolicyThatDoesNotListenSaysSo) {
  EXPECT_EQ(error_of(kernel_->setxattr(kRoot, "system.fusebox.refused", "create 1 /etc/x")), Errno::not_supported);
  EXPECT_EQ(error_of(kernel_->setxattr(kRoot, "system.fusebox.x", "value")), Errno::not_supported);
}

}  // namespace
}  // namespace fusebox::guard
