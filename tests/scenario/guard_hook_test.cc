// A guard with a hook, and with rules that act, spoken to in the terms of the kernel.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard/guard.h"
#include "support/fake_kernel.h"
#include "support/memory_tree.h"

namespace fusebox::guard {
namespace {

using policy::RuleKind;
using policy::Trigger;
using policy::Verdict;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FakeKernel;
using testing::kRoot;
using ::testing::Not;

// Asked about everything below /asked; answers by the name.
class NamedAnswers final : public AccessHook {
 public:
  bool concerns(std::string_view path) const override { return path.starts_with("/asked/"); }
  bool concerns_names_in(std::string_view directory) const override { return directory == "/asked"; }
  bool wants_looks() const override { return looks; }
  Task<Answer> ask(const Request&, Question question) override {
    asked.push_back(std::string(to_string(question.op)) + " " + std::string(question.path) +
                    (question.to.empty() ? "" : " " + std::string(question.to)));
    const std::string_view name = question.path.substr(question.path.rfind('/') + 1);
    Answer answer{.rule = "the test"};
    if (name.starts_with("denied")) answer.verdict = Verdict::deny;
    if (name.starts_with("hidden")) answer.verdict = Verdict::hide;
    if (name.starts_with("predicted")) answer.verdict = Verdict::predict;
    answer.failed = name.starts_with("broken");
    if (answer.failed) answer.verdict = Verdict::deny;
    co_return answer;
  }

  std::vector<std::string> asked;
  bool looks = true;
};

// Keeps what it is given.
class KeptEvents final : public audit::ActingSink {
 public:
  explicit KeptEvents(std::vector<std::string>& into) : into_(into) {}
  void add(const audit::Event& event, std::uint64_t, std::string_view) override {
    into_.push_back(std::to_string(event.triggers) + " " + std::string(to_string(event.op)) + " " + event.path);
  }
  std::vector<audit::Undelivered> take_undelivered() override { return {}; }
  std::uint64_t finish() override { return 0; }

 private:
  std::vector<std::string>& into_;
};

class HookedGuardTest : public ::testing::Test {
 protected:
  HookedGuardTest() {
    const auto asked = root_->add_directory("asked");
    for (const char* name : {"plain", "denied", "hidden", "predicted", "broken"}) asked->add_file(name, "x");
    root_->add_directory("free")->add_file("denied", "x");
    root_->add_directory("closed");
    log_ = *audit::Log::create({}, audit::Level::violations, nullptr, std::make_unique<KeptEvents>(events_));
    guard_.emplace(policies_, *log_, *processes_, GuardOptions{.triggers = &triggers_, .hook = &hook_});
    kernel_.emplace(wrap_root(*guard_, root_));
    EXPECT_TRUE(kernel_->init().has_value());
    kernel_->caller.tid = ::getpid();
  }

  std::uint64_t node(std::string_view path) { return kernel_->walk(path)->nodeid; }
  Errno open(std::string_view path, int flags = O_RDONLY) {
    const auto found = kernel_->walk(path);
    if (!found) return found.error();
    const auto opened = kernel_->open(found->nodeid, flags);
    return opened ? Errno{} : opened.error();
  }
  std::vector<std::string> acted() {
    EXPECT_TRUE(log_->close().has_value());
    return events_;
  }

  Ref<testing::MemoryDirectory> root_ = testing::memory_tree(1, std::chrono::seconds(1));
  policy::Policy policy_{{{RuleKind::write, "/", "test"}, {RuleKind::deny, "/closed", "test"}}};
  policy::TriggerRules triggers_{
      {{.triggers = {Trigger::write}, .patterns = {"/free"}},
       {.triggers = {Trigger::denied}, .patterns = {"/"}},
       {.triggers = {Trigger::rename, Trigger::remove}, .patterns = {"/free/a", "/free/b"}}}};
  std::vector<std::string> events_;
  NamedAnswers hook_;
  std::unique_ptr<audit::Log> log_;
  std::unique_ptr<audit::ProcessTable> processes_ = *audit::ProcessTable::create();
  FixedPolicy policies_{policy_};
  std::optional<Guard> guard_;
  std::optional<FakeKernel> kernel_;
};

Errno error_of(const auto& result) { return result.has_value() ? Errno{} : result.error(); }

TEST_F(HookedGuardTest, TheHookNarrowsWhatThePolicyPermits) {
  EXPECT_EQ(open("asked/plain"), Errno{});
  EXPECT_EQ(open("asked/denied"), Errno::access);
  EXPECT_EQ(open("asked/predicted", O_WRONLY), Errno::access);
  EXPECT_EQ(open("asked/hidden"), Errno::no_entry);
  EXPECT_EQ(log_->close()->violations, 1u) << "of the denied one alone";
}

TEST_F(HookedGuardTest, TheHookIsAskedOnlyForThePathsItNamesAndOnlyAboutWhatIsPermitted) {
  EXPECT_EQ(open("free/denied"), Errno{});
  EXPECT_EQ(error_of(kernel_->create(node("closed"), "denied", O_WRONLY)), Errno::access);
  EXPECT_THAT(hook_.asked, ElementsAre());
}

TEST_F(HookedGuardTest, ToLookIsRefusedByHideAloneUnlessNobodyAnswers) {
  EXPECT_EQ(error_of(kernel_->lookup(node("asked"), "denied")), Errno{});
  EXPECT_EQ(error_of(kernel_->lookup(node("asked"), "hidden")), Errno::no_entry);
  EXPECT_EQ(error_of(kernel_->lookup(node("asked"), "broken")), Errno::access);
}

TEST_F(HookedGuardTest, TheKernelRemembersNoNameThatTheHookHasASayOn) {
  const Ref<Node> root = wrap_root(*guard_, root_);
  const Request request{.caller = {.tid = ::getpid()}};
  const auto look = [&](const Ref<Node>& in, const char* name) {
    return *in->lookup(request, *Name::parse(name)).run();
  };
  EXPECT_EQ(look(look(root, "asked").node, "plain").valid_for, Validity::zero());
  EXPECT_EQ(look(look(root, "free").node, "denied").valid_for, Validity{std::chrono::seconds(1)});
}

TEST_F(HookedGuardTest, AHookThatIsNotAskedAboutLooksIsAskedAboutTheRestAndTheKernelRemembersNames) {
  hook_.looks = false;
  const Ref<Node> root = wrap_root(*guard_, root_);
  const Request request{.caller = {.tid = ::getpid()}};
  const Ref<Node> asked = root->lookup(request, *Name::parse("asked")).run()->node;
  EXPECT_EQ(asked->lookup(request, *Name::parse("hidden")).run()->valid_for, Validity{std::chrono::seconds(1)});
  EXPECT_THAT(hook_.asked, ElementsAre());
  EXPECT_EQ(open("asked/denied"), Errno::access);
  EXPECT_EQ(open("asked/hidden"), Errno::no_entry);
  EXPECT_EQ(error_of(kernel_->access(node("asked/denied"), R_OK)), Errno::access);
  EXPECT_EQ(error_of(kernel_->create(node("asked"), "denied too", O_WRONLY)), Errno::access);
  EXPECT_THAT(hook_.asked, ElementsAre("open /asked/denied", "open /asked/hidden", "access /asked/denied",
                                       "create /asked/denied too"));
  const auto directory = kernel_->opendir(node("asked"));
  std::vector<std::string> names;
  for (const auto& entry : *kernel_->readdirplus(node("asked"), directory->fh)) names.push_back(entry.name);
  EXPECT_THAT(names, Contains("hidden"));
}

TEST_F(HookedGuardTest, WhatTheHookHidesIsNotListed) {
  const auto directory = kernel_->opendir(node("asked"));
  std::vector<std::string> names;
  for (const auto& entry : *kernel_->readdirplus(node("asked"), directory->fh)) names.push_back(entry.name);
  EXPECT_THAT(names, Contains("plain"));
  EXPECT_THAT(names, Contains("denied"));
  EXPECT_THAT(names, Not(Contains("hidden")));
}

TEST_F(HookedGuardTest, ARenameIsAskedAboutWithBothEnds) {
  EXPECT_EQ(error_of(kernel_->rename(node("asked"), "plain", node("free"), "x")), Errno{});
  EXPECT_THAT(hook_.asked, Contains("rename /asked/plain /free/x"));
  EXPECT_EQ(error_of(kernel_->rename(node("asked"), "denied", node("free"), "y")), Errno::access);
}

TEST_F(HookedGuardTest, AccessAsksTooAndIsNoViolation) {
  EXPECT_EQ(error_of(kernel_->access(node("asked/denied"), R_OK)), Errno::access);
  EXPECT_EQ(error_of(kernel_->access(node("asked/plain"), R_OK)), Errno{});
  EXPECT_EQ(log_->close()->violations, 0u);
}

TEST_F(HookedGuardTest, WhatSomeRuleAsksForIsHandedOnWhateverTheLevel) {
  EXPECT_TRUE(kernel_->create(node("free"), "a", O_WRONLY).has_value());
  EXPECT_EQ(open("free/denied"), Errno{});
  EXPECT_TRUE(kernel_->rename(node("free"), "a", node("free"), "c").has_value());
  EXPECT_EQ(error_of(kernel_->create(node("closed"), "n", O_WRONLY)), Errno::access);
  (void)kernel_->lookup(node("free"), "nowhere");
  EXPECT_THAT(acted(), ElementsAre("1 create /free/a", "5 rename /free/a", "2 create /closed/n"));
}

TEST_F(HookedGuardTest, ARenameToAPathActsAsOneFromIt) {
  EXPECT_TRUE(kernel_->create(node("asked"), "new", O_WRONLY).has_value());
  EXPECT_TRUE(kernel_->rename(node("asked"), "new", node("free"), "b").has_value());
  EXPECT_THAT(acted(), ElementsAre("5 rename /asked/new"));
}

}  // namespace
}  // namespace fusebox::guard
