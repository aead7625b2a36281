#include "review/begin.h"

#include "review/since.h"

namespace fusebox::review {
namespace {

Origin origin_of(const Status& host, std::string_view path) {
  return {.device = host.device,
          .inode = host.inode,
          .size = host.size,
          .mtime = host.mtime,
          .ctime = host.ctime,
          .owner = Origin::Owner{.mode = host.mode, .uid = host.uid, .gid = host.gid},
          .path = "/" + std::string(path)};
}

}  // namespace

Outcome<> begin_directory(const Layers& layers, const UpperWriter& upper, std::string_view path) {
  const auto entry = entry_of(layers.upper, path, layers.space);
  if (!entry) return std::unexpected(fault_at(path, entry.error()));
  if (!*entry || (*entry)->marks.applying) return {};
  const auto host = layers.host.find(path);
  if (!host) return std::unexpected(fault_at(path, host.error()));
  const Status& ours = (*entry)->status;
  if (*host && !(*entry)->marks.origin && !is_later((*host)->ctime, reference_of(ours, layers.created))) {
    const Result<> set = upper.set_mark(path, origin_name(layers.space), to_text(origin_of(**host, path)));
    if (!set) return std::unexpected(fault_at(path, set.error()));
  }
  const Result<> set = upper.set_mark(path, applying_name(layers.space), to_text(ours.mtime));
  if (!set) return std::unexpected(fault_at(path, set.error()));
  return {};
}

}  // namespace fusebox::review
