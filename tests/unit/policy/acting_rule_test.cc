// [[on]], [actions] and [hook] of a policy file.
#include "policy/acting_rule.h"

#include "policy/duration.h"
#include "policy/path_sets.h"
#include "testing.h"

namespace fusebox::policy {
namespace {

using std::chrono::milliseconds;

ActingRule rule_of(const std::string& keys) {
  const LoadedPolicy policy = loaded(sources_of("[[on]]\n" + keys));
  EXPECT_EQ(policy.acting.size(), 1u);
  return policy.acting.empty() ? ActingRule{} : policy.acting[0];
}

TEST(ActingRule, SaysWhenWhereAndWhatIsDone) {
  const ActingRule rule = rule_of("event = \"write\"\npath = \"/etc/**\"\nrun = [\"logger\", \"-t\", \"${USER}\"]\n");
  EXPECT_EQ(rule.describe(), "on write \"/etc/**\" (fusebox.toml:1:1)");
  EXPECT_EQ(rule.deed(), "run [\"logger\", \"-t\", \"ada\"]");
  EXPECT_EQ(rule.time_limit, milliseconds(10'000));
}

TEST(ActingRule, MayNameSeveralEventsAndPaths) {
  const ActingRule rule = rule_of(
      "event = [\"delete\", \"denied\"]\npath = [\"/a\", \"${PWD}/b*\"]\nwebhook = \"http://h/x\"\n"
      "time_limit = \"2s\"\n");
  EXPECT_EQ(rule.describe(), "on delete, denied \"/a\", \"/home/ada/project/b*\" (fusebox.toml:1:1)");
  EXPECT_EQ(rule.deed(), "webhook \"http://h/x\"");
  EXPECT_EQ(rule.time_limit, milliseconds(2000));
}

TEST(ActingRule, HoldsForThePathWithoutSymlinksToo) {
  Sources sources = sources_of("[[on]]\nevent = \"read\"\npath = \"/link/x\"\nrun = [\"true\"]\n");
  sources.resolve = [](const std::string& path) {
    return path == "/link" ? std::optional<std::string>("/target") : std::nullopt;
  };
  EXPECT_EQ(loaded(sources).acting[0].patterns, (std::vector<std::string>{"/link/x", "/target/x"}));
}

TEST(ActingRule, WhatIsWrongIsNamedWithItsPlace) {
  const auto fault = [](const std::string& keys) { return fault_of("[[on]]\n" + keys); };
  const std::string whole = "event = \"write\"\npath = \"/etc\"\n";
  EXPECT_EQ(fault_of("on = 1"), "fusebox.toml:1:6: 'on' must be a table in double brackets (write [[on]])");
  EXPECT_EQ(fault_of("[on]\nevent = \"write\""),
            "fusebox.toml:1:1: 'on' must be a table in double brackets (write [[on]])");
  EXPECT_EQ(fault_of(whole),
            "fusebox.toml:1:1: unknown key 'event' (known here: include order files audit box on hook actions)");
  EXPECT_EQ(fault("event = \"wirte\""), "fusebox.toml:2:9: unknown event 'wirte' (did you mean 'write'?)");
  EXPECT_EQ(fault("even = \"write\""), "fusebox.toml:2:1: unknown key 'even' in [[on]] (did you mean 'event'?)");
  EXPECT_EQ(fault("event = []"), "fusebox.toml:2:9: 'event' is empty (write event = \"write\")");
  EXPECT_TRUE(fault("").starts_with("fusebox.toml:1:1: [[on]] without 'event' (write [[on]] event = "));
  EXPECT_TRUE(fault("event = \"read\"").starts_with("fusebox.toml:1:1: [[on]] without 'path'"));
  EXPECT_TRUE(fault(whole).starts_with("fusebox.toml:1:1: [[on]] without 'run' or 'webhook'"));
  EXPECT_EQ(fault(whole + "run = []"), "fusebox.toml:4:7: 'run' is empty (write run = [\"logger\"])");
  EXPECT_EQ(fault(whole + "run = [\"a\\u0000b\"]"),
            "fusebox.toml:4:8: a NUL byte in an argument (no program can be given one)");
  EXPECT_EQ(fault(whole + "run = [\"./x\"]"),
            "fusebox.toml:4:8: './x' is neither an absolute path nor a name to look up in PATH (start it with / or "
            "${PWD}/)");
  EXPECT_EQ(fault(whole + "run = [\"true\"]\nwebhook = \"http://h\""),
            "fusebox.toml:1:1: [[on]] with both 'run' and 'webhook' (write a table for each)");
  for (const char* url : {"ftp://h", "http://", "http://a b", "h", "http://a\\nb"}) {
    EXPECT_EQ(fault(whole + "webhook = \"" + url + "\""),
              "fusebox.toml:4:11: 'webhook' is no URL of http or https (write webhook = "
              "\"http://127.0.0.1:8080/events\")");
  }
  EXPECT_EQ(fault(whole + "webhook = \"http://${NOWHERE}/\""),
            "fusebox.toml:4:11: ${NOWHERE} is not set (set NOWHERE, or write the path)");
  EXPECT_EQ(fault("event = \"read\"\npath = \"etc\"\nrun = [\"true\"]"),
            "fusebox.toml:3:8: relative path 'etc' in a rule (start it with / or ${PWD}/)");
  EXPECT_TRUE(fault(whole + "time_limit = 3").starts_with("fusebox.toml:4:14: 'time_limit' must be a length of time"));
}

TEST(ActingRule, ThereAreAtMost64) {
  std::string text;
  for (int i = 0; i < 65; ++i) text += "[[on]]\nevent = \"read\"\npath = \"/x\"\nrun = [\"true\"]\n";
  EXPECT_EQ(fault_of(text), "fusebox.toml:257:1: more than 64 rules that act (name several paths in one)");
}

TEST(ActingRule, TheWaitAtTheEndIsSaidForAll) {
  EXPECT_EQ(loaded(sources_of("[actions]\nwait_at_end = \"250ms\"\n")).wait_at_end, milliseconds(250));
  EXPECT_TRUE(fault_of("[actions]\nwait = \"1s\"").starts_with("fusebox.toml:2:1: unknown key 'wait' in [actions]"));
}

TEST(Hook, NamesItsScriptAndWhereItIsAsked) {
  Sources sources = sources_of("[hook]\nscript = \"policy.rb\"\npaths = [\"${HOME}/.config\", \"/srv/**/x\"]\n");
  sources.file->name = "conf/fusebox.toml";
  const LoadedPolicy policy = loaded(sources);
  ASSERT_TRUE(policy.hook.has_value());
  EXPECT_EQ(policy.hook->script, "conf/policy.rb") << "it stands beside the file that names it";
  EXPECT_EQ(policy.hook->patterns, (std::vector<std::string>{"/home/ada/.config", "/srv/**/x"}));
  EXPECT_EQ(policy.hook->time_limit, milliseconds(1000));
  EXPECT_TRUE(policy.hook->looks);
  EXPECT_FALSE(loaded(sources_of("[hook]\nscript = \"x\"\nlooks = false\n")).hook->looks);
  EXPECT_EQ(policy.hook->origin, "conf/fusebox.toml:1:1");
}

TEST(Hook, WhatIsWrongIsNamedWithItsPlace) {
  const auto fault = [](const std::string& keys) { return fault_of("[hook]\n" + keys); };
  EXPECT_EQ(fault_of("hook = 1"), "fusebox.toml:1:8: 'hook' must be a table (write [hook])");
  EXPECT_EQ(fault(""), "fusebox.toml:1:1: [hook] without 'script' (write script = \"policy.rb\")");
  EXPECT_EQ(fault("script = \"\""),
            "fusebox.toml:2:10: 'script' must be the name of a file (write script = \"policy.rb\")");
  EXPECT_EQ(fault("script = \"x\"\npath = []"),
            "fusebox.toml:3:1: unknown key 'path' in [hook] (did you mean 'paths'?)");
  EXPECT_EQ(fault("script = \"x\"\npaths = \"/a\""),
            "fusebox.toml:3:9: 'paths' must be an array of strings (write paths = [\"/path\"])");
  EXPECT_EQ(fault("script = \"x\"\nlooks = 0"),
            "fusebox.toml:3:9: 'looks' must be true or false (write looks = false)");
  EXPECT_EQ(fault("script = \"x\"\ntime_limit = \"0s\""),
            "fusebox.toml:3:14: 'time_limit' leaves no time (write time_limit = \"1s\")");
}

TEST(Duration, IsANumberWithAUnit) {
  EXPECT_EQ(parse_duration("250ms"), milliseconds(250));
  EXPECT_EQ(parse_duration("0s"), milliseconds(0));
  EXPECT_EQ(parse_duration("2m"), milliseconds(120'000));
  for (const char* text : {"", "s", "1", "-1s", "1.5s", "1 s", "61m", "99999999999s", "1h", "xs"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
  EXPECT_EQ(to_string(milliseconds(0)), "0s");
  EXPECT_EQ(to_string(milliseconds(1500)), "1500ms");
  EXPECT_EQ(to_string(milliseconds(120'000)), "2m");
}

TEST(PathSets, APathBelongsToEachSetThatNamesItOrSomethingAbove) {
  const PathSets sets({{"/etc"}, {"/etc/ssl", "/srv/*/x"}, {"/**/x"}});
  EXPECT_EQ(sets.at("/"), 0u);
  EXPECT_EQ(sets.at("/etcfoo"), 0u);
  EXPECT_EQ(sets.at("/etc"), 1u);
  EXPECT_EQ(sets.at("/etc/ssl/certs"), 3u);
  EXPECT_EQ(sets.at("/srv/a/x/y"), 6u);
  EXPECT_EQ(sets.at("/etc/x"), 5u);
}

TEST(PathSets, ADirectoryIsReachedIntoWhereOneOfItsNamesMayBelongToASet) {
  const PathSets sets({{"/etc/ssl"}, {"/srv/*/x", "/opt/**/y"}});
  for (const char* directory : {"/etc", "/etc/ssl", "/etc/ssl/certs", "/srv/a", "/srv/a/x", "/opt", "/opt/a/b"}) {
    EXPECT_TRUE(sets.reaches_into(directory)) << directory;
  }
  for (const char* directory : {"/", "/usr", "/etc/ss", "/srv", "/srv/a/y"}) {
    EXPECT_FALSE(sets.reaches_into(directory)) << directory;
  }
  EXPECT_TRUE(PathSets({{"/**"}}).reaches_into("/"));
  EXPECT_TRUE(PathSets({{"/**/x"}}).reaches_into("/a"));
  EXPECT_TRUE(PathSets({{"/x/**"}}).reaches_into("/"));
  EXPECT_TRUE(sets.reaches_into("not/a/path"));
}

TEST(PathSets, APathThatIsNoneBelongsToAll) {
  const PathSets sets({{"/etc"}});
  EXPECT_NE(sets.at("/a/../etc") & 1u, 0u);
  EXPECT_NE(sets.at("") & 1u, 0u);
}

}  // namespace
}  // namespace fusebox::policy
