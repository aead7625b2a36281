#include "store/cow_in_place.h"

#include <mutex>
#include <shared_mutex>
#include <utility>

#include "store/cow_store.h"

namespace fusebox {
namespace {

// The file of the layer below, where the upper directory says nothing of it.
bool is_lower_alone(const CowChild& child) { return child.lower != nullptr && child.upper == nullptr; }

}  // namespace

Ref<CowNode> merged_node(const Ref<Node>& node) {
  if (const auto* face = dynamic_cast<const CowInPlace*>(node.get())) return face->node();
  return std::dynamic_pointer_cast<CowNode>(node);
}

Ref<Node> CowStore::in_place(const Ref<Node>& node) {
  if (auto merged = std::dynamic_pointer_cast<CowNode>(node)) return make<CowInPlace>(std::move(merged));
  return node;
}

Ref<HostNode> CowInPlace::lower_alone() const { return node_->upper() == nullptr ? node_->lower() : nullptr; }

// The directory below, where a new name can be made in it.
Result<Ref<HostNode>> CowInPlace::directory_for_new(Name name) const {
  const std::shared_lock lock(node_->core().names);
  const Ref<HostNode> below = node_->lower();
  if (below == nullptr) return Ref<HostNode>();
  const Result<CowChild> there = node_->child(name, false);
  if (!there) return fail(there.error());
  return there->is_whiteout || there->is_named_above ? Ref<HostNode>() : below;
}

Entry CowInPlace::merged(const Entry& made, std::string_view name) const {
  const std::shared_lock lock(node_->core().names);
  CowChild child;
  child.lower = std::static_pointer_cast<HostNode>(made.node);
  child.attr = made.attr;
  child.valid_for = made.valid_for;
  return node_->entry_of(child, name);
}

Task<Attr> CowInPlace::setattr(const Request& request, SetAttr change, Ref<Handle> open) {
  const Ref<HostNode> below = lower_alone();
  if (below == nullptr) co_return co_await node_->setattr(request, change, std::move(open));
  const Attr attr = co_await below->setattr(request, change, std::move(open));
  const std::shared_lock lock(node_->core().names);
  co_return node_->shown(attr);
}

Task<Opened> CowInPlace::open(const Request& request, int flags) {
  const Ref<HostNode> below = lower_alone();
  if (below == nullptr) co_return co_await node_->open(request, flags);
  co_return co_await below->open(request, flags);
}

Task<Created> CowInPlace::create(const Request& request, Name name, NewMode mode, int flags) {
  const Ref<HostNode> below = co_await directory_for_new(name);
  if (below == nullptr) co_return co_await node_->create(request, name, mode, flags);
  Created created = co_await below->create(request, name, mode, flags);
  created.entry = merged(created.entry, name.text());
  co_return created;
}

Task<Created> CowInPlace::tmpfile(const Request& request, NewMode mode, int flags) {
  const Ref<HostNode> below = node_->lower();
  if (below == nullptr) co_return co_await node_->tmpfile(request, mode, flags);
  Created created = co_await below->tmpfile(request, mode, flags);
  CowChild child;
  child.lower = std::static_pointer_cast<HostNode>(created.entry.node);
  child.attr = created.entry.attr;
  created.entry.node = CowNode::make_known(node_->core(), child, 0);
  co_return created;
}

Task<Entry> CowInPlace::mknod(const Request& request, Name name, NewMode mode, dev_t device) {
  const Ref<HostNode> below = co_await directory_for_new(name);
  if (below == nullptr) co_return co_await node_->mknod(request, name, mode, device);
  const Entry made = co_await below->mknod(request, name, mode, device);
  co_return merged(made, name.text());
}

Task<Entry> CowInPlace::mkdir(const Request& request, Name name, NewMode mode) {
  const Ref<HostNode> below = co_await directory_for_new(name);
  if (below == nullptr) co_return co_await node_->mkdir(request, name, mode);
  const Entry made = co_await below->mkdir(request, name, mode);
  co_return merged(made, name.text());
}

Task<Entry> CowInPlace::symlink(const Request& request, Name name, std::string target) {
  const Ref<HostNode> below = co_await directory_for_new(name);
  if (below == nullptr) co_return co_await node_->symlink(request, name, std::move(target));
  const Entry made = co_await below->symlink(request, name, std::move(target));
  co_return merged(made, name.text());
}

Task<Entry> CowInPlace::link(const Request& request, Ref<Node> existing, Name name) {
  const Ref<CowNode> source = merged_node(existing);
  if (source == nullptr) co_return Errno::cross_device;
  const Ref<HostNode> below = co_await directory_for_new(name);
  const Ref<HostNode> file = source->upper() == nullptr ? source->lower() : nullptr;
  if (below == nullptr || file == nullptr) co_return co_await node_->link(request, std::move(existing), name);
  const Entry made = co_await below->link(request, file, name);
  co_return merged(made, name.text());
}

// False: it is not the layer below alone that has the name.
template <class Remove>
Result<bool> CowInPlace::remove_below(Name name, Remove remove) const {
  const std::unique_lock lock(node_->core().names);
  const Result<CowChild> found = node_->child(name, false);
  if (!found) return fail(found.error());
  if (!is_lower_alone(*found) || node_->node_of(*found, name.text())->upper() != nullptr) return false;
  if (const Result<> removed = remove(*node_->lower()); !removed) return fail(removed.error());
  node_->node_of(*found, name.text())->unplace(node_.get(), name.text());
  return true;
}

Task<> CowInPlace::unlink(const Request& request, Name name) {
  const bool done = co_await remove_below(name, [&](HostNode& below) { return below.unlink(request, name).run(); });
  if (!done) co_await node_->unlink(request, name);
  co_return {};
}

Task<> CowInPlace::rmdir(const Request& request, Name name) {
  const bool done = co_await remove_below(name, [&](HostNode& below) { return below.rmdir(request, name).run(); });
  if (!done) co_await node_->rmdir(request, name);
  co_return {};
}

Result<bool> CowInPlace::rename_below(const Request& request, Name from, const Ref<CowNode>& target, Name to,
                                      unsigned flags) const {
  const std::unique_lock lock(node_->core().names);
  const Result<CowChild> moved = node_->child(from, false);
  const Result<CowChild> replaced = moved ? target->child(to, false) : fail(moved.error());
  if (!replaced) return fail(replaced.error());
  const Ref<HostNode> into = target->lower();
  const bool is_free = !replaced->is_whiteout && (is_lower_alone(*replaced) || !replaced->exists());
  if (!is_lower_alone(*moved) || into == nullptr || !is_free) return false;
  const Ref<CowNode> node = node_->node_of(*moved, from.text());
  const Ref<CowNode> other = replaced->exists() ? target->node_of(*replaced, to.text()) : nullptr;
  if (node->upper() != nullptr || (other != nullptr && other->upper() != nullptr)) return false;
  if (const Result<> renamed = node_->lower()->rename(request, from, into, to, flags).run(); !renamed) {
    return fail(renamed.error());
  }
  constexpr unsigned kExchange = 2;  // RENAME_EXCHANGE of rename(2)
  node->place(target, to.text());
  moved->lower->located(into, to.text());
  if (other == nullptr) return true;
  if ((flags & kExchange) != 0) {
    other->place(node_, from.text());
    replaced->lower->located(node_->lower(), from.text());
  } else {
    other->unplace(target.get(), to.text());
  }
  return true;
}

Task<> CowInPlace::rename(const Request& request, Name from, Ref<Node> to_directory, Name to, unsigned flags) {
  const Ref<CowNode> target = merged_node(to_directory);
  if (target == nullptr) co_return Errno::cross_device;
  const bool done = co_await rename_below(request, from, target, to, flags);
  if (!done) co_await node_->rename(request, from, target, to, flags);
  co_return {};
}

Task<> CowInPlace::setxattr(const Request& request, const std::string& name, std::span<const std::byte> value,
                            int flags) {
  const Ref<HostNode> below = lower_alone();
  if (below == nullptr) co_return co_await attempt(node_->setxattr(request, name, value, flags));
  co_return co_await attempt(below->setxattr(request, name, value, flags));
}

Task<> CowInPlace::removexattr(const Request& request, const std::string& name) {
  const Ref<HostNode> below = lower_alone();
  if (below == nullptr) co_return co_await attempt(node_->removexattr(request, name));
  co_return co_await attempt(below->removexattr(request, name));
}

}  // namespace fusebox
