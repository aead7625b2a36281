// Events on their way to who acts on them: real processes, but without programs and servers.
#include "action/actions.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "action/courier.h"

namespace fusebox::action {
namespace {

using std::chrono::milliseconds;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Takes what it is told; what it says of an order is the test's to say, by the order's path: "/done", "/silent",
// "/die", and anything else is the reason why it was not done.
void act(const Fd& channel) {
  Receiver receiver;
  while (true) {
    pollfd readable{channel.get(), POLLIN, 0};
    ::poll(&readable, 1, -1);
    const auto message = receiver.receive(channel);
    if (!message) return;
    const auto told = decode_told(*message);
    const auto* order = told ? std::get_if<Order>(&*told) : nullptr;
    if (order == nullptr) continue;
    const std::string& path = order->path;
    if (path == "/die") ::_exit(3);
    if (path == "/silent") continue;
    (void)send(channel, encode(Report{0, order->event, path == "/done" ? "" : path.substr(1)}));
  }
}

class ActionsTest : public ::testing::Test {
 protected:
  static std::unique_ptr<Actions> actions(milliseconds wait = milliseconds(2000)) {
    std::vector<Actions::Agent> agents;
    agents.push_back({.helper = *Helper::start("test-agent", [](const Fd& channel) { act(channel); }), .rules = 1});
    return std::make_unique<Actions>(
        std::vector{policy::ActingRule{.triggers = {policy::Trigger::write}, .patterns = {"/"}, .origin = "x:1:1"}},
        std::move(agents), ActionsOptions{.wait_at_end = wait});
  }

  void add(Actions& to, const std::string& path) {
    audit::Event event;
    event.op = audit::Op::create;
    event.path = path;
    event.triggers = 1;
    to.add(event, ++seq_, "{}");
  }

  // "event path: why" of each that was not done.
  static std::vector<std::string> not_done(Actions& by) {
    std::vector<std::string> lines;
    for (const audit::Undelivered& one : by.take_undelivered()) {
      lines.push_back(std::to_string(one.event) + " " + one.path + ": " + one.why);
    }
    return lines;
  }

  std::uint64_t seq_ = 0;
};

TEST_F(ActionsTest, WhatIsDoneIsCountedAndWhatIsNotIsNamed) {
  const auto all = actions();
  for (const char* path : {"/done", "/broken", "/done"}) add(*all, path);
  EXPECT_EQ(all->finish(), 2u);
  EXPECT_THAT(not_done(*all), ElementsAre("2 /broken: broken"));
}

TEST_F(ActionsTest, NothingToDoTakesNoTime) {
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(actions()->finish(), 0u);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
}

TEST_F(ActionsTest, WhoSaysNothingIsWaitedForNoLongerThanSaid) {
  const auto all = actions(milliseconds(50));
  add(*all, "/silent");
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(all->finish(), 0u);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
  EXPECT_THAT(not_done(*all), ElementsAre("1 /silent: not done 50ms after the command"));
}

TEST(WaitAfter, AServerIsWaitedForAHundredthOfTheRunTimeWithinBounds) {
  EXPECT_EQ(wait_after(milliseconds(30)).idle, milliseconds(100));
  EXPECT_EQ(wait_after(milliseconds(12'000)).idle, milliseconds(120));
  EXPECT_EQ(wait_after(std::chrono::hours(1)).idle, milliseconds(5'000));
  EXPECT_EQ(wait_after(milliseconds(30)).at_most, milliseconds(5'000));
}

TEST_F(ActionsTest, WhenWhoActsDiesEverythingIsReportedAsNotDone) {
  const auto all = actions();
  for (const char* path : {"/silent", "/die", "/done"}) add(*all, path);
  EXPECT_EQ(all->finish(), 0u);
  EXPECT_THAT(not_done(*all), ElementsAre(HasSubstr("1 /silent: who should do it has ended (exit status 3)"),
                                          HasSubstr("2 /die"), HasSubstr("3 /done")));
}

TEST_F(ActionsTest, BeyondTheBoundNothingIsKeptAndEachIsReported) {
  const auto all = actions(milliseconds(0));
  const std::size_t many = Actions::kMostWaiting + 100;
  for (std::size_t i = 0; i < many; ++i) add(*all, "/silent");
  const auto early = not_done(*all);
  ASSERT_EQ(early.size(), 100u);
  EXPECT_THAT(early[0], HasSubstr("4097 /silent: 4096 others wait already"));
  (void)all->finish();
  EXPECT_EQ(not_done(*all).size(), Actions::kMostWaiting);
}

TEST_F(ActionsTest, AnEventOfManyThousandBytesArrives) {
  const auto all = actions();
  audit::Event event;
  event.path = "/done";
  event.to = std::string(4095, '\xff');
  event.triggers = 1;
  all->add(event, 1, std::string(100'000, 'x'));
  EXPECT_EQ(all->finish(), 1u);
}

// The courier itself, with programs.
class CourierTest : public ::testing::Test {
 protected:
  static std::vector<std::string> run(std::vector<std::string> argv, milliseconds time_limit = milliseconds(5000),
                                      int times = 1) {
    const std::vector<policy::ActingRule> rules = {{.triggers = {policy::Trigger::write},
                                                    .patterns = {"/"},
                                                    .run = std::move(argv),
                                                    .time_limit = time_limit,
                                                    .origin = "x:1:1"}};
    std::vector<Actions::Agent> agents;
    agents.push_back({.helper = *start_courier(rules), .rules = 1});
    Actions actions(rules, std::move(agents), {.wait_at_end = milliseconds(30000)});
    audit::Event event;
    event.op = audit::Op::create;
    event.path = "/a b\n$(x)";
    event.process = std::make_shared<audit::Process>(audit::Process{.pid = 17, .id = 1, .exe = "/bin/x"});
    event.triggers = 1;
    for (int i = 1; i <= times; ++i) actions.add(event, static_cast<std::uint64_t>(i), "{\"line\":1}");
    std::vector<std::string> ended = {"done " + std::to_string(actions.finish())};
    for (const audit::Undelivered& one : actions.take_undelivered()) ended.push_back(one.why);
    return ended;
  }
};

TEST_F(CourierTest, AProgramGetsTheEventOnStandardInputAndInVariables) {
  EXPECT_THAT(
      run({"/bin/sh", "-c",
           "read line && [ \"$line\" = '{\"line\":1}' ] && [ \"$FUSEBOX_OP\" = create ] && "
           "[ \"$FUSEBOX_PATH\" = '/a b\n$(x)' ] && [ \"$FUSEBOX_PID\" = 17 ] && [ \"$FUSEBOX_EXE\" = /bin/x ] && "
           "[ \"$FUSEBOX_SEQ\" = 1 ] && [ -n \"$PATH\" ]"}),
      ElementsAre("done 1"));
}

TEST_F(CourierTest, AProgramIsGivenItsArgumentsAsTheyAre) {
  EXPECT_THAT(run({"/usr/bin/test", "$FUSEBOX_PATH; exit 1", "=", "$FUSEBOX_PATH; exit 1"}), ElementsAre("done 1"));
}

TEST_F(CourierTest, AProgramThatFailsIsReportedAndRunOnce) {
  EXPECT_THAT(run({"/bin/sh", "-c", "exit 3"}), ElementsAre("done 0", "exit status 3"));
  EXPECT_THAT(run({"/bin/sh", "-c", "kill -TERM $$"}), ElementsAre("done 0", "ended by SIGTERM"));
  EXPECT_THAT(run({"/nowhere/program"}), ElementsAre("done 0", "exit status 127, as where it was not found"));
}

TEST_F(CourierTest, AProgramThatHangsIsEndedWithWhatItStarted) {
  EXPECT_THAT(run({"/bin/sh", "-c", "sleep 60 & sleep 60"}, milliseconds(100)),
              ElementsAre("done 0", "not done within its time limit"));
}

TEST_F(CourierTest, ManyAreRunOneAfterTheOther) {
  EXPECT_THAT(run({"/bin/true"}, milliseconds(30000), 50), ElementsAre("done 50"));
}

// Each program holds the courier still until both that run have ended.
TEST_F(CourierTest, WhenAllThatRunEndAtOnceTheNextOnesAreStarted) {
  EXPECT_THAT(
      run({"/bin/sh", "-c", "sleep 0.02; kill -STOP $PPID; (sleep 0.1; kill -CONT $PPID) &"}, milliseconds(30000), 6),
      ElementsAre("done 6"));
}

// A server that takes connections and says nothing.
class SilentServer {
 public:
  SilentServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    const bool listens = ::bind(socket_.get(), any, length) == 0 && ::listen(socket_.get(), 16) == 0;
    EXPECT_TRUE(listens && ::getsockname(socket_.get(), any, &length) == 0);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
  }
  const std::string& url() const { return url_; }

 private:
  Fd socket_;
  std::string url_;
};

class SilentServerTest : public ::testing::Test {
 protected:
  // Why the one event was not delivered, when the command had ended right behind it.
  std::string reason(ActionsOptions options) {
    const std::vector<policy::ActingRule> rules = {{.triggers = {policy::Trigger::write},
                                                    .patterns = {"/"},
                                                    .webhook = server_.url(),
                                                    .time_limit = std::chrono::hours(1),
                                                    .origin = "x:1:1"}};
    std::vector<Actions::Agent> agents;
    agents.push_back({.helper = *start_courier(rules), .rules = 1});
    Actions actions(rules, std::move(agents), options);
    audit::Event event;
    event.op = audit::Op::create;
    event.path = "/a";
    event.triggers = 1;
    actions.add(event, 1, "{}");
    EXPECT_EQ(actions.finish(), 0u);
    const auto undelivered = actions.take_undelivered();
    EXPECT_EQ(undelivered.size(), 1u);
    return undelivered.empty() ? "" : undelivered[0].why;
  }

  SilentServer server_;
};

TEST_F(SilentServerTest, ByDefaultItIsGivenUpAndTheEventIsReported) {
  EXPECT_THAT(reason({}),
              AnyOf(HasSubstr("did not answer in the time after the command"), "the server did not keep up"));
}

TEST_F(SilentServerTest, WhereAWaitIsSaidItIsWaitedForSoLong) {
  EXPECT_THAT(reason({.wait_at_end = milliseconds(150)}), HasSubstr("not done"));
}

}  // namespace
}  // namespace fusebox::action
