// FIFOs and sockets of the host in a directory; see fusebox/outside_objects.h.
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

bool HostNode::has_to_look_outside(const Request& request, const FileStatus& status) const {
  const OutsideWatch* watch = outside_watch();
  return watch != nullptr && watch->is_due(status) && !core_.outside->must_not_wait(request.caller.tid);
}

Task<> HostNode::show_outside_objects(FileStatus status) {
  const Lease directory = co_await acquire(Need::place);
  OutsideWatch& watch = *outside_watch();
  if (watch.look(directory->fd.get(), status, core_.made_inside).empty()) co_return {};
  co_await Elsewhere(*core_.outside);
  // Looked at again, for another request may have shown them meanwhile: here only one is at work at a time.
  std::vector<OutsideObject> found = watch.look(directory->fd.get(), status, core_.made_inside);
  std::string prefix = path();
  if (prefix != "/") prefix += '/';
  const std::size_t failed = std::erase_if(found, [&](const OutsideObject& object) {
    const std::string at = prefix + object.name;
    return core_.outside->may_show(at) && !core_.outside->show(object.fd.get(), at);
  });
  watch.shown(found, failed, status);
  co_return {};
}

}  // namespace fusebox
