#include "dispatch/call.h"

#include <utility>

#include "wire/encode.h"

namespace fusebox::dispatch {
namespace {

std::uint32_t open_flags(const Opened& opened) {
  std::uint32_t flags = opened.wants_flush ? 0 : wire::kOpenNoFlush;
  switch (opened.path) {
    case DataPath::cached:
      break;
    case DataPath::keep_cached:
      flags |= wire::kOpenKeepCache;
      break;
    case DataPath::direct:
      flags |= wire::kOpenDirectIo;
      break;
    case DataPath::passthrough:
      flags |= wire::kOpenPassthrough;
      break;
  }
  if (opened.cache_directory) flags |= wire::kOpenCacheDir | wire::kOpenKeepCache;
  return flags;
}

}  // namespace

Result<Ref<Node>> Call::node(tree::NodeId id) const {
  Ref<Node> found = tree.inodes.find(id);
  if (!found) return fail(Errno::stale);
  return found;
}

Result<Ref<Handle>> Call::handle(std::uint64_t fh) const {
  if (fh == 0) return node();
  Ref<Handle> found = tree.handles.find(tree::HandleId{fh});
  if (!found) return fail(Errno::bad_handle);
  return found;
}

Ref<Handle> Call::handle_if(bool named, std::uint64_t fh) const {
  return named ? tree.handles.find(tree::HandleId{fh}) : nullptr;
}

Result<> Call::reply_entry(tree::NodeId parent, std::string_view name, Entry entry) {
  if (!entry.node) return fail(Errno::io);
  const auto [id, node] = tree.inodes.enter(parent, name, std::move(entry.node));
  entered.push_back(id);
  reply.put(wire::encode_entry(static_cast<std::uint64_t>(id), numbered(entry.attr, id), entry.valid_for));
  return {};
}

void Call::reply_opened(Opened file) {
  const std::uint32_t flags = open_flags(file);
  const std::int32_t backing = file.path == DataPath::passthrough ? file.backing_id : 0;
  if (file.handle) opened = tree.handles.add(std::move(file.handle));
  reply.put(wire::OpenOut{.fh = static_cast<std::uint64_t>(opened), .open_flags = flags, .backing_id = backing});
}

void Call::undo() {
  for (const tree::NodeId id : std::exchange(entered, {})) tree.inodes.forget(id, 1);
  if (opened != tree::HandleId{}) tree.handles.remove(std::exchange(opened, {}));
}

}  // namespace fusebox::dispatch
