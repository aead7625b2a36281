// Operations on names and attributes, and how often each operation happens.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <ftw.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <vector>

#include "both.h"
#include "world.h"

namespace fusebox::model {
namespace {

constexpr mode_t kModes[] = {0755, 0755, 0777, 0777, 0644, 0666, 0700, 0600, 0444, 0, 01777};
constexpr mode_t kSetIdModes[] = {0755, 0777, 04755, 02755, 06711, 02777, 04777, 06777};
constexpr const char* kAttributes[] = {"user.a", "user.b", "user.long name", "trusted.d"};

struct Listed {
  std::uint64_t inode;
  std::int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[];  // NOLINT: as the kernel has it (getdents64(2))
};

// Names and types, in order; and whether the numbers are those that stat(2) says.
Outcome list(int directory) {
  std::vector<std::string> found;
  alignas(Listed) std::array<char, 2000> buffer;
  long count = 0;
  while ((count = ::syscall(SYS_getdents64, directory, buffer.data(), buffer.size())) > 0) {
    for (long at = 0; at < count;) {
      const auto* entry = reinterpret_cast<const Listed*>(buffer.data() + at);
      at += entry->length;
      struct stat status{};
      std::string line = fmt::format("{} {}", entry->name, entry->type);
      const bool is_above = std::strcmp(entry->name, "..") == 0;
      if (!is_above && ::fstatat(directory, entry->name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
          status.st_ino != entry->inode) {
        line += fmt::format(" with number {} and not {}", entry->inode, status.st_ino);
      }
      found.push_back(line);
    }
  }
  if (count < 0) return Outcome::of(-1);
  std::ranges::sort(found);
  Outcome outcome;
  for (const std::string& line : found) outcome.data += line + "; ";
  return outcome;
}

std::string loosely(const struct stat& status) {
  // Which extents a file has depends on when it is written to the disk; that holes take up nothing does not.
  const auto most = status.st_size / 512 + 512;
  return S_ISREG(status.st_mode) && status.st_blocks > 2 * most + 20'000 ? " far too many blocks" : "";
}

Outcome outcome_of_stat(int returned, const struct stat& status, Times times) {
  Outcome outcome = Outcome::of(returned);
  if (returned == 0) outcome.data = text_of(status, times) + loosely(status);
  return outcome;
}

}  // namespace

const World::Kind World::kKinds[] = {{24, &World::open_file},
                                     {2, &World::open_temporary},
                                     {3, &World::close_file},
                                     {10, &World::read_at},
                                     {10, &World::write_at, true},
                                     {4, &World::read_on},
                                     {5, &World::write_on, true},
                                     {2, &World::seek},
                                     {3, &World::seek_hole_or_data},
                                     {4, &World::truncate_path},
                                     {4, &World::truncate_file},
                                     {3, &World::allocate},
                                     {4, &World::copy_range},
                                     {2, &World::send_file, true},
                                     {1, &World::sync_file},
                                     {4, &World::whole_content},
                                     {5, &World::map_once},
                                     {2, &World::map_file},
                                     {3, &World::read_mapping},
                                     {3, &World::write_mapping},
                                     {1, &World::unmap},
                                     {10, &World::rename_path},
                                     {5, &World::link_path},
                                     {2, &World::link_file},
                                     {8, &World::unlink_path},
                                     {2, &World::make_symlink},
                                     {2, &World::read_symlink},
                                     {6, &World::make_directory},
                                     {4, &World::remove_directory},
                                     {1, &World::make_fifo},
                                     {3, &World::list_path},
                                     {2, &World::list_file},
                                     {1, &World::remove_tree},
                                     {8, &World::stat_path},
                                     {6, &World::stat_file},
                                     {2, &World::is_same_file},
                                     {5, &World::change_mode},
                                     {4, &World::change_owner},
                                     {4, &World::change_times},
                                     {4, &World::set_attribute},
                                     {3, &World::get_attribute},
                                     {2, &World::list_attributes},
                                     {1, &World::remove_attribute},
                                     {1, &World::pause},
                                     {0, nullptr}};

void World::rename_path() {
  static constexpr unsigned kFlags[] = {0, 0, 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE};
  const std::string from = any_path();
  const std::string to = any_path();
  const unsigned flags = random_.pick(kFlags);
  both(fmt::format("rename(.{}, .{}, {})", from, to, flags), [&](Side& side) {
    return Outcome::of(::renameat2(AT_FDCWD, (side.top + from).c_str(), AT_FDCWD, (side.top + to).c_str(), flags));
  });
}

void World::link_path() {
  const std::string from = any_path();
  const std::string to = any_path();
  const int flags = random_.percent(30) ? AT_SYMLINK_FOLLOW : 0;
  both(fmt::format("link(.{}, .{}{})", from, to, flags != 0 ? ", following" : ""), [&](Side& side) {
    struct stat status{};
    if (traits_.sets_ids) ::fstatat(AT_FDCWD, (side.top + from).c_str(), &status, flags != 0 ? 0 : AT_SYMLINK_NOFOLLOW);
    return Outcome::of(::linkat(AT_FDCWD, (side.top + from).c_str(), AT_FDCWD, (side.top + to).c_str(), flags));
  });
}

void World::link_file() {
  const std::size_t slot = any_file();
  const std::string to = any_path();
  both(fmt::format("link([{}], .{})", slot, to), [&](Side& side) {
    if (side.files[slot] < 0) return Outcome{};
    // Who may link depends on set-id bits, and the kernel looks at those it remembers: it asks for them when somebody
    // asks it, not when a write may have dropped them.
    struct stat status{};
    if (traits_.sets_ids) ::fstat(side.files[slot], &status);
    const std::string from = fmt::format("/proc/self/fd/{}", side.files[slot]);
    return Outcome::of(::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, (side.top + to).c_str(), AT_SYMLINK_FOLLOW));
  });
}

void World::unlink_path() {
  const std::string path = any_path();
  both(fmt::format("unlink(.{})", path), [&](Side& side) { return Outcome::of(::unlink((side.top + path).c_str())); });
}

void World::make_symlink() {
  static constexpr const char* kTargets[] = {"n0", "n1", "../n2", "d0", "d1/n3", "../d0/n4", "/nowhere/at all", "n5/"};
  const std::string path = any_path();
  const std::string target = random_.pick(kTargets);
  both(fmt::format("symlink({}, .{})", target, path),
       [&](Side& side) { return Outcome::of(::symlink(target.c_str(), (side.top + path).c_str())); });
}

void World::read_symlink() {
  const std::string path = any_path();
  both(fmt::format("readlink(.{})", path), [&](Side& side) {
    std::string buffer(PATH_MAX, '\0');
    return Outcome::read(::readlink((side.top + path).c_str(), buffer.data(), buffer.size()), buffer);
  });
}

void World::make_directory() {
  const std::string path = random_.percent(70) ? any_directory() : any_path();
  const mode_t mode = (traits_.sets_ids ? random_.pick(kSetIdModes) : random_.pick(kModes));
  both(fmt::format("mkdir(.{}, {:o})", path, mode),
       [&](Side& side) { return Outcome::of(::mkdir((side.top + path).c_str(), mode)); });
}

void World::remove_directory() {
  const std::string path = any_path();
  both(fmt::format("rmdir(.{})", path), [&](Side& side) { return Outcome::of(::rmdir((side.top + path).c_str())); });
}

void World::make_fifo() {
  const std::string path = any_path();
  both(fmt::format("mkfifo(.{})", path),
       [&](Side& side) { return Outcome::of(::mkfifo((side.top + path).c_str(), 0666)); });
}

void World::list_path() {
  const std::string path = random_.percent(50) ? any_directory() : any_path();
  both(fmt::format("list .{}", path), [&](Side& side) {
    const int directory = ::open((side.top + path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return Outcome::of(-1);
    Outcome outcome = list(directory);
    ::close(directory);
    return outcome;
  });
}

void World::list_file() {
  const std::size_t slot = any_file();
  both(fmt::format("list [{}]", slot), [&](Side& side) {
    struct stat status{};
    if (::fstat(side.files[slot], &status) != 0 || !S_ISDIR(status.st_mode)) return Outcome{};
    ::lseek(side.files[slot], 0, SEEK_SET);
    return list(side.files[slot]);
  });
}

void World::remove_tree() {
  const std::string path = any_path();
  both(fmt::format("remove all of .{}", path), [&](Side& side) {
    const auto remove_one = [](const char* name, const struct stat*, int, FTW*) { return std::remove(name), 0; };
    return Outcome::of(::nftw((side.top + path).c_str(), remove_one, 8, FTW_DEPTH | FTW_PHYS));
  });
}

void World::stat_path() {
  const std::string path = random_.percent(10) ? any_directory() : any_path();
  const int flags = random_.percent(60) ? AT_SYMLINK_NOFOLLOW : 0;
  both(fmt::format("{}(.{})", flags != 0 ? "lstat" : "stat", path), [&](Side& side) {
    struct stat status{};
    const int returned = ::fstatat(AT_FDCWD, (side.top + path).c_str(), &status, flags);
    return outcome_of_stat(returned, status, times());
  });
}

void World::stat_file() {
  const std::size_t slot = any_file();
  both(fmt::format("fstat([{}])", slot), [&](Side& side) {
    struct stat status{};
    const int returned = ::fstat(side.files[slot], &status);
    return outcome_of_stat(returned, status, times());
  });
}

void World::is_same_file() {
  const std::size_t slot = any_file();
  const std::string path = any_path();
  both(fmt::format("is [{}] .{}?", slot, path), [&](Side& side) {
    struct stat opened{};
    struct stat named{};
    if (::fstat(side.files[slot], &opened) != 0 || ::lstat((side.top + path).c_str(), &named) != 0) {
      return Outcome::of(-1);
    }
    return Outcome{opened.st_ino == named.st_ino && opened.st_dev == named.st_dev, 0, {}};
  });
}

void World::change_mode() {
  const std::size_t slot = any_file();
  const std::string path = any_path();
  const mode_t mode = (traits_.sets_ids ? random_.pick(kSetIdModes) : random_.pick(kModes));
  if (random_.percent(30)) {
    both(fmt::format("fchmod([{}], {:o})", slot, mode),
         [&](Side& side) { return Outcome::of(::fchmod(side.files[slot], mode)); });
  } else {
    both(fmt::format("chmod(.{}, {:o})", path, mode),
         [&](Side& side) { return Outcome::of(::chmod((side.top + path).c_str(), mode)); });
  }
}

void World::change_owner() {
  static constexpr uid_t kOwners[] = {0, 1001, 1002, static_cast<uid_t>(-1)};
  const std::size_t slot = any_file();
  const std::string path = any_path();
  const uid_t uid = random_.pick(kOwners);
  gid_t gid = random_.pick(kOwners);
  // To leave both drops set-id bits, of which FUSE tells the server nothing that it could go by (fs/fuse/dir.c).
  if (traits_.sets_ids && uid == static_cast<uid_t>(-1) && gid == uid) gid = 1001;
  if (random_.percent(30)) {
    both(fmt::format("fchown([{}], {}, {})", slot, static_cast<int>(uid), static_cast<int>(gid)),
         [&](Side& side) { return Outcome::of(::fchown(side.files[slot], uid, gid)); });
  } else {
    both(fmt::format("lchown(.{}, {}, {})", path, static_cast<int>(uid), static_cast<int>(gid)),
         [&](Side& side) { return Outcome::of(::lchown((side.top + path).c_str(), uid, gid)); });
  }
}

void World::change_times() {
  const auto any_time = [this]() -> timespec {
    if (random_.percent(15)) return {.tv_sec = 0, .tv_nsec = UTIME_NOW};
    if (random_.percent(15)) return {.tv_sec = 0, .tv_nsec = UTIME_OMIT};
    return {.tv_sec = static_cast<time_t>(1'000'000'000 + random_.below(100'000'000)),
            .tv_nsec = static_cast<long>(random_.below(1'000'000'000))};
  };
  const std::array<timespec, 2> wanted{any_time(), any_time()};
  const std::string path = any_path();
  both(fmt::format("utimens(.{}, {}.{:09}, {}.{:09})", path, wanted[0].tv_sec, wanted[0].tv_nsec, wanted[1].tv_sec,
                   wanted[1].tv_nsec),
       [&](Side& side) {
         const std::string name = side.top + path;
         Outcome outcome = Outcome::of(::utimensat(AT_FDCWD, name.c_str(), wanted.data(), AT_SYMLINK_NOFOLLOW));
         struct stat status{};
         if (outcome.error != 0 || ::lstat(name.c_str(), &status) != 0) return outcome;
         outcome.data = text_of(status, times());
         // Reading sets it again, or does not; so it is looked at only now.  Walking to a symlink may have read it.
         if (wanted[0].tv_sec != 0 && !S_ISLNK(status.st_mode)) {
           outcome.data += fmt::format(" atime {}.{:09}", status.st_atim.tv_sec, status.st_atim.tv_nsec);
         }
         return outcome;
       });
}

void World::set_attribute() {
  static constexpr int kFlags[] = {0, 0, XATTR_CREATE, XATTR_REPLACE};
  const std::size_t slot = any_file();
  const std::string path = any_path();
  const std::string name = random_.pick(kAttributes);
  const std::string value = random_.bytes(random_.percent(90) ? random_.below(200) : random_.below(6000));
  const int flags = random_.pick(kFlags);
  const bool by_file = random_.percent(30);
  both(fmt::format("setxattr({}, {}, {} bytes, {})", by_file ? fmt::format("[{}]", slot) : "." + path, name,
                   value.size(), flags),
       [&](Side& side) {
         if (by_file)
           return Outcome::of(::fsetxattr(side.files[slot], name.c_str(), value.data(), value.size(), flags));
         const std::string whole = side.top + path;
         return Outcome::of(::lsetxattr(whole.c_str(), name.c_str(), value.data(), value.size(), flags));
       });
}

void World::get_attribute() {
  const std::string path = any_path();
  const std::string name = random_.pick(kAttributes);
  const std::size_t room = random_.percent(20) ? 0 : random_.percent(30) ? 50 : 8192;
  both(fmt::format("getxattr(.{}, {}, {})", path, name, room), [&](Side& side) {
    std::string buffer(room, '\0');
    const ssize_t length = ::lgetxattr((side.top + path).c_str(), name.c_str(), buffer.data(), room);
    return room == 0 ? Outcome::of(length) : Outcome::read(length, buffer);
  });
}

void World::list_attributes() {
  const std::string path = any_path();
  both(fmt::format("listxattr(.{})", path), [&](Side& side) {
    std::string buffer(4096, '\0');
    return Outcome::read(::llistxattr((side.top + path).c_str(), buffer.data(), buffer.size()), buffer);
  });
}

void World::remove_attribute() {
  const std::string path = any_path();
  const std::string name = random_.pick(kAttributes);
  both(fmt::format("removexattr(.{}, {})", path, name),
       [&](Side& side) { return Outcome::of(::lremovexattr((side.top + path).c_str(), name.c_str())); });
}

// Long enough for a file to be no longer a new one: then what the kernel has of it is kept from one open to the next.
void World::pause() {
  if (random_.percent(20)) ::usleep(25'000);
}

}  // namespace fusebox::model
