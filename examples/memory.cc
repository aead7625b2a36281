// A file system in memory: all that POSIX wants of one, gone when it is unmounted.
//
// The kernel checks who may do what, by the modes and owners that it finds here, and it keeps what it has seen: nothing
// changes here but by its own requests.  One mutex guards the whole tree: no operation waits for anything while it
// holds it.  Files are nodes that answer reads and writes themselves: nothing needs to be opened (MountOptions in
// main), and a file without a name lives for as long as somebody has it open, because the kernel knows its node.
#include <dirent.h>
#include <linux/falloc.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fusebox/fusebox.h"

using namespace fusebox;

namespace {

constexpr Validity kForever = std::chrono::hours(24);
constexpr std::size_t kPage = 4096;                           // bytes
constexpr std::uint64_t kMostPages = (256ULL << 20) / kPage;  // of all files together
constexpr std::uint64_t kMostInodes = 65536;                  // with or without a name
constexpr std::size_t kMostAttributes = 65536;                // bytes of one inode's extended attributes
constexpr std::uint64_t kLargestFile = 0x7fffffffffffffff;

constexpr Errno kNoSpace{ENOSPC};
constexpr Errno kNotEmpty{ENOTEMPTY};
constexpr Errno kNoSuchPlace{ENXIO};

timespec now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return time;
}

// So much of something.  Any thread, for inodes go when the kernel forgets them.
class Supply {
 public:
  explicit Supply(std::uint64_t all) : all_(all), left_(all) {}

  bool take(std::uint64_t count) {
    std::uint64_t left = left_;
    while (left >= count) {
      if (left_.compare_exchange_weak(left, left - count)) return true;
    }
    return false;
  }
  void give_back(std::uint64_t count) { left_ += count; }

  std::uint64_t all() const { return all_; }
  std::uint64_t left() const { return left_; }

 private:
  const std::uint64_t all_;
  std::atomic<std::uint64_t> left_;
};

// What the inodes of a file system share.  Outlives them.
struct Volume {
  std::mutex mutex;  // guards what is in the inodes
  Supply pages{kMostPages};
  Supply inodes{kMostInodes};
  std::atomic<std::uint64_t> last_number{0};
};

// The bytes of a file: pages, and between them holes, which read as zeros.
class Contents {
 public:
  explicit Contents(Supply& supply) : supply_(supply) {}
  ~Contents() { supply_.give_back(pages_.size()); }
  Contents(const Contents&) = delete;
  Contents& operator=(const Contents&) = delete;

  std::uint64_t size() const { return size_; }
  std::uint64_t blocks() const { return pages_.size() * (kPage / 512); }

  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const {
    if (offset >= size_) return 0;
    into = into.first(std::min<std::uint64_t>(into.size(), size_ - offset));
    for (std::size_t done = 0; done < into.size();) {
      const Piece piece = first_piece(offset + done, into.size() - done);
      const auto target = into.subspan(done, piece.length);
      const auto found = pages_.find(piece.page);
      if (found == pages_.end()) {
        std::ranges::fill(target, std::byte{0});
      } else {
        std::ranges::copy(std::span(*found->second).subspan(piece.begin, piece.length), target.begin());
      }
      done += piece.length;
    }
    return into.size();
  }

  // How much of it found room: ENOSPC only where nothing did.
  Result<std::size_t> write(std::uint64_t offset, std::span<const std::byte> data) {
    std::size_t done = 0;
    while (done < data.size()) {
      const Piece piece = first_piece(offset + done, data.size() - done);
      if (!ensure(piece.page)) break;
      std::ranges::copy(data.subspan(done, piece.length), pages_[piece.page]->begin() + piece.begin);
      done += piece.length;
    }
    if (done == 0 && !data.empty()) return fail(kNoSpace);
    size_ = std::max(size_, offset + done);
    return done;
  }

  void resize(std::uint64_t size) {
    if (size < size_) clear(size, kLargestFile - size);
    size_ = size;
  }

  // Zeros; whole pages become holes.
  void clear(std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t end = offset + length;
    for (auto page = pages_.lower_bound(offset / kPage); page != pages_.end() && page->first * kPage < end;) {
      const std::uint64_t start = page->first * kPage;
      const std::uint64_t from = std::max(offset, start) - start;
      const std::uint64_t to = std::min(end - start, std::uint64_t{kPage});
      if (to - from == kPage) {
        page = pages_.erase(page);
        supply_.give_back(1);
      } else {
        std::fill(page->second->begin() + from, page->second->begin() + to, std::byte{0});
        ++page;
      }
    }
  }

  // Makes sure that writes to the range will find room.
  Result<> reserve(std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t first = offset / kPage;
    const std::uint64_t last = (offset + length - 1) / kPage;
    if (last - first >= supply_.all()) return fail(kNoSpace);
    for (std::uint64_t page = first; page <= last; ++page) {
      if (!ensure(page)) return fail(kNoSpace);
    }
    return {};
  }

  // lseek(2) with SEEK_DATA and SEEK_HOLE.
  Result<std::uint64_t> next_data(std::uint64_t offset) const {
    const auto page = pages_.lower_bound(offset / kPage);
    if (offset >= size_ || page == pages_.end()) return fail(kNoSuchPlace);
    return std::max(offset, page->first * kPage);
  }
  Result<std::uint64_t> next_hole(std::uint64_t offset) const {
    if (offset >= size_) return fail(kNoSuchPlace);
    std::uint64_t page = offset / kPage;
    while (pages_.contains(page)) ++page;
    return std::min(size_, std::max(offset, page * kPage));
  }

 private:
  using Page = std::array<std::byte, kPage>;
  struct Piece {
    std::uint64_t page;
    std::size_t begin;
    std::size_t length;
  };

  static Piece first_piece(std::uint64_t offset, std::size_t length) {
    const std::size_t begin = offset % kPage;
    return {.page = offset / kPage, .begin = begin, .length = std::min(length, kPage - begin)};
  }

  bool ensure(std::uint64_t page) {
    if (pages_.contains(page)) return true;
    if (!supply_.take(1)) return false;
    pages_.emplace(page, std::make_unique<Page>());
    return true;
  }

  Supply& supply_;
  std::uint64_t size_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Page>> pages_;  // by their numbers
};

// What a file of any type has: attributes and extended attributes.  FIFOs, sockets and devices have no more.
class Inode : public Node {
 public:
  // `born` says type, mode, owners and device number.  Takes one of Volume::inodes that the maker has got.
  Inode(Volume& volume, const Attr& born) : volume_(volume), attr_(born) {
    attr_.ino = ++volume_.last_number;
    attr_.nlink = 0;
    attr_.atime = attr_.mtime = attr_.ctime = now();
    attr_.btime = attr_.ctime;
    attr_.valid_for = kForever;
  }
  ~Inode() override { volume_.inodes.give_back(1); }
  Inode(const Inode&) = delete;
  Inode& operator=(const Inode&) = delete;

  Task<Attr> getattr(const Request&, Ref<Handle>) override {
    const std::lock_guard lock(volume_.mutex);
    co_return attr();
  }

  Task<Attr> setattr(const Request&, SetAttr change, Ref<Handle>) override {
    const std::lock_guard lock(volume_.mutex);
    attr_.ctime = now();
    if (change.size) {
      resize(*change.size);
      attr_.mtime = attr_.ctime;
    }
    // A new owner has not said what may run in his name.
    const bool is_given_away = (change.uid || change.gid) && !attr_.is_directory();
    if (is_given_away || change.kill_suid_sgid) drop_set_id_bits();
    if (change.mode) attr_.mode = (attr_.mode & S_IFMT) | *change.mode;
    attr_.uid = change.uid.value_or(attr_.uid);
    attr_.gid = change.gid.value_or(attr_.gid);
    if (change.atime) attr_.atime = change.atime->now ? attr_.ctime : change.atime->moment;
    if (change.mtime) attr_.mtime = change.mtime->now ? attr_.ctime : change.mtime->moment;
    co_return attr();
  }

  Task<std::size_t> getxattr(const Request&, const std::string& name, std::span<std::byte> into) override {
    if (!is_kept(name)) co_return Errno::not_supported;
    const std::lock_guard lock(volume_.mutex);
    const auto found = attributes_.find(name);
    if (found == attributes_.end()) co_return Errno::no_data;
    co_return copy_whole(found->second, into);
  }

  Task<> setxattr(const Request&, const std::string& name, std::span<const std::byte> value, int flags) override {
    if (!is_kept(name)) co_return Errno::not_supported;
    const std::lock_guard lock(volume_.mutex);
    const auto found = attributes_.find(name);
    const bool exists = found != attributes_.end();
    if (exists && (flags & XATTR_CREATE) != 0) co_return Errno::exists;
    if (!exists && (flags & XATTR_REPLACE) != 0) co_return Errno::no_data;
    std::size_t others = 0;
    for (const auto& [other, kept] : attributes_) others += other == name ? 0 : other.size() + kept.size();
    if (others + name.size() + value.size() > kMostAttributes) co_return kNoSpace;
    attributes_[name].assign(value.begin(), value.end());
    attr_.ctime = now();
    co_return {};
  }

  Task<std::size_t> listxattr(const Request&, std::span<std::byte> into) override {
    const std::lock_guard lock(volume_.mutex);
    std::string names;
    for (const auto& [name, value] : attributes_) names += name + '\0';
    co_return copy_whole(bytes_of(names), into);
  }

  Task<> removexattr(const Request&, const std::string& name) override {
    if (!is_kept(name)) co_return Errno::not_supported;
    const std::lock_guard lock(volume_.mutex);
    if (attributes_.erase(name) == 0) co_return Errno::no_data;
    attr_.ctime = now();
    co_return {};
  }

  Task<struct statvfs> statfs(const Request&) override {
    struct statvfs status{};
    status.f_bsize = status.f_frsize = kPage;
    status.f_blocks = volume_.pages.all();
    status.f_bfree = status.f_bavail = volume_.pages.left();
    status.f_files = volume_.inodes.all();
    status.f_ffree = volume_.inodes.left();
    status.f_namemax = 255;
    co_return status;
  }

 protected:
  friend class Directory;  // counts the names of all inodes

  // All below: with the mutex held.
  virtual Attr attr() const { return attr_; }
  virtual void resize(std::uint64_t) {}

  void drop_set_id_bits() {
    attr_.mode &= ~mode_t{S_ISUID};
    // Without the right to execute, the group's bit never let anything run in its name.
    if ((attr_.mode & S_IXGRP) != 0) attr_.mode &= ~mode_t{S_ISGID};
  }

  Volume& volume_;
  Attr attr_;

 private:
  // ACLs ("system.posix_acl_access") would have to move with the mode; this file system has none.
  static bool is_kept(std::string_view name) {
    return name.starts_with("user.") || name.starts_with("trusted.") || name.starts_with("security.");
  }

  std::map<std::string, std::vector<std::byte>> attributes_;
};

class File final : public Inode {
 public:
  using Inode::Inode;

  Task<std::size_t> read(const Request&, std::uint64_t offset, std::span<std::byte> into) override {
    const std::lock_guard lock(volume_.mutex);
    attr_.atime = now();
    co_return contents_.read(offset, into);
  }

  Task<std::size_t> write(const Request& request, std::uint64_t offset, std::span<const std::byte> data) override {
    const std::lock_guard lock(volume_.mutex);
    if (request.kill_suid_sgid) drop_set_id_bits();
    attr_.mtime = attr_.ctime = now();
    co_return contents_.write(offset, data);
  }

  Task<> fallocate(const Request& request, int mode, std::uint64_t offset, std::uint64_t length) override {
    const std::lock_guard lock(volume_.mutex);
    if (request.caller.uid != 0) drop_set_id_bits();  // the kernel leaves it to us, and does not say so here
    const bool keeps_size = (mode & FALLOC_FL_KEEP_SIZE) != 0;
    switch (mode & ~FALLOC_FL_KEEP_SIZE) {
      case 0:
        co_await contents_.reserve(offset, length);
        break;
      case FALLOC_FL_PUNCH_HOLE:
        contents_.clear(offset, length);
        break;
      case FALLOC_FL_ZERO_RANGE:
        contents_.clear(offset, length);
        co_await contents_.reserve(offset, length);
        break;
      default:
        co_return Errno::not_supported;
    }
    if (!keeps_size) contents_.resize(std::max(contents_.size(), offset + length));
    attr_.mtime = attr_.ctime = now();
    co_return {};
  }

  Task<std::uint64_t> lseek(const Request&, std::uint64_t offset, int whence) override {
    const std::lock_guard lock(volume_.mutex);
    co_return whence == SEEK_DATA ? contents_.next_data(offset) : contents_.next_hole(offset);
  }

 private:
  Attr attr() const override {
    Attr attr = attr_;
    attr.size = contents_.size();
    attr.blocks = contents_.blocks();
    return attr;
  }
  void resize(std::uint64_t size) override { contents_.resize(size); }

  Contents contents_{volume_.pages};
};

class Symlink final : public Inode {
 public:
  Symlink(Volume& volume, const Attr& born, std::string target) : Inode(volume, born), target_(std::move(target)) {
    attr_.size = target_.size();
  }

  Task<std::string> readlink(const Request&) override { co_return target_; }

 private:
  const std::string target_;
};

// The names of a directory.  Each has a place in the order in which they came, which is what a listing goes by: it
// stays right while other names come and go.
class Names {
 public:
  struct Child {
    std::string_view name;
    Ref<Inode> inode;
  };

  Ref<Inode> find(std::string_view name) const {
    const auto found = places_.find(name);
    return found == places_.end() ? nullptr : children_.at(found->second).inode;
  }
  void add(std::string_view name, Ref<Inode> inode) {
    const auto place = places_.emplace(name, ++last_place_).first;
    children_.emplace(place->second, Child{.name = place->first, .inode = std::move(inode)});
  }
  void remove(std::string_view name) {
    const auto place = places_.find(name);
    children_.erase(place->second);
    places_.erase(place);
  }
  bool empty() const { return places_.empty(); }

  // By their places, which are greater than kFirst.
  const std::map<std::uint64_t, Child>& in_order() const { return children_; }
  static constexpr std::uint64_t kFirst = 2;  // behind "." and ".."

 private:
  std::map<std::string, std::uint64_t, std::less<>> places_;
  std::map<std::uint64_t, Child> children_;
  std::uint64_t last_place_ = kFirst;
};

class Directory final : public Inode {
 public:
  Directory(Volume& volume, const Attr& born) : Inode(volume, born), parent_(attr_.ino) {
    attr_.nlink = 1;  // "."; the name is another
  }

  // Of a file system: always there, with itself above it.
  static Ref<Directory> root(Volume& volume) {
    volume.inodes.take(1);
    auto root = make<Directory>(volume, Attr::directory(0755));
    root->attr_.nlink = 2;
    return root;
  }

  Task<Entry> lookup(const Request&, Name name) override {
    const std::lock_guard lock(volume_.mutex);
    const Ref<Inode> inode = names_.find(name.text());
    if (!inode) co_return Entry{.valid_for = kForever};
    co_return entry_of(inode);
  }

  Task<> readdir(const Request&, std::uint64_t offset, DirSink& sink) override {
    const std::lock_guard lock(volume_.mutex);
    attr_.atime = now();
    if (offset < 1 && !sink.add(".", attr_.ino, DT_DIR, 1)) co_return {};
    if (offset < 2 && !sink.add("..", parent_, DT_DIR, 2)) co_return {};
    const auto& children = names_.in_order();
    for (auto child = children.upper_bound(offset); child != children.end(); ++child) {
      const auto& [place, found] = *child;
      if (!sink.add(found.name, entry_of(found.inode), place)) break;
    }
    co_return {};
  }

  Task<Created> tmpfile(const Request& request, NewMode mode, int) override {
    const std::lock_guard lock(volume_.mutex);
    const Ref<File> file = co_await make_new<File>(request, mode);
    co_return Created{.entry = entry_of(file)};
  }

  Task<Entry> mknod(const Request& request, Name name, NewMode mode, dev_t device) override {
    const std::lock_guard lock(volume_.mutex);
    if (S_ISREG(mode.mode)) co_return add_new<File>(request, name, mode);
    co_return add_new<Inode>(request, name, mode, device);
  }

  Task<Entry> mkdir(const Request& request, Name name, NewMode mode) override {
    const std::lock_guard lock(volume_.mutex);
    co_return add_new<Directory>(request, name, mode);
  }

  Task<Entry> symlink(const Request& request, Name name, std::string target) override {
    const std::lock_guard lock(volume_.mutex);
    const NewMode mode{.mode = S_IFLNK | 0777, .umask = 0};
    co_return add_new<Symlink>(request, name, mode, dev_t{0}, std::move(target));
  }

  Task<Entry> link(const Request&, Ref<Node> existing, Name name) override {
    const std::lock_guard lock(volume_.mutex);
    if (names_.find(name.text())) co_return Errno::exists;
    const auto inode = std::static_pointer_cast<Inode>(existing);
    attach(name.text(), inode);
    co_return entry_of(inode);
  }

  Task<> unlink(const Request&, Name name) override {
    const std::lock_guard lock(volume_.mutex);
    co_return remove(name.text());
  }

  Task<> rmdir(const Request&, Name name) override {
    const std::lock_guard lock(volume_.mutex);
    co_return remove(name.text());
  }

  Task<> rename(const Request&, Name from, Ref<Node> to_directory, Name to, unsigned flags) override {
    const std::lock_guard lock(volume_.mutex);
    auto& target = static_cast<Directory&>(*to_directory);
    if ((flags & ~unsigned{RENAME_NOREPLACE | RENAME_EXCHANGE}) != 0) co_return Errno::invalid;
    const Ref<Inode> moved = names_.find(from.text());
    const Ref<Inode> other = target.names_.find(to.text());
    const bool exchange = (flags & RENAME_EXCHANGE) != 0;
    if (!moved || (exchange && !other)) co_return Errno::no_entry;
    if (other && (flags & RENAME_NOREPLACE) != 0) co_return Errno::exists;
    if (exchange) {
      target.detach(to.text());
    } else if (other) {
      co_await target.remove(to.text());
    }
    detach(from.text());
    target.attach(to.text(), moved);
    if (exchange) attach(from.text(), other);
    co_return {};
  }

 private:
  // All below: with the mutex held.
  static Entry entry_of(const Ref<Inode>& inode) {
    return {.node = inode, .attr = inode->attr(), .valid_for = kForever};
  }

  // A new inode belongs to who makes it, but in a directory with the set-group-id bit to the directory's group.
  template <class T, class... More>
  Result<Ref<T>> make_new(const Request& request, NewMode mode, dev_t device = 0, More&&... more) {
    if (!volume_.inodes.take(1)) return fail(kNoSpace);
    Attr born;
    born.mode = mode.masked();
    born.uid = request.caller.uid;
    born.gid = request.caller.gid;
    born.rdev = device;
    if ((attr_.mode & S_ISGID) != 0) {
      born.gid = attr_.gid;
      if (S_ISDIR(mode.mode)) born.mode |= S_ISGID;
    }
    return make<T>(volume_, born, std::forward<More>(more)...);
  }

  template <class T, class... More>
  Result<Entry> add_new(const Request& request, Name name, NewMode mode, dev_t device = 0, More&&... more) {
    if (names_.find(name.text())) return fail(Errno::exists);
    const Result<Ref<T>> inode = make_new<T>(request, mode, device, std::forward<More>(more)...);
    if (!inode) return fail(inode.error());
    attach(name.text(), *inode);
    return entry_of(*inode);
  }

  void attach(std::string_view name, const Ref<Inode>& inode) {
    names_.add(name, inode);
    ++inode->attr_.nlink;
    if (inode->attr_.is_directory()) {
      ++attr_.nlink;  // its ".."
      static_cast<Directory&>(*inode).parent_ = attr_.ino;
    }
    attr_.mtime = attr_.ctime = inode->attr_.ctime = now();
  }

  void detach(std::string_view name) {
    const Ref<Inode> inode = names_.find(name);
    names_.remove(name);
    --inode->attr_.nlink;
    if (inode->attr_.is_directory()) --attr_.nlink;
    attr_.mtime = attr_.ctime = inode->attr_.ctime = now();
  }

  // The kernel has checked that it is a directory where that is wanted, and none where it is not.
  Result<> remove(std::string_view name) {
    const Ref<Inode> inode = names_.find(name);
    if (!inode) return fail(Errno::no_entry);
    if (inode->attr_.is_directory() && !static_cast<Directory&>(*inode).names_.empty()) return fail(kNotEmpty);
    detach(name);
    if (inode->attr_.is_directory()) inode->attr_.nlink = 0;  // its "." has gone as well
    return {};
  }

  Names names_;
  std::uint64_t parent_;  // number of the directory above
};

}  // namespace

int main(int argc, char** argv) {
  Volume volume;
  return serve(Directory::root(volume), argc, argv, {.opens_files = false, .opens_directories = false});
}
