// Everything one must know of an opcode, in one row.
#pragma once

#include <string_view>

#include "dispatch/call.h"

namespace fusebox::dispatch {

enum class Answer : bool { none, reply };

struct OpcodeRow {
  std::string_view name;             // as in the kernel's header; empty: no such opcode
  Task<> (*serve)(Call&) = nullptr;  // null: ENOSYS, which the kernel takes as "absent"
  Answer answer = Answer::reply;
};

// The row of any opcode, known or not.
const OpcodeRow& row_of(std::uint32_t opcode);

// Handlers by subject: names.cc, attributes.cc, files.cc, directories.cc, locks.cc, devices.cc.  Each decodes its
// arguments, calls the node or the handle, and encodes what that gave.
namespace serve {
Task<> lookup(Call&);
Task<> symlink(Call&);
Task<> readlink(Call&);
Task<> mknod(Call&);
Task<> mkdir(Call&);
Task<> unlink(Call&);
Task<> rmdir(Call&);
Task<> rename(Call&);
Task<> rename2(Call&);
Task<> link(Call&);
Task<> forget(Call&);
Task<> batch_forget(Call&);
Task<> getattr(Call&);
Task<> setattr(Call&);
Task<> access(Call&);
Task<> statfs(Call&);
Task<> open(Call&);
Task<> create(Call&);
Task<> tmpfile(Call&);
Task<> read(Call&);
Task<> write(Call&);
Task<> flush(Call&);
Task<> fsync(Call&);
Task<> release(Call&);
Task<> fallocate(Call&);
Task<> lseek(Call&);
Task<> copy_file_range(Call&);
Task<> copy_file_range_64(Call&);
Task<> opendir(Call&);
Task<> readdir(Call&);
Task<> readdirplus(Call&);
Task<> getxattr(Call&);
Task<> setxattr(Call&);
Task<> listxattr(Call&);
Task<> removexattr(Call&);
Task<> destroy(Call&);
Task<> statx(Call&);
Task<> syncfs(Call&);
Task<> getlk(Call&);
Task<> setlk(Call&);
Task<> setlkw(Call&);
Task<> ioctl(Call&);
Task<> poll(Call&);
}  // namespace serve

}  // namespace fusebox::dispatch
