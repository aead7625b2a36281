// What a request costs when the kernel knows many inodes: `bench_lookups DIRECTORY KNOWN` has the first KNOWN files of
// DIRECTORY looked up, then times requests about a thousand of them, and prints "operation<TAB>microseconds" lines.
// `bench_lookups DIRECTORY KNOWN make` makes them: KNOWN empty files in ten directories.
//
// A mount keeps what it was told for a second, so each is asked about at most once in that time.  Each call is timed by
// itself and the median counts: what the scheduler does to some of them does not.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kForgotten = std::chrono::milliseconds(1100);
constexpr int kRepetitions = 5;
constexpr std::size_t kDirectories = 10;
constexpr std::size_t kAsked = 1000;

void must(bool succeeded, std::string_view what) {
  if (succeeded) return;
  fmt::print(stderr, "bench_lookups: {}: {}\n", what, std::strerror(errno));
  std::exit(1);
}

std::string name_of(std::size_t number) { return fmt::format("f{:06}", number / kDirectories); }

// The directories, open: a name in one of them is one request.
class Directories {
 public:
  Directories(const std::string& top, bool make) {
    for (std::size_t i = 0; i < kDirectories; ++i) {
      const std::string path = fmt::format("{}/d{}", top, i);
      if (make) must(::mkdir(path.c_str(), 0755) == 0, path);
      fds_[i] = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
      must(fds_[i] >= 0, path);
    }
  }
  Directories(const Directories&) = delete;
  Directories& operator=(const Directories&) = delete;
  ~Directories() {
    for (const int fd : fds_) ::close(fd);
  }

  int of(std::size_t number) const { return fds_[number % kDirectories]; }

 private:
  std::array<int, kDirectories> fds_{};
};

void make_files(const Directories& directories, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const int fd = ::openat(directories.of(i), name_of(i).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    must(fd >= 0, name_of(i));
    ::close(fd);
  }
}

void look_at(int directory, const std::string& name) {
  struct stat status{};
  must(::fstatat(directory, name.c_str(), &status, 0) == 0, name);
}

void open_and_close(int directory, const std::string& name) {
  const int fd = ::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC);
  must(fd >= 0, name);
  ::close(fd);
}

void miss(int directory, const std::string& name) {
  struct stat status{};
  must(::fstatat(directory, name.c_str(), &status, 0) != 0 && errno == ENOENT, name);
}

class Timings {
 public:
  template <class Operation>
  void add(Operation operation) {
    const auto start = Clock::now();
    operation();
    all_.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  double median() {
    std::ranges::nth_element(all_, all_.begin() + static_cast<std::ptrdiff_t>(all_.size() / 2));
    return all_[all_.size() / 2];
  }

 private:
  std::vector<double> all_;
};

// Until what the mount told is forgotten; not asleep, for a server must be as awake after it as before.
void pass_time(const Directories& directories) {
  const auto end = Clock::now() + kForgotten;
  while (Clock::now() < end) open_and_close(directories.of(0), name_of(0));
}

// A thousand of the known ones but the first, the same share from each directory.
std::vector<std::size_t> spread_over(std::size_t known) {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 1; i < kAsked; ++i) {
    numbers.push_back(i / kDirectories * (known / kAsked) * kDirectories + i % kDirectories);
  }
  return numbers;
}

void measure(const Directories& directories, std::size_t known) {
  for (std::size_t i = 0; i < known; ++i) look_at(directories.of(i), name_of(i));
  const std::vector<std::size_t> asked = spread_over(known);
  Timings looks;
  Timings opens;
  Timings misses;
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    pass_time(directories);
    for (const std::size_t file : asked) {
      const std::string name = name_of(file);
      looks.add([&] { look_at(directories.of(file), name); });
    }
    for (const std::size_t file : asked) {
      const std::string name = name_of(file);
      opens.add([&] { open_and_close(directories.of(file), name); });
    }
    for (const std::size_t file : asked) {
      const std::string name = fmt::format("missing{}-{}", repetition, file);
      misses.add([&] { miss(directories.of(file), name); });
    }
  }
  fmt::print("stat of a known file\t{:.3f}\n", looks.median());
  fmt::print("open+close of a known file\t{:.3f}\n", opens.median());
  fmt::print("stat of a missing name\t{:.3f}\n", misses.median());
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t known = 0;
  const std::string_view number = argc > 2 ? argv[2] : "";
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), known);
  const bool makes = argc == 4 && std::string_view(argv[3]) == "make";
  if (parsed.ec != std::errc{} || known < kAsked || (argc != 3 && !makes)) {
    fmt::print(stderr, "usage: bench_lookups DIRECTORY KNOWN [make], KNOWN at least {}\n", kAsked);
    return 2;
  }
  const Directories directories(argv[1], makes);
  if (makes) {
    make_files(directories, known);
  } else {
    measure(directories, known);
  }
  return 0;
}
