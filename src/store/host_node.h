// One inode of the host (store layer).
//
// A node is known by (mount, inode, birth time) and by the place where it was seen last.  It opens a descriptor when an
// operation first needs one, checks that it got the same file (ESTALE otherwise: the kernel then looks the name up
// again), and gives it back when the cache asks.
//
// Lock order: a node's mutex is held for no call into the cache, the table, or another node.  Operations that
// permission depends on run as the caller (ActAs); everything else with the server's own rights, because the kernel has
// checked the caller's (mount option default_permissions).
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "fusebox/node.h"
#include "store/backing_ids.h"
#include "store/descriptor_cache.h"
#include "store/file_handle.h"
#include "store/file_status.h"
#include "store/mounts.h"
#include "store/outside_watch.h"

namespace fusebox {

struct HostCore;
struct OpenState;
class HostFile;

class HostNode final : public Node,
                       public DescriptorOwner,
                       public BackingIdOwner,
                       public std::enable_shared_from_this<HostNode> {
 public:
  // Use make() or found(); they enter the node in the table.
  HostNode(HostCore& core, const Mount& mount, const FileStatus& status, std::uint64_t generation, Ref<HostNode> parent,
           std::string_view name);
  ~HostNode() override;
  HostNode(const HostNode&) = delete;
  HostNode& operator=(const HostNode&) = delete;

  // The node of an open descriptor that is to stay open: a root.
  static Result<Ref<HostNode>> rooted(HostCore& core, Fd fd, Ref<HostNode> parent, std::string_view name);

  std::optional<Identity> identity() const override { return known_identity(); }
  Identity known_identity() const { return {mount_.key, inode_, generation_}; }
  void located(const Ref<Node>& parent, std::string_view name) override;

  Task<Attr> getattr(const Request&, Ref<Handle> open) override;
  Task<Attr> setattr(const Request&, SetAttr change, Ref<Handle> open) override;
  Task<Entry> lookup(const Request&, Name name) override;
  Task<std::string> readlink(const Request&) override;
  Task<> access(const Request& request, int mask) override;

  Task<Opened> open(const Request&, int flags) override;
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

  Task<std::size_t> getxattr(const Request&, const std::string& name, std::span<std::byte> into) override;
  Task<> setxattr(const Request&, const std::string& name, std::span<const std::byte> value, int flags) override;
  Task<std::size_t> listxattr(const Request&, std::span<std::byte> into) override;
  Task<> removexattr(const Request&, const std::string& name) override;

  Task<struct statvfs> statfs(const Request&) override;

  bool surrender(const Descriptor& descriptor) override;
  void drop_idle_backing_id() override;

  // For handles.
  enum class Need { place, data };  // an O_PATH descriptor will do, or it must be readable
  Result<Lease> acquire(Need need);
  Result<Entry> find(Name name);
  // May the caller do what `mask` says (access(2)) to this directory?  Asked where the kernel, which let him, does not
  // know all.
  Result<> check_if_misleading(const Request& request, int mask);
  Result<FileStatus> status();
  // Never passed through: what is read this way can be read from another file later (copy-on-write).
  enum class Passing { allowed, never };
  Result<Opened> open_for(const Request& request, int flags, Passing passing);
  // The entry of `name`, whose status was just taken, in this directory, which is open as `directory`.
  Result<Entry> entry(const FileStatus& status, int directory, const char* name);
  // A host's object that is shown as `name` (fusebox/outside_objects.h) and that the caller is about to remove.
  bool has_to_withdraw(const Request& request, std::string_view name) const;
  Task<> withdraw_outside_object(std::string name);
  const HostNode* graft_at(std::string_view name) const;
  std::uint64_t shown_inode() const;
  std::uint64_t shown_parent_inode() const;
  const Mount& mount() const { return mount_; }
  HostCore& core() const { return core_; }
  void closed(DataPath path, bool wrote);
  // A description that nobody else uses: for writing, which an exclusive fcntl lock needs, or only if that can keep
  // nobody from executing the file (ETXTBSY).
  enum class LockUse { exclusive_too, shared, whole_file };
  Result<Fd> open_for_locks(LockUse use);
  // False: no write need drop set-id bits.
  bool may_have_set_id() const { return may_have_set_id_.load(std::memory_order_relaxed); }

  bool has_grafts = false;  // set while the store is made

 private:
  struct Location {
    Ref<HostNode> parent;
    std::string name;
  };

  Location location() const;
  Ref<HostNode> parent() const;
  void place(const Ref<HostNode>& parent, std::string_view name);
  bool is_at_or_above(Ref<HostNode> node) const;

  Result<Fd> open_again(int flags);
  Result<Fd> open_by_location(int flags);
  Result<Fd> checked(Result<Fd> opened) const;
  bool is_same(const FileStatus& status, int directory, const char* name) const;
  bool opens_alone() const;
  Result<Lease> keep(Fd fd, bool readable);
  Attr attr(const FileStatus& status) const;

  std::string path() const;
  std::string path_of(std::string_view name) const;
  OutsideWatch* outside_watch() const;  // null: nothing of the directory is to be shown
  Validity attr_validity(const FileStatus& status) const;
  void begin_empty(Attr& shown) const;
  bool has_to_look_outside(const Request& request, const FileStatus& status) const;
  Task<> show_outside_objects(FileStatus status);
  Task<> look_outside(const Request& request);
  Task<Entry> show_before_entering(const Request& request, Entry found);
  Task<Entry> show_before_meeting(const Request& request, std::string name, Entry found);

  // The file of that name, if it is known, stays reachable when the name goes.
  void keep_reachable(int directory, const char* name);
  Result<Entry> entry_of_new(int directory, const char* name);
  bool may_make_devices() const;
  Result<Entry> make_special(const Request& request, Name name, NewMode mode, mode_t type, dev_t device = 0);
  Result<> remove(const Request& request, Name name, int flags);

  Result<> change(const Request& request, const SetAttr& change, HostFile* open);
  Result<> resize(std::uint64_t size, int place, HostFile* open);
  void note_mode(mode_t mode) {
    if (has_set_id(mode)) may_have_set_id_.store(true, std::memory_order_relaxed);
  }
  void note_closed(const SetAttr& change);
  Result<> check_way();
  Result<> check_access(const Request& request, int mask);
  std::optional<Opened> open_from_memory(Passing passing);
  Opened answer_open(Ref<HostFile> file, const FileStatus& status, int register_fd, bool keeps_backing_id,
                     Passing passing = Passing::allowed);

  HostCore& core_;
  const Mount& mount_;
  const std::uint64_t inode_;
  const std::uint64_t generation_;
  const mode_t type_;  // S_IFMT bits
  std::atomic<bool> may_have_set_id_{false};

  mutable std::mutex mutex_;  // guards what follows
  Location location_;
  Lease descriptor_;
  FileHandle handle_;  // set once, when the descriptor is first given back
  std::unique_ptr<OpenState> open_state_;
  mutable std::unique_ptr<OutsideWatch> outside_watch_;  // does not change once asked_outside_ is true

  mutable std::atomic<bool> asked_outside_{false};
  // A directory that its group may use and others may not, shown with another group: the kernel lets that one's members
  // in, so it must not answer from memory.
  mutable std::atomic<bool> misleads_{false};
};

// Of the file that `status` is about; asks for its handle where the file system keeps no birth times.
std::uint64_t generation_of(const FileStatus& status, int directory, const char* name);

}  // namespace fusebox
