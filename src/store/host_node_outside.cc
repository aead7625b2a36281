// FIFOs and sockets of the host in a directory; see fusebox/outside_objects.h.
#include <algorithm>
#include <climits>
#include <utility>

#include "store/host_core.h"
#include "store/host_node.h"

namespace fusebox {

// Empty where it is longer than any path that can be walked.
std::string HostNode::path() const {
  std::string path;
  for (Location here = location(); here.parent != nullptr; here = here.parent->location()) {
    path.insert(0, "/" + here.name);
    if (path.size() >= PATH_MAX) return {};
  }
  return path.empty() ? "/" : path;
}

std::string HostNode::path_of(std::string_view name) const {
  std::string path = this->path();
  if (!path.ends_with('/')) path += '/';
  return path += name;
}

OutsideWatch* HostNode::outside_watch() const {
  if (core_.outside == nullptr || !S_ISDIR(type_)) return nullptr;
  if (!asked_outside_.load(std::memory_order_acquire)) {
    const std::string here = path();
    const bool is_watched = !here.empty() && core_.outside->may_be_in(here);
    const std::lock_guard lock(mutex_);
    if (!asked_outside_.load(std::memory_order_relaxed)) {
      if (is_watched) outside_watch_ = std::make_unique<OutsideWatch>(core_.attr_validity);
      asked_outside_.store(true, std::memory_order_release);
    }
  }
  return outside_watch_.get();
}

Validity HostNode::attr_validity(const FileStatus& status) const {
  const OutsideWatch* watch = outside_watch();
  return watch != nullptr ? watch->valid_for(status, core_.attr_validity) : core_.attr_validity;
}

void HostNode::begin_empty(Attr& shown) const {
  OutsideWatch* watch = outside_watch();
  if (watch == nullptr) return;
  watch->begin_empty();
  shown.valid_for = core_.attr_validity;
}

bool HostNode::has_to_look_outside(const Request& request, const FileStatus& status) const {
  const OutsideWatch* watch = outside_watch();
  return watch != nullptr && watch->is_due(status) && !core_.outside->must_not_wait(request.caller.tid, path());
}

Task<> HostNode::show_outside_objects(FileStatus status) {
  const Lease directory = co_await acquire(Need::place);
  OutsideWatch& watch = *outside_watch();
  if (watch.look(directory->fd.get(), status, core_.made_inside).empty()) co_return {};
  co_await Elsewhere(*core_.outside);
  // Looked at again, for another request may have shown them meanwhile: here only one is at work at a time.
  std::vector<OutsideObject> found = watch.look(directory->fd.get(), status, core_.made_inside);
  const std::size_t failed = std::erase_if(found, [&](const OutsideObject& object) {
    const std::string at = path_of(object.name);
    return core_.outside->may_show(at) && !core_.outside->show(object.fd.get(), at);
  });
  watch.shown(found, failed, status);
  co_return {};
}

Task<> HostNode::look_outside(const Request& request) {
  if (outside_watch() == nullptr) co_return {};
  const FileStatus now = co_await status();
  if (has_to_look_outside(request, now)) co_await attempt(show_outside_objects(now));
  co_return {};
}

// A name that the kernel does not know yet it holds meanwhile, and the mounter would wait for it.
Task<Entry> HostNode::show_before_entering(const Request& request, Entry found) {
  const auto directory = std::static_pointer_cast<HostNode>(found.node);
  constexpr long kOursAlone = 2;  // `found` and `directory`: the tree has no such node, so the kernel no such name
  if (directory.use_count() > kOursAlone) co_await directory->look_outside(request);
  co_return found;
}

// The first walk into a directory.  Sent back to its start it asks for the directory's name, which the kernel knows by
// then.  For one that does not come that way (it began at an O_PATH descriptor), the mounter may be first.
Task<Entry> HostNode::show_before_meeting(const Request& request, std::string name, Entry found) {
  OutsideWatch* watch = outside_watch();
  if (watch == nullptr) co_return found;
  const FileStatus now = co_await status();
  if (!has_to_look_outside(request, now)) co_return found;
  const Lease place = co_await acquire(Need::place);
  const std::vector<OutsideObject> objects = watch->look(place->fd.get(), now, core_.made_inside);
  const auto object = std::ranges::find(objects, name, &OutsideObject::name);
  const std::string at = path_of(name);
  if (object == objects.end() || !core_.outside->may_show(at)) co_return found;
  co_await Elsewhere(*core_.outside);
  core_.outside->begin_to_show(object->fd.get(), at);
  co_return Errno::stale;
}

bool HostNode::has_to_withdraw(const Request& request, std::string_view name) const {
  const OutsideWatch* watch = outside_watch();
  return watch != nullptr && watch->shown_as(name) && !core_.outside->must_not_wait(request.caller.tid, path()) &&
         core_.outside->removes_a_name(request.caller.tid);
}

// What the box wants to remove or rename is no longer a place where it meets others; should it fail to, the object
// stays a mirrored one.
Task<> HostNode::withdraw_outside_object(std::string name) {
  co_await Elsewhere(*core_.outside);
  const std::optional<Identity> shown = outside_watch()->shown_as(name);
  if (!shown || core_.made_inside.is_inside(*shown)) co_return {};
  core_.made_inside.adopt(*shown);
  core_.outside->withdraw(path_of(name));
  co_return {};
}

}  // namespace fusebox
