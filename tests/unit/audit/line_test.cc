#include "audit/line.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "audit/record.h"

namespace fusebox::audit {
namespace {

Event event(Op op, std::string path) {
  return {.time = {.tv_sec = 1700000000, .tv_nsec = 42},
          .process = std::make_shared<const Process>(Process{.pid = 100, .id = 7, .exe = "/usr/bin/cc1"}),
          .tid = 101,
          .uid = 1000,
          .op = op,
          .path = std::move(path)};
}

std::string line(const Event& event) {
  std::string out;
  append_line(out, event, 3);
  return out;
}

TEST(Line, AnOpenNamesEveryField) {
  Event open = event(Op::open, "/etc/motd");
  open.flags = O_WRONLY | O_CREAT | O_TRUNC;
  open.verdict = Verdict::deny;
  open.rule = "deny \"/etc\" (--deny)";
  open.error = EACCES;
  EXPECT_EQ(line(open),
            R"({"t":1700000000.000000042,"seq":3,"pid":100,"tid":101,"uid":1000,"exe":"/usr/bin/cc1","op":"open",)"
            R"("path":"/etc/motd","flags":["O_WRONLY","O_CREAT","O_TRUNC"],"verdict":"deny",)"
            R"x("rule":"deny \"/etc\" (--deny)","errno":"EACCES"})x"
            "\n");
}

TEST(Line, WhatIsNotKnownIsLeftOut) {
  Event bare;
  bare.op = Op::stat;
  EXPECT_EQ(line(bare), R"({"t":0.000000000,"seq":3,"uid":0,"op":"stat","verdict":"allow"})"
                        "\n");
}

TEST(Line, ARenameHasBothEnds) {
  Event rename = event(Op::rename, "/a");
  rename.to = "/b";
  EXPECT_THAT(line(rename), testing::HasSubstr(R"("op":"rename","path":"/a","to":"/b","verdict":"allow"})"));
}

TEST(Line, ATransferHasItsBytes) {
  Event read = event(Op::read, "/a");
  read.bytes = 4096;
  EXPECT_THAT(line(read), testing::EndsWith("\"verdict\":\"allow\",\"bytes\":4096}\n"));
}

TEST(Line, FlagsWithoutNamesAreOneHexadecimalNumber) {
  Event open = event(Op::open, "/a");
  open.flags = O_RDWR | O_CLOEXEC | 0x40000000;
  EXPECT_THAT(line(open), testing::HasSubstr(R"("flags":["O_RDWR","O_CLOEXEC","0x40000000"])"));
}

TEST(Line, FlagsThatHoldOtherFlagsAreNamedOnce) {
  Event open = event(Op::open, "/a");
  open.flags = O_RDWR | O_TMPFILE | O_SYNC;
  EXPECT_THAT(line(open), testing::HasSubstr(R"("flags":["O_RDWR","O_SYNC","O_TMPFILE"])"));
}

TEST(Line, TheKernelsMarksOfAnOpenAreReadable) {
  Event exec = event(Op::exec, "/bin/sh");
  exec.flags = 0100000 | 0x20;
  EXPECT_THAT(line(exec), testing::HasSubstr(R"("flags":["O_RDONLY","FMODE_EXEC"])"));
}

TEST(Line, AnErrorWithoutANameIsItsNumber) {
  Event strange = event(Op::stat, "/a");
  strange.error = 3999;
  EXPECT_THAT(line(strange), testing::HasSubstr(R"("errno":"3999")"));
}

TEST(Line, ANewlineInANameDoesNotEndTheLine) {
  const std::string text = line(event(Op::open, "/a\nb\t\"\\\x01"));
  EXPECT_THAT(text, testing::HasSubstr(R"("path":"/a\nb\t\"\\\u0001")"));
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

TEST(Line, ControlCharactersOfTerminalsAreEscaped) {
  EXPECT_THAT(line(event(Op::open, "/\x1b[2J\x7f\xc2\x9b")), testing::HasSubstr(R"("path":"/\u001b[2J\u007f\u009b")"));
}

TEST(Line, Utf8StaysAsItIs) {
  EXPECT_THAT(line(event(Op::open, "/gr\xc3\xbc\xc3\x9f")), testing::HasSubstr("\"path\":\"/gr\xc3\xbc\xc3\x9f\","));
}

TEST(Line, BytesThatAreNotUtf8AreKeptExactly) {
  EXPECT_THAT(line(event(Op::open, "/a\xff")), testing::HasSubstr(R"("path":"/a\\xff","path_b64":"L2H/",)"));
  Event rename = event(Op::rename, "/a");
  rename.to = "/\xc3";
  EXPECT_THAT(line(rename), testing::HasSubstr(R"("path":"/a","to":"/\\xc3","to_b64":"L8M=",)"));
}

TEST(Line, EachByteComesBack) {
  for (int byte = 1; byte < 256; ++byte) {
    for (const std::string& tail : {std::string(), std::string("\x80"), std::string("x")}) {
      const std::string path = std::string("/") + static_cast<char>(byte) + tail;
      std::string text = line(event(Op::open, path));
      text.pop_back();
      const auto record = parse_line(text);
      ASSERT_TRUE(record) << text;
      EXPECT_EQ(record->path, path);
    }
  }
}

TEST(Line, EachOperationAndVerdictHasAWordThatIsReadBack) {
  for (int op = 0; op <= static_cast<int>(Op::fallocate); ++op) {
    EXPECT_EQ(parse_op(to_string(static_cast<Op>(op))), static_cast<Op>(op));
  }
  EXPECT_EQ(to_string(Verdict::predict), "predict");
  EXPECT_EQ(parse_op("fly"), std::nullopt);
}

}  // namespace
}  // namespace fusebox::audit
