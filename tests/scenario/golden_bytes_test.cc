// The bytes of each request and of its reply, field by field, as the kernel's header lays them out
// (include/uapi/linux/fuse.h): what a handler is asked for, and what goes back.  Little-endian machines only.
#include <dirent.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <bit>
#include <cstring>
#include <string>

#include "support/fake_kernel.h"

namespace fusebox::testing {
namespace {

using namespace std::chrono_literals;

struct Golden {
  const char* name;
  const char* request;  // the header on the first line, then the arguments
  const char* call;     // what the node or the handle was asked for
  const char* reply;    // empty: none
};

// Before each of these, the root was opened (file handle 1) and "child" looked up (node 2).
constexpr Golden kGolden[] = {
    // clang-format off
    {"LOOKUP",
     "2d000000 01000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "6d6f746400 ",
     "lookup motd",
     "90000000 00000000 1000000000000000 "
     "0200000000000000 0000000000000000 0200000000000000 0100000000000000 f4010000 fa000000 "
     "0201000000000000 0010000000000000 0800000000000000 0100000000000000 0300000000000000 "
     "0500000000000000 02000000 04000000 06000000 a4810000 01000000 e8030000 64000000 03010000 "
     "00100000 00000000 "},
    {"FORGET",
     "30000000 02000000 1000000000000000 0200000000000000 e8030000 64000000 67120000 0000 0000 "
     "0100000000000000 ",
     "",
     ""},
    {"GETATTR",
     "38000000 03000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "00000000 00000000 0000000000000000 ",
     "getattr",
     "78000000 00000000 1000000000000000 "
     "0100000000000000 fa000000 00000000 0201000000000000 0010000000000000 0800000000000000 "
     "0100000000000000 0300000000000000 0500000000000000 02000000 04000000 06000000 a4810000 "
     "01000000 e8030000 64000000 03010000 00100000 00000000 "},
    {"GETATTR of an open file",
     "38000000 03000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "01000000 00000000 0100000000000000 ",
     "getattr open",
     "78000000 00000000 1000000000000000 "
     "0100000000000000 fa000000 00000000 0201000000000000 0010000000000000 0800000000000000 "
     "0100000000000000 0300000000000000 0500000000000000 02000000 04000000 06000000 a4810000 "
     "01000000 e8030000 64000000 03010000 00100000 00000000 "},
    {"SETATTR",
     "80000000 04000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "ff0f0000 00000000 0100000000000000 0010000000000000 0900000000000000 0b00000000000000 "
     "0d00000000000000 0f00000000000000 0c000000 0e000000 10000000 ed890000 00000000 01000000 "
     "02000000 00000000 ",
     "setattr open mode=4755 uid=1 gid=2 size=4096 atime=now mtime=now kill",
     "78000000 00000000 1000000000000000 "
     "0100000000000000 fa000000 00000000 0201000000000000 0010000000000000 0800000000000000 "
     "0100000000000000 0300000000000000 0500000000000000 02000000 04000000 06000000 a4810000 "
     "01000000 e8030000 64000000 03010000 00100000 00000000 "},
    {"SETATTR of the times",
     "80000000 04000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "30000000 00000000 0000000000000000 0000000000000000 0000000000000000 0b00000000000000 "
     "ffffffffffffffff 0f00000000000000 0c000000 ffc99a3b 10000000 00000000 00000000 00000000 "
     "00000000 00000000 ",
     "setattr atime=11.12 mtime=-1.999999999",
     "78000000 00000000 1000000000000000 "
     "0100000000000000 fa000000 00000000 0201000000000000 0010000000000000 0800000000000000 "
     "0100000000000000 0300000000000000 0500000000000000 02000000 04000000 06000000 a4810000 "
     "01000000 e8030000 64000000 03010000 00100000 00000000 "},
    {"READLINK",
     "28000000 05000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "",
     "readlink",
     "19000000 00000000 1000000000000000 "
     "2e2e2f746172676574 "},
    {"SYMLINK",
     "37000000 06000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "6c696e6b00 2e2e2f74617267657400 ",
     "symlink link ../target",
     "90000000 00000000 1000000000000000 "
     "0200000000000000 0000000000000000 0200000000000000 0100000000000000 f4010000 fa000000 "
     "0201000000000000 0010000000000000 0800000000000000 0100000000000000 0300000000000000 "
     "0500000000000000 02000000 04000000 06000000 a4810000 01000000 e8030000 64000000 03010000 "
     "00100000 00000000 "},
    {"MKNOD",
     "3d000000 08000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "b6210000 03010000 12000000 00000000 6e756c6c00 ",
     "mknod null mode=20666 umask=22 device=1:3",
     "90000000 00000000 1000000000000000 "
     "0200000000000000 0000000000000000 0200000000000000 0100000000000000 f4010000 fa000000 "
     "0201000000000000 0010000000000000 0800000000000000 0100000000000000 0300000000000000 "
     "0500000000000000 02000000 04000000 06000000 a4810000 01000000 e8030000 64000000 03010000 "
     "00100000 00000000 "},
    {"MKDIR",
     "34000000 09000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "ff030000 3f000000 64697200 ",
     "mkdir dir mode=41777 umask=77",
     "90000000 00000000 1000000000000000 "
     "0200000000000000 0000000000000000 0200000000000000 0100000000000000 f4010000 fa000000 "
     "0201000000000000 0010000000000000 0800000000000000 0100000000000000 0300000000000000 "
     "0500000000000000 02000000 04000000 06000000 a4810000 01000000 e8030000 64000000 03010000 "
     "00100000 00000000 "},
    {"MKDIR with an extension",
     "48000000 09000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0200 0000 "
     "ff030000 3f000000 6469726e616d6500 10000000 20000000 01000000 64000000 ",
     "mkdir dirname mode=41777 umask=77",
     "90000000 00000000 1000000000000000 "
     "0200000000000000 0000000000000000 0200000000000000 0100000000000000 f4010000 fa000000 "
     "0201000000000000 0010000000000000 0800000000000000 0100000000000000 0300000000000000 "
     "0500000000000000 02000000 04000000 06000000 a4810000 01000000 e8030000 64000000 03010000 "
     "00100000 00000000 "},
    {"UNLINK",
     "2d000000 0a000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "6d6f746400 ",
     "unlink motd",
     "10000000 00000000 1000000000000000 "},
    {"RMDIR",
     "2c000000 0b000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "64697200 ",
     "rmdir dir",
     "10000000 00000000 1000000000000000 "},
    {"RENAME",
     "38000000 0c000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0200000000000000 6f6c6400 6e657700 ",
     "rename old child new flags=0",
     "10000000 00000000 1000000000000000 "},
    {"LINK",
     "36000000 0d000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0200000000000000 616761696e00 ",
     "link child again",
     "90000000 00000000 1000000000000000 "
     "0200000000000000 0000000000000000 0200000000000000 0100000000000000 f4010000 fa000000 "
     "0201000000000000 0010000000000000 0800000000000000 0100000000000000 0300000000000000 "
     "0500000000000000 02000000 04000000 06000000 a4810000 01000000 e8030000 64000000 03010000 "
     "00100000 00000000 "},
    {"OPEN",
     "30000000 0e000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "02800000 00000000 ",
     "open flags=100002",
     "20000000 00000000 1000000000000000 "
     "0200000000000000 20000000 00000000 "},
    {"READ",
     "50000000 0f000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0100000000000000 0020000000000000 05000000 00000000 0000000000000000 00000000 00000000 ",
     "read offset=8192 size=5",
     "15000000 00000000 1000000000000000 "
     "6279746573 "},
    {"WRITE",
     "54000000 10000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0100000000000000 0020000000000000 04000000 00000000 0000000000000000 00000000 00000000 "
     "64617461 ",
     "write offset=8192 data",
     "18000000 00000000 1000000000000000 "
     "04000000 00000000 "},
    {"STATFS",
     "28000000 11000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "",
     "statfs",
     "60000000 00000000 1000000000000000 "
     "0100000000000000 0200000000000000 0300000000000000 0400000000000000 0500000000000000 "
     "00100000 ff000000 00020000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "},
    {"RELEASE",
     "40000000 12000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0100000000000000 00000000 00000000 0000000000000000 ",
     "closed",
     "10000000 00000000 1000000000000000 "},
    {"FSYNC",
     "38000000 14000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0100000000000000 01000000 00000000 ",
     "fsync data",
     "10000000 00000000 1000000000000000 "},
    {"SETXATTR",
     "44000000 15000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "05000000 01000000 00000000 00000000 757365722e6100 76616c7565 ",
     "setxattr user.a value flags=1",
     "10000000 00000000 1000000000000000 "},
    {"GETXATTR",
     "37000000 16000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "64000000 00000000 757365722e6100 ",
     "getxattr user.a size=100",
     "15000000 00000000 1000000000000000 "
     "76616c7565 "},
    {"GETXATTR for the length",
     "37000000 16000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "00000000 00000000 757365722e6100 ",
     "getxattr user.a size=0",
     "18000000 00000000 1000000000000000 "
     "05000000 00000000 "},
    {"LISTXATTR",
     "30000000 17000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "64000000 00000000 ",
     "listxattr size=100",
     "17000000 00000000 1000000000000000 "
     "757365722e6100 "},
    {"LISTXATTR for the length",
     "30000000 17000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "00000000 00000000 ",
     "listxattr size=0",
     "18000000 00000000 1000000000000000 "
     "07000000 00000000 "},
    {"REMOVEXATTR",
     "2f000000 18000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "757365722e6100 ",
     "removexattr user.a",
     "10000000 00000000 1000000000000000 "},
    {"FLUSH",
     "40000000 19000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0100000000000000 00000000 00000000 0700000000000000 ",
     "flush",
     "10000000 00000000 1000000000000000 "},
    {"OPENDIR",
     "30000000 1b000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "00000100 00000000 ",
     "opendir",
     "20000000 00000000 1000000000000000 "
     "0200000000000000 20000000 00000000 "},
    {"READDIR",
     "50000000 1c000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0100000000000000 0300000000000000 00100000 00000000 0000000000000000 00000000 00000000 ",
     "readdir offset=3",
     "50000000 00000000 1000000000000000 "
     "0201000000000000 0400000000000000 04000000 08000000 6d6f746400000000 0700000000000000 "
     "0500000000000000 08000000 04000000 3132333435363738 "},
    {"RELEASEDIR",
     "40000000 1d000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0100000000000000 00000000 00000000 0000000000000000 ",
     "closed",
     "10000000 00000000 1000000000000000 "},
    {"FSYNCDIR",
     "38000000 1e000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0100000000000000 00000000 00000000 ",
     "fsync",
     "10000000 00000000 1000000000000000 "},
    {"ACCESS",
     "30000000 22000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "06000000 00000000 ",
     "access mask=6",
     "10000000 00000000 1000000000000000 "},
    {"CREATE",
     "3c000000 23000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "c2800000 a0810000 12000000 00000000 6e657700 ",
     "create new mode=100640 umask=22 flags=100302",
     "a0000000 00000000 1000000000000000 "
     "0200000000000000 0000000000000000 0200000000000000 0100000000000000 f4010000 fa000000 "
     "0201000000000000 0010000000000000 0800000000000000 0100000000000000 0300000000000000 "
     "0500000000000000 02000000 04000000 06000000 a4810000 01000000 e8030000 64000000 03010000 "
     "00100000 00000000 0200000000000000 20000000 00000000 "},
    {"INTERRUPT",
     "30000000 24000000 1000000000000000 0000000000000000 e8030000 64000000 67120000 0000 0000 "
     "0e00000000000000 ",
     "",
     ""},
    {"DESTROY",
     "28000000 26000000 1000000000000000 0000000000000000 e8030000 64000000 67120000 0000 0000 "
     "",
     "",
     "10000000 00000000 1000000000000000 "},
    {"NOTIFY_REPLY",
     "50000000 29000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0000000000000000 0000000000000000 00000000 00000000 0000000000000000 0000000000000000 ",
     "",
     ""},
    {"BATCH_FORGET",
     "40000000 2a000000 1000000000000000 0000000000000000 e8030000 64000000 67120000 0000 0000 "
     "01000000 00000000 0200000000000000 0100000000000000 ",
     "",
     ""},
    {"FALLOCATE",
     "48000000 2b000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0100000000000000 0010000000000000 0020000000000000 03000000 00000000 ",
     "fallocate mode=3 offset=4096 length=8192",
     "10000000 00000000 1000000000000000 "},
    {"READDIRPLUS",
     "50000000 2c000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0100000000000000 0000000000000000 00100000 00000000 0000000000000000 00000000 00000000 ",
     "readdir offset=0",
     "50010000 00000000 1000000000000000 "
     "0200000000000000 0000000000000000 0200000000000000 0100000000000000 f4010000 fa000000 "
     "0201000000000000 0010000000000000 0800000000000000 0100000000000000 0300000000000000 "
     "0500000000000000 02000000 04000000 06000000 a4810000 01000000 e8030000 64000000 03010000 "
     "00100000 00000000 0201000000000000 0400000000000000 04000000 08000000 6d6f746400000000 "
     "0000000000000000 0000000000000000 0000000000000000 0000000000000000 00000000 00000000 "
     "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000 "
     "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000 "
     "0700000000000000 0500000000000000 08000000 04000000 3132333435363738 "},
    {"RENAME2",
     "40000000 2d000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0200000000000000 02000000 00000000 6f6c6400 6e657700 ",
     "rename old child new flags=2",
     "10000000 00000000 1000000000000000 "},
    {"LSEEK",
     "40000000 2e000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0100000000000000 0010000000000000 04000000 00000000 ",
     "lseek offset=4096 whence=4",
     "18000000 00000000 1000000000000000 "
     "9a78563412000000 "},
    {"COPY_FILE_RANGE",
     "60000000 2f000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0100000000000000 0010000000000000 0100000000000000 0100000000000000 0020000000000000 "
     "ffffffff01000000 0000000000000000 ",
     "copy offset=4096 itself offset=8192 length=4294963200",
     "18000000 00000000 1000000000000000 "
     "00f0ffff 00000000 "},
    {"TMPFILE",
     "3a000000 33000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "02004100 80810000 12000000 00000000 2f00 ",
     "tmpfile mode=100600 umask=22 flags=20200002",
     "a0000000 00000000 1000000000000000 "
     "0200000000000000 0000000000000000 0200000000000000 0100000000000000 f4010000 fa000000 "
     "0201000000000000 0010000000000000 0800000000000000 0100000000000000 0300000000000000 "
     "0500000000000000 02000000 04000000 06000000 a4810000 01000000 e8030000 64000000 03010000 "
     "00100000 00000000 0200000000000000 20000000 00000000 "},
    {"COPY_FILE_RANGE_64",
     "60000000 35000000 1000000000000000 0100000000000000 e8030000 64000000 67120000 0000 0000 "
     "0100000000000000 0010000000000000 0100000000000000 0100000000000000 0020000000000000 "
     "ffffffff01000000 0000000000000000 ",
     "copy offset=4096 itself offset=8192 length=8589934591",
     "18000000 00000000 1000000000000000 "
     "ffffffff01000000 "},
    // clang-format on
};

Attr fixed_attr() {
  Attr attr;
  attr.ino = 0x0102;
  attr.size = 0x1000;
  attr.blocks = 8;
  attr.atime = {.tv_sec = 1, .tv_nsec = 2};
  attr.mtime = {.tv_sec = 3, .tv_nsec = 4};
  attr.ctime = {.tv_sec = 5, .tv_nsec = 6};
  attr.mode = S_IFREG | 0644;
  attr.uid = 1000;
  attr.gid = 100;
  attr.rdev = makedev(1, 3);
  attr.valid_for = 1s + 250ns;
  return attr;
}

Result<std::size_t> fill(std::string_view text, std::span<std::byte> into) {
  if (!into.empty()) std::memcpy(into.data(), text.data(), text.size());
  return text.size();
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Writes down what it is asked, and gives fixed answers.
class Recorder final : public Handle {
 public:
  Recorder(std::string& log, const Ref<Node>& entry) : log_(log), entry_(entry) {}
  ~Recorder() override { log_ += "closed"; }

  Task<std::size_t> read(const Request&, std::uint64_t offset, std::span<std::byte> into) override {
    log_ = fmt::format("read offset={} size={}", offset, into.size());
    co_return fill("bytes", into);
  }
  Task<std::size_t> write(const Request&, std::uint64_t offset, std::span<const std::byte> data) override {
    log_ = fmt::format("write offset={} {}", offset, text_of(data));
    co_return data.size();
  }
  Task<> flush(const Request&, LockOwner) override {
    log_ = "flush";
    co_return {};
  }
  Task<> fsync(const Request&, bool data_only) override {
    log_ = data_only ? "fsync data" : "fsync";
    co_return {};
  }
  Task<> fallocate(const Request&, int mode, std::uint64_t offset, std::uint64_t length) override {
    log_ = fmt::format("fallocate mode={} offset={} length={}", mode, offset, length);
    co_return {};
  }
  Task<std::uint64_t> lseek(const Request&, std::uint64_t offset, int whence) override {
    log_ = fmt::format("lseek offset={} whence={}", offset, whence);
    co_return std::uint64_t{0x123456789a};
  }
  Task<std::size_t> copy_file_range(const Request&, std::uint64_t offset, Ref<Handle> target,
                                    std::uint64_t target_offset, std::size_t length) override {
    const char* const whom = target.get() == this ? "itself" : "another";
    log_ = fmt::format("copy offset={} {} offset={} length={}", offset, whom, target_offset, length);
    co_return length;
  }
  Task<> readdir(const Request&, std::uint64_t offset, DirSink& sink) override {
    log_ = fmt::format("readdir offset={}", offset);
    sink.add("motd", Entry{.node = entry_, .attr = fixed_attr(), .valid_for = 2s + 500ns}, 4);
    sink.add("12345678", 7, DT_DIR, 5);
    co_return {};
  }

 private:
  std::string& log_;
  Ref<Node> entry_;
};

class RecordingNode final : public Node {
 public:
  RecordingNode(std::string& log, Ref<Node> child) : log_(log), child_(std::move(child)) {}

  Task<Attr> getattr(const Request&, Ref<Handle> open) override {
    log_ = open ? "getattr open" : "getattr";
    co_return fixed_attr();
  }
  Task<Attr> setattr(const Request&, SetAttr change, Ref<Handle> open) override {
    log_ = open ? "setattr open" : "setattr";
    if (change.mode) log_ += fmt::format(" mode={:o}", *change.mode);
    if (change.uid) log_ += fmt::format(" uid={}", *change.uid);
    if (change.gid) log_ += fmt::format(" gid={}", *change.gid);
    if (change.size) log_ += fmt::format(" size={}", *change.size);
    add_time("atime", change.atime);
    add_time("mtime", change.mtime);
    if (change.kill_suid_sgid) log_ += " kill";
    co_return fixed_attr();
  }
  Task<Entry> lookup(const Request&, Name name) override { co_return entry(fmt::format("lookup {}", name.text())); }
  Task<std::string> readlink(const Request&) override {
    log_ = "readlink";
    co_return "../target";
  }
  Task<> access(const Request&, int mask) override { co_return done(fmt::format("access mask={}", mask)); }
  Task<Opened> open(const Request&, int flags) override { co_return opened(fmt::format("open flags={:o}", flags)); }
  Task<Opened> opendir(const Request&) override { co_return opened("opendir"); }
  Task<Created> create(const Request&, Name name, NewMode mode, int flags) override {
    const std::string text = fmt::format("create {} {} flags={:o}", name.text(), mode_text(mode), flags);
    co_return Created{.entry = entry(text), .opened = opened(text)};
  }
  Task<Created> tmpfile(const Request&, NewMode mode, int flags) override {
    const std::string text = fmt::format("tmpfile {} flags={:o}", mode_text(mode), flags);
    co_return Created{.entry = entry(text), .opened = opened(text)};
  }
  Task<Entry> mknod(const Request&, Name name, NewMode mode, dev_t device) override {
    co_return entry(
        fmt::format("mknod {} {} device={}:{}", name.text(), mode_text(mode), major(device), minor(device)));
  }
  Task<Entry> mkdir(const Request&, Name name, NewMode mode) override {
    co_return entry(fmt::format("mkdir {} {}", name.text(), mode_text(mode)));
  }
  Task<Entry> symlink(const Request&, Name name, std::string target) override {
    co_return entry(fmt::format("symlink {} {}", name.text(), target));
  }
  Task<Entry> link(const Request&, Ref<Node> existing, Name name) override {
    co_return entry(fmt::format("link {} {}", existing == child_ ? "child" : "?", name.text()));
  }
  Task<> unlink(const Request&, Name name) override { co_return done(fmt::format("unlink {}", name.text())); }
  Task<> rmdir(const Request&, Name name) override { co_return done(fmt::format("rmdir {}", name.text())); }
  Task<> rename(const Request&, Name from, Ref<Node> directory, Name to, unsigned flags) override {
    co_return done(
        fmt::format("rename {} {} {} flags={}", from.text(), directory == child_ ? "child" : "?", to.text(), flags));
  }
  Task<std::size_t> getxattr(const Request&, const std::string& name, std::span<std::byte> into) override {
    log_ = fmt::format("getxattr {} size={}", name, into.size());
    co_return fill("value", into);
  }
  Task<> setxattr(const Request&, const std::string& name, std::span<const std::byte> value, int flags) override {
    co_return done(fmt::format("setxattr {} {} flags={}", name, text_of(value), flags));
  }
  Task<std::size_t> listxattr(const Request&, std::span<std::byte> into) override {
    log_ = fmt::format("listxattr size={}", into.size());
    co_return fill({"user.a", 7}, into);
  }
  Task<> removexattr(const Request&, const std::string& name) override {
    co_return done(fmt::format("removexattr {}", name));
  }
  Task<struct statvfs> statfs(const Request&) override {
    log_ = "statfs";
    struct statvfs st{};
    st.f_blocks = 1;
    st.f_bfree = 2;
    st.f_bavail = 3;
    st.f_files = 4;
    st.f_ffree = 5;
    st.f_bsize = 4096;
    st.f_namemax = 255;
    st.f_frsize = 512;
    co_return st;
  }

 private:
  static std::string mode_text(NewMode mode) { return fmt::format("mode={:o} umask={:o}", mode.mode, mode.umask); }
  void add_time(const char* name, const std::optional<SetTime>& time) {
    if (!time) return;
    log_ += time->now ? fmt::format(" {}=now", name)
                      : fmt::format(" {}={}.{}", name, time->moment.tv_sec, time->moment.tv_nsec);
  }
  Entry entry(std::string text) {
    log_ = std::move(text);
    return {.node = child_, .attr = fixed_attr(), .valid_for = 2s + 500ns};
  }
  Opened opened(std::string text) {
    log_ = std::move(text);
    return {.handle = make<Recorder>(log_, child_)};
  }
  Result<> done(std::string text) {
    log_ = std::move(text);
    return {};
  }

  std::string& log_;
  Ref<Node> child_;
};

struct Child final : Node {
  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return fixed_attr(); }
};

class GoldenBytes : public ::testing::TestWithParam<Golden> {};

TEST_P(GoldenBytes, AreReadAndWrittenAsTheKernelLaysThemOut) {
  static_assert(std::endian::native == std::endian::little);
  std::string log;
  FakeKernel kernel(make<RecordingNode>(log, make<Child>()));
  ASSERT_EQ(kernel.open(kRoot, 0)->fh, 1u);
  ASSERT_EQ(kernel.lookup(kRoot, "child")->nodeid, 2u);
  log.clear();
  const Golden& golden = GetParam();
  ASSERT_TRUE(kernel.send_raw(from_hex(golden.request)));
  EXPECT_EQ(log, golden.call);
  EXPECT_EQ(to_hex(kernel.raw_reply(0x10).value_or(Bytes{})), to_hex(from_hex(golden.reply)));
  EXPECT_EQ(kernel.door().refused(), 0u);
}

TEST_P(GoldenBytes, CutShortAtEveryLengthLeaveTheSessionAtWork) {
  const Bytes whole = from_hex(GetParam().request);
  for (std::size_t length = sizeof(wire::InHeader); length < whole.size(); ++length) {
    std::string log;
    FakeKernel kernel(make<RecordingNode>(log, make<Child>()));
    ASSERT_TRUE(kernel.open(kRoot, 0));
    ASSERT_TRUE(kernel.lookup(kRoot, "child"));
    Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    cut[0] = static_cast<std::byte>(length);  // all of them are shorter than 256 bytes
    cut[36] = std::byte{0};                   // no extensions
    ASSERT_TRUE(kernel.send_raw(cut)) << length;
    const bool wants_reply = *GetParam().reply != '\0';
    EXPECT_EQ(kernel.raw_reply(0x10).has_value(), wants_reply) << length;
    EXPECT_TRUE(kernel.getattr(kRoot)) << length;
  }
}

std::string test_name(const ::testing::TestParamInfo<Golden>& param) {
  std::string name = param.param.name;
  for (char& c : name) {
    if (c == ' ') c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Opcode, GoldenBytes, ::testing::ValuesIn(kGolden), test_name);

TEST(GoldenInit, IsAnsweredAsTheKernelLaysItOut) {
  FakeKernel kernel(make<Child>());
  // What Linux 6.18 sends first.
  ASSERT_TRUE(kernel.send_raw(
      from_hex("68000000 1a000000 0200000000000000 0000000000000000 00000000 00000000 00000000 0000 0000"
               "07000000 2d000000 00000200 fbffff73 fd070000"
               "00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000")));
  const std::string reply = to_hex(kernel.raw_reply(2).value_or(Bytes{}));
  ASSERT_EQ(reply.size(), 2u * 80);
  // length 80, no error; 7.45; read-ahead; flags: bits 0 3 5 6, 12-15, 18 20-23, 28-30.
  EXPECT_EQ(reply.substr(0, 64), to_hex(from_hex("50000000 00000000 0200000000000000 07000000 2d000000 00000200"
                                                 "69f0f470")));
  // 256 in the background, congested at 192; 1 MiB; 1 ns; 256 pages; flags2: bits 35, 36, 38, 39.
  EXPECT_EQ(reply.substr(64, 48), to_hex(from_hex("0001 c000 00001000 01000000 0001 0000 d8000000 00000000")));
  EXPECT_EQ(reply.substr(112), std::string(48, '0'));
}

}  // namespace
}  // namespace fusebox::testing
