// The other face of a merged node: for changes that may go to the host (cow layer).
//
// What is in the upper directory already stays there, and so does what is made where the upper directory says something
// of the name; all else happens in the layer below, as in the mirror.
#pragma once

#include "cow/cow_node.h"

namespace fusebox {

class CowInPlace final : public Node {
 public:
  explicit CowInPlace(Ref<CowNode> node) : node_(std::move(node)) {}

  const Ref<CowNode>& node() const { return node_; }

  std::optional<Identity> identity() const override { return node_->identity(); }

  Task<Attr> setattr(const Request&, SetAttr change, Ref<Handle> open) override;
  Task<Opened> open(const Request&, int flags) override;
  Task<Created> create(const Request&, Name name, NewMode mode, int flags) override;
  Task<Created> tmpfile(const Request&, NewMode mode, int flags) override;

  Task<Entry> mknod(const Request&, Name name, NewMode mode, dev_t device) override;
  Task<Entry> mkdir(const Request&, Name name, NewMode mode) override;
  Task<Entry> symlink(const Request&, Name name, std::string target) override;
  Task<Entry> link(const Request&, Ref<Node> existing, Name name) override;
  Task<> unlink(const Request&, Name name) override;
  Task<> rmdir(const Request&, Name name) override;
  Task<> rename(const Request&, Name from, Ref<Node> to_directory, Name to, unsigned flags) override;

  Task<> setxattr(const Request&, const std::string& name, std::span<const std::byte> value, int flags) override;
  Task<> removexattr(const Request&, const std::string& name) override;

 private:
  Ref<HostNode> lower_alone() const;
  Result<Ref<HostNode>> directory_for_new(Name name) const;
  Entry merged(const Entry& made, std::string_view name) const;
  template <class Remove>
  Result<bool> remove_below(Name name, Remove remove) const;
  Result<bool> rename_below(const Request& request, Name from, const Ref<CowNode>& target, Name to,
                            unsigned flags) const;

  const Ref<CowNode> node_;
};

}  // namespace fusebox
