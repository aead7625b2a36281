#include "gentoo/configuration.h"

#include <gmock/gmock.h>

namespace fusebox::gentoo {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(SandboxConfiguration, LinesAreNamesAndValues) {
  const auto values = parse_configuration(
      "# comment\n"
      "NOCOLOR=\"yes\"\n"
      "  SANDBOX_VERBOSE = 'no'  # why\n"
      "SANDBOX_DEBUG=1 # too\n"
      "not a line\n");
  EXPECT_THAT(values, ElementsAre(Pair("NOCOLOR", "yes"), Pair("SANDBOX_DEBUG", "1"), Pair("SANDBOX_VERBOSE", "no")));
}

TEST(SandboxConfiguration, RepeatedListsAccumulate) {
  const auto values = parse_configuration("SANDBOX_WRITE=\"/a:/b\"\nSANDBOX_WRITE=\"/c\"\nNOCOLOR=1\nNOCOLOR=0");
  EXPECT_EQ(values.at("SANDBOX_WRITE"), "/a:/b:/c");
  EXPECT_EQ(values.at("NOCOLOR"), "0");
}

TEST(SandboxConfiguration, OnlyVariablesInBracesAreReplaced) {
  const Environment environment{{"HOME", "/home/ada"}, {"EMPTY", ""}};
  EXPECT_EQ(substitute("${HOME}/x:$HOME:${EMPTY}:${NONE}:$5:${HOME", environment), "/home/ada/x:$HOME:::$5:${HOME");
}

TEST(SandboxConfiguration, AListIsThatOfTheMainFileThenTheEnvironments) {
  Environment environment{{"SANDBOX_WRITE", "/env"}, {"HOME", "/h"}};
  const Configuration configuration{.main = {{"SANDBOX_WRITE", "/main"}},
                                    .parts = {{{"SANDBOX_WRITE", "/part"}, {"SANDBOX_READ", "/part"}}}};
  add_configuration(environment, configuration, "/work");
  EXPECT_EQ(environment.at("SANDBOX_WRITE"), "/main:/env");
  EXPECT_EQ(environment.at("SANDBOX_READ"), "/part");
}

TEST(SandboxConfiguration, TheEnvironmentsSwitchesWin) {
  Environment environment{{"NOCOLOR", "0"}};
  add_configuration(environment, {.main = {{"NOCOLOR", "1"}, {"SANDBOX_VERBOSE", "0"}}, .parts = {}}, "");
  EXPECT_EQ(environment.at("NOCOLOR"), "0");
  EXPECT_EQ(environment.at("SANDBOX_VERBOSE"), "0");
}

TEST(SandboxConfiguration, WhereNobodySaysAnythingTheWorkDirectoryIsWritten) {
  Environment environment{{"HOME", "/h"}};
  add_configuration(environment, {}, "/work");
  EXPECT_EQ(environment.at("SANDBOX_READ"), "/");
  EXPECT_EQ(environment.at("SANDBOX_WRITE"), "/work");
  EXPECT_EQ(environment.at("SANDBOX_PREDICT"), "/h");
  Environment portage;
  add_configuration(portage, {}, "");
  EXPECT_FALSE(portage.contains("SANDBOX_WRITE"));
}

TEST(SandboxConfiguration, WithoutAnyFileTemporaryFilesMayBeWrittenToo) {
  const auto none = read_configuration("/nonexistent");
  ASSERT_TRUE(none.has_value());
  EXPECT_TRUE(none->is_missing);
  Environment environment{{"HOME", "/h"}};
  add_configuration(environment, *none, "/work");
  EXPECT_THAT(environment.at("SANDBOX_WRITE"), ::testing::StartsWith("/work:/dev/fd:"));
  EXPECT_THAT(environment.at("SANDBOX_WRITE"), ::testing::HasSubstr(":/tmp/:/var/tmp/:"));
}

}  // namespace
}  // namespace fusebox::gentoo
