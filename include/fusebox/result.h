// Errors as a caller of the file system sees them: an errno, or a value.
//
// Errno is small, cheap and one to one with the kernel's numbers (errno(3)).  Result<T> is what synchronous code
// returns; Task<T> (task.h) is a Result that is still to come.
#pragma once

#include <cerrno>
#include <expected>
#include <utility>

#pragma GCC visibility push(default)
namespace fusebox {

// A kernel error number.  Any errno value may be cast to it; those that our own code speaks of have names.
enum class Errno : int {
  access = EACCES,
  again = EAGAIN,
  bad_handle = EBADF,
  cross_device = EXDEV,
  exists = EEXIST,
  interrupted = EINTR,
  invalid = EINVAL,
  io = EIO,
  is_directory = EISDIR,
  name_too_long = ENAMETOOLONG,
  no_data = ENODATA,
  no_device = ENODEV,
  no_entry = ENOENT,
  no_memory = ENOMEM,
  no_such_process = ESRCH,
  not_directory = ENOTDIR,
  not_implemented = ENOSYS,
  not_permitted = EPERM,
  not_supported = EOPNOTSUPP,
  out_of_range = ERANGE,
  read_only = EROFS,
  stale = ESTALE,
  timed_out = ETIMEDOUT,
};

// A value, or the reason why there is none.
template <class T = void>
using Result = std::expected<T, Errno>;

// `return fail(Errno::no_entry);` in a function that returns a Result.
[[nodiscard]] inline std::unexpected<Errno> fail(Errno error) { return std::unexpected(error); }

// The error that the last failed system call of this thread left in errno.
[[nodiscard]] inline std::unexpected<Errno> fail_with_errno() { return std::unexpected(static_cast<Errno>(errno)); }

}  // namespace fusebox
#pragma GCC visibility pop
