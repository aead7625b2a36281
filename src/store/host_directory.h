// An open directory of the host (store layer).
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "fusebox/fd.h"
#include "fusebox/node.h"
#include "store/host_node.h"
#include "store/mount_points.h"

namespace fusebox {

// Offsets are those of the file system below, so that a listing can go on while the directory changes.  Any thread; one
// listing at a time.
class HostDirectory final : public Handle {
 public:
  HostDirectory(Ref<HostNode> node, Fd fd) : node_(std::move(node)), fd_(std::move(fd)) {}

  Task<> readdir(const Request&, std::uint64_t offset, DirSink& sink) override;
  Task<> fsync(const Request&, bool data_only) override;
  Task<IoctlReply> ioctl(const Request&, unsigned command, std::uint64_t argument, std::span<const std::byte> in,
                         std::span<std::byte> out) override;

  int fd() const { return fd_.get(); }

 private:
  struct Record;

  Result<> list(std::uint64_t offset, DirSink& sink);
  Result<> seek(std::uint64_t offset);
  Result<bool> refill();
  bool pass_on(const Record& record, DirSink& sink, const MountPointNames* mount_points);
  bool pass_on_entry(const Record& record, DirSink& sink);
  std::uint64_t number_of(const Record& record, const MountPointNames* mount_points) const;

  Ref<HostNode> node_;
  Fd fd_;
  std::mutex mutex_;  // guards what follows
  std::vector<std::byte> buffer_;
  std::size_t filled_ = 0;
  std::size_t cursor_ = 0;
  std::uint64_t position_ = 0;  // the offset that continues at the cursor
};

}  // namespace fusebox
