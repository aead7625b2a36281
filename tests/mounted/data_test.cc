// The bytes of files: holes, mappings, appends, copies.
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>
#include <vector>

#include "mounted/place.h"

namespace fusebox::mounted {
namespace {

using Data = Place;

TEST_F(Data, HolesAndDataAreFound) {
  const Fd file = open_file("sparse", O_RDWR | O_CREAT);
  constexpr off_t kFar = 1 << 20;
  ASSERT_EQ(pwrite(file.get(), "data", 4, kFar), 4);
  EXPECT_EQ(lseek(file.get(), 0, SEEK_DATA), kFar);
  EXPECT_EQ(lseek(file.get(), 0, SEEK_HOLE), 0);
  EXPECT_EQ(lseek(file.get(), kFar, SEEK_HOLE), kFar + 4);
  EXPECT_EQ(error_of(lseek(file.get(), kFar + 5, SEEK_DATA)), ENXIO);
  EXPECT_LT(status_of("sparse").st_blocks, 100);
}

TEST_F(Data, AHoleCanBePunched) {
  write_text("file", std::string(1 << 20, 'x'));
  const Fd file = open_file("file", O_RDWR);
  ASSERT_EQ(fsync(file.get()), 0);
  const blkcnt_t before = status_of("file").st_blocks;
  ASSERT_EQ(fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 65536, 524288), 0);
  EXPECT_LT(status_of("file").st_blocks, before);
  std::array<char, 3> around{};
  ASSERT_EQ(pread(file.get(), around.data(), 3, 65535), 3);
  EXPECT_EQ(std::string(around.data(), 3), std::string("x\0\0", 3));
  EXPECT_EQ(status_of("file").st_size, 1 << 20);
}

TEST_F(Data, SpaceCanBeReserved) {
  const Fd file = open_file("file", O_RDWR | O_CREAT);
  ASSERT_EQ(fallocate(file.get(), 0, 0, 1 << 20), 0);
  EXPECT_EQ(status_of("file").st_size, 1 << 20);
  EXPECT_GE(status_of("file").st_blocks, 2048);
  EXPECT_EQ(error_of(fallocate(open_file("file", O_RDONLY).get(), 0, 0, 1)), EBADF);
}

TEST_F(Data, RangesAreCopiedBetweenFiles) {
  write_text("from", std::string(100'000, 'a') + std::string(100'000, 'b'));
  const Fd from = open_file("from", O_RDONLY);
  const Fd to = open_file("to", O_RDWR | O_CREAT);
  off_t at = 99'990;
  off_t into = 5;
  ssize_t copied = 0;
  for (ssize_t n = 1; n > 0 && copied < 20; copied += n) {
    n = copy_file_range(from.get(), &at, to.get(), &into, static_cast<std::size_t>(20 - copied), 0);
    ASSERT_GE(n, 0) << errno;
  }
  EXPECT_EQ(text_of("to"), std::string(5, '\0') + std::string(10, 'a') + std::string(10, 'b'));
  off_t start = 0;
  ASSERT_EQ(sendfile(to.get(), from.get(), &start, 3), 3);
}

TEST_F(Data, AppendsOfEightProcessesAreNeitherLostNorTorn) {
  constexpr int kProcesses = 8;
  constexpr int kLines = 200;
  std::vector<pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    const pid_t child = fork();
    if (child == 0) {
      const Fd file = open_file("log", O_WRONLY | O_CREAT | O_APPEND);
      for (int line = 0; line < kLines; ++line) {
        const std::string text = std::to_string(process) + " " + std::to_string(line) + " " +
                                 std::string(200, static_cast<char>('a' + process)) + "\n";
        if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) _exit(1);
      }
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  std::istringstream log(text_of("log"));
  std::set<std::string> seen;
  for (std::string line; std::getline(log, line);) {
    std::istringstream words(line);
    int process = 0;
    int number = 0;
    std::string filler;
    words >> process >> number >> filler;
    EXPECT_EQ(filler, std::string(200, static_cast<char>('a' + process))) << line;
    seen.insert(std::to_string(process) + " " + std::to_string(number));
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kProcesses * kLines));
}

TEST_F(Data, ASharedMappingIsSeenByReaders) {
  write_text("file", std::string(8192, '.'));
  const Fd file = open_file("file", O_RDWR);
  auto* mapped = static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0));
  ASSERT_NE(mapped, MAP_FAILED);
  mapped[5000] = '!';
  ASSERT_EQ(msync(mapped, 8192, MS_SYNC), 0);
  EXPECT_EQ(text_of("file")[5000], '!');
  ASSERT_EQ(pwrite(file.get(), "?", 1, 6000), 1);
  EXPECT_EQ(mapped[6000], '?');
  munmap(mapped, 8192);
}

TEST_F(Data, AMappingOutlivesDescriptorAndName) {
  write_text("file", std::string(4096, 'm'));
  void* mapped = MAP_FAILED;
  {
    const Fd file = open_file("file", O_RDONLY);
    mapped = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, file.get(), 0);
  }
  ASSERT_NE(mapped, MAP_FAILED);
  ASSERT_EQ(unlink("file"), 0);
  EXPECT_EQ(static_cast<char*>(mapped)[4095], 'm');
  munmap(mapped, 4096);
}

TEST_F(Data, WritesBeyondTheEndAndTruncationFillWithZeros) {
  const Fd file = open_file("file", O_RDWR | O_CREAT);
  ASSERT_EQ(write(file.get(), "abcdef", 6), 6);
  ASSERT_EQ(ftruncate(file.get(), 3), 0);
  ASSERT_EQ(ftruncate(file.get(), 5), 0);
  ASSERT_EQ(pwrite(file.get(), "z", 1, 7), 1);
  EXPECT_EQ(text_of("file"), std::string("abc\0\0\0\0z", 8));
  EXPECT_EQ(error_of(ftruncate(file.get(), -1)), EINVAL);
  EXPECT_EQ(error_of(pwrite(open_file("file", O_RDONLY).get(), "x", 1, 0)), EBADF);
  EXPECT_EQ(error_of(truncate("none", 0)), ENOENT);
}

TEST_F(Data, ALargeFileKeepsItsOffsets) {
  const Fd file = open_file("large", O_RDWR | O_CREAT);
  constexpr off_t kFar = off_t{5} << 30;
  ASSERT_EQ(pwrite(file.get(), "far", 3, kFar), 3);
  std::array<char, 3> text{};
  ASSERT_EQ(pread(file.get(), text.data(), 3, kFar), 3);
  EXPECT_EQ(std::string(text.data(), 3), "far");
  EXPECT_EQ(status_of("large").st_size, kFar + 3);
}

TEST_F(Data, DirectOutputArrivesOrIsRefusedCleanly) {
  const Fd file = open_file("file", O_RDWR | O_CREAT | O_DIRECT);
  if (!file) GTEST_SKIP() << "no O_DIRECT here";
  void* memory = nullptr;
  ASSERT_EQ(posix_memalign(&memory, 4096, 4096), 0);
  std::fill_n(static_cast<char*>(memory), 4096, 'd');
  EXPECT_EQ(write(file.get(), memory, 4096), 4096);
  std::free(memory);
  EXPECT_EQ(text_of("file"), std::string(4096, 'd'));
}

TEST_F(Data, SyncSucceeds) {
  const Fd file = open_file("file", O_WRONLY | O_CREAT);
  ASSERT_EQ(write(file.get(), "x", 1), 1);
  EXPECT_EQ(fsync(file.get()), 0);
  EXPECT_EQ(fdatasync(file.get()), 0);
  EXPECT_EQ(fsync(open_file(".", O_RDONLY | O_DIRECTORY).get()), 0);
  EXPECT_EQ(syncfs(file.get()), 0);
}

TEST_F(Data, AReadPastTheEndIsEmptyAndAFolderCannotBeRead) {
  write_text("file", "text");
  std::array<char, 10> buffer{};
  EXPECT_EQ(pread(open_file("file", O_RDONLY).get(), buffer.data(), 10, 100), 0);
  EXPECT_EQ(error_of(read(open_file(".", O_RDONLY).get(), buffer.data(), 10)), EISDIR);
  EXPECT_EQ(error_of(open(".", O_WRONLY)), EISDIR);
}

TEST_F(Data, StatfsAnswers) {
  struct statvfs status{};
  ASSERT_EQ(statvfs(".", &status), 0);
  EXPECT_GT(status.f_blocks, 0U);
  EXPECT_EQ(status.f_namemax, 255U);
}

}  // namespace
}  // namespace fusebox::mounted
