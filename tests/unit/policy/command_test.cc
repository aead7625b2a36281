// `fusebox policy` as a user runs it: output, messages, exit status.
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "testing.h"

namespace fusebox::policy {
namespace {

struct Ran {
  int status = -1;
  std::string output;  // stdout and stderr
};

class PolicyCommand : public testing::Test {
 protected:
  PolicyCommand() {
    char name[] = "/tmp/fusebox-command-XXXXXX";
    directory_ = std::filesystem::canonical(::mkdtemp(name));
    std::filesystem::create_directories(directory_ + "/home");
    std::filesystem::create_directories(directory_ + "/work");
  }
  ~PolicyCommand() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& text) const { std::ofstream(directory_ + "/work/fusebox.toml") << text; }

  Ran run(const std::string& arguments) const {
    const std::string command = "cd '" + directory_ + "/work' && env -i HOME='" + directory_ + "/home' USER=ada '" +
                                FUSEBOX_BINARY "' policy " + arguments + " 2>&1";
    Ran result;
    std::FILE* pipe = ::popen(command.c_str(), "r");
    char buffer[4096];
    while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, pipe)) result.output.append(buffer, count);
    result.status = WEXITSTATUS(::pclose(pipe));
    return result;
  }

  std::string directory_;
};

TEST_F(PolicyCommand, CheckCountsTheRulesOfAFileThatIsInOrder) {
  write("[files]\nwrite = [\"${PWD}/out\", \"${HOME}/.cache\"]\n");
  const Ran check = run("check fusebox.toml");
  EXPECT_EQ(check.output, "fusebox.toml: 2 rules, no errors\n");
  EXPECT_EQ(check.status, 0);
}

TEST_F(PolicyCommand, CheckSaysInOneLineWhatIsWrongAndWhere) {
  write("[files]\nraed = [\"/\"]\n");
  const Ran check = run("check fusebox.toml");
  EXPECT_EQ(check.output, "fusebox: fusebox.toml:2:1: unknown key 'raed' in [files] (did you mean 'read'?)\n");
  EXPECT_EQ(check.status, 125);
}

TEST_F(PolicyCommand, CheckOfAFileThatIsNotThereFails) {
  const Ran check = run("check none.toml");
  EXPECT_EQ(check.output, "fusebox: none.toml:1:1: No such file or directory (name a readable policy file)\n");
  EXPECT_EQ(check.status, 125);
}

TEST_F(PolicyCommand, AWrongCommandLineIsAUsageError) {
  EXPECT_EQ(run("check").status, 2);
  EXPECT_EQ(run("explain --op smell /x").status, 2);
  EXPECT_EQ(run("").status, 2);
}

TEST_F(PolicyCommand, ExplainNamesTheRuleAndWhereItWasWritten) {
  write("[files]\nwrite = [\"${PWD}/out\"]\n");
  const Ran explain = run("explain --policy fusebox.toml --profile strict --op write out/x");
  EXPECT_EQ(explain.output, directory_ + "/work/out/x\n  write: allow (it may be read and written)\n    1. write \"" +
                                directory_ + "/work/out\" (fusebox.toml:2:10): decides\n");
  EXPECT_EQ(explain.status, 0);
}

TEST_F(PolicyCommand, AnOptionTakesOnePathAndMayBeRepeated) {
  const Ran explain = run("explain --op read --profile strict --read /x --read /y /y/z");
  EXPECT_NE(explain.output.find("/y/z\n  read: allow"), std::string::npos) << explain.output;
}

TEST_F(PolicyCommand, ExplainFollowsSymlinks) {
  std::filesystem::create_symlink("../home", directory_ + "/work/link");
  const Ran explain = run("explain --op write link/x");
  EXPECT_NE(explain.output.find("It leads to:\n" + directory_ + "/home/x\n  write: discard"), std::string::npos)
      << explain.output;
}

TEST_F(PolicyCommand, ExplainWritesJson) {
  const Ran explain = run("explain --profile strict --deny /x --op read --json /x/y");
  EXPECT_EQ(explain.output, R"({
  "path": "/x/y",
  "decisions": [
    {
      "op": "read",
      "verdict": "deny",
      "reason": "it is refused",
      "rule": {
        "kind": "deny",
        "pattern": "/x",
        "origin": "--deny"
      },
      "considered": [
        {
          "kind": "deny",
          "pattern": "/x",
          "origin": "--deny",
          "part": "decides"
        }
      ]
    }
  ],
  "resolved": null
}
)");
}

TEST_F(PolicyCommand, PrintListsTheRulesInEffectWithTheirOrigin) {
  write("include = []\n[files]\nread = [\"/\"]\n[audit]\nlog = \"a.jsonl\"\n[box]\nnetwork = \"none\"\n");
  const Ran print = run("print --policy fusebox.toml --write . --hide '*.key'");
  EXPECT_EQ(print.output,
            "# profiles: none\n# network: none\n# audit log: a.jsonl\n"
            "read     \"/\" (fusebox.toml:3:9)\n"
            "write    \"" +
                directory_ +
                "/work\" (--write)\n"
                "hide     \"" +
                directory_ + "/work/*.key\" (--hide)\n");
  EXPECT_NE(run("print --policy fusebox.toml --json").output.find("\"network\": \"none\""), std::string::npos);
}

TEST_F(PolicyCommand, ExplainAndPrintKnowRulesThatActAndTheHook) {
  write(
      "[[on]]\nevent = \"write\"\npath = \"/etc\"\nrun = [\"true\", \"x\"]\n"
      "[hook]\nscript = \"p.rb\"\npaths = [\"/etc/ssl\"]\n");
  const Ran explain = run("explain --policy fusebox.toml --op read /etc/ssl/certs");
  EXPECT_NE(explain.output.find("  what is permitted is then asked of p.rb\n"
                                "  on write \"/etc\" (fusebox.toml:1:1): run [\"true\", \"x\"]\n"),
            std::string::npos)
      << explain.output;
  EXPECT_EQ(run("explain --policy fusebox.toml /usr").output.find("p.rb"), std::string::npos);
  const Ran print = run("print --policy fusebox.toml");
  EXPECT_NE(print.output.find("hook     \"p.rb\" (fusebox.toml:5:1)\n  is asked about \"/etc/ssl\"\n"
                              "on write \"/etc\" (fusebox.toml:1:1): run [\"true\", \"x\"]\n"),
            std::string::npos)
      << print.output;
  const Ran json = run("print --policy fusebox.toml --json");
  EXPECT_NE(json.output.find("\"script\": \"p.rb\""), std::string::npos) << json.output;
  EXPECT_NE(json.output.find("\"events\": \"write\""), std::string::npos) << json.output;
}

TEST_F(PolicyCommand, CheckLooksForTheProgramsOfRules) {
  write("[[on]]\nevent = \"write\"\npath = \"/etc\"\nrun = [\"/nowhere/x\"]\n");
  const Ran check = run("check fusebox.toml");
  EXPECT_EQ(check.output, "fusebox: fusebox.toml:1:1: run /nowhere/x: No such file or directory (name a program)\n");
  EXPECT_EQ(check.status, 125);
}

TEST_F(PolicyCommand, TheSecretsOfASharedTmpAreHidden) {
  const Ran explain = run("explain --op stat /tmp/ssh-abc/agent.1");
  EXPECT_NE(explain.output.find("stat: hide"), std::string::npos) << explain.output;
}

TEST_F(PolicyCommand, EachSubcommandHelpsWithAnExample) {
  for (const char* command : {"", "check", "explain", "print"}) {
    const Ran help = run(std::string(command) + " --help");
    EXPECT_EQ(help.status, 0);
    EXPECT_NE(help.output.find("Example:\n  $ fusebox policy"), std::string::npos) << help.output;
  }
}

}  // namespace
}  // namespace fusebox::policy
