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
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTimePerOperation = std::chrono::milliseconds(400);
constexpr int kCallsPerBatch = 100;
constexpr const char* kFile = "a/b/file";  // three components
constexpr const char* kNewFile = "a/b/new";
constexpr const char* kLargeFile = "a/b/large";
constexpr std::size_t kLargeBytes = std::size_t{64} << 20;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kChunk = std::size_t{128} << 10;

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

// Where the next transfer in the large file goes: one behind the other, round and round, or anywhere.
class InOrder {
 public:
  off_t operator()() { return static_cast<off_t>(next_++ % (kLargeBytes / kChunk) * kChunk); }

 private:
  std::size_t next_ = 0;
};

class Anywhere {
 public:
  off_t operator()() { return static_cast<off_t>(pages_(generator_) * kPage); }

 private:
  std::minstd_rand generator_{1};  // the same places in each run
  std::uniform_int_distribution<std::size_t> pages_{0, kLargeBytes / kPage - 1};
};

void transfer(ssize_t done, std::size_t size, std::string_view what) { must(done == static_cast<ssize_t>(size), what); }

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

template <class Operation>
void report(std::string_view name, Operation operation) {
  fmt::print("{}\t{:.3f}\n", name, microseconds_per_call(operation));
}

void make_file(const char* path, std::size_t size) {
  const int fd = must_open(path, O_WRONLY | O_CREAT | O_EXCL);
  const std::string content(size, 'x');
  transfer(::write(fd, content.data(), size), size, "write");
  ::close(fd);
}

void make_tree() {
  must(::mkdir("a", 0755) == 0 && ::mkdir("a/b", 0755) == 0, "mkdir");
  make_file(kFile, kPage);
  make_file(kLargeFile, kLargeBytes);
}

// What is read and written comes from and goes to the page cache, natively and below a mount.
void measure_transfers() {
  const int fd = must_open(kLargeFile, O_RDWR);
  std::vector<char> buffer(kChunk, 'y');
  InOrder in_order;
  Anywhere anywhere;
  const auto read = [&](std::size_t size, off_t at) { transfer(::pread(fd, buffer.data(), size, at), size, "pread"); };
  const auto write = [&](std::size_t size, off_t at) {
    transfer(::pwrite(fd, buffer.data(), size, at), size, "pwrite");
  };
  report("read 128k, in order", [&] { read(kChunk, in_order()); });
  report("read 4k, anywhere", [&] { read(kPage, anywhere()); });
  report("write 128k, in order", [&] { write(kChunk, in_order()); });
  report("write 4k, anywhere", [&] { write(kPage, anywhere()); });
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
  report("stat, warm", stat_file);
  const int file = must_open(kFile, O_RDONLY);
  report("read 4k, warm", [file] { read_open_file(file); });
  ::close(file);
  report("open+close", open_and_close);
  report("open+read 4k+close", read_4k);
  report("create+unlink", create_and_unlink);
  measure_transfers();
  must(::chdir("/") == 0, "/");
  std::filesystem::remove_all(directory);
  return 0;
}
