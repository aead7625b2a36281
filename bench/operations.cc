// What single operations on files cost: `bench_operations DIRECTORY` makes a small tree there, times each operation on
// it, removes it, and prints "operation<TAB>microseconds" lines.  The directory decides what is measured: a local file
// system, or a mount on top of one.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTimePerOperation = std::chrono::milliseconds(400);
constexpr int kCallsPerBatch = 100;
constexpr const char* kFile = "a/b/file";  // three components
constexpr const char* kNewFile = "a/b/new";

void must(bool succeeded, std::string_view what) {
  if (succeeded) return;
  fmt::print(stderr, "bench_operations: {}: {}\n", what, std::strerror(errno));
  std::exit(1);
}

int must_open(const char* path, int flags) {
  const int fd = ::open(path, flags | O_CLOEXEC, 0644);
  must(fd >= 0, path);
  return fd;
}

void stat_file() {
  struct stat attributes{};
  must(::stat(kFile, &attributes) == 0, "stat");
}

void open_and_close() { ::close(must_open(kFile, O_RDONLY)); }

void read_4k() {
  std::array<char, 4096> buffer;
  const int fd = must_open(kFile, O_RDONLY);
  must(::read(fd, buffer.data(), buffer.size()) == static_cast<ssize_t>(buffer.size()), "read");
  ::close(fd);
}

void read_open_file(int fd) {
  std::array<char, 4096> buffer;
  must(::pread(fd, buffer.data(), buffer.size(), 0) == static_cast<ssize_t>(buffer.size()), "pread");
}

void create_and_unlink() {
  ::close(must_open(kNewFile, O_WRONLY | O_CREAT | O_EXCL));
  must(::unlink(kNewFile) == 0, "unlink");
}

// The median over batches: a batch that the scheduler disturbed does not count.
template <class Operation>
double microseconds_per_call(Operation operation) {
  for (int i = 0; i < kCallsPerBatch; ++i) operation();  // warms the caches
  std::vector<double> batches;
  const auto end = Clock::now() + kTimePerOperation;
  while (Clock::now() < end || batches.size() < 5) {
    const auto start = Clock::now();
    for (int i = 0; i < kCallsPerBatch; ++i) operation();
    batches.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count() / kCallsPerBatch);
  }
  std::ranges::nth_element(batches, batches.begin() + static_cast<std::ptrdiff_t>(batches.size() / 2));
  return batches[batches.size() / 2];
}

void make_tree() {
  must(::mkdir("a", 0755) == 0 && ::mkdir("a/b", 0755) == 0, "mkdir");
  const int fd = must_open(kFile, O_WRONLY | O_CREAT | O_EXCL);
  const std::string content(4096, 'x');
  must(::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()), "write");
  ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: bench_operations DIRECTORY\n");
    return 2;
  }
  std::string directory = std::string(argv[1]) + "/operations.XXXXXX";
  must(::mkdtemp(directory.data()) != nullptr, directory);
  must(::chdir(directory.c_str()) == 0, directory);
  make_tree();
  fmt::print("stat, warm\t{:.3f}\n", microseconds_per_call(stat_file));
  const int file = must_open(kFile, O_RDONLY);
  fmt::print("read 4k, warm\t{:.3f}\n", microseconds_per_call([file] { read_open_file(file); }));
  ::close(file);
  fmt::print("open+close\t{:.3f}\n", microseconds_per_call(open_and_close));
  fmt::print("open+read 4k+close\t{:.3f}\n", microseconds_per_call(read_4k));
  fmt::print("create+unlink\t{:.3f}\n", microseconds_per_call(create_and_unlink));
  must(::chdir("/") == 0, "/");
  std::filesystem::remove_all(directory);
  return 0;
}
