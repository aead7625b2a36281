#include "audit/line_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>

#include <thread>

#include "temp_log.h"

namespace fusebox::audit {
namespace {

constexpr std::size_t kPage = 4096;

std::string line_of(std::size_t size) { return "{" + std::string(size - 3, 'x') + "}\n"; }

LineFile open(const TempLog& log) { return LineFile::create(log.open()).value(); }

// Does each page but the last end with a newline?
bool no_line_crosses_a_page(const std::string& text) {
  for (std::size_t at = kPage; at < text.size(); at += kPage) {
    if (text[at - 1] != '\n') return false;
  }
  return true;
}

TEST(LineFile, NothingIsWrittenBeforeTheFlush) {
  const TempLog log;
  LineFile file = open(log);
  file.add("{}\n");
  EXPECT_EQ(log.text(), "");
  EXPECT_TRUE(file.flush());
  EXPECT_EQ(log.text(), "{}\n");
}

TEST(LineFile, NoLineCrossesAPage) {
  const TempLog log;
  LineFile file = open(log);
  for (std::size_t i = 0; i < 3000; ++i) {
    file.add(line_of(50 + i * 7919 % 900));
    if (i % 97 == 0) ASSERT_TRUE(file.flush());
  }
  ASSERT_TRUE(file.flush());
  EXPECT_GT(log.text().size(), 1'000'000U);
  EXPECT_TRUE(no_line_crosses_a_page(log.text()));
  EXPECT_EQ(log.lines().size(), 3000U);
  EXPECT_THAT(log.lines(), testing::Each(testing::MatchesRegex("[{]x*[}] *")));
}

TEST(LineFile, SingleLinesDoNotCrossAPageEither) {
  const TempLog log;
  LineFile file = open(log);
  for (std::size_t i = 0; i < 500; ++i) {
    file.add(line_of(100 + i * 31 % 900));
    ASSERT_TRUE(file.flush());
  }
  EXPECT_TRUE(no_line_crosses_a_page(log.text()));
}

TEST(LineFile, ALineLongerThanAPageIsWritten) {
  const TempLog log;
  LineFile file = open(log);
  const std::string longest = line_of(30'000);
  file.add(line_of(100));
  file.add(longest);
  file.add(line_of(100));
  ASSERT_TRUE(file.flush());
  ASSERT_EQ(log.lines().size(), 3U);
  EXPECT_THAT(log.lines()[1] + "\n", testing::StartsWith(longest.substr(0, longest.size() - 1)));
}

TEST(LineFile, AFileThatEndsWithinALineGetsItsEndFirst) {
  const TempLog log;
  std::ofstream(log.path()) << "torn";
  LineFile file = open(log);
  file.add("{}\n");
  ASSERT_TRUE(file.flush());
  EXPECT_THAT(log.lines(), testing::ElementsAre("torn", "{}"));
}

TEST(LineFile, WhatOthersAppendIsNotTorn) {
  const TempLog log;
  LineFile one = open(log);
  LineFile other = open(log);
  for (int i = 0; i < 100; ++i) {
    one.add(line_of(700));
    other.add(line_of(500));
    ASSERT_TRUE(one.flush());
    ASSERT_TRUE(other.flush());
  }
  EXPECT_EQ(log.lines().size(), 200U);
  EXPECT_TRUE(no_line_crosses_a_page(log.text()));
}

TEST(LineFile, AFullDiskIsAnErrorAndStaysOne) {
  LineFile file = LineFile::create(Fd(::open("/dev/full", O_WRONLY | O_APPEND | O_CLOEXEC))).value();
  EXPECT_TRUE(file.flush());
  file.add("{}\n");
  EXPECT_EQ(file.flush(), fail(Errno{ENOSPC}));
  file.add("{}\n");
  EXPECT_EQ(file.flush(), fail(Errno{ENOSPC}));
  EXPECT_EQ(file.close(), fail(Errno{ENOSPC}));
}

TEST(LineFile, AfterAShortWriteTheTornLineIsCutOff) {
  const TempLog log;
  LineFile file = open(log);
  file.add(line_of(1000));
  ASSERT_TRUE(file.flush());
  // The limit lets the kernel write a part of the next batch (setrlimit(2), RLIMIT_FSIZE).
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{.rlim_cur = 2500, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  file.add(line_of(1000));
  file.add(line_of(1000));
  const auto written = file.flush();
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  EXPECT_EQ(written, fail(Errno{EFBIG}));
  EXPECT_EQ(log.text(), line_of(1000) + line_of(1000));
}

TEST(LineFile, APipeWithoutAReaderIsAnErrorAndNoSignal) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Fd reader(ends[0]);
  Fd writer(ends[1]);
  ASSERT_EQ(::fcntl(writer.get(), F_SETFL, O_APPEND), 0);
  LineFile file = LineFile::create(std::move(writer)).value();
  reader.reset();
  file.add("{}\n");
  EXPECT_EQ(file.flush(), fail(Errno{EPIPE}));
}

TEST(LineFile, AFullPipeIsWaitedForEvenIfItDoesNotBlock) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  ASSERT_EQ(::fcntl(writer.get(), F_SETFL, O_APPEND | O_NONBLOCK), 0);
  LineFile file = LineFile::create(std::move(writer)).value();
  std::size_t received = 0;
  std::thread drain([&] {
    char buffer[4096];
    for (ssize_t n = 1; n > 0; received += static_cast<std::size_t>(n)) n = ::read(reader.get(), buffer, sizeof buffer);
  });
  for (int i = 0; i < 2000; ++i) file.add(line_of(100));
  EXPECT_TRUE(file.close());
  drain.join();
  EXPECT_EQ(received, 200'000U);
}

TEST(LineFile, ADescriptorThatDoesNotAppendIsRefused) {
  const TempLog log;
  const auto file = LineFile::create(Fd(::open(log.path().c_str(), O_WRONLY | O_CLOEXEC)));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().line(), "audit log: not open for appending");
}

TEST(LineFile, WithoutAFileLinesGoNowhere) {
  LineFile file = LineFile::create(Fd()).value();
  file.add("{}\n");
  EXPECT_TRUE(file.flush());
  EXPECT_TRUE(file.close());
}

}  // namespace
}  // namespace fusebox::audit
