#include "audit/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "audit/record.h"
#include "temp_log.h"

namespace fusebox::audit {
namespace {

std::shared_ptr<const Process> process(std::uint64_t id) {
  return std::make_shared<const Process>(Process{.pid = static_cast<pid_t>(1000 + id), .id = id, .exe = "/bin/sh"});
}

Event event(Op op, std::string path, Verdict verdict = Verdict::allow) {
  return {.process = process(1),
          .tid = 1001,
          .op = op,
          .path = std::move(path),
          .verdict = verdict,
          .error = verdict == Verdict::deny ? EACCES : 0};
}

std::unique_ptr<Log> open(const TempLog& file, Level level = Level::files) {
  return Log::create(file.open(), level).value();
}

std::vector<Record> records(const TempLog& file) {
  std::vector<Record> records;
  for (const std::string& line : file.lines()) records.push_back(parse_line(line).value());
  return records;
}

TEST(Log, CloseWritesWhatIsLeft) {
  const TempLog file;
  const auto log = open(file);
  for (const char* path : {"/a", "/b", "/c"}) ASSERT_TRUE(log->record(event(Op::open, path)));
  const auto summary = log->close();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->events, 3U);
  EXPECT_THAT(records(file),
              testing::ElementsAre(testing::Field(&Record::path, "/a"), testing::Field(&Record::path, "/b"),
                                   testing::Field(&Record::path, "/c")));
}

TEST(Log, WithoutCloseTheRestIsWrittenToo) {
  const TempLog file;
  open(file)->record(event(Op::open, "/a")).value();
  EXPECT_EQ(file.lines().size(), 1U);
}

TEST(Log, AnEventIsInTheFileSoonWithoutMoreOfThem) {
  const TempLog file;
  const auto log = open(file);
  ASSERT_TRUE(log->record(event(Op::open, "/a")));
  for (int i = 0; i < 100 && file.text().empty(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(file.lines().size(), 1U);
}

TEST(Log, AViolationIsInTheFileWhenRecordReturnsBehindWhatWasRecordedBefore) {
  const TempLog file;
  const auto log = open(file);
  ASSERT_TRUE(log->record(event(Op::open, "/a")));
  ASSERT_TRUE(log->record(event(Op::open, "/b")));
  ASSERT_TRUE(log->record(event(Op::open, "/etc", Verdict::deny)));
  const auto written = records(file);
  ASSERT_EQ(written.size(), 3U);
  EXPECT_EQ(written[2].path, "/etc");
  EXPECT_EQ(written[2].seq, 3U);
}

TEST(Log, AnEventWithoutATimeGetsThePresent) {
  const TempLog file;
  const auto log = open(file);
  const auto before = static_cast<double>(::time(nullptr));
  ASSERT_TRUE(log->record(event(Op::open, "/a", Verdict::deny)));
  EXPECT_GE(records(file)[0].time, before);
}

TEST(Log, NothingIsLostAndTheOrderHoldsUnderManyThreads) {
  constexpr std::uint64_t kThreads = 4;
  constexpr std::uint64_t kEvents = 100'000;
  const TempLog file;
  const auto log = open(file, Level::all);
  std::vector<std::thread> threads;
  for (std::uint64_t id = 0; id < kThreads; ++id) {
    threads.emplace_back([&, id] {
      const auto self = process(id);
      for (std::uint64_t i = 0; i < kEvents; ++i) {
        // `bytes` carries the thread's own count.
        ASSERT_TRUE(log->record({.process = self,
                                 .op = Op::read,
                                 .path = "/f",
                                 .verdict = i % 10'000 == 0 ? Verdict::deny : Verdict::allow,
                                 .bytes = i}));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(log->close().value().events, kThreads * kEvents);

  const auto all = records(file);
  ASSERT_EQ(all.size(), kThreads * kEvents);
  std::array<std::uint64_t, kThreads> next{};
  for (std::uint64_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(all[i].seq, i + 1);
    ASSERT_EQ(all[i].bytes, next.at(static_cast<std::size_t>(all[i].pid - 1000))++);
  }
}

TEST(Log, AFullDiskRefusesViolationsAtOnceAndEverythingAfterwards) {
  const auto log = Log::create(Fd(::open("/dev/full", O_WRONLY | O_APPEND | O_CLOEXEC)), Level::files).value();
  EXPECT_TRUE(log->record(event(Op::open, "/a")));
  EXPECT_EQ(log->record(event(Op::open, "/etc", Verdict::deny)), fail(Errno{ENOSPC}));
  EXPECT_EQ(log->record(event(Op::open, "/b")), fail(Errno{ENOSPC}));
  const auto closed = log->close();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().line(),
            "audit log is not complete: No space left on device (accesses were refused from then on)");
}

TEST(Log, AFullDiskIsNoticedWithoutViolations) {
  const auto log = Log::create(Fd(::open("/dev/full", O_WRONLY | O_APPEND | O_CLOEXEC)), Level::files).value();
  Result<void> recorded;
  for (int i = 0; i < 200 && recorded; ++i) {
    recorded = log->record(event(Op::open, "/a"));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(recorded, fail(Errno{ENOSPC}));
}

TEST(Log, AClosedLogTakesNothing) {
  const TempLog file;
  const auto log = open(file);
  ASSERT_TRUE(log->close());
  EXPECT_FALSE(log->record(event(Op::open, "/a")));
  EXPECT_FALSE(log->close());
}

TEST(Log, WithoutAFileThereIsStillTheSummary) {
  const auto log = Log::create(Fd(), Level::files).value();
  ASSERT_TRUE(log->record(event(Op::open, "/etc", Verdict::deny)));
  const auto summary = log->close();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->violations, 1U);
}

// Acts on nothing.
class IdleSink final : public ActingSink {
 public:
  void add(const Event& event, std::uint64_t seq, std::string_view line) override {
    EXPECT_EQ(line.front(), '{');
    EXPECT_EQ(line.back(), '}');
    undelivered_.push_back({seq, std::string(to_string(event.op)), event.path, "on write (f:1:1)", "no server"});
  }
  std::vector<Undelivered> take_undelivered() override { return std::exchange(undelivered_, {}); }
  std::uint64_t finish() override {
    undelivered_.push_back(
        {.event = 1, .op = "create", .path = "/late", .rule = "on write (f:1:1)", .why = "too late"});
    return 7;
  }

 private:
  std::vector<Undelivered> undelivered_;
};

TEST(Log, WhatIsNotDoneAboutAnEventIsALineOfItsOwnAndInTheSummary) {
  const TempLog file;
  const auto log = Log::create(file.open(), Level::files, nullptr, std::make_unique<IdleSink>()).value();
  Event triggering = event(Op::create, "/a");
  triggering.triggers = 1;
  ASSERT_TRUE(log->record(std::move(triggering)));
  ASSERT_TRUE(log->record(event(Op::create, "/b")));
  const auto summary = log->close();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->delivered, 7U);
  EXPECT_EQ(summary->undelivered, 2U);
  std::vector<std::string> lines;
  for (const Record& record : records(file)) lines.push_back(record.op + " " + record.path + " " + record.why);
  EXPECT_THAT(lines,
              testing::UnorderedElementsAre("create /a ", "create /b ", "act /a no server", "act /late too late"));
  EXPECT_THAT(render(*summary, false), testing::HasSubstr("Not done  2 of 9 actions\n"
                                                          "  create       /a     on write (f:1:1): no server\n"
                                                          "  create       /late  on write (f:1:1): too late\n"));
}

TEST(LogLevels, WhatHasTriggersIsRecordedAtLevelViolationsToo) {
  const auto log = Log::create({}, Level::violations).value();
  EXPECT_FALSE(log->wants(*process(1), Op::open, 1, false, O_WRONLY));
  EXPECT_TRUE(log->wants(*process(1), Op::open, 1, false, O_WRONLY, 1));
  EXPECT_FALSE(log->wants(*process(1), Op::open, 1, false, O_WRONLY, 1)) << "once, as at level files";
}

TEST(LogLevels, FilesTellsOncePerProcessPathAndKind) {
  const auto log = Log::create(Fd(), Level::files).value();
  const Process one{.pid = 1, .id = 1, .exe = {}};
  const Process other{.pid = 2, .id = 2, .exe = {}};
  EXPECT_TRUE(log->wants(one, Op::open, 7, false));
  EXPECT_FALSE(log->wants(one, Op::open, 7, false));
  EXPECT_FALSE(log->wants(one, Op::exec, 7, false)) << "reading, too";
  EXPECT_TRUE(log->wants(one, Op::open, 7, false, O_WRONLY));
  EXPECT_FALSE(log->wants(one, Op::truncate, 7, false)) << "writing, too";
  EXPECT_TRUE(log->wants(one, Op::chmod, 7, false));
  EXPECT_TRUE(log->wants(one, Op::open, 8, false));
  EXPECT_TRUE(log->wants(other, Op::open, 7, false));
}

TEST(LogLevels, FilesTellsOfAMissingPathOnceHoweverItIsFoundOut) {
  const auto log = Log::create(Fd(), Level::files).value();
  const Process one{.pid = 1, .id = 1, .exe = {}};
  EXPECT_FALSE(log->wants(one, Op::stat, 7, false));
  EXPECT_TRUE(log->wants(one, Op::stat, 7, true));
  EXPECT_FALSE(log->wants(one, Op::open, 7, true));
  EXPECT_TRUE(log->wants(one, Op::open, 7, false)) << "now it is there";
  EXPECT_FALSE(log->wants(one, Op::getxattr, 7, true));
  EXPECT_FALSE(log->wants(one, Op::read, 7, false));
}

TEST(LogLevels, FilesTellsOfEachNewNameForItMayBeRemovedInBetween) {
  const auto log = Log::create(Fd(), Level::files).value();
  const Process one{.pid = 1, .id = 1, .exe = {}};
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(log->wants(one, Op::create, 7, false));
    EXPECT_TRUE(log->wants(one, Op::unlink, 7, false));
    EXPECT_TRUE(log->wants(one, Op::rename, 7, false));
  }
  EXPECT_TRUE(log->wants(one, Op::mkdir, 7, true));
  EXPECT_FALSE(log->wants(one, Op::mkdir, 7, true)) << "mkdir -p fails again and again";
}

TEST(LogLevels, TheOthersDependOnTheOperationAlone) {
  const Process one{.pid = 1, .id = 1, .exe = {}};
  const auto wants = [&](Level level, Op op) {
    const auto log = Log::create(Fd(), level).value();
    return log->wants(one, op, 7, false) && log->wants(one, op, 7, false);
  };
  EXPECT_FALSE(wants(Level::violations, Op::open));
  EXPECT_TRUE(wants(Level::all, Op::open));
  EXPECT_TRUE(wants(Level::all, Op::stat));
  EXPECT_FALSE(wants(Level::all, Op::write));
  EXPECT_TRUE(wants(Level::io, Op::write));
}

TEST(LogLevels, ManyThreadsGetEachKeyOnce) {
  const auto log = Log::create(Fd(), Level::files).value();
  const Process one{.pid = 1, .id = 1, .exe = {}};
  std::atomic<int> told = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t path = 0; path < 10'000; ++path) told += log->wants(one, Op::open, path, false) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(told, 10'000);
}

// Writes events as fast as it can until it is killed.
[[noreturn]] void write_for_ever(const TempLog& file) {
  const auto log = open(file, Level::all);
  std::thread violator([&] {
    for (int i = 0;; ++i) {
      if (!log->record(event(Op::open, "/etc/" + std::string(static_cast<std::size_t>(i % 600), 'v'), Verdict::deny))) {
        std::abort();
      }
    }
  });
  for (int i = 0;; ++i) {
    if (!log->record(event(Op::open, "/usr/" + std::string(static_cast<std::size_t>(i % 600), 'p')))) std::abort();
  }
}

void wait_for_first_line(const TempLog& file) {
  std::error_code error;
  for (int i = 0; i < 20'000 && std::filesystem::file_size(file.path(), error) == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
}

TEST(Log, AKilledSupervisorLeavesWholeLinesOnly) {
  std::uint64_t total = 0;
  for (int round = 0; round < 100 || total <= 1000; ++round) {
    ASSERT_LT(round, 1000) << "next to nothing is written";
    const TempLog file;
    const pid_t child = ::fork();
    if (child == 0) write_for_ever(file);
    // On a slow machine others are killed before they have written anything.
    if (round % 2 == 1) wait_for_first_line(file);
    std::this_thread::sleep_for(std::chrono::microseconds(500 + round * 7919 % 3000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    const std::string text = file.text();
    ASSERT_TRUE(text.empty() || text.ends_with('\n')) << "round " << round;
    std::uint64_t seq = 0;
    for (const Record& record : records(file)) ASSERT_EQ(record.seq, ++seq);
    total += seq;
  }
}

}  // namespace
}  // namespace fusebox::audit
