// Threads that are not held off each other.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "fusebox/fd.h"
#include "model_load.h"
#include "world.h"

namespace fusebox::model {
namespace {

constexpr std::size_t kSlot = 4096;
constexpr std::size_t kSlots = 24;
constexpr std::size_t kMostLogged = 400'000;

// One line of the log; never longer than a write that nothing can come between.
struct Record {
  std::uint64_t thread;
  std::uint64_t number;
  std::array<std::uint64_t, 6> check;

  static Record of(std::uint64_t thread, std::uint64_t number) {
    Record record{.thread = thread, .number = number, .check = {}};
    Random random{thread, number};
    for (std::uint64_t& word : record.check) word = random.next();
    return record;
  }
  bool is_whole() const { return check == of(thread, number).check; }
};

[[noreturn]] void wrong(const std::string& what) { throw Difference("among the unsynchronised: " + what); }

void expect(long returned, const std::string& what, std::initializer_list<int> allowed = {}) {
  if (returned >= 0 || std::ranges::find(allowed, errno) != allowed.end()) return;
  wrong(fmt::format("{}: {}", what, strerrorname_np(errno)));
}

std::string whole(int file, const std::string& what) {
  std::string content;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t count = ::read(file, buffer.data(), buffer.size());
    expect(count, "read " + what);
    if (count == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

// A version of the file that is replaced: its length and each byte follow from the key in front.
std::string version(std::uint64_t key) {
  Random random{key};
  const std::size_t length = 100 + random.below(30'000);
  return fmt::format("{:020}", key) + random.bytes(length);
}

}  // namespace

Wild::Wild(std::string top) : top_(std::move(top)) {
  ::mkdir(top_.c_str(), 0777);
  ::mkdir((top_ + "/churn").c_str(), 0777);
  Random random{0};
  replace(random, 0);
}

void Wild::perform(Random& random, unsigned thread) {
  const std::size_t drawn = random.below(100);
  if (drawn < 10) return replace(random, thread);
  if (drawn < 25) return read_replaced();
  if (drawn < 35) return append(thread);
  if (drawn < 40) return read_log();
  if (drawn < 50) return write_slots(random, thread);
  if (drawn < 60) return read_slots(random);
  churn(random);
}

// Whoever opens the name has the old version or the new one, all of it.
void Wild::replace(Random& random, unsigned thread) {
  const std::uint64_t key = ++counter_;
  const std::string content = version(key);
  const std::string fresh = fmt::format("{}/fresh{}", top_, thread);
  {
    const Fd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    expect(file.get(), "create the next version");
    expect(::write(file.get(), content.data(), content.size()), "write the next version");
    if (random.percent(5)) expect(::fsync(file.get()), "sync the next version");
  }
  expect(::rename(fresh.c_str(), (top_ + "/current").c_str()), "rename the next version");
}

void Wild::read_replaced() {
  const std::string path = top_ + "/current";
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  expect(file.get(), "open what is replaced");
  const std::string content = whole(file.get(), "what is replaced");
  if (content.size() < 20 || content != version(std::stoull(content.substr(0, 20)))) {
    wrong(fmt::format("no version of the file is like this: {} bytes, '{}'", content.size(), content.substr(0, 20)));
  }
  struct stat status{};
  expect(::fstat(file.get(), &status), "fstat what is replaced");
  if (static_cast<std::size_t>(status.st_size) != content.size()) wrong("size and content of a version differ");
  expect(::stat(path.c_str(), &status), "stat what is replaced");
}

void Wild::append(unsigned thread) {
  const std::string path = top_ + "/log";
  const Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  expect(file.get(), "open the log");
  const Record record = Record::of(thread, ++appended_[thread]);
  if (::write(file.get(), &record, sizeof record) != sizeof record) wrong("a record was not written whole");
  struct stat status{};
  expect(::fstat(file.get(), &status), "fstat the log");
  if (static_cast<std::size_t>(status.st_size) > kMostLogged) {
    expect(::rename(path.c_str(), (top_ + "/log.old").c_str()), "rename the log", {ENOENT});
  }
}

void Wild::read_log() {
  const Fd file(::open((top_ + "/log").c_str(), O_RDONLY | O_CLOEXEC));
  expect(file.get(), "read the log", {ENOENT});
  if (!file) return;
  const std::string content = whole(file.get(), "the log");
  std::array<std::uint64_t, 8> last{};
  for (std::size_t at = 0; at + sizeof(Record) <= content.size(); at += sizeof(Record)) {
    Record record{};
    std::memcpy(&record, content.data() + at, sizeof record);
    if (record.thread >= last.size() || !record.is_whole()) wrong(fmt::format("no record at {} of the log", at));
    if (record.number <= last[record.thread]) wrong(fmt::format("the record at {} of the log is out of order", at));
    last[record.thread] = record.number;
  }
}

// Who writes last wins; but a slot never holds what was written to another, nor a byte that nobody wrote.
void Wild::write_slots(Random& random, unsigned thread) {
  const Fd file(::open((top_ + "/slots").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  expect(file.get(), "open the slots");
  const std::size_t slot = random.below(kSlots);
  const char byte = static_cast<char>((slot % 15 + 1) * 16 + thread);
  const std::string content(1 + random.below(kSlot), byte);
  const auto offset = static_cast<off_t>(slot * kSlot);
  if (random.percent(60)) {
    expect(::pwrite(file.get(), content.data(), content.size(), offset), "write a slot");
  } else if (random.percent(20)) {
    expect(::fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, kSlot), "punch a slot");
  } else {
    // Nobody shortens the file, so that no mapping loses its ground.
    void* mapped = ::mmap(nullptr, kSlots * kSlot, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (mapped == MAP_FAILED) wrong(fmt::format("map the slots: {}", strerrorname_np(errno)));
    struct stat status{};
    expect(::fstat(file.get(), &status), "fstat the slots");
    if (static_cast<std::size_t>(status.st_size) >= (slot + 1) * kSlot) {
      std::memcpy(static_cast<char*>(mapped) + offset, content.data(), content.size());
    }
    if (random.percent(50)) expect(::msync(mapped, kSlots * kSlot, MS_SYNC), "msync the slots");
    ::munmap(mapped, kSlots * kSlot);
  }
}

void Wild::read_slots(Random& random) {
  const Fd file(::open((top_ + "/slots").c_str(), (random.percent(50) ? O_RDONLY : O_RDWR) | O_CLOEXEC));
  expect(file.get(), "open the slots", {ENOENT});
  if (!file) return;
  const std::string content = whole(file.get(), "the slots");
  for (std::size_t at = 0; at < content.size(); ++at) {
    const auto byte = static_cast<unsigned char>(content[at]);
    const std::size_t slot = at / kSlot;
    if (byte != 0 && byte / 16 != slot % 15 + 1) wrong(fmt::format("byte {} at {} of the slots", byte, at));
  }
}

void Wild::churn(Random& random) {
  const auto any = [&] {
    return fmt::format("{}/churn/c{}{}", top_, random.below(4), random.percent(30) ? "/in" : "");
  };
  const std::string path = any();
  const std::string other = any();
  struct stat status{};
  switch (random.below(10)) {
    case 0:
    case 1: {
      const int flags =
          O_RDWR | O_CREAT | O_CLOEXEC | (random.percent(30) ? O_EXCL : 0) | (random.percent(30) ? O_TRUNC : 0);
      const Fd file(::open(path.c_str(), flags, 0644));
      expect(file.get(), "create " + path, {EEXIST, ENOENT, ENOTDIR, EISDIR});
      if (file) expect(::write(file.get(), "text", 4), "write " + path);
      if (file) expect(::fstat(file.get(), &status), "fstat " + path);
      return;
    }
    case 2:
    case 3: {
      const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
      expect(file.get(), "open " + path, {ENOENT, ENOTDIR});
      std::array<char, 10> buffer;
      if (file) expect(::read(file.get(), buffer.data(), buffer.size()), "read " + path, {EISDIR});
      return;
    }
    case 4:
      return expect(::unlink(path.c_str()), "unlink " + path, {ENOENT, ENOTDIR, EISDIR});
    case 5:
      return expect(::mkdir(path.c_str(), 0755), "mkdir " + path, {EEXIST, ENOENT, ENOTDIR});
    case 6:
      return expect(::rmdir(path.c_str()), "rmdir " + path, {ENOENT, ENOTDIR, ENOTEMPTY});
    case 7:
      return expect(::rename(path.c_str(), other.c_str()), fmt::format("rename {} {}", path, other),
                    {ENOENT, ENOTDIR, EISDIR, ENOTEMPTY, EINVAL});
    case 8:
      if (random.percent(50)) return expect(::lstat(path.c_str(), &status), "lstat " + path, {ENOENT, ENOTDIR});
      return expect(::link(path.c_str(), other.c_str()), fmt::format("link {} {}", path, other),
                    {ENOENT, ENOTDIR, EEXIST, EPERM});
    default: {
      DIR* directory = ::opendir((top_ + "/churn").c_str());
      if (directory == nullptr) wrong(fmt::format("opendir: {}", strerrorname_np(errno)));
      std::vector<std::string> names;
      errno = 0;
      while (const dirent* entry = ::readdir(directory)) names.emplace_back(entry->d_name);
      if (errno != 0) wrong(fmt::format("readdir: {}", strerrorname_np(errno)));
      ::closedir(directory);
      return;
    }
  }
}

}  // namespace fusebox::model
