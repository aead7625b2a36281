// A Handle around a Handle: what was decided at open holds; data transfers are told to the log where it wants them.
#pragma once

#include "guard/guarded_node.h"

namespace fusebox::guard {

class GuardedHandle final : public Handle {
 public:
  // `place` is where the file was when it was opened; `node` keeps a directory's node alive for its listings.
  GuardedHandle(Guard& guard, Ref<Handle> inner, std::shared_ptr<const Place> place, Ref<GuardedNode> node);

  Task<std::size_t> read(const Request& request, std::uint64_t offset, std::span<std::byte> into) override;
  Task<std::size_t> write(const Request& request, std::uint64_t offset, std::span<const std::byte> data) override;
  Task<> flush(const Request& request) override;
  Task<> fsync(const Request& request, bool data_only) override;
  Task<> fallocate(const Request& request, int mode, std::uint64_t offset, std::uint64_t length) override;
  Task<std::uint64_t> lseek(const Request& request, std::uint64_t offset, int whence) override;
  Task<std::size_t> copy_file_range(const Request& request, std::uint64_t offset, Ref<Handle> target,
                                    std::uint64_t target_offset, std::size_t length) override;
  Task<> readdir(const Request& request, std::uint64_t offset, DirSink& sink) override;

  const Ref<Handle>& inner() const { return inner_; }
  const Place& place() const { return *place_; }

 private:
  Guard& guard_;
  const Ref<Handle> inner_;
  const std::shared_ptr<const Place> place_;
  const Ref<GuardedNode> node_;
};

}  // namespace fusebox::guard
