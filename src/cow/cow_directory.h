// An open directory of the merged tree (cow layer).
#pragma once

#include <mutex>
#include <vector>

#include "cow/cow_node.h"

namespace fusebox {

// Lists what was there when the listing began, or was rewound: both layers' names are merged then, once.  Offsets are
// positions in that, so they stay good while the directory changes.  Any thread; one listing at a time.
class CowDirectory final : public Handle {
 public:
  explicit CowDirectory(Ref<CowNode> node) : node_(std::move(node)) {}

  Task<> readdir(const Request&, std::uint64_t offset, DirSink& sink) override;
  Task<> fsync(const Request&, bool data_only) override;
  Task<IoctlReply> ioctl(const Request&, unsigned command, std::uint64_t argument, std::span<const std::byte> in,
                         std::span<std::byte> out) override;

 private:
  Result<> list(std::uint64_t offset, DirSink& sink);
  bool pass_on(const CowNode::Listed& item, DirSink& sink, std::uint64_t next);

  const Ref<CowNode> node_;
  std::mutex mutex_;  // guards what follows
  bool is_listed_ = false;
  std::vector<CowNode::Listed> items_;
};

}  // namespace fusebox
