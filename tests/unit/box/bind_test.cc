// Objects of the host that are mounted into a box which runs already.
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "unit/box/box_fixture.h"

namespace fusebox::box {
namespace {

// A directory below /tmp, gone with the test.
class Bind : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/fusebox-bind-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    place_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(place_); }

  std::string at(const std::string& name) const { return place_ + "/" + name; }
  static Fd clone_of(const std::string& path) {
    auto clone = clone_file(Fd(open(path.c_str(), O_PATH | O_CLOEXEC)).get());
    return clone ? std::move(*clone) : Fd();
  }

  std::string place_;
};

TEST_F(Bind, AFifoBoundOverAFileOfTheBoxIsTheOneOutside) {
  SKIP_WITHOUT_ROOT();
  ASSERT_EQ(mkfifo(at("outside").c_str(), 0600), 0);
  std::ofstream(at("inside")) << "plain";
  std::thread writer([&] { std::ofstream(at("outside")) << "through the fifo"; });
  const Told told = run_box(shell("while ! test -p " + at("inside") + "; do sleep 0.05; done; cat " + at("inside")),
                            [&](Child& child) {
                              const auto bound = child.bind(clone_of(at("outside")), at("inside"));
                              if (!bound) puts(bound.error().line().c_str()), fflush(stdout);
                            });
  writer.join();
  EXPECT_EQ(told.output, "through the fifo");
  EXPECT_EQ(told.code, 0);
  EXPECT_EQ(file_text(at("inside")), "plain");
}

TEST_F(Bind, APathWithASymlinkOrWithoutAFileIsRefused) {
  SKIP_WITHOUT_ROOT();
  std::ofstream(at("file")) << "x";
  std::filesystem::create_symlink(at("file"), at("link"));
  std::filesystem::create_directory_symlink(place_, at("loop"));
  const Told told = run_box(shell("sleep 600"), [&](Child& child) {
    for (const char* name : {"link", "loop/file", "absent", "."}) {
      const auto bound = child.bind(clone_of(at("file")), at(name));
      printf("%s: %s\n", name, bound ? "bound" : "refused");
    }
    fflush(stdout);
    kill(getpid(), SIGTERM);
  });
  EXPECT_EQ(told.output, "link: refused\nloop/file: refused\nabsent: refused\n.: refused\n");
}

TEST_F(Bind, TheMounterCannotBeSeenFromTheBoxAndEndsWithIt) {
  SKIP_WITHOUT_ROOT();
  std::ofstream(at("file")) << "x";
  pid_t mounter = 0;
  auto [number, number_in] = pipe_pair();
  const Told told = run_box(shell("sleep 0.3; cat /proc/[0-9]*/comm | sort | uniq | tr '\\n' ' '"), [&](Child& child) {
    if (!child.bind(clone_of(at("file")), at("file"))) puts("not bound");
    dprintf(number_in.get(), "%d", child.mounter_pid());
  });
  number_in.reset();
  mounter = std::stoi(read_all(number.get()));
  EXPECT_EQ(told.output.find("mounter"), std::string::npos) << told.output;
  EXPECT_EQ(told.output.find("not bound"), std::string::npos);
  EXPECT_NE(kill(mounter, 0), 0);
}

TEST_F(Bind, AMounterThatIsStuckCostsTheCallerItsPatienceOnly) {
  SKIP_WITHOUT_ROOT();
  std::ofstream(at("file")) << "x";
  const Told told = run_box(shell("sleep 600"), [&](Child& child) {
    kill(child.mounter_pid(), SIGSTOP);
    const auto bound = child.bind(clone_of(at("file")), at("file"), std::chrono::milliseconds(100));
    puts(bound ? "bound" : bound.error().why.c_str());
    fflush(stdout);
    kill(getpid(), SIGTERM);
  });
  EXPECT_EQ(told.output, "Connection timed out\n");
}

TEST(PrivateTmp, IsEmptyWritableByAllAndNowhereToBeSeen) {
  SKIP_WITHOUT_ROOT();
  const std::string before = file_text("/proc/self/mountinfo");
  const auto tmp = create_private_tmp();
  ASSERT_TRUE(tmp);
  struct stat status{};
  ASSERT_EQ(fstat(tmp->get(), &status), 0);
  EXPECT_EQ(status.st_mode, S_IFDIR | 01777U);
  const Fd file(openat(tmp->get(), "x", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  EXPECT_TRUE(file);
  EXPECT_EQ(file_text("/proc/self/mountinfo"), before);
}

}  // namespace
}  // namespace fusebox::box
