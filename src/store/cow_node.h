// One inode of the merged tree (store layer).
//
// It shows the lower file until that is changed for the first time, and the copy in the upper directory from then on;
// its identity stays as it was.  A directory may be both.  Which names there are is decided under CowCore::names; a
// node that is in the upper directory stays there.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fusebox/node.h"
#include "store/cow_core.h"

namespace fusebox {

class CowFile;

// What a name of a merged directory leads to.
struct CowChild {
  Ref<HostNode> upper;          // null: not in the upper directory, or removed there
  Ref<HostNode> lower;          // what is shown of the lower one: null under an opaque directory, a file, a whiteout
  bool is_named_above = false;  // in the upper directory, under this name
  bool is_whiteout = false;     // in the upper directory
  bool hides = false;           // the lower directory has this name too (where it was asked for)
  bool hides_directory = false;
  bool is_border = false;  // a mount point, or a graft: nothing of it can be moved or removed
  Attr attr;               // of the one that counts
  Validity valid_for{};

  bool exists() const { return upper != nullptr || lower != nullptr; }
};

class CowNode final : public Node, public std::enable_shared_from_this<CowNode> {
 public:
  // Known to the table from then on.
  static Ref<CowNode> make_known(CowCore& core, const CowChild& shown, std::uint64_t parent_mount);
  CowNode(CowCore& core, const CowChild& shown, std::uint64_t parent_mount);  // for make_known() alone
  ~CowNode() override;
  CowNode(const CowNode&) = delete;
  CowNode& operator=(const CowNode&) = delete;

  std::optional<Identity> identity() const override { return identity_; }

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

  // For handles, and for the ways around it (cow_in_place.h).
  Ref<HostNode> upper() const;
  Ref<HostNode> lower() const;
  Ref<HostNode> current() const;  // the one that counts
  const Ref<HostNode>& lock_node() const { return lock_node_; }
  std::uint64_t shown_inode() const { return shown_inode_; }
  std::uint64_t shown_parent_inode() const;
  CowCore& core() const { return core_; }
  // Before the first change.  With no lock held.
  Result<> copy_up();
  void closed(CowFile* reader);
  // Of the root alone: its upper directory is there now (CowCore::open_upper).
  void opened(const Ref<HostNode>& upper) { set_upper(upper); }

  struct Listed {
    std::string name;
    std::uint64_t inode = 0;
    std::uint8_t type = 0;     // a DT_ value
    bool is_in_upper = false;  // `inode` is not what is shown
  };
  // These hold CowCore::names themselves.
  Result<std::vector<Listed>> list();
  Result<Entry> find(Name name);

  // The caller holds CowCore::names.
  Result<CowChild> child(Name name, bool looks_below);
  Ref<CowNode> node_of(const CowChild& child, std::string_view name);
  Entry entry_of(const CowChild& child, std::string_view name);
  Attr shown(Attr attr);
  void place(const Ref<CowNode>& parent, std::string_view name);
  void unplace(const CowNode* parent, std::string_view name);
  void lost_name(bool was_above);
  void forget_subdirectories();

 private:
  struct Location {
    Ref<CowNode> parent;
    std::string name;
  };
  struct Vacated;
  struct Move;
  struct Copy;

  Location location() const;
  std::string path() const;
  bool is_at_or_above(Ref<CowNode> node) const;
  void set_upper(const Ref<HostNode>& upper);

  Result<bool> look_up_upper(Name name, CowChild& child);
  Result<> look_up_lower(Name name, bool is_shown, CowChild& child);
  Result<Ref<HostNode>> merged_below(const CowChild& child);
  Result<Ref<HostNode>> indexed(const CowChild& child) const;
  std::uint32_t subdirectories(const HostNode& lower, HostNode& upper);
  Result<std::vector<Listed>> list_locked();
  Result<bool> is_empty();

  // Copying up, cow_copy_up.cc.  `make_upper` and what follows it: the caller holds CowCore::names alone.
  // May the caller do what `mask` says (access(2)) to the lower file?  Asked where nobody has asked before us, and
  // where the copy may belong to somebody else (HostStoreOptions::one_user).
  Result<> may(const Request& request, int mask) const;
  Result<> may_change(const Request& request, const SetAttr& change) const;
  Result<> check_changeable() const;
  Result<Copy> copy_aside(HostNode& lower);
  Result<> bring_up(Name name);
  Result<Ref<CowNode>> child_of_one_file_system(const std::string& listed);
  Result<> bring_up_all();
  Result<Ref<HostNode>> make_upper();
  Result<> make_upper_here();
  Result<> install(const Copy& copy);
  Result<Ref<HostNode>> name_copy(const Copy& copy);
  Result<> add_name();
  Result<> set_more_links(int count);
  Result<bool> become_opaque();
  // Takes away what the copy remembers of the lower file; false: nothing.
  bool drop_marks();

  // Names, cow_names.cc and cow_rename.cc.
  Result<Vacated> vacate(const Request& request, Name name);
  void settle(const Vacated& vacated, bool is_made);
  template <class Make>
  Result<Entry> make_new(const Request& request, Name name, Make make);
  Result<Created> create_now(const Request& request, Name name, NewMode mode, int flags);
  Result<Created> tmpfile_now(const Request& request, NewMode mode, int flags);
  Result<Entry> link_now(const Request& request, const Ref<CowNode>& source, Name name);
  Result<> check_removable(CowNode& node, bool is_directory) const;
  Result<> remove(const Request& request, Name name, bool wants_directory);
  Result<> copy_up_linked(Name name);
  Result<> rename_now(const Request& request, Name from, const Ref<CowNode>& target, Name to, unsigned flags);
  Result<bool> rename_if_ready(Name from, const Ref<CowNode>& target, Name to, unsigned flags);
  Result<> check_move(const CowChild& moved, const CowChild& replaced, const Ref<CowNode>& target, Name to,
                      unsigned flags);
  Result<> cover_below(const Move& move);
  Result<> clear_old_name(const Move& move, int from, int kept);
  Result<> move(const Move& move);

  Result<Opened> open_now(const Request& request, int flags);
  Opened wrap(Opened opened);

  CowCore& core_;
  const mode_t type_;          // S_IFMT bits
  const std::uint64_t mount_;  // which mount of the host it counts as: Identity::device of the lower files there
  Identity identity_;
  std::uint64_t shown_inode_ = 0;
  std::optional<timespec> birth_;
  Ref<HostNode> lock_node_;  // whose locks count, before and after a copy-up
  std::mutex copying_;       // one copy-up at a time

  mutable std::mutex mutex_;  // guards what follows
  Location location_;
  Ref<HostNode> lower_;
  Ref<HostNode> upper_;
  std::optional<int> more_links_;      // of a copy that has a lower file's other names: see OverlayFormat::more_links
  unsigned lost_names_ = 0;            // of a lower file's: removed in the box
  std::optional<int> subdirectories_;  // how many more subdirectories than the lower directory has
  std::vector<CowFile*> readers_;      // handles that still read the lower file
};

// The merged node behind `node`: itself, or that of its other face (CowStore::in_place).  Null: none.
Ref<CowNode> merged_node(const Ref<Node>& node);

}  // namespace fusebox
