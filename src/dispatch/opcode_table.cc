#include "dispatch/opcode_table.h"

#include <array>

namespace fusebox::dispatch {
namespace {

using wire::Opcode;
using Table = std::array<OpcodeRow, wire::kOpcodeCount>;

constexpr Table make_table() {
  Table table{};
  const auto set = [&table](Opcode opcode, OpcodeRow row) { table[static_cast<std::size_t>(opcode)] = row; };
  set(Opcode::lookup, {"LOOKUP", serve::lookup});
  set(Opcode::forget, {"FORGET", serve::forget, Answer::none});
  set(Opcode::getattr, {"GETATTR", serve::getattr});
  set(Opcode::setattr, {"SETATTR", serve::setattr});
  set(Opcode::readlink, {"READLINK", serve::readlink});
  set(Opcode::symlink, {"SYMLINK", serve::symlink});
  set(Opcode::mknod, {"MKNOD", serve::mknod});
  set(Opcode::mkdir, {"MKDIR", serve::mkdir});
  set(Opcode::unlink, {"UNLINK", serve::unlink});
  set(Opcode::rmdir, {"RMDIR", serve::rmdir});
  set(Opcode::rename, {"RENAME", serve::rename});
  set(Opcode::link, {"LINK", serve::link});
  set(Opcode::open, {"OPEN", serve::open});
  set(Opcode::read, {"READ", serve::read});
  set(Opcode::write, {"WRITE", serve::write});
  set(Opcode::statfs, {"STATFS", serve::statfs});
  set(Opcode::release, {"RELEASE", serve::release});
  set(Opcode::fsync, {"FSYNC", serve::fsync});
  set(Opcode::setxattr, {"SETXATTR", serve::setxattr});
  set(Opcode::getxattr, {"GETXATTR", serve::getxattr});
  set(Opcode::listxattr, {"LISTXATTR", serve::listxattr});
  set(Opcode::removexattr, {"REMOVEXATTR", serve::removexattr});
  set(Opcode::flush, {"FLUSH", serve::flush});
  set(Opcode::init, {"INIT"});  // served by the session: it changes how requests are read
  set(Opcode::opendir, {"OPENDIR", serve::opendir});
  set(Opcode::readdir, {"READDIR", serve::readdir});
  set(Opcode::releasedir, {"RELEASEDIR", serve::release});
  set(Opcode::fsyncdir, {"FSYNCDIR", serve::fsync});
  set(Opcode::getlk, {"GETLK", serve::getlk});
  set(Opcode::setlk, {"SETLK", serve::setlk});
  set(Opcode::setlkw, {"SETLKW", serve::setlkw});
  set(Opcode::access, {"ACCESS", serve::access});
  set(Opcode::create, {"CREATE", serve::create});
  set(Opcode::interrupt, {"INTERRUPT", nullptr, Answer::none});  // served by the session
  set(Opcode::bmap, {"BMAP"});  // swap files and boot loaders: no file of ours has blocks on a device
  set(Opcode::destroy, {"DESTROY", serve::destroy});
  set(Opcode::ioctl, {"IOCTL", serve::ioctl});
  set(Opcode::poll, {"POLL", serve::poll});
  set(Opcode::notify_reply, {"NOTIFY_REPLY", nullptr, Answer::none});  // served by the session
  set(Opcode::batch_forget, {"BATCH_FORGET", serve::batch_forget, Answer::none});
  set(Opcode::fallocate, {"FALLOCATE", serve::fallocate});
  set(Opcode::readdirplus, {"READDIRPLUS", serve::readdirplus});
  set(Opcode::rename2, {"RENAME2", serve::rename2});
  set(Opcode::lseek, {"LSEEK", serve::lseek});
  set(Opcode::copy_file_range, {"COPY_FILE_RANGE", serve::copy_file_range});
  set(Opcode::setupmapping, {"SETUPMAPPING"});  // of virtiofs with DAX alone
  set(Opcode::removemapping, {"REMOVEMAPPING"});
  set(Opcode::syncfs, {"SYNCFS", serve::syncfs});
  set(Opcode::tmpfile, {"TMPFILE", serve::tmpfile});
  set(Opcode::statx, {"STATX", serve::statx});
  set(Opcode::copy_file_range_64, {"COPY_FILE_RANGE_64", serve::copy_file_range_64});
  return table;
}

constexpr Table kTable = make_table();
constexpr OpcodeRow kUnknown{};

}  // namespace

const OpcodeRow& row_of(std::uint32_t opcode) { return opcode < kTable.size() ? kTable[opcode] : kUnknown; }

}  // namespace fusebox::dispatch
