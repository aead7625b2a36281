// A file by its handle (name_to_handle_at(2)): found again without a path and without a descriptor (store layer).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "fusebox/fd.h"
#include "fusebox/result.h"

namespace fusebox {

class FileHandle {
 public:
  FileHandle() = default;  // of nothing

  // EOPNOTSUPP where the file system has no handles.
  static Result<FileHandle> of(int fd);
  static Result<FileHandle> of(int directory, const char* name);

  explicit operator bool() const { return bytes_ != nullptr; }

  // `anchor`: a descriptor of the same mount, not an O_PATH one.  ESTALE where the file is gone; EPERM without
  // CAP_DAC_READ_SEARCH.
  Result<Fd> open(int anchor, int flags) const;

  // Tells one use of an inode number from the next, where the file system knows no birth times.
  std::uint64_t hash() const;

 private:
  static Result<FileHandle> take(int directory, const char* name, int flags);

  std::unique_ptr<std::byte[]> bytes_;  // a struct file_handle and what follows it
};

}  // namespace fusebox
