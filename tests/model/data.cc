// Operations on what files hold.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "both.h"
#include "world.h"

namespace fusebox::model {
namespace {

constexpr mode_t kModes[] = {0644, 0644, 0644, 0666, 0666, 0600, 0755, 0400, 0};

int length_of(int file, std::size_t& length) {
  struct stat status{};
  if (::fstat(file, &status) != 0) return -1;
  length = static_cast<std::size_t>(status.st_size);
  return 0;
}

void close_and_forget(int& file) {
  if (file >= 0) ::close(file);
  file = -1;
}

// What the slot held before goes only now, so that most slots hold something most of the time.
Outcome opened(int& slot, int file) {
  if (file < 0) return Outcome::of(-1);
  close_and_forget(slot);
  slot = file;
  return {};
}

std::string flags_text(int flags) {
  static constexpr const char* kAccess[] = {"RDONLY", "WRONLY", "RDWR"};
  std::string text = kAccess[flags & O_ACCMODE];
  const std::pair<int, const char*> names[] = {{O_CREAT, "|CREAT"},     {O_EXCL, "|EXCL"},          {O_TRUNC, "|TRUNC"},
                                               {O_APPEND, "|APPEND"},   {O_NOFOLLOW, "|NOFOLLOW"},  {O_SYNC, "|SYNC"},
                                               {O_NOATIME, "|NOATIME"}, {O_DIRECTORY, "|DIRECTORY"}};
  for (const auto& [flag, name] : names) {
    if ((flags & flag) == flag) text += name;
  }
  return text;
}

// What SEEK_DATA and SEEK_HOLE may answer: a file system may take holes for data, but never data for holes.
std::string wrong_about_holes(int file, off_t from, off_t found, int error, int whence) {
  std::size_t size = 0;
  if (length_of(file, size) != 0) return "no status";
  const auto end = static_cast<off_t>(size);
  if (found < 0 && error != ENXIO) return strerrorname_np(error);
  if (whence == SEEK_HOLE) {
    if (found < 0) return from >= end ? "" : "no hole though there is one at the end";
    return found >= from && found <= end ? "" : fmt::format("hole at {} in {} bytes", found, end);
  }
  if (found >= end) return fmt::format("data at {} in {} bytes", found, end);
  if (found < 0 && from >= end) return "";
  std::string skipped(static_cast<std::size_t>((found < 0 ? end : found) - from), '\0');
  if (::pread(file, skipped.data(), skipped.size(), from) < 0) return errno == EBADF ? "" : strerrorname_np(errno);
  return std::ranges::all_of(skipped, [](char byte) { return byte == 0; }) ? "" : "data was passed over";
}

}  // namespace

void World::open_file() {
  static constexpr int kAccess[] = {O_RDONLY, O_RDONLY, O_RDONLY, O_RDWR, O_RDWR, O_RDWR, O_WRONLY};
  // FIFOs may have the names, too: nothing waits for their other end.
  int flags = random_.pick(kAccess) | O_NONBLOCK | O_CLOEXEC;
  if (random_.percent(65)) flags |= O_CREAT;
  for (const auto& [flag, chance] :
       {std::pair(O_EXCL, 8U), {O_TRUNC, 8U}, {O_APPEND, 15U}, {O_NOFOLLOW, 8U}, {O_SYNC, 2U}, {O_NOATIME, 2U}}) {
    if (random_.percent(chance) && (flag != O_EXCL || (flags & O_CREAT) != 0)) flags |= flag;
  }
  if ((flags & O_CREAT) == 0 && random_.percent(15)) flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  const mode_t mode = random_.pick(kModes);
  const std::string path = any_path();
  const std::size_t slot = any_file();
  both(fmt::format("[{}] = open(.{}, {}, {:o})", slot, path, flags_text(flags), mode),
       [&](Side& side) { return opened(side.files[slot], ::open((side.top + path).c_str(), flags, mode)); });
}

void World::open_temporary() {
  const int flags =
      O_TMPFILE | O_CLOEXEC | (random_.percent(70) ? O_RDWR : O_WRONLY) | (random_.percent(15) ? O_EXCL : 0);
  const mode_t mode = random_.pick(kModes);
  const std::string path = any_directory();
  const std::size_t slot = any_file();
  both(fmt::format("[{}] = open(.{}, TMPFILE{}, {:o})", slot, path, (flags & O_EXCL) != 0 ? "|EXCL" : "", mode),
       [&](Side& side) { return opened(side.files[slot], ::open((side.top + path).c_str(), flags, mode)); });
}

void World::close_file() {
  const std::size_t slot = any_file();
  both(fmt::format("close([{}])", slot), [&](Side& side) {
    const Outcome outcome = Outcome::of(::close(side.files[slot]));
    side.files[slot] = -1;
    return outcome;
  });
}

void World::read_at() {
  const std::size_t slot = any_file();
  const off_t offset = any_offset();
  const std::size_t length = any_length();
  both(fmt::format("pread([{}], {} at {})", slot, length, offset), [&](Side& side) {
    std::string buffer(length, '\0');
    return Outcome::read(::pread(side.files[slot], buffer.data(), length, offset), buffer);
  });
}

void World::write_at() {
  const std::size_t slot = any_file();
  const off_t offset = any_offset();
  const std::string data = random_.bytes(any_length());
  both(fmt::format("pwrite([{}], {} at {})", slot, data.size(), offset),
       [&](Side& side) { return Outcome::of(::pwrite(side.files[slot], data.data(), data.size(), offset)); });
}

void World::read_on() {
  const std::size_t slot = any_file();
  const std::size_t length = any_length();
  both(fmt::format("read([{}], {})", slot, length), [&](Side& side) {
    std::string buffer(length, '\0');
    return Outcome::read(::read(side.files[slot], buffer.data(), length), buffer);
  });
}

void World::write_on() {
  const std::size_t slot = any_file();
  const std::string data = random_.bytes(any_length());
  both(fmt::format("write([{}], {})", slot, data.size()),
       [&](Side& side) { return Outcome::of(::write(side.files[slot], data.data(), data.size())); });
}

void World::seek() {
  static constexpr int kWhence[] = {SEEK_SET, SEEK_CUR, SEEK_END};
  const std::size_t slot = any_file();
  const int whence = random_.pick(kWhence);
  const off_t offset = any_offset() * (whence == SEEK_END || random_.percent(20) ? -1 : 1);
  both(fmt::format("lseek([{}], {}, {})", slot, offset, whence), [&](Side& side) {
    struct stat status{};
    // A position in a directory is the file system's affair.
    if (::fstat(side.files[slot], &status) == 0 && S_ISDIR(status.st_mode)) return Outcome{};
    return Outcome::of(::lseek(side.files[slot], offset, whence));
  });
}

void World::seek_hole_or_data() {
  const std::size_t slot = any_file();
  const off_t offset = any_offset();
  const int whence = random_.percent(50) ? SEEK_DATA : SEEK_HOLE;
  both(fmt::format("lseek([{}], {}, {})", slot, offset, whence == SEEK_DATA ? "DATA" : "HOLE"), [&](Side& side) {
    struct stat status{};
    if (::fstat(side.files[slot], &status) != 0) return Outcome::of(-1);
    if (!S_ISREG(status.st_mode)) return Outcome{};
    // The kernel asks the server, who does not know of what was changed through a mapping and is not written back.
    if (traits_.is_lazy) ::fsync(side.files[slot]);
    const off_t found = ::lseek(side.files[slot], offset, whence);
    // Not the same number on both sides: what a write through a mapping allocates is up to the folios that were cached.
    Outcome outcome;
    outcome.data = wrong_about_holes(side.files[slot], offset, found, errno, whence);
    ::lseek(side.files[slot], 0, SEEK_SET);
    return outcome;
  });
}

void World::truncate_path() {
  const std::string path = any_path();
  const off_t length = any_offset();
  both(fmt::format("truncate(.{}, {})", path, length),
       [&](Side& side) { return Outcome::of(::truncate((side.top + path).c_str(), length)); });
}

void World::truncate_file() {
  const std::size_t slot = any_file();
  const off_t length = any_offset();
  both(fmt::format("ftruncate([{}], {})", slot, length),
       [&](Side& side) { return Outcome::of(::ftruncate(side.files[slot], length)); });
}

void World::allocate() {
  static constexpr int kAllocations[] = {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
                                         FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE};
  const bool punches = !traits_.preallocates || random_.percent(50);
  const int mode = punches ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE : random_.pick(kAllocations);
  const std::size_t slot = any_file();
  const off_t offset = any_offset();
  const auto length = static_cast<off_t>(any_length());
  both(fmt::format("fallocate([{}], mode {}, {} at {})", slot, mode, length, offset),
       [&](Side& side) { return Outcome::of(::fallocate(side.files[slot], mode, offset, length)); });
}

void World::copy_range() {
  const std::size_t from = any_file();
  const std::size_t into = any_file();
  const off_t from_offset = any_offset();
  const off_t into_offset = any_offset();
  const std::size_t length = any_length();
  both(fmt::format("copy_file_range([{}] at {}, [{}] at {}, {})", from, from_offset, into, into_offset, length),
       [&](Side& side) {
         off_t source = from_offset;
         off_t target = into_offset;
         return Outcome::of(::copy_file_range(side.files[from], &source, side.files[into], &target, length, 0));
       });
}

void World::send_file() {
  const std::size_t from = any_file();
  const std::size_t into = any_file();
  const off_t offset = any_offset();
  const std::size_t length = any_length();
  both(fmt::format("sendfile([{}], [{}] at {}, {})", into, from, offset, length), [&](Side& side) {
    struct stat status{};
    // To a FIFO goes what has room there.
    if (::fstat(side.files[into], &status) == 0 && S_ISFIFO(status.st_mode)) return Outcome{};
    off_t source = offset;
    return Outcome::of(::sendfile(side.files[into], side.files[from], &source, length));
  });
}

void World::sync_file() {
  const std::size_t slot = any_file();
  both(fmt::format("fsync([{}])", slot), [&](Side& side) { return Outcome::of(::fsync(side.files[slot])); });
}

void World::whole_content() {
  const std::string path = any_path();
  both(fmt::format("content of .{}", path), [&](Side& side) {
    const int file = ::open((side.top + path).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return Outcome::of(-1);
    std::string content;
    std::string buffer(100'000, '\0');
    ssize_t count = 0;
    while ((count = ::read(file, buffer.data(), buffer.size())) > 0)
      content.append(buffer, 0, static_cast<size_t>(count));
    Outcome outcome = Outcome::of(count);
    outcome.data = std::move(content);
    ::close(file);
    return outcome;
  });
}

// Maps a part of the file, reads or changes it, and takes the mapping off again.
void World::map_once() {
  const std::size_t slot = any_file();
  const bool writes = random_.percent(50) && traits_.writes_mappings;
  const off_t offset = any_offset() / 4096 * 4096;
  const std::size_t skip = random_.below(4096);
  const std::string data = random_.bytes(1 + any_length());
  both(fmt::format("mmap([{}]) {} {} at {}+{}", slot, writes ? "write" : "read", data.size(), offset, skip),
       [&](Side& side) {
         std::size_t size = 0;
         if (length_of(side.files[slot], size) != 0) return Outcome::of(-1);
         const std::size_t length = skip + data.size();
         const int protection = PROT_READ | (writes ? PROT_WRITE : 0);
         void* mapped = ::mmap(nullptr, length, protection, MAP_SHARED, side.files[slot], offset);
         if (mapped == MAP_FAILED) return Outcome::of(-1);
         char* const at = static_cast<char*>(mapped) + skip;
         const std::size_t start = static_cast<std::size_t>(offset) + skip;
         const std::size_t reachable = size > start ? std::min(size - start, data.size()) : 0;
         Outcome outcome;
         if (writes) {
           std::memcpy(at, data.data(), reachable);
           if (!traits_.is_lazy) outcome = Outcome::of(::msync(mapped, length, MS_SYNC));
         } else {
           outcome.data.assign(at, reachable);
         }
         ::munmap(mapped, length);
         return outcome;
       });
}

void World::map_file() {
  const std::size_t slot = any_file();
  const std::size_t which = random_.below(Side::kMappings);
  const bool writes = random_.percent(60) && traits_.writes_mappings;
  const std::size_t length = 4096 * (1 + random_.below(64));
  both(fmt::format("mapping {} = mmap([{}], {}{})", which, slot, length, writes ? ", for writing" : ""),
       [&](Side& side) {
         Mapping& mapping = side.mappings[which];
         if (mapping.at != nullptr) ::munmap(mapping.at, mapping.length);
         close_and_forget(mapping.file);
         mapping = {};
         const int protection = PROT_READ | (writes ? PROT_WRITE : 0);
         void* mapped = ::mmap(nullptr, length, protection, MAP_SHARED, side.files[slot], 0);
         if (mapped == MAP_FAILED) return Outcome::of(-1);
         mapping = {.at = static_cast<char*>(mapped),
                    .length = length,
                    .writes = writes,
                    .file = ::fcntl(side.files[slot], F_DUPFD_CLOEXEC, 0)};
         return Outcome{};
       });
}

void World::read_mapping() {
  const std::size_t which = random_.below(Side::kMappings);
  const std::size_t start = random_.below(100'000);
  const std::size_t length = any_length();
  both(fmt::format("read {} at {} of mapping {}", length, start, which), [&](Side& side) {
    const Mapping& mapping = side.mappings[which];
    std::size_t size = 0;
    if (mapping.at == nullptr) return Outcome{};
    if (length_of(mapping.file, size) != 0) return Outcome::of(-1);
    size = std::min(size, mapping.length);
    Outcome outcome;
    if (start < size) outcome.data.assign(mapping.at + start, std::min(length, size - start));
    return outcome;
  });
}

void World::write_mapping() {
  const std::size_t which = random_.below(Side::kMappings);
  const std::size_t start = random_.below(100'000);
  const std::string data = random_.bytes(any_length());
  both(fmt::format("write {} at {} of mapping {}", data.size(), start, which), [&](Side& side) {
    const Mapping& mapping = side.mappings[which];
    std::size_t size = 0;
    if (mapping.at == nullptr || !mapping.writes) return Outcome{};
    if (length_of(mapping.file, size) != 0) return Outcome::of(-1);
    size = std::min(size, mapping.length);
    if (start < size) std::memcpy(mapping.at + start, data.data(), std::min(data.size(), size - start));
    return traits_.is_lazy ? Outcome{} : Outcome::of(::msync(mapping.at, mapping.length, MS_SYNC));
  });
}

void World::unmap() {
  const std::size_t which = random_.below(Side::kMappings);
  both(fmt::format("unmap mapping {}", which), [&](Side& side) {
    Mapping& mapping = side.mappings[which];
    const Outcome outcome = mapping.at == nullptr ? Outcome{} : Outcome::of(::munmap(mapping.at, mapping.length));
    close_and_forget(mapping.file);
    mapping = {};
    return outcome;
  });
}

}  // namespace fusebox::model
