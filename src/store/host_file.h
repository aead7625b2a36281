// An open regular file of the host (store layer).
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "base/fd.h"
#include "fusebox/node.h"
#include "store/host_node.h"

namespace fusebox {

// Reads through the node's shared descriptor, or through one of its own where it may write.  Any thread.
class HostFile final : public Handle {
 public:
  HostFile(Ref<HostNode> node, Fd own, int flags);
  // Reads through the node's descriptor; where `shared` is null, it is opened when it is first needed.
  HostFile(Ref<HostNode> node, Lease shared);
  ~HostFile() override;
  HostFile(const HostFile&) = delete;
  HostFile& operator=(const HostFile&) = delete;

  Task<std::size_t> read(const Request&, std::uint64_t offset, std::span<std::byte> into) override;
  Task<std::size_t> write(const Request&, std::uint64_t offset, std::span<const std::byte> data) override;
  Task<> fsync(const Request&, bool data_only) override;
  Task<> fallocate(const Request&, int mode, std::uint64_t offset, std::uint64_t length) override;
  Task<std::uint64_t> lseek(const Request&, std::uint64_t offset, int whence) override;
  Task<std::size_t> copy_file_range(const Request&, std::uint64_t offset, Ref<Handle> target,
                                    std::uint64_t target_offset, std::size_t length) override;

  bool writes() const { return writes_; }
  Result<int> fd();
  bool has_descriptor() const;

  // Once, when the open is answered: what is undone when the handle ends.
  void opened_as(DataPath path) { path_ = path; }

 private:
  // Changes the contents of the file, so that set-id bits go where the caller has no right to keep them.
  template <class Call>
  auto change(const Request& request, Call&& call) -> decltype(call());
  Result<std::size_t> write_all(std::uint64_t offset, std::span<const std::byte> data, bool positional);
  Result<std::size_t> write_some(std::uint64_t offset, std::span<const std::byte> data, bool positional);

  Ref<HostNode> node_;
  Fd own_;
  mutable std::mutex mutex_;  // guards shared_
  Lease shared_;
  bool writes_ = false;
  bool appends_ = false;
  std::optional<DataPath> path_;
};

}  // namespace fusebox
