#include "audit/viewer.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "audit/line_reader.h"
#include "audit/record.h"
#include "audit/record_text.h"
#include "fusebox/fd.h"

namespace fusebox::audit {
namespace {

using testing::ElementsAre;

// A file in memory that holds `text`.
Fd file_with(const std::string& text) {
  Fd file(::memfd_create("log", MFD_CLOEXEC));
  EXPECT_EQ(::pwrite(file.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return file;
}

std::string text_of(const Fd& file) {
  std::string text(1 << 20, '\0');
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::pread(file.get(), text.data(), text.size(), 0))));
  return text;
}

struct Shown {
  std::string text;
  std::vector<std::string> complaints;
  std::uint64_t unreadable = 0;
};

Shown show(const std::string& log, const View& view) {
  const Fd in = file_with(log);
  const Fd out = file_with("");
  Shown shown;
  shown.unreadable =
      show_log(in.get(), out.get(), view, [&](const std::string& why) { shown.complaints.push_back(why); }).value();
  shown.text = text_of(out);
  return shown;
}

std::string line(const std::string& members) {
  return R"({"t":1700000000.5,"pid":42,"exe":"/bin/sh",)" + members + "}\n";
}

const std::string kRead = line(R"("op":"open","path":"/usr/a","flags":["O_RDONLY"],"verdict":"allow")");
const std::string kWritten = line(R"("op":"open","path":"/usr/b","flags":["O_WRONLY"],"verdict":"allow")");
const std::string kFailed = line(R"("op":"mkdir","path":"/usr/c","verdict":"allow","errno":"EEXIST")");
const std::string kDenied = line(R"("op":"open","path":"/etc/d","flags":["O_RDWR"],"verdict":"deny","errno":"EACCES")");
const std::string kMoved = line(R"("op":"rename","path":"/x","to":"/etc/y","verdict":"allow")");
const std::string kAll = kRead + kWritten + kFailed + kDenied + kMoved;

std::string filtered(const Filter& filter) { return show(kAll, {.filter = filter, .json = true}).text; }

TEST(Viewer, JsonIsTheLinesAsTheyAre) { EXPECT_EQ(filtered({}), kAll); }

TEST(Viewer, DeniedIsWhatThePolicyRefused) { EXPECT_EQ(filtered({.denied = true}), kDenied); }

TEST(Viewer, WrittenIsWhatChangedSomething) { EXPECT_EQ(filtered({.written = true}), kWritten + kMoved); }

TEST(Viewer, DeniedAndWrittenIsWhatWouldHaveChangedSomething) {
  EXPECT_EQ(filtered({.denied = true, .written = true}), kDenied);
}

TEST(Viewer, APathMatchesWithWhatLiesBelowAtEitherEndOfARename) {
  EXPECT_EQ(filtered({.path = "/etc"}), kDenied + kMoved);
  EXPECT_EQ(filtered({.path = "/et"}), "");
  EXPECT_EQ(filtered({.path = "/u*"}), kRead + kWritten + kFailed);
  EXPECT_EQ(filtered({.path = "/usr/[ab]"}), kRead + kWritten);
}

TEST(Viewer, AProcessIsItsNameOrItsWholePath) {
  EXPECT_EQ(filtered({.process = "sh"}), kAll);
  EXPECT_EQ(filtered({.process = "/bin/sh"}), kAll);
  EXPECT_EQ(filtered({.process = "bash"}), "");
  EXPECT_EQ(filtered({.process = "/usr/bin/sh"}), "");
  const std::string removed = "{\"t\":1,\"exe\":\"/tmp/a (deleted)\",\"op\":\"stat\",\"verdict\":\"allow\"}\n";
  EXPECT_EQ(show(removed, {.filter = {.process = "a"}, .json = true}).text, removed);
}

TEST(Viewer, ABadLineIsNamedAndTheOthersAreShown) {
  const Shown shown = show(kRead + "nonsense\n[]\n\n" + kDenied + "{\"t\":1,\"op", {.filter = {}, .json = true});
  EXPECT_EQ(shown.text, kRead + kDenied);
  EXPECT_EQ(shown.unreadable, 4U);
  EXPECT_THAT(shown.complaints, ElementsAre("line 2: not JSON", "line 3: not a JSON object", "line 4: not JSON",
                                            "line 6: the file ends within this line"));
}

TEST(Viewer, ALineThatIsFarTooLongIsPassedOver) {
  const Shown shown = show(std::string(3 * LineReader::kLongest, 'x') + "\n" + kRead, {.filter = {}, .json = true});
  EXPECT_EQ(shown.text, kRead);
  EXPECT_THAT(shown.complaints, ElementsAre("line 1: too long to be a line of a log"));
}

TEST(Viewer, SpacesAtTheEndOfALineAreNothing) {
  const std::string padded = kRead.substr(0, kRead.size() - 1) + "     \n";
  EXPECT_EQ(show(padded, {}).unreadable, 0U);
}

TEST(Viewer, AReaderThatWentAwayIsNoFault) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  const auto handler = ::signal(SIGPIPE, SIG_IGN);
  const auto shown = show_log(file_with(kAll).get(), ends[1], {}, [](const std::string&) {});
  ::signal(SIGPIPE, handler);
  ::close(ends[1]);
  EXPECT_TRUE(shown);
}

TEST(Viewer, WhatCannotBeReadIsAFault) {
  const auto shown = show_log(-1, 1, {}, [](const std::string&) {});
  ASSERT_FALSE(shown);
  EXPECT_EQ(shown.error().line(), "read the log: Bad file descriptor");
}

class RecordText : public testing::Test {
 protected:
  RecordText() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
};

std::string rendered(const std::string& members) {
  std::string text = line(members);
  text.pop_back();
  return render(parse_line(text).value());
}

TEST_F(RecordText, HasTimeProcessOperationAndPath) {
  EXPECT_EQ(rendered(R"("op":"stat","path":"/usr/a","verdict":"allow")"),
            "22:13:20.500  sh[42]                    stat                  /usr/a\n");
}

TEST_F(RecordText, ARefusalHasVerdictErrorAndRule) {
  EXPECT_EQ(
      rendered(R"("op":"open","path":"/e","flags":["O_WRONLY"],"verdict":"deny","errno":"EACCES","rule":"deny x")"),
      "22:13:20.500  sh[42]                    open w       deny     /e  EACCES  deny x\n");
}

TEST_F(RecordText, ARenameHasAnArrow) {
  EXPECT_EQ(rendered(R"("op":"rename","path":"/a","to":"/b","verdict":"allow")"),
            "22:13:20.500  sh[42]                    rename                /a → /b\n");
}

TEST_F(RecordText, ALongNameIsCutAndItsNumberIsNot) {
  EXPECT_THAT(render(parse_line("{\"t\":1,\"pid\":23986,\"exe\":\"/usr/bin/x86_64-linux-gnu-gcc-12\",\"op\":\"stat\","
                                "\"path\":\"/a\",\"verdict\":\"allow\"}")
                         .value()),
              testing::EndsWith("  x86_64-linux-gnu…[23986]  stat                  /a\n"));
}

TEST_F(RecordText, NamesCannotCommandTheTerminal) {
  EXPECT_THAT(rendered(R"("op":"st\u001bat","path":"/\u001b[2J\n","verdict":"x\u0007")"),
              testing::AllOf(testing::Not(testing::HasSubstr("\033")), testing::HasSubstr("/\\x1b[2J\\x0a")));
}

TEST(Record, WhatIsWrongIsNamed) {
  const auto why = [](const char* text) { return parse_line(text).error(); };
  EXPECT_EQ(why(R"({"op":"stat","verdict":"allow"})"), "'t' is missing");
  EXPECT_EQ(why(R"({"t":1e300,"op":"stat","verdict":"allow"})"), "'t' is no time");
  EXPECT_EQ(why(R"({"t":1,"verdict":"allow"})"), "'op' is missing");
  EXPECT_EQ(why(R"({"t":1,"op":"stat"})"), "'verdict' is missing");
  EXPECT_EQ(why(R"({"t":1,"op":1,"verdict":"allow"})"), "'op' is no string");
  EXPECT_EQ(why(R"({"t":1,"op":"stat","verdict":"allow","pid":-1})"), "'pid' is no number that fits");
  EXPECT_EQ(why(R"({"t":1,"op":"stat","verdict":"allow","pid":4294967296})"), "'pid' is no number that fits");
  EXPECT_EQ(why(R"({"t":1,"op":"stat","verdict":"allow","flags":[1]})"), "'flags' is no list of strings");
  EXPECT_EQ(why(R"({"t":1,"op":"stat","verdict":"allow","path_b64":"a"})"), "'path_b64' is no base64");
}

TEST(Record, WhatALaterVersionAddsIsPassedOver) {
  EXPECT_TRUE(parse_line(R"({"t":1,"op":"teleport","verdict":"maybe","colour":{"a":[1]}})"));
}

}  // namespace
}  // namespace fusebox::audit
