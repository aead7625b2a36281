#include <fcntl.h>
#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "audit/summary.h"

namespace fusebox::audit {
namespace {

Summary of(const std::vector<std::pair<Op, std::string>>& events) {
  Summary summary;
  for (const auto& [op, path] : events) summary.add({.op = op, .path = path});
  return summary;
}

TEST(MakeRule, HasOutputsAndInputs) {
  EXPECT_EQ(render_make_rule(of({{Op::open, "/s/a.c"},
                                 {Op::open, "/s/a.h"},
                                 {Op::create, "/s/a.o"},
                                 {Op::create, "/s/b.o"},
                                 {Op::open, "/s/a.o"}})),
            "/s/a.o \\\n/s/b.o: \\\n  /s/a.c \\\n  /s/a.h\n");
}

TEST(MakeRule, LeavesOutWhatIsGoneAndWhatIsNoFile) {
  Summary summary = of({{Op::create, "/o"},
                        {Op::create, "/tmp/x"},
                        {Op::unlink, "/tmp/x"},
                        {Op::open, "/gone"},
                        {Op::unlink, "/gone"},
                        {Op::open, "/dev/null"},
                        {Op::open, "/proc/self/maps"}});
  Event list{.op = Op::list, .path = "/s"};
  list.is_directory = true;
  summary.add(list);
  Event mkdir{.op = Op::mkdir, .path = "/out"};
  mkdir.is_directory = true;
  summary.add(mkdir);
  EXPECT_EQ(render_make_rule(summary), "/o:\n");
}

TEST(MakeRule, WithoutOutputsThereIsNoRule) {
  EXPECT_EQ(render_make_rule(of({{Op::open, "/a"}})), "# Nothing was created or written.\n");
}

TEST(MakeRule, NamesThatMakeCannotExpressAreCounted) {
  EXPECT_EQ(render_make_rule(of({{Op::create, "/o"}, {Op::open, "/a\nb"}, {Op::open, "/a=b"}, {Op::open, "/a(b)"}})),
            "# 3 names left out: make cannot express them.\n/o:\n");
  EXPECT_EQ(render_make_rule(of({{Op::create, "/o"}, {Op::open, "/a\\"}})),
            "# 1 name left out: make cannot express it.\n/o:\n");
}

class InATemporaryDirectory : public testing::Test {
 protected:
  InATemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "rule-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~InATemporaryDirectory() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path directory_;
};

class MakeRuleRead : public InATemporaryDirectory {
 protected:
  // The goal is named, as a name with '%' is no default goal.
  int make(const std::string& goal) const {
    const std::string rules = directory_ / "rules.mk";
    const pid_t child = ::fork();
    if (child == 0) {
      const int errors = ::open((directory_ / "errors").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
      ::dup2(errors, 1);
      ::dup2(errors, 2);
      ::execlp("make", "make", "-f", rules.c_str(), "--", goal.c_str(), nullptr);
      ::_exit(127);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  }
};

// With each printable character that a name may hold: what make says it would build, and that it finds the input.
TEST_F(MakeRuleRead, ByMakeGivesTheSameNames) {
  if (std::system("make --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "no make";
  for (char c = ' '; c < 0x7f; ++c) {
    if (c == '/') continue;
    const std::string output = directory_ / (std::string("out") + c + "x");
    const std::string input = directory_ / (std::string("in") + c + "x");
    const std::string rule = render_make_rule(of({{Op::create, output}, {Op::open, input}}));
    if (rule.contains("left out")) continue;
    std::ofstream{input};
    std::ofstream(directory_ / "rules.mk") << rule << "\t$(file >" << (directory_ / "names").string() << ",$@|$<)\n";
    const int status = make(output);
    std::string names;
    std::getline(std::ifstream(directory_ / "names"), names);
    EXPECT_EQ(status, 0) << c << "\n" << rule;
    EXPECT_EQ(names, output + "|" + input) << rule;
    std::filesystem::remove(directory_ / "names");
    std::filesystem::remove(input);
  }
}

}  // namespace
}  // namespace fusebox::audit
