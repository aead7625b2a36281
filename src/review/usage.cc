#include "review/usage.h"

#include <set>
#include <utility>

#include "review/layers.h"

namespace fusebox::review {

Outcome<std::uint64_t> bytes_used(const Tree& tree) {
  constexpr std::uint64_t kBlock = 512;  // stat(2)
  std::uint64_t blocks = 0;
  std::set<std::pair<dev_t, std::uint64_t>> seen;
  std::vector<std::string> waiting = {""};
  while (!waiting.empty()) {
    const std::string directory = std::move(waiting.back());
    waiting.pop_back();
    const auto names = tree.names(directory);
    if (!names && names.error() == Errno::no_entry) continue;
    if (!names) return std::unexpected(fault_at(directory, names.error()));
    for (const std::string& name : *names) {
      std::string path = join(directory, name);
      const auto there = tree.find(path);
      if (!there) return std::unexpected(fault_at(path, there.error()));
      if (!*there) continue;
      const Status& status = **there;
      if (status.links < 2 || status.is_directory() || seen.emplace(status.device, status.inode).second) {
        blocks += status.blocks;
      }
      if (status.is_directory()) waiting.push_back(std::move(path));
    }
  }
  return blocks * kBlock;
}

}  // namespace fusebox::review
