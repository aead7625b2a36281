// A Node around a Node: asks policy, calls the one inside, tells the audit log.
#pragma once

#include <string>

#include "guard/guard.h"

namespace fusebox::guard {

// Every node of a guarded tree is one, so a Ref<Node> that the tree hands in may be cast back.
class GuardedNode final : public Node, public std::enable_shared_from_this<GuardedNode> {
 public:
  // `parent` is null for the root alone.
  GuardedNode(Guard& guard, Ref<Node> inner, Ref<GuardedNode> parent, std::string name);

  std::optional<Identity> identity() const override { return inner_->identity(); }
  void located(const Ref<Node>& parent, std::string_view name) override;

  Task<Attr> getattr(const Request& request, Ref<Handle> open) override;
  Task<Attr> setattr(const Request& request, SetAttr change, Ref<Handle> open) override;
  Task<Entry> lookup(const Request& request, Name name) override;
  Task<std::string> readlink(const Request& request) override;
  Task<> access(const Request& request, int mask) override;

  Task<Opened> open(const Request& request, int flags) override;
  Task<Opened> opendir(const Request& request) override;
  Task<Created> create(const Request& request, Name name, NewMode mode, int flags) override;
  Task<Created> tmpfile(const Request& request, NewMode mode, int flags) override;

  Task<Entry> mknod(const Request& request, Name name, NewMode mode, dev_t device) override;
  Task<Entry> mkdir(const Request& request, Name name, NewMode mode) override;
  Task<Entry> symlink(const Request& request, Name name, std::string target) override;
  Task<Entry> link(const Request& request, Ref<Node> existing, Name name) override;
  Task<> unlink(const Request& request, Name name) override;
  Task<> rmdir(const Request& request, Name name) override;
  Task<> rename(const Request& request, Name from, Ref<Node> to_directory, Name to, unsigned flags) override;

  Task<std::size_t> getxattr(const Request& request, const std::string& name, std::span<std::byte> into) override;
  Task<> setxattr(const Request& request, const std::string& name, std::span<const std::byte> value,
                  int flags) override;
  Task<std::size_t> listxattr(const Request& request, std::span<std::byte> into) override;
  Task<> removexattr(const Request& request, const std::string& name) override;

  Task<struct statvfs> statfs(const Request& request) override;

  // Where the node is now, and what holds there for the caller.
  std::shared_ptr<const Place> place(const Request& request) const;

  // A node found or made below this one, wrapped.  `asks`: as of its place.
  Entry wrap(Entry inner, std::string_view name, bool asks);
  std::string child_path(const Request& request, std::string_view name) const;

 private:
  // The node inside, as it is to be used at a place of its own, or of a name in it.
  Ref<Node> inner_at(const Place& place) const { return guard_.used_at(place, inner_); }
  bool is_changing_file() const;
  Place child_place(const Request& request, std::string_view name) const;
  std::shared_ptr<const Place> place_for(const Ruling& ruling) const;
  std::string child_path(const Ruling& ruling, std::string_view name) const;
  std::shared_ptr<const Place> place_used_by(const Request& request) const;
  Task<Entry> finish_new(const Request& request, Place at, Act act, Ref<Node> inner, Task<Entry> making,
                         std::string name, std::string target);
  Task<> finish_removal(const Request& request, Place at, Act act, Ref<Node> inner, Task<> removing);
  Task<> change_xattr(const Request& request, Act act, Task<> changing);

  Guard& guard_;
  const Ref<Node> inner_;
  const bool is_root_;

  // Guarded by guard_.mutex_for(this).
  Ref<GuardedNode> parent_;
  std::string name_;
  mutable std::shared_ptr<const Place> place_;
};

}  // namespace fusebox::guard
