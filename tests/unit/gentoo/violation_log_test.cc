#include "gentoo/violation_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace fusebox::gentoo {
namespace {

using audit::Event;
using audit::Op;
using namespace std::string_view_literals;

constexpr auto kHeader =
    "VERSION 1.0\n"
    "FORMAT: F - Function called\n"
    "FORMAT: S - Access Status\n"
    "FORMAT: P - Path as passed to function\n"
    "FORMAT: A - Absolute Path (not canonical)\n"
    "FORMAT: R - Canonical Path\n"
    "FORMAT: C - Command Line\n"sv;

Event event_of(Op op, std::string path, int flags = 0) {
  return {.op = op, .path = std::move(path), .flags = flags, .verdict = audit::Verdict::deny};
}

class ViolationLogTest : public ::testing::Test {
 protected:
  ViolationLogTest() {
    char name[] = "/tmp/fusebox-violations-XXXXXX";
    directory_ = ::mkdtemp(name);
    path_ = directory_ / "sandbox.log";
  }
  ~ViolationLogTest() override { std::filesystem::remove_all(directory_); }

  std::string text() const {
    std::ifstream in(path_);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::unique_ptr<ViolationLog> log() const { return *ViolationLog::create(path_, "", {.verbose = false}); }

  std::filesystem::path directory_;
  std::filesystem::path path_;
};

TEST(ViolationRecord, IsThatOfGentoosSandboxByteForByte) {
  EXPECT_EQ(log_header(), kHeader);
  EXPECT_EQ(log_record(event_of(Op::open, "/etc/x", O_WRONLY), "touch\0/etc/x\0"sv),
            "\nF: open_wr\nS: deny\nP: /etc/x\nA: /etc/x\nR: /etc/x\nC: touch /etc/x \n");
}

TEST(ViolationRecord, NamesTheFunctionAsFarAsAFileSystemCanTell) {
  EXPECT_EQ(function_of(event_of(Op::open, "/x", O_RDONLY)), "open_rd");
  EXPECT_EQ(function_of(event_of(Op::open, "/x", O_RDWR)), "open_wr");
  EXPECT_EQ(function_of(event_of(Op::create, "/x", O_WRONLY | O_CREAT)), "open_wr_creat");
  EXPECT_EQ(function_of(event_of(Op::create, "/x", O_RDONLY | O_CREAT)), "open_rd_creat");
  EXPECT_EQ(function_of(event_of(Op::mkdir, "/x")), "mkdir");
  EXPECT_EQ(function_of(event_of(Op::list, "/x")), "opendir");
}

TEST(ViolationRecord, ALineBreakInANameForgesNoRecord) {
  const std::string record = log_record(event_of(Op::mkdir, "/etc/x\n\nF: open_rd"), "sh\0-c\0a\nb\0"sv);
  EXPECT_EQ(record,
            "\nF: mkdir\nS: deny\nP: /etc/x\\n\\nF: open_rd\nA: /etc/x\\n\\nF: open_rd\nR: /etc/x\\n\\nF: open_rd\n"
            "C: sh -c a\\nb \n");
}

TEST(ViolationRecord, ARefusedNewNameIsTheOneNamed) {
  Event event = event_of(Op::rename, "/work/a");
  event.to = "/etc/a";
  event.refused_at_to = true;
  EXPECT_THAT(log_record(event, ""), ::testing::HasSubstr("\nP: /etc/a\n"));
}

TEST(ViolationMessage, HasItsPathInAFixedColumn) {
  EXPECT_EQ(access_message(event_of(Op::open, "/etc/x", O_WRONLY), false), " * ACCESS DENIED:  open_wr:      /etc/x\n");
  EXPECT_EQ(access_message(event_of(Op::mkdir, "/etc/x"), true),
            " \033[31;01m*\033[0m \033[31;01mACCESS DENIED\033[0m:  mkdir:        /etc/x\n");
}

TEST(ViolationMessage, SaysWhatBecameOfOtherAccesses) {
  Event event = event_of(Op::open, "/etc/x", O_RDONLY);
  event.verdict = audit::Verdict::allow;
  EXPECT_EQ(access_message(event, false), " * ACCESS ALLOWED:  open_rd:      /etc/x\n");
  event.verdict = audit::Verdict::predict;
  EXPECT_EQ(access_message(event, false), " * ACCESS PREDICTED:  open_rd:      /etc/x\n");
}

TEST_F(ViolationLogTest, IsAbsentUntilTheFirstViolation) {
  const auto violations = log();
  EXPECT_FALSE(std::filesystem::exists(path_));
  ASSERT_TRUE(violations->add(event_of(Op::mkdir, "/etc/x")).has_value());
  EXPECT_TRUE(text().starts_with(std::string(kHeader) + "\nF: mkdir\nS: deny\n"));
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(
      status.st_mode & 0777, 0644u & ~[] {
        const mode_t mask = ::umask(0);
        ::umask(mask);
        return mask;
      }());
}

TEST_F(ViolationLogTest, TheDebugLogHasAllThatIsChecked) {
  const auto debug_path = directory_ / "debug.log";
  const auto violations = *ViolationLog::create(path_, debug_path, {.verbose = false});
  Event read = event_of(Op::open, "/etc/read");
  read.verdict = audit::Verdict::allow;
  Event seen = event_of(Op::stat, "/etc/seen");
  seen.verdict = audit::Verdict::allow;
  Event predicted = event_of(Op::mkdir, "/etc/predicted");
  predicted.verdict = audit::Verdict::predict;
  for (const Event& event : {read, seen, predicted, event_of(Op::mkdir, "/etc/denied")}) {
    ASSERT_TRUE(violations->add(event).has_value());
  }
  std::ifstream in(debug_path);
  const std::string all(std::istreambuf_iterator<char>(in), {});
  EXPECT_THAT(all, ::testing::HasSubstr("\nF: open_rd\nS: allow\nP: /etc/read\n"));
  EXPECT_THAT(all, ::testing::HasSubstr("\nF: mkdir\nS: deny\nP: /etc/predicted\n"));
  EXPECT_THAT(all, ::testing::HasSubstr("\nF: mkdir\nS: deny\nP: /etc/denied\n"));
  EXPECT_THAT(all, ::testing::Not(::testing::HasSubstr("/etc/seen")));
  EXPECT_THAT(text(), ::testing::Not(::testing::HasSubstr("/etc/predicted")));
}

TEST_F(ViolationLogTest, HasOneHeaderHoweverManyRecords) {
  const auto violations = log();
  ASSERT_TRUE(violations->add(event_of(Op::mkdir, "/etc/x")).has_value());
  ASSERT_TRUE(violations->add(event_of(Op::rmdir, "/etc/y")).has_value());
  EXPECT_EQ(text().find("VERSION", 1), std::string::npos);
  EXPECT_THAT(text(), ::testing::HasSubstr("\n\nF: rmdir\n"));
}

TEST_F(ViolationLogTest, AnOldOneIsRemovedAtTheStart) {
  std::ofstream(path_) << "old";
  const auto violations = log();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ViolationLogTest, BeginsAnewWhereItWasRemoved) {
  const auto violations = log();
  ASSERT_TRUE(violations->add(event_of(Op::mkdir, "/etc/x")).has_value());
  std::filesystem::remove(path_);
  ASSERT_TRUE(violations->add(event_of(Op::rmdir, "/etc/y")).has_value());
  EXPECT_TRUE(text().starts_with(std::string(kHeader) + "\nF: rmdir\n"));
}

TEST_F(ViolationLogTest, AnEmptyFileGetsNoHeader) {
  const auto violations = log();
  std::ofstream(path_).close();
  ASSERT_TRUE(violations->add(event_of(Op::mkdir, "/etc/x")).has_value());
  EXPECT_TRUE(text().starts_with("\nF: mkdir\n"));
}

TEST_F(ViolationLogTest, FollowsNoSymlinkAndNoSecondName) {
  const auto violations = log();
  const auto other = directory_ / "other";
  std::ofstream(other) << "mine";
  std::filesystem::create_symlink(other, path_);
  EXPECT_FALSE(violations->add(event_of(Op::mkdir, "/etc/x")).has_value());
  std::filesystem::remove(path_);
  std::filesystem::create_hard_link(other, path_);
  EXPECT_FALSE(violations->add(event_of(Op::mkdir, "/etc/x")).has_value());
  std::ifstream in(other);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "mine");
}

TEST_F(ViolationLogTest, WhatIsNoRegularFileIsNotTakenForALog) {
  std::filesystem::create_directory(path_);
  EXPECT_FALSE(ViolationLog::create(path_, "", {}).has_value());
  std::filesystem::remove(path_);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_FALSE(ViolationLog::create(path_, "", {}).has_value());
}

}  // namespace
}  // namespace fusebox::gentoo
