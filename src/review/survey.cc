#include "review/survey.h"

namespace fusebox::review {
namespace {

void look_at(const Layers& layers, const std::string& path, const Status& status, const timespec& since,
             Survey& found) {
  if (found.has_changed || status.is_directory() || !layers.is_changed_after(status, since)) return;
  found.has_changed = true;
  found.changed = path;
}

}  // namespace

Result<Survey> survey(const Layers& layers, const std::string& path, const Status& status, const timespec& since) {
  Survey found;
  look_at(layers, path, status, since, found);
  std::vector<std::string> waiting;
  if (status.is_directory()) waiting.push_back(path);
  while (!waiting.empty()) {
    const std::string directory = std::move(waiting.back());
    waiting.pop_back();
    const auto names = layers.host.names(directory);
    if (!names && names.error() == Errno::no_entry) continue;
    if (!names) return fail(names.error());
    for (const std::string& name : *names) {
      std::string below = join(directory, name);
      const auto there = layers.host.find(below);
      if (!there) return fail(there.error());
      if (!*there) continue;
      ++found.entries;
      found.has_mount = found.has_mount || (*there)->device != status.device;
      look_at(layers, below, **there, since, found);
      if ((*there)->is_directory()) waiting.push_back(std::move(below));
    }
  }
  return found;
}

}  // namespace fusebox::review
