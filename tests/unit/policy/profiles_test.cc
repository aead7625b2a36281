#include "policy/profiles.h"

#include <algorithm>

#include "testing.h"

namespace fusebox::policy {
namespace {

LoadedPolicy profile_in(const std::string& name, const std::string& directory) {
  Sources sources = profile(name);
  sources.variables["PWD"] = sources.directory = directory;
  return loaded(sources);
}

TEST(Profiles, EachShippedProfileLoads) {
  for (const std::string_view name : profile_names()) {
    EXPECT_FALSE(loaded(profile(std::string(name))).policy.rules().empty()) << name;
  }
}

TEST(Profiles, EachHidesTheUsersSecretsAndTheMachines) {
  for (const std::string_view name : profile_names()) {
    if (name == "gentoo") continue;  // what Gentoo ships, which hides nothing
    const auto policy = loaded(profile(std::string(name)));
    for (const char* secret : {"/home/ada/.ssh/id_ed25519",
                               "/home/ada/.gnupg",
                               "/home/ada/.aws/credentials",
                               "/home/ada/.azure",
                               "/home/ada/.kube/config",
                               "/home/ada/.netrc",
                               "/home/ada/.config/gh/hosts.yml",
                               "/home/ada/.config/gcloud",
                               "/home/ada/.docker/config.json",
                               "/home/ada/.npmrc",
                               "/home/ada/.pypirc",
                               "/home/ada/.cargo/credentials",
                               "/home/ada/.cargo/credentials.toml",
                               "/home/ada/.git-credentials",
                               "/home/ada/.password-store",
                               "/home/ada/.local/share/keyrings",
                               "/home/ada/.mozilla/firefox",
                               "/home/ada/.config/google-chrome-beta",
                               "/home/ada/.bash_history",
                               "/home/bob/.ssh/id_rsa",
                               "/root/.ssh",
                               "/etc/shadow",
                               "/etc/shadow-",
                               "/etc/gshadow",
                               "/etc/sudoers",
                               "/etc/sudoers.d/x",
                               "/etc/ssh/ssh_host_rsa_key",
                               "/run/docker.sock"}) {
      EXPECT_EQ(verdicts(policy.policy, secret), "hide hide hide") << name << " " << secret;
    }
    EXPECT_EQ(verdict(policy.policy, "/etc/ssh/ssh_host_rsa_key.pub", Want::stat), "allow");
    EXPECT_EQ(verdict(policy.policy, "/home/ada/.sshrc", Want::stat), "allow");
  }
}

TEST(Profiles, DefaultLetsTheWorkingDirectoryAndTemporaryFilesBeWritten) {
  const auto policy = loaded(profile("default"));
  EXPECT_EQ(verdicts(policy.policy, "/home/ada/project/src/x.c"), "allow allow allow");
  EXPECT_EQ(verdicts(policy.policy, "/tmp/x"), "allow allow allow");
  EXPECT_EQ(verdicts(policy.policy, "/etc/passwd"), "allow allow deny");
  EXPECT_EQ(verdicts(policy.policy, "/"), "allow allow deny");
  EXPECT_EQ(verdicts(policy.policy, "/home/ada/.cache/npm"), "allow allow discard");
  EXPECT_EQ(verdicts(policy.policy, "/usr/lib/python3/dist-packages/x/__pycache__/y.pyc"), "allow allow predict");
  EXPECT_FALSE(policy.network);
}

TEST(Profiles, BuildDeniesHomeAndTheNetwork) {
  const auto policy = loaded(profile("build"));
  EXPECT_EQ(verdicts(policy.policy, "/home/ada/.cache/npm"), "allow allow deny");
  EXPECT_EQ(verdicts(policy.policy, "/home/ada/project/x"), "allow allow allow");
  EXPECT_EQ(policy.network, Network::none);
}

TEST(Profiles, StrictAllowsWhatProgramsNeedToStartAndNothingElse) {
  const auto policy = loaded(profile("strict"));
  for (const char* needed : {"/usr/bin/true", "/lib64/ld-linux-x86-64.so.2", "/etc/ld.so.cache", "/bin/sh"}) {
    EXPECT_EQ(verdicts(policy.policy, needed), "allow allow deny") << needed;
  }
  EXPECT_EQ(verdicts(policy.policy, "/home/ada/project/x"), "allow deny deny");
  EXPECT_EQ(verdicts(policy.policy, "/etc/hostname"), "allow deny deny");
  EXPECT_EQ(verdicts(policy.policy, "/tmp/x"), "allow deny deny");
}

TEST(Profiles, AWorkingDirectoryThatIsHomeCanBeWrittenAndSecretsStayHidden) {
  const auto policy = profile_in("default", "/home/ada");
  EXPECT_EQ(verdicts(policy.policy, "/home/ada/notes"), "allow allow allow");
  EXPECT_EQ(verdicts(policy.policy, "/home/ada/.ssh/id_rsa"), "hide hide hide");
  EXPECT_EQ(verdicts(policy.policy, "/home/ada/.bashrc"), "allow allow discard");
}

TEST(Profiles, AWorkingDirectoryThatIsHomeBehindASymlinkCanBeWritten) {
  Sources sources = profile("default");
  sources.variables["PWD"] = sources.directory = "/data/ada";
  sources.resolve = [](const std::string& path) -> std::optional<std::string> {
    return path.starts_with("/home/ada") ? "/data/ada" + path.substr(9) : path;
  };
  const auto policy = loaded(sources);
  EXPECT_EQ(verdicts(policy.policy, "/data/ada/notes"), "allow allow allow");
  EXPECT_EQ(verdicts(policy.policy, "/data/ada/.ssh"), "hide hide hide");
}

TEST(Profiles, AWorkingDirectoryThatIsTheRootDoesNotOpenEverything) {
  const auto policy = profile_in("default", "/");
  EXPECT_EQ(verdicts(policy.policy, "/etc/passwd"), "allow allow deny");
  ASSERT_EQ(policy.left_out.size(), 5u);
  EXPECT_EQ(policy.left_out.back(), "write \"/\" (profile default): it would make everything writable");
}

TEST(Profiles, AWorkingDirectoryInsideASecretPlaceStaysHiddenAtThatPlace) {
  EXPECT_EQ(verdicts(profile_in("default", "/home/ada/.ssh").policy, "/home/ada/.ssh/x"), "hide hide hide");
}

TEST(Profiles, ARuleWhoseVariableIsUnsetIsLeftOut) {
  Sources sources = profile("default");
  sources.variables.erase("HOME");
  sources.variables["TMPDIR"] = "";
  const auto policy = loaded(sources);
  EXPECT_EQ(verdicts(policy.policy, "/home/ada/project/x"), "allow allow allow");
  EXPECT_NE(std::ranges::find(policy.left_out, "write \"${TMPDIR}\" (profile default): ${TMPDIR} is not set"),
            policy.left_out.end());
}

TEST(Profiles, AHomeThatIsNoPathIsRefused) {
  Sources sources = profile("default");
  sources.variables["HOME"] = "ada";
  EXPECT_NE(fault_of(sources).find("${HOME} is 'ada', not an absolute path"), std::string::npos) << fault_of(sources);
}

TEST(Profiles, AMoreSpecificRuleOpensOneFileOfAHiddenDirectory) {
  const auto policy = loaded(sources_of("[files]\nread = [\"${HOME}/.ssh/known_hosts\"]"));
  EXPECT_EQ(verdicts(policy.policy, "/home/ada/.ssh/known_hosts"), "allow allow deny");
  EXPECT_EQ(verdicts(policy.policy, "/home/ada/.ssh"), "allow hide hide");
  EXPECT_EQ(verdicts(policy.policy, "/home/ada/.ssh/id_rsa"), "hide hide hide");
}

}  // namespace
}  // namespace fusebox::policy
