// Passthrough registrations of one /dev/fuse connection.
#pragma once

#include "fusebox/backing.h"

namespace fusebox::door {

class BackingFiles final : public Backing {
 public:
  // `device` is a connected /dev/fuse, which outlives this.
  explicit BackingFiles(int device) : device_(device) {}

  Result<std::int32_t> register_file(int fd) override;
  void unregister(std::int32_t id) override;

 private:
  const int device_;
};

}  // namespace fusebox::door
