// A small file system in memory, made of nodes: what tests serve instead of a disk.
//
// It does what the kernel leaves to a file system and checks no permissions.  Sizes are bounded, so that a fuzzer
// cannot fill the machine.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "fusebox/node.h"

namespace fusebox::testing {

inline constexpr std::uint64_t kLargestFile = 4u << 20;  // more gives EFBIG

// What the nodes of one tree share: inode numbers, and one lock for all that they hold.
struct MemoryVolume {
  std::uint64_t device = 1;
  Validity valid_for{};  // of entries and attributes
  std::mutex mutex;      // guards last_inode and the contents of every node
  std::uint64_t last_inode = 0;
};

class MemoryDirectory;

class MemoryNode : public Node, public std::enable_shared_from_this<MemoryNode> {
 public:
  std::optional<Identity> identity() const override { return Identity{volume_->device, inode_, 0}; }
  Task<Attr> getattr(const Request&, Ref<Handle> open) override;
  Task<Attr> setattr(const Request&, SetAttr change, Ref<Handle> open) override;
  Task<> access(const Request&, int mask) override;
  Task<std::size_t> getxattr(const Request&, const std::string& name, std::span<std::byte> into) override;
  Task<> setxattr(const Request&, const std::string& name, std::span<const std::byte> value, int flags) override;
  Task<std::size_t> listxattr(const Request&, std::span<std::byte> into) override;
  Task<> removexattr(const Request&, const std::string& name) override;
  Task<struct statvfs> statfs(const Request&) override;

 protected:
  MemoryNode(std::shared_ptr<MemoryVolume> volume, mode_t mode);

  friend MemoryDirectory;

  // With the volume's lock held.
  virtual void resize(std::uint64_t) {}
  virtual std::uint64_t size() const { return 0; }
  Attr attr() const;

  std::shared_ptr<MemoryVolume> volume_;
  std::uint64_t inode_ = 0;
  Attr attr_;
  std::map<std::string, std::vector<std::byte>> xattrs_;
};

class MemoryFile final : public MemoryNode {
 public:
  MemoryFile(std::shared_ptr<MemoryVolume> volume, mode_t permissions, std::string_view contents = {});

  Task<Opened> open(const Request&, int flags) override;

  std::string contents() const;

 private:
  friend class MemoryFileHandle;
  void resize(std::uint64_t size) override { bytes_.resize(size); }
  std::uint64_t size() const override { return bytes_.size(); }

  std::string bytes_;
};

// A symbolic link, or (with other types) something that the kernel serves itself: a FIFO, a socket, a device.
class MemorySpecial final : public MemoryNode {
 public:
  MemorySpecial(std::shared_ptr<MemoryVolume> volume, mode_t mode, dev_t device, std::string target);

  Task<std::string> readlink(const Request&) override;

 private:
  std::uint64_t size() const override { return target_.size(); }

  std::string target_;
};

class MemoryDirectory final : public MemoryNode {
 public:
  MemoryDirectory(std::shared_ptr<MemoryVolume> volume, mode_t permissions);

  // For tests to build with, before or while the tree is served: what is there under `name` is replaced.
  Ref<MemoryDirectory> add_directory(const std::string& name, mode_t permissions = 0755);
  Ref<MemoryFile> add_file(const std::string& name, std::string_view contents = {}, mode_t permissions = 0644);
  Ref<MemorySpecial> add_symlink(const std::string& name, std::string target);
  void remove(const std::string& name);
  Ref<MemoryNode> child(std::string_view name) const;  // null: no such name

  Task<Entry> lookup(const Request&, Name name) override;
  Task<Opened> opendir(const Request&) override;
  Task<Created> create(const Request&, Name name, NewMode mode, int flags) override;
  Task<Created> tmpfile(const Request&, NewMode mode, int flags) override;
  Task<Entry> mknod(const Request&, Name name, NewMode mode, dev_t device) override;
  Task<Entry> mkdir(const Request&, Name name, NewMode mode) override;
  Task<Entry> symlink(const Request&, Name name, std::string target) override;
  Task<Entry> link(const Request&, Ref<Node> existing, Name name) override;
  Task<> unlink(const Request&, Name name) override;
  Task<> rmdir(const Request&, Name name) override;
  Task<> rename(const Request&, Name from, Ref<Node> to_directory, Name to, unsigned flags) override;

 private:
  friend class MemoryDirectoryHandle;
  using Children = std::map<std::string, Ref<MemoryNode>, std::less<>>;

  Ref<MemoryNode> put(const std::string& name, Ref<MemoryNode> node);
  Result<Entry> add_new(const Request& request, Name name, Ref<MemoryNode> node);
  Result<> take_away(Name name, bool directory);
  Entry entry_of(const Ref<MemoryNode>& node) const;
  static bool holds(const Ref<MemoryNode>& above, const MemoryDirectory& directory);
  Result<> check_rename(const Ref<MemoryNode>& moved, const Ref<MemoryNode>& replaced, const MemoryDirectory& target,
                        bool exchange) const;

  Children children_;
};

// An empty tree; its volume has `device` as its device number.
Ref<MemoryDirectory> memory_tree(std::uint64_t device = 1, Validity valid_for = {});

}  // namespace fusebox::testing
