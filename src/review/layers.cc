#include "review/layers.h"

#include <cstring>
#include <ranges>
#include <utility>

namespace fusebox::review {
namespace {

// A rename that an apply has made and not yet written down: the directory is where it has to be.
bool has_moved(const Layers& layers, const Marks& marks, const std::string& at, const std::string& from) {
  if (!marks.moving) return false;
  const auto there = layers.host.find(at);
  const auto still = layers.host.find(from);
  return there && *there && (*there)->inode == *marks.moving && (!still || !*still || (*still)->inode != *marks.moving);
}

Outcome<std::string> source_of(const Directory& parent, const std::string& redirect, const std::string& path) {
  if (!is_good_redirect(redirect)) return std::unexpected(fault_at(path, "bad overlay.redirect: '" + redirect + "'"));
  if (redirect.starts_with('/')) return redirect.substr(1);
  if (!parent.base || parent.hides) return std::string();
  return join(*parent.base, redirect);
}

}  // namespace

Fault fault_at(std::string_view path, Errno error) { return fault_at(path, std::strerror(std::to_underlying(error))); }

Fault fault_at(std::string_view path, std::string why, std::string remedy) {
  return Fault{.what = "/" + std::string(path), .why = std::move(why), .remedy = std::move(remedy)};
}

Outcome<Directory> top_directory(const Layers& layers) {
  const auto entry = entry_of(layers.upper, "", layers.space);
  if (!entry) return std::unexpected(fault_at("", entry.error()));
  if (!*entry) return std::unexpected(fault_at("", Errno::no_entry));
  return Directory{
      .path = "", .base = "", .hides = (*entry)->marks.opaque, .marks = (*entry)->marks, .status = (*entry)->status};
}

Outcome<Directory> child_directory(const Layers& layers, const Directory& parent, std::string_view name,
                                   const Entry& entry) {
  Directory child{.path = join(parent.path, name),
                  .hides = parent.hides || entry.marks.opaque,
                  .marks = entry.marks,
                  .status = entry.status};
  if (parent.base) child.base = join(*parent.base, name);
  if (entry.marks.redirect && !entry.marks.opaque) {
    const Outcome<std::string> source = source_of(parent, *entry.marks.redirect, child.path);
    if (!source) return std::unexpected(source.error());
    const bool moves = !source->empty() && *source != child.base;
    if (moves && !(child.base && has_moved(layers, entry.marks, *child.base, *source))) {
      child.from = *source;
      child.base = *source;
    }
    child.hides = false;
  }
  if (!child.base) return child;
  const auto there = layers.host.find(*child.base);
  if (!there) return std::unexpected(fault_at(*child.base, there.error()));
  if (!*there || !(*there)->is_directory()) child.base.reset();
  return child;
}

Outcome<std::vector<Redirect>> find_redirects(const Layers& layers, const Progress& progress) {
  auto top = top_directory(layers);
  if (!top) return std::unexpected(top.error());
  std::vector<Directory> waiting;
  waiting.push_back(*std::move(top));
  std::vector<Redirect> redirects;
  while (!waiting.empty()) {
    const Directory directory = std::move(waiting.back());
    waiting.pop_back();
    progress(directory.path);
    if (!directory.from.empty() && directory.base)
      redirects.push_back({.path = directory.path, .from = directory.from});
    const auto names = layers.upper.names(directory.path);
    if (!names) return std::unexpected(fault_at(directory.path, names.error()));
    for (const std::string& name : *names | std::views::reverse) {
      const std::string path = join(directory.path, name);
      const auto entry = entry_of(layers.upper, path, layers.space);
      if (!entry) return std::unexpected(fault_at(path, entry.error()));
      if (!*entry || !(*entry)->status.is_directory()) continue;
      auto child = child_directory(layers, directory, name, **entry);
      if (!child) return std::unexpected(child.error());
      waiting.push_back(*std::move(child));
    }
  }
  return redirects;
}

}  // namespace fusebox::review
