// `fusebox log` as a user calls it.
#include <gmock/gmock.h>
#include <stdio.h>
#include <sys/wait.h>

#include <fstream>

#include "temp_log.h"

namespace fusebox::audit {
namespace {

struct Finished {
  std::string output;  // stdout and stderr
  int status = 0;
};

Finished run(const std::string& arguments) {
  FILE* pipe = ::popen((std::string("TZ=UTC " FUSEBOX_BINARY " log ") + arguments + " 2>&1").c_str(), "r");
  Finished run;
  for (int c = 0; (c = ::fgetc(pipe)) != EOF;) run.output += static_cast<char>(c);
  run.status = WEXITSTATUS(::pclose(pipe));
  return run;
}

const std::string kDenied =
    R"({"t":1700000000.5,"pid":42,"exe":"/bin/sh","op":"mkdir","path":"/etc/x","verdict":"deny","errno":"EACCES"})"
    "\n";
const std::string kAllowed = R"({"t":1700000000.5,"pid":42,"exe":"/bin/sh","op":"stat","path":"/a","verdict":"allow"})"
                             "\n";

TEST(LogCommand, ShowsWhatIsAskedFor) {
  const TempLog log;
  std::ofstream(log.path()) << kAllowed << kDenied;
  const Finished shown = run(log.path() + " --denied");
  EXPECT_EQ(shown.output, "22:13:20.500  sh[42]                    mkdir        deny     /etc/x  EACCES\n");
  EXPECT_EQ(shown.status, 0);
  EXPECT_EQ(run(log.path() + " --json --path '/a*'").output, kAllowed);
}

TEST(LogCommand, ReadsStandardInput) {
  const TempLog log;
  std::ofstream(log.path()) << kDenied;
  EXPECT_EQ(run("- --json <" + log.path()).output, kDenied);
}

TEST(LogCommand, NamesABadLineAndFails) {
  const TempLog log;
  std::ofstream(log.path()) << "what\n" << kAllowed;
  const Finished shown = run(log.path() + " --json");
  EXPECT_EQ(shown.output, "fusebox: " + log.path() + ": line 1: not JSON\n" + kAllowed);
  EXPECT_EQ(shown.status, 1);
}

TEST(LogCommand, AMissingFileIsOneLine) {
  const Finished shown = run("/nonexistent/log");
  EXPECT_EQ(shown.output, "fusebox: /nonexistent/log: No such file or directory\n");
  EXPECT_EQ(shown.status, 125);
}

TEST(LogCommand, ADirectoryIsNoLog) {
  const Finished shown = run("/");
  EXPECT_EQ(shown.output, "fusebox: read the log: Is a directory\n");
  EXPECT_EQ(shown.status, 125);
}

TEST(LogCommand, AFullDeviceIsAFault) {
  const TempLog log;
  std::ofstream(log.path()) << kAllowed;
  const Finished shown = run(log.path() + " >/dev/full");
  EXPECT_EQ(shown.status, 125);
}

TEST(LogCommand, AReaderThatStopsIsNotAnnoyed) {
  const TempLog log;
  std::ofstream stream(log.path());
  for (int i = 0; i < 20'000; ++i) stream << kAllowed;
  stream.close();
  EXPECT_EQ(run(log.path() + " --json | head -n 1").output, kAllowed);
}

TEST(LogCommand, HelpHasAnExample) { EXPECT_THAT(run("--help").output, testing::HasSubstr("Example:")); }

}  // namespace
}  // namespace fusebox::audit
