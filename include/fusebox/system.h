// System calls on descriptors, as Results: what a file system that shows other files is made of.
//
// Each is the system call of its name and no more; errors are its own.  They may block: where that matters, call them
// inside of blocking() (executor.h).
#pragma once

#include <sys/statvfs.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "fusebox/attr.h"
#include "fusebox/fd.h"
#include "fusebox/name.h"
#include "fusebox/node.h"
#include "fusebox/request.h"
#include "fusebox/result.h"

#pragma GCC visibility push(default)
namespace fusebox::sys {

// O_CLOEXEC is added; `flags` as in open(2).
Result<Fd> open(const std::string& path, int flags);
Result<Fd> openat(const Fd& directory, Name name, int flags, mode_t mode = 0);

// Opens again what a descriptor, O_PATH or not, refers to (by /proc/self/fd).
Result<Fd> reopen(const Fd& fd, int flags);

Result<Attr> stat(const Fd& fd);                       // of an O_PATH descriptor too
Result<Identity> identity(const Fd& fd);               // device, inode number, time of birth
Result<> change(const Fd& fd, const SetAttr& change);  // chmod, chown, truncate, utimensat; of an O_PATH descriptor too
Result<std::string> readlink(const Fd& fd);
Result<struct statvfs> statvfs(const Fd& fd);

Result<std::size_t> pread(const Fd& fd, std::uint64_t offset, std::span<std::byte> into);  // all, or to the end
Result<std::size_t> pwrite(const Fd& fd, std::uint64_t offset, std::span<const std::byte> data);

Result<> mkdirat(const Fd& directory, Name name, mode_t mode);
Result<> mknodat(const Fd& directory, Name name, mode_t mode, dev_t device);
Result<> symlinkat(const std::string& target, const Fd& directory, Name name);
Result<> linkat(const Fd& existing, const Fd& directory, Name name);
Result<> unlinkat(const Fd& directory, Name name, int flags = 0);
Result<> renameat(const Fd& from, Name name, const Fd& to, Name new_name, unsigned flags = 0);

// Makes a new entry of `directory` belong to who asked for it, as if that had made it: the group is the directory's
// where that has the set-group-id bit.
Result<> give_to(const Caller& caller, const Fd& entry, const Fd& directory);

// Passes on the entries of an open directory from `offset` on, until the sink is full.
Result<> list(const Fd& directory, std::uint64_t offset, DirSink& sink);

}  // namespace fusebox::sys
#pragma GCC visibility pop
