#include "guard/guarded_node.h"

#include <fcntl.h>

#include <utility>

#include "guard/guarded_handle.h"

namespace fusebox::guard {
namespace {

using audit::Op;
using policy::Verdict;
using policy::Want;

constexpr std::string_view kUnnamed = "(unnamed)";  // what an O_TMPFILE is called until it is linked

Errno error_of(const auto& result) { return result.has_value() ? Errno{} : result.error(); }

Op operation_of(const SetAttr& change) {
  if (change.size) return Op::truncate;
  if (change.mode) return Op::chmod;
  if (change.uid || change.gid) return Op::chown;
  return Op::utimes;
}

bool has_several_names(const Attr& attr) { return attr.nlink > 1 && !attr.is_directory(); }

bool refuses_by_rule(const policy::Decision& decision) {
  return decision.verdict == Verdict::deny && decision.rule != policy::kNoRule;
}

}  // namespace

Ref<Node> wrap_root(Guard& guard, Ref<Node> root) {
  return make<GuardedNode>(guard, std::move(root), nullptr, std::string());
}

GuardedNode::GuardedNode(Guard& guard, Ref<Node> inner, Ref<GuardedNode> parent, std::string name)
    : guard_(guard),
      inner_(std::move(inner)),
      is_root_(parent == nullptr),
      parent_(std::move(parent)),
      name_(std::move(name)) {}

void GuardedNode::located(const Ref<Node>& parent, std::string_view name) {
  auto directory = std::static_pointer_cast<GuardedNode>(parent);
  bool moved = false;
  {
    const std::lock_guard lock(guard_.mutex_for(this));
    if (parent_ != directory || name_ != name) {
      moved = place_ != nullptr;
      parent_ = directory;
      name_ = name;
      place_.reset();
    }
  }
  if (moved) guard_.places_changed();  // what lies below has moved along
  inner_->located(directory->inner_, name);
}

std::shared_ptr<const Place> GuardedNode::place(const Request& request) const {
  return place_for(guard_.ruling(request));
}

std::shared_ptr<const Place> GuardedNode::place_for(const Ruling& ruling) const {
  Ref<GuardedNode> parent;
  std::string name;
  const std::uint64_t epoch = guard_.epoch();
  {
    const std::lock_guard lock(guard_.mutex_for(this));
    if (place_ && place_->epoch == epoch && place_->ruling.generation == ruling.generation) return place_;
    parent = parent_;
    name = name_;
  }
  auto place =
      std::make_shared<const Place>(guard_.place(ruling, parent ? parent->child_path(ruling, name) : "/", epoch));
  const std::lock_guard lock(guard_.mutex_for(this));
  if (parent_ == parent && name_ == name) place_ = place;
  return place;
}

std::string GuardedNode::child_path(const Request& request, std::string_view name) const {
  return child_path(guard_.ruling(request), name);
}

Place GuardedNode::child_place(const Request& request, std::string_view name) const {
  const Ruling ruling = guard_.ruling(request);
  return guard_.place(ruling, child_path(ruling, name));
}

std::string GuardedNode::child_path(const Ruling& ruling, std::string_view name) const {
  const std::shared_ptr<const Place> own = place_for(ruling);
  std::string path;
  path.reserve(own->path.size() + 1 + name.size());
  path = own->path;
  if (path.size() > 1) path += '/';
  path += name;
  return path;
}

Entry GuardedNode::wrap(Entry inner, std::string_view name, bool asks) {
  if (inner.node) {
    // What the hook says to one process it need not say to the next: each walk is asked about.
    if (asks && guard_.asks_about_looks()) inner.valid_for = Validity::zero();
    // A file with several names is asked for at each walk: who judges by name must see which one was used.
    if (has_several_names(inner.attr)) inner.valid_for = Validity::zero();
    if (guard_.is_changing_file(name)) inner.valid_for = inner.attr.valid_for = Validity::zero();
    inner.node = make<GuardedNode>(guard_, std::move(inner.node), shared_from_this(), std::string(name));
  }
  return inner;
}

bool GuardedNode::is_changing_file() const {
  if (!guard_.has_changing_file()) return false;
  const std::lock_guard lock(guard_.mutex_for(this));
  return guard_.is_changing_file(name_);
}

// A file with several names is judged by the one that the caller used.
std::shared_ptr<const Place> GuardedNode::place_used_by(const Request& request) const {
  std::optional<std::string> path = guard_.used_names().find(request.caller.tid, identity());
  if (!path) return place(request);
  return std::make_shared<const Place>(guard_.place(guard_.ruling(request), *std::move(path)));
}

Task<Attr> GuardedNode::getattr(const Request& request, Ref<Handle> open) {
  if (open) open = std::static_pointer_cast<GuardedHandle>(open)->opened();
  if (guard_.level() < audit::Level::all && !is_changing_file()) return inner_->getattr(request, std::move(open));
  return [](Ref<GuardedNode> self, const Request& asked, Ref<Handle> handle) -> Task<Attr> {
    Result<Attr> attr = co_await attempt(self->inner_->getattr(asked, std::move(handle)));
    if (attr && self->is_changing_file()) attr->valid_for = Validity::zero();
    if (self->guard_.level() < audit::Level::all) co_return attr;
    co_await self->guard_.report(asked, *self->place(asked), {.op = Op::stat, .want = Want::stat}, error_of(attr));
    co_return attr;
  }(shared_from_this(), request, std::move(open));
}

Task<Attr> GuardedNode::setattr(const Request& request, SetAttr change, Ref<Handle> open) {
  const std::shared_ptr<const Place> at = place_used_by(request);
  const Act act{.op = operation_of(change), .want = Want::write};
  co_await guard_.permit(request, *at, act);
  if (open) open = std::static_pointer_cast<GuardedHandle>(open)->opened();
  const Result<Attr> attr = co_await attempt(inner_at(*at)->setattr(request, change, std::move(open)));
  co_await guard_.report(request, *at, act, error_of(attr));
  co_return attr;
}

Task<Entry> GuardedNode::lookup(const Request& request, Name name) {
  const Place at = child_place(request, name.text());
  const Act act{.op = Op::stat, .want = Want::stat};
  co_await guard_.permit(request, at, act);
  if (const Ref<Node> unlisted = is_root_ ? guard_.unlisted(name.text()) : nullptr) {
    const Attr attr = co_await unlisted->getattr(request, nullptr);
    co_return wrap(Entry{.node = unlisted, .attr = attr}, name.text(), at.asks);
  }
  Result<Entry> found = co_await attempt(inner_->lookup(request, name));
  const bool missing = found && !found->node;
  const Errno error = missing ? Errno::no_entry : error_of(found);
  if (error != Errno{} || guard_.level() >= audit::Level::all) co_await guard_.report(request, at, act, error);
  if (missing && guard_.is_changing_file(name.text())) co_return Errno::no_entry;  // which nobody remembers
  if (!found || missing) co_return found;
  if (has_several_names(found->attr)) {
    const std::optional<Identity> file = found->node->identity();
    if (file) guard_.used_names().remember(request.caller.tid, *file, at.path);
  }
  co_return wrap(*std::move(found), name.text(), at.asks);
}

Task<std::string> GuardedNode::readlink(const Request& request) {
  const std::shared_ptr<const Place> at = place(request);
  // A rule that denies the link itself also denies the way through it.
  const bool denied = refuses_by_rule(at->decision(Want::read));
  const Act act{.op = Op::readlink, .want = denied ? Want::read : Want::stat};
  co_await guard_.permit(request, *at, act);
  const Result<std::string> target = co_await attempt(inner_->readlink(request));
  co_await guard_.report(request, *at, act, error_of(target));
  co_return target;
}

Task<> GuardedNode::access(const Request& request, int mask) {
  const std::shared_ptr<const Place> at = place_used_by(request);
  // access(2) only asks: a refusal is an answer, not a violation, and therefore not recorded.
  const Want want = (mask & W_OK) != 0 ? Want::write : ((mask & (R_OK | X_OK)) != 0 ? Want::read : Want::stat);
  const Act act{.op = Op::access, .want = want};
  co_await guard_.would_permit(request, *at, act);
  co_await inner_->access(request, mask);
  co_return {};
}

Task<Opened> GuardedNode::open(const Request& request, int flags) {
  const std::shared_ptr<const Place> at = place_used_by(request);
  const bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0;
  const bool executes = (flags & kOpenToExecute) != 0;
  const Act act{.op = executes ? Op::exec : Op::open, .want = writes ? Want::write : Want::read, .flags = flags};
  co_await guard_.permit(request, *at, act);
  Result<Opened> opened = co_await attempt(inner_at(*at)->open(request, flags));
  co_await guard_.report(request, *at, act, error_of(opened));
  if (executes) guard_.processes().executes(request.caller.tid);
  if (!opened) co_return opened;
  if (guard_.level() == audit::Level::io) opened->path = DataPath::direct;  // else transfers would pass us by
  opened->handle = make<GuardedHandle>(guard_, std::move(opened->handle), inner_, at, nullptr);
  co_return opened;
}

Task<Opened> GuardedNode::opendir(const Request& request) {
  const std::shared_ptr<const Place> at = place(request);
  const Act act{.op = Op::list, .want = Want::read, .is_directory = true};
  co_await guard_.permit(request, *at, act);
  Result<Opened> opened = co_await attempt(inner_->opendir(request));
  co_await guard_.report(request, *at, act, error_of(opened));
  if (!opened) co_return opened;
  opened->handle = make<GuardedHandle>(guard_, std::move(opened->handle), inner_, at, shared_from_this());
  co_return opened;
}

Task<Created> GuardedNode::create(const Request& request, Name name, NewMode mode, int flags) {
  auto at = std::make_shared<const Place>(child_place(request, name.text()));
  const Act act{.op = Op::create, .want = Want::write, .flags = flags};
  co_await guard_.permit(request, *at, act);
  Result<Created> created = co_await attempt(inner_at(*at)->create(request, name, mode, flags));
  co_await guard_.report(request, *at, act, error_of(created));
  if (!created) co_return created;
  const Ref<Node> made = created->entry.node;
  created->entry = wrap(std::move(created->entry), name.text(), at->asks);
  if (guard_.level() == audit::Level::io) created->opened.path = DataPath::direct;
  created->opened.handle = make<GuardedHandle>(guard_, std::move(created->opened.handle), made, at, nullptr);
  co_return created;
}

Task<Created> GuardedNode::tmpfile(const Request& request, NewMode mode, int flags) {
  auto at = std::make_shared<const Place>(child_place(request, kUnnamed));
  const Act act{.op = Op::create, .want = Want::write, .flags = flags};
  co_await guard_.permit(request, *at, act);
  Result<Created> created = co_await attempt(inner_at(*at)->tmpfile(request, mode, flags));
  if (!created) co_return created;
  const Ref<Node> made = created->entry.node;
  created->entry = wrap(std::move(created->entry), kUnnamed, at->asks);
  if (guard_.level() == audit::Level::io) created->opened.path = DataPath::direct;
  created->opened.handle = make<GuardedHandle>(guard_, std::move(created->opened.handle), made, at, nullptr);
  co_return created;
}

Task<std::size_t> GuardedNode::getxattr(const Request& request, const std::string& name, std::span<std::byte> into) {
  // As on the host: user attributes are content (xattr(7)); the others describe the file and any stat may see them.
  const std::shared_ptr<const Place> at = place_used_by(request);
  const Act act{.op = Op::getxattr, .want = name.starts_with("user.") ? Want::read : Want::stat};
  co_await guard_.permit(request, *at, act);
  co_return co_await inner_->getxattr(request, name, into);
}

Task<std::size_t> GuardedNode::listxattr(const Request& request, std::span<std::byte> into) {
  co_await guard_.permit(request, *place_used_by(request), {.op = Op::listxattr, .want = Want::stat});
  co_return co_await inner_->listxattr(request, into);
}

Task<> GuardedNode::setxattr(const Request& request, const std::string& name, std::span<const std::byte> value,
                             int flags) {
  // Of the box's processes about themselves, to the policy alone: no file has such an attribute.
  if (name.starts_with(PolicySource::kTellPrefix)) co_return guard_.hear(request, name, value);
  const std::shared_ptr<const Place> at = place_used_by(request);
  const Act act{.op = Op::setxattr, .want = Want::write};
  co_await guard_.permit(request, *at, act);
  const Result<> result = co_await attempt(inner_at(*at)->setxattr(request, name, value, flags));
  co_await guard_.report(request, *at, act, error_of(result));
  co_return result;
}

Task<> GuardedNode::removexattr(const Request& request, const std::string& name) {
  const std::shared_ptr<const Place> at = place_used_by(request);
  const Act act{.op = Op::removexattr, .want = Want::write};
  co_await guard_.permit(request, *at, act);
  const Result<> result = co_await attempt(inner_at(*at)->removexattr(request, name));
  co_await guard_.report(request, *at, act, error_of(result));
  co_return result;
}

Task<struct statvfs> GuardedNode::statfs(const Request& request) { return inner_->statfs(request); }

}  // namespace fusebox::guard
