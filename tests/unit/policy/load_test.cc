#include "policy/load.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "policy/shape.h"
#include "testing.h"

namespace fusebox::policy {
namespace {

using enum RuleKind;

std::string listed(const LoadedPolicy& policy) {
  std::string text;
  for (RuleId id = 0; id < static_cast<RuleId>(policy.policy.rules().size()); ++id) {
    text += policy.policy.describe(id) + "\n";
  }
  return text;
}

std::string listed(std::string file_text) {
  return listed(loaded(sources_of("include = []\n" + std::move(file_text))));
}

TEST(Load, AFilesRulesStandInItsOrderWithTheirPlaces) {
  EXPECT_EQ(listed("[files]\nwrite = [\"/w\",\n  \"/v\"]\nread = [\"/\"]\n"),
            "write \"/w\" (fusebox.toml:3:10)\n"
            "write \"/v\" (fusebox.toml:4:3)\n"
            "read \"/\" (fusebox.toml:5:9)\n");
}

TEST(Load, AllTablesAreRead) {
  const auto policy =
      loaded(sources_of("order = \"specific\"\n[audit]\nlog = \"${USER}.jsonl\"\n[box]\nnetwork = \"none\"\n"));
  EXPECT_EQ(policy.audit_log, "ada.jsonl");
  EXPECT_EQ(policy.network, Network::none);
  EXPECT_EQ(policy.profiles, (std::vector<std::string>{"default", "secrets"}));
}

TEST(Load, AnEmptyIncludeMeansNoProfile) { EXPECT_TRUE(loaded(sources_of("include = []")).profiles.empty()); }

TEST(Load, AProfileFlagReplacesTheDefault) {
  EXPECT_EQ(loaded(profile("strict")).profiles, (std::vector<std::string>{"strict", "secrets"}));
}

TEST(Load, AProfileIsTakenOnce) {
  Sources sources = sources_of("include = [\"build\", \"default\", \"build\"]");
  sources.profiles = {"build"};
  EXPECT_EQ(loaded(sources).profiles, (std::vector<std::string>{"build", "secrets", "default"}));
}

TEST(Load, VariablesAreExpanded) {
  EXPECT_EQ(listed("[files]\nwrite = [\"${PWD}/out\", \"/var/${USER}/x\"]\n"),
            "write \"/home/ada/project/out\" (fusebox.toml:3:10)\n"
            "write \"/var/ada/x\" (fusebox.toml:3:24)\n");
}

TEST(Load, AStarInAVariablesValueIsNoGlob) {
  Sources sources = sources_of("include = []\n[files]\nwrite = [\"${PWD}\"]");
  sources.variables["PWD"] = "/home/*";
  const auto policy = loaded(sources);
  EXPECT_EQ(verdict(policy.policy, "/home/*/x", Want::write), "allow");
  EXPECT_EQ(verdict(policy.policy, "/home/ada/x", Want::write), "deny");
}

TEST(Load, ADollarSignCanBeLiteral) {
  EXPECT_EQ(listed("[files]\nwrite = ['/a/\\${PWD}', '/a$b']\n"),
            "write \"/a/${PWD}\" (fusebox.toml:3:10)\nwrite \"/a$b\" (fusebox.toml:3:24)\n");
}

TEST(Load, FlagsCountFromTheWorkingDirectory) {
  Sources sources = sources_of("include = []");
  sources.directory = "/data/${x}/a*";
  sources.flags = {{write, "out", "--write"},  {write, ".", "--write"},    {write, "../../b", "--write"},
                   {write, "./x/", "--write"}, {write, "/abs", "--write"}, {write, "${HOME}/h", "--write"}};
  EXPECT_EQ(listed(loaded(sources)),
            "write \"/data/${x}/a\\*/out\" (--write)\n"
            "write \"/data/${x}/a\\*\" (--write)\n"
            "write \"/data/b\" (--write)\n"
            "write \"/data/${x}/a\\*/x\" (--write)\n"
            "write \"/abs\" (--write)\n"
            "write \"/home/ada/h\" (--write)\n");
}

TEST(Load, FlagsWinOverTheFileAndTheFileOverProfiles) {
  Sources sources = sources_of("[files]\nwrite = [\"${PWD}\"]\nread = [\"/opt\"]\n[box]\nnetwork = \"host\"");
  sources.profiles = {"build"};
  sources.flags = {{write, "/home/ada/project", "--write"}};
  const auto policy = loaded(sources);
  EXPECT_EQ(policy.policy.describe(policy.policy.decide("/home/ada/project/x", Want::write).rule),
            "write \"/home/ada/project\" (--write)");
  EXPECT_EQ(policy.network, Network::host);
}

TEST(Load, ARuleHoldsForThePathWithoutSymlinksToo) {
  Sources sources = sources_of("include = []\n[files]\nread = [\"/bin\"]\nhide = [\"/link/none/*.key\"]");
  sources.resolve = [](const std::string& path) -> std::optional<std::string> {
    if (path == "/bin") return "/usr/bin";
    if (path == "/link") return "/target*";
    return std::nullopt;
  };
  const auto policy = loaded(sources);
  EXPECT_EQ(verdict(policy.policy, "/bin/sh", Want::read), "allow");
  EXPECT_EQ(verdict(policy.policy, "/usr/bin/sh", Want::read), "allow");
  EXPECT_EQ(verdict(policy.policy, "/link/none/a.key", Want::read), "hide");
  EXPECT_EQ(verdict(policy.policy, "/target*/none/a.key", Want::read), "hide");
  EXPECT_EQ(verdict(policy.policy, "/targetx/none/a.key", Want::stat), "allow");
  EXPECT_EQ(policy.policy.describe(0), "read \"/usr/bin\" (fusebox.toml:3:9 through /bin)");
}

TEST(Load, AnUnknownKeyIsNamedWithItsPlaceAndAHint) {
  EXPECT_EQ(fault_of("[files]\nraed = [\"/\"]\n"),
            "fusebox.toml:2:1: unknown key 'raed' in [files] (did you mean 'read'?)");
  EXPECT_EQ(fault_of("[fles]\n"), "fusebox.toml:1:2: unknown key 'fles' (did you mean 'files'?)");
  EXPECT_EQ(fault_of("[files]\nsomething = 1\n"),
            "fusebox.toml:2:1: unknown key 'something' in [files] (known here: read write predict discard deny hide)");
  EXPECT_EQ(fault_of("[audit]\nlgo = \"x\"\n"), "fusebox.toml:2:1: unknown key 'lgo' in [audit] (did you mean 'log'?)");
  EXPECT_EQ(fault_of("[box]\nnetwrk = \"x\"\n"),
            "fusebox.toml:2:1: unknown key 'netwrk' in [box] (did you mean 'network'?)");
}

TEST(Load, AnOrderThatIsNotSupportedIsRefused) {
  EXPECT_EQ(fault_of("order = \"gentoo\""),
            "fusebox.toml:1:9: order = \"gentoo\" is not supported by this version (leave it out)");
  EXPECT_EQ(fault_of("order = 1"), "fusebox.toml:1:9: 'order' must be \"specific\" (leave it out: it is the default)");
}

TEST(Load, AnUnknownProfileIsRefusedByName) {
  EXPECT_EQ(fault_of("include = [\"default\", \"fedora\"]"),
            "fusebox.toml:1:23: unknown profile 'fedora' (known here: default build gentoo strict secrets)");
  EXPECT_EQ(fault_of(profile("biuld")), "--profile: unknown profile 'biuld' (did you mean 'build'?)");
}

TEST(Load, APathThatIsNoneIsRefusedWithItsPlace) {
  const auto fault_of_path = [](const std::string& path) {
    return fault_of("[files]\nread = [\"/ok\", \"" + path + "\"]");
  };
  EXPECT_EQ(fault_of_path("usr/lib"),
            "fusebox.toml:2:16: relative path 'usr/lib' in a rule (start it with / or ${PWD}/)");
  EXPECT_EQ(fault_of_path(""), "fusebox.toml:2:16: an empty path in a rule (name a file or directory)");
  EXPECT_EQ(fault_of_path("/a/../b"), "fusebox.toml:2:16: '..' in a rule (name the directory itself)");
  EXPECT_EQ(fault_of_path("/a\\u0000"), "fusebox.toml:2:16: a NUL byte in a rule (no file name can hold one)");
  EXPECT_EQ(fault_of_path("~/x"), "fusebox.toml:2:16: '~' in a path is not expanded (write ${HOME})");
  EXPECT_EQ(fault_of_path("/a/**b"),
            "fusebox.toml:2:16: '**' beside other text in one component (write it between two slashes)");
}

TEST(Load, AVariableThatCannotBeUsedIsRefusedWithItsPlace) {
  const auto fault_of_path = [](const std::string& path) { return fault_of("[files]\nread = [\"" + path + "\"]"); };
  EXPECT_EQ(fault_of_path("${NOPE}/x"), "fusebox.toml:2:9: ${NOPE} is not set (set NOPE, or write the path)");
  EXPECT_EQ(fault_of_path("${USER}/x"),
            "fusebox.toml:2:9: ${USER} is 'ada', not an absolute path (set USER to a path that starts with /)");
  EXPECT_EQ(fault_of_path("/${HOME"),
            "fusebox.toml:2:9: '${' without '}' (close it, or write \\${ for the characters)");
  EXPECT_EQ(fault_of_path("/${a b}"), "fusebox.toml:2:9: 'a b' is not a variable's name (use letters, digits and _)");
}

TEST(Load, AWrongTypeIsRefusedWithItsPlace) {
  EXPECT_EQ(fault_of("[files]\nread = \"/\""),
            "fusebox.toml:2:8: 'read' must be an array of strings (write read = [\"/path\"])");
  EXPECT_EQ(fault_of("[files]\nread = [\"/\", 1]"),
            "fusebox.toml:2:14: 'read' holds something that is no string (write read = [\"/path\"])");
  EXPECT_EQ(fault_of("files = 1"), "fusebox.toml:1:9: 'files' must be a table (write [files])");
  EXPECT_EQ(fault_of("include = \"default\""),
            "fusebox.toml:1:11: 'include' must be an array of strings (write include = [\"default\"])");
  EXPECT_EQ(fault_of("[audit]\nlog = \"\""),
            "fusebox.toml:2:7: 'log' must be the name of a file (write log = \"audit.jsonl\")");
  EXPECT_EQ(fault_of("[box]\nnetwork = \"some\""),
            "fusebox.toml:2:11: 'network' must be \"host\" or \"none\" (write network = \"none\")");
}

TEST(Load, ASyntaxErrorIsOneLineWithItsPlace) {
  for (const std::string text :
       {"[files", "read = [", "a = \"\xff\"", "a = 1\na = 2", "\x01", "= 1", "a.a = 1\na = 1"}) {
    const std::string fault = fault_of(text);
    EXPECT_TRUE(fault.starts_with("fusebox.toml:")) << fault;
    EXPECT_EQ(fault.find('\n'), std::string::npos) << fault;
  }
  EXPECT_TRUE(fault_of("a = 1\n\nb = ").starts_with("fusebox.toml:3:")) << fault_of("a = 1\n\nb = ");
}

TEST(Load, ATextThatNestsWithoutEndIsRefused) {
  std::string keys = "a";
  for (int i = 0; i < 100'000; ++i) keys += ".a";
  EXPECT_EQ(fault_of(keys + " = 1"), "fusebox.toml:1:1: a key of too many parts (write tables, as in [files])");
  EXPECT_EQ(fault_of("x = 1 # \"\n" + keys + " = 1"),
            "fusebox.toml:2:1: a key of too many parts (write tables, as in [files])");
  EXPECT_EQ(fault_of("x = \"\"\"\n\"\"\""), "fusebox.toml:1:5: a string of several lines (use \"...\")");
  EXPECT_TRUE(fault_of(std::string(100'000, '[')).starts_with("fusebox.toml:1:"));
  EXPECT_TRUE(fault_of(std::string(kLargestPolicyFile + 1, ' ')).starts_with("fusebox.toml:1:1: larger than 8 MiB"));
}

TEST(Load, ATableWithoutANameIsRefusedWithItsPlace) {
  const std::string fault = "a table without a name (as in [files])";
  for (const std::string text : {"[=]", "[.a]", "[#", "[,", "[{", "["}) {
    EXPECT_EQ(fault_of(text + "\n"), "fusebox.toml:1:2: " + fault) << text;
    EXPECT_EQ(fault_of("\n  [" + text + "\n"), "fusebox.toml:2:5: " + fault) << text;
  }
  EXPECT_EQ(fault_of("[[[files]]]"), "fusebox.toml:1:3: " + fault);
  EXPECT_EQ(fault_of("[[ \t=]]"), "fusebox.toml:1:5: " + fault);
  EXPECT_EQ(fault_of("[ files ]\nread = [\n\"/a\"]\n[\"audit\"]"), "no fault");
}

TEST(Load, WhatIsNotAsciiIsRefusedOutsideOfStrings) {
  EXPECT_EQ(fault_of("[files]\n\"\xc7\xa8\" .w\xc7\xa8 = 1"),
            "fusebox.toml:2:7: a byte outside of strings that is not ASCII (write keys in ASCII and paths in quotes)");
  EXPECT_EQ(fault_of("\xef\xbb\xbf# \xc7\xa8\n[files]\nread = [\"/\xc7\xa8\"]"), "no fault");
}

TEST(Load, DotsInPathsAndCommentsAreNoKeys) {
  EXPECT_EQ(fault_of("[files] # ....................\nread = [\"/a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s\"]"),
            "no fault");
}

TEST(Load, TenThousandRulesAreAccepted) {
  std::string text = "[files]\nwrite = [\n";
  for (int i = 0; i < 10'000; ++i) text += "\"/data/" + std::to_string(i) + "/out\",\n";
  const auto policy = loaded(sources_of(text + "]"));
  EXPECT_EQ(policy.file_rules, 10'000u);
  EXPECT_EQ(verdict(policy.policy, "/data/9999/out/x", Want::write), "allow");
}

class PolicyFileOnDisk : public testing::Test {
 protected:
  PolicyFileOnDisk() {
    char name[] = "/tmp/fusebox-policy-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~PolicyFileOnDisk() override { std::filesystem::remove_all(directory_); }

  static std::string fault(const std::string& path) {
    const auto file = read_policy_file(path);
    return file ? "no fault" : file.error().line();
  }

  std::string directory_;
};

TEST_F(PolicyFileOnDisk, ItsBytesAreRead) {
  std::ofstream(directory_ + "/p.toml") << "include = []\n";
  const auto file = read_policy_file(directory_ + "/p.toml");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->text, "include = []\n");
  EXPECT_EQ(file->name, directory_ + "/p.toml");
}

TEST_F(PolicyFileOnDisk, WhatCannotBeReadIsRefused) {
  const std::string hint = " (name a readable policy file)";
  EXPECT_EQ(fault(directory_ + "/none"), directory_ + "/none:1:1: No such file or directory" + hint);
  EXPECT_EQ(fault(directory_), directory_ + ":1:1: it is a directory" + hint);
  ASSERT_EQ(::mkfifo((directory_ + "/fifo").c_str(), 0600), 0);
  EXPECT_EQ(fault(directory_ + "/fifo"), directory_ + "/fifo:1:1: it is not a regular file" + hint);
  std::ofstream(directory_ + "/big") << std::string(kLargestPolicyFile + 1, '#');
  EXPECT_EQ(fault(directory_ + "/big"), directory_ + "/big:1:1: larger than 8 MiB" + hint);
}

TEST_F(PolicyFileOnDisk, AFileWithoutLeaveIsRefused) {
  std::ofstream(directory_ + "/p.toml") << "";
  ASSERT_EQ(::chmod((directory_ + "/p.toml").c_str(), 0), 0);
  if (::access((directory_ + "/p.toml").c_str(), R_OK) == 0) GTEST_SKIP() << "root may read everything";
  EXPECT_EQ(fault(directory_ + "/p.toml"), directory_ + "/p.toml:1:1: Permission denied (name a readable policy file)");
}

}  // namespace
}  // namespace fusebox::policy
