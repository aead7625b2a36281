#include "audit/summary.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include "audit/directories.h"

namespace fusebox::audit {
namespace {

using testing::HasSubstr;
using testing::Not;

Event event(Op op, std::string path, int error = 0, std::string exe = "/usr/bin/cc1") {
  return {.process = std::make_shared<const Process>(Process{.pid = 42, .id = 1, .exe = std::move(exe)}),
          .op = op,
          .path = std::move(path),
          .error = error};
}

Event opened_for_writing(std::string path) {
  Event open = event(Op::open, std::move(path));
  open.flags = O_WRONLY;
  return open;
}

Event moved(std::string from, std::string to) {
  Event rename = event(Op::rename, std::move(from));
  rename.to = std::move(to);
  return rename;
}

Event denied(std::string path) {
  Event open = event(Op::open, std::move(path), EACCES, "/bin/sh");
  open.verdict = Verdict::deny;
  open.rule = "deny \"/etc\" (--deny)";
  return open;
}

Summary of(const std::vector<Event>& events) {
  Summary summary;
  for (const Event& event : events) summary.add(event);
  return summary;
}

std::size_t lines(const std::string& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

TEST(Summary, KnowsWhatWasReadWrittenCreatedAndDeletedAndByWhomFirst) {
  const Summary summary = of({event(Op::open, "/r"), event(Op::exec, "/x"), event(Op::list, "/d"),
                              opened_for_writing("/w"), event(Op::create, "/c"), event(Op::unlink, "/u"),
                              event(Op::open, "/r", 0, "/bin/cat"), event(Op::chmod, "/m")});
  EXPECT_TRUE(summary.paths.at("/r").read);
  EXPECT_EQ(summary.paths.at("/r").first_by, "/usr/bin/cc1");
  EXPECT_TRUE(summary.paths.at("/x").executed && summary.paths.at("/x").read);
  EXPECT_TRUE(summary.paths.at("/d").read);
  EXPECT_TRUE(summary.paths.at("/w").written && !summary.paths.at("/w").read);
  EXPECT_TRUE(summary.paths.at("/c").created);
  EXPECT_TRUE(summary.paths.at("/u").deleted);
  EXPECT_TRUE(summary.paths.at("/m").attributes && !summary.paths.at("/m").written);
  EXPECT_EQ(summary.events, 8U);
}

TEST(Summary, LookingLeavesNoTrace) { EXPECT_TRUE(of({event(Op::stat, "/a"), event(Op::access, "/a")}).paths.empty()); }

TEST(Summary, FailuresAreNotDeeds) {
  EXPECT_TRUE(of({event(Op::mkdir, "/a", EEXIST), event(Op::open, "/b", EACCES)}).paths.empty());
}

TEST(Summary, AMissingPathThatIsCreatedLaterWasNotMissing) {
  EXPECT_TRUE(of({event(Op::stat, "/a", ENOENT)}).paths.at("/a").missing);
  const Summary summary = of({event(Op::stat, "/a", ENOENT), event(Op::create, "/a")});
  EXPECT_FALSE(summary.paths.at("/a").missing);
  EXPECT_TRUE(summary.paths.at("/a").created);
}

TEST(Summary, WhoAskedInVainIsNotWhoMadeIt) {
  const Summary summary = of({event(Op::stat, "/a", ENOENT, "/bin/gcc"), event(Op::create, "/a", 0, "/bin/ld"),
                              event(Op::open, "/a", 0, "/bin/cat")});
  EXPECT_EQ(summary.paths.at("/a").first_by, "/bin/ld");
}

TEST(Summary, ASymlinkOnTheWayWasNotRead) { EXPECT_TRUE(of({event(Op::readlink, "/bin")}).paths.empty()); }

TEST(Summary, WhatTheRunRemovedItselfIsNotMissing) {
  const Summary summary = of({event(Op::unlink, "/a"), event(Op::stat, "/a", ENOENT)});
  EXPECT_FALSE(summary.paths.at("/a").missing);
}

TEST(Summary, WhatIsRemovedAndMadeAgainWasWritten) {
  const Summary summary = of({event(Op::unlink, "/a"), event(Op::create, "/a")});
  EXPECT_TRUE(summary.paths.at("/a").written);
  EXPECT_FALSE(summary.paths.at("/a").created || summary.paths.at("/a").deleted);
}

TEST(Summary, AFileWrittenUnderAnotherNameAndMovedIntoPlaceIsThatFile) {
  const Summary summary = of({event(Op::open, "/conf"), event(Op::create, "/conf.tmp"), moved("/conf.tmp", "/conf")});
  EXPECT_TRUE(summary.paths.at("/conf").written);
  EXPECT_TRUE(summary.paths.at("/conf.tmp").created && summary.paths.at("/conf.tmp").deleted) << "scratch";
}

TEST(Summary, WhatLiesInADirectoryMovesWithIt) {
  const Summary summary = of({event(Op::mkdir, "/a"), event(Op::create, "/a/f"), event(Op::open, "/ab"),
                              moved("/a", "/b"), event(Op::unlink, "/b/g")});
  EXPECT_TRUE(summary.paths.at("/b/f").created && !summary.paths.at("/b/f").deleted);
  EXPECT_FALSE(summary.paths.contains("/a/f"));
  EXPECT_TRUE(summary.paths.contains("/ab"));
}

TEST(Summary, AHardLinkCreatesItsNewName) {
  Event link = event(Op::link, "/a");
  link.to = "/b";
  const Summary summary = of({link});
  EXPECT_TRUE(summary.paths.at("/b").created);
  EXPECT_FALSE(summary.paths.contains("/a"));
}

TEST(Summary, HiddenAndPredictedPathsAreNeitherMissingNorDenied) {
  Event hidden = event(Op::open, "/h", ENOENT);
  hidden.verdict = Verdict::hide;
  Event predicted = event(Op::open, "/p", EACCES);
  predicted.verdict = Verdict::predict;
  const Summary summary = of({hidden, predicted});
  EXPECT_FALSE(summary.paths.at("/h").missing);
  EXPECT_EQ(summary.violations, 0U);
  EXPECT_THAT(render(summary, false), HasSubstr("2 accesses recorded, 1 hidden, 1 refused quietly"));
}

TEST(Summary, DeniedAccessesAreCountedByPathAndTheFirstIsKept) {
  const Summary summary = of({denied("/etc/a"), denied("/etc/a"), denied("/etc/b")});
  EXPECT_EQ(summary.violations, 3U);
  EXPECT_EQ(summary.denied.at("/etc/a").count, 2U);
  EXPECT_EQ(summary.denied.at("/etc/a").first.rule, "deny \"/etc\" (--deny)");
}

TEST(Summary, ItsMemoryIsBounded) {
  Summary summary;
  for (std::size_t i = 0; i < Summary::kMostPaths + 5; ++i)
    summary.add(event(Op::stat, "/" + std::to_string(i), ENOENT));
  EXPECT_EQ(summary.paths.size(), Summary::kMostPaths);
  EXPECT_EQ(summary.left_out, 5U);
  EXPECT_THAT(render(summary, false), HasSubstr("not complete: 5 accesses more than fit here; the log has all"));
}

TEST(SummaryText, NamesWhatWasDeniedFirst) {
  const std::string text =
      render(of({event(Op::open, "/usr/include/stdio.h"), denied("/etc/probe"), denied("/etc/probe")}), false);
  EXPECT_EQ(text,
            "fusebox: 3 accesses recorded, 2 denied\n"
            "Denied  2 accesses to 1 path\n"
            "  open         /etc/probe  sh[42]  deny \"/etc\" (--deny)  (2 times)\n"
            "Read  1 file\n"
            "        1  /usr/include/stdio.h  cc1\n");
}

TEST(SummaryText, ScratchFilesAreOneTotal) {
  const std::string text = render(of({event(Op::create, "/t/a"), event(Op::unlink, "/t/a")}), false);
  EXPECT_EQ(text, "fusebox: 2 accesses recorded, 1 scratch file\n");
}

TEST(SummaryText, FitsOnAScreenHoweverMuchHappened) {
  Summary summary;
  for (int i = 0; i < 40; ++i) {
    for (int j = 0; j < 40; ++j) {
      const std::string path = "/d" + std::to_string(i) + "/e" + std::to_string(j) + "/f" + std::to_string(i * j);
      summary.add(event(Op::open, path + "r"));
      summary.add(opened_for_writing(path + "w"));
      summary.add(event(Op::create, path + "c"));
      summary.add(event(Op::unlink, path + "u"));
      summary.add(event(Op::stat, path + "m", ENOENT));
      summary.add(denied(path + "d"));
    }
  }
  const std::string text = render(summary, false);
  EXPECT_LE(lines(text), 40U) << text;
  EXPECT_THAT(text, HasSubstr("… and 1,591 paths more"));
  for (const char* title : {"Denied", "Read", "Written", "Created", "Deleted", "Missing"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + title + "  1,600"));
  }
}

TEST(SummaryText, ColoursOnlyWhenAskedFor) {
  const Summary summary = of({denied("/etc/probe")});
  EXPECT_THAT(render(summary, false), Not(HasSubstr("\033")));
  EXPECT_THAT(render(summary, true), HasSubstr("\033[1;31m"));
}

TEST(SummaryText, NamesCannotCommandTheTerminal) {
  const std::string text = render(of({event(Op::open, "/a\033[2J\n", 0, "/bin/\033x"), denied("/\033]0;x")}), false);
  EXPECT_THAT(text, Not(HasSubstr("\033")));
}

std::vector<std::string> places(const std::vector<std::string>& paths, std::size_t limit) {
  std::vector<Member> members;
  for (const std::string& path : paths) members.push_back({.path = path, .by = "/bin/sh"});
  std::vector<std::string> result;
  for (const Group& group : group_by_directory(members, limit)) {
    result.push_back(group.place + (group.is_deep ? "…" : "") + " " + std::to_string(group.count));
  }
  return result;
}

TEST(Directories, FewPathsAreNamedThemselves) {
  EXPECT_THAT(places({"/a/b", "/a/c"}, 2), testing::ElementsAre("/a/b 1", "/a/c 1"));
}

TEST(Directories, ManyAreCountedByDirectory) {
  EXPECT_THAT(places({"/a/b", "/a/c", "/d/e"}, 2), testing::ElementsAre("/a/ 2", "/d/e 1"));
}

TEST(Directories, WhatIsSmallAndDeepIsFoldedFirst) {
  EXPECT_THAT(places({"/u/a/x/1", "/u/a/y/1", "/u/b/1", "/u/b/2", "/u/b/3", "/e/1", "/e/2"}, 3),
              testing::ElementsAre("/e/ 2", "/u/a/… 2", "/u/b/ 3"));
}

TEST(Directories, TheRootSwallowsNothing) {
  EXPECT_THAT(places({"/a/1", "/a/2", "/b/1", "/b/2", "/c/1"}, 2), testing::ElementsAre("/a/ 2", "/b/ 2", "/c/1 1"));
}

TEST(Directories, HoldManyPathsWithoutDelay) {
  std::vector<std::string> paths;
  for (int i = 0; i < 50'000; ++i) {
    paths.push_back("/u/" + std::to_string(i % 100) + "/" + std::to_string(i % 10'000) + "/" + std::to_string(i));
  }
  EXPECT_LE(places(paths, 12).size(), 12U);
}

}  // namespace
}  // namespace fusebox::audit
