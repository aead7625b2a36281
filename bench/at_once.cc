// A file system that answers at once, without a thought: what the kernel takes for itself.  bench_at_once MOUNTPOINT
//
// As examples/hello.cc it has a file of any name in one directory; the kernel may keep all but the file's attributes.
#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kLargestRequest = 1 << 18;
constexpr std::uint64_t kFile = 2;  // the root is 1
constexpr std::uint64_t kForever = 86400;

struct Reply {
  fuse_out_header header{};
  union {
    fuse_init_out init;
    fuse_entry_out entry;
    fuse_attr_out attributes;
  };
};

fuse_attr attributes_of(std::uint64_t node) {
  fuse_attr attributes{};
  attributes.ino = node;
  attributes.mode = node == kFile ? S_IFREG | 0444 : S_IFDIR | 0755;
  attributes.nlink = 1;
  return attributes;
}

void answer(const fuse_in_header& request, Reply& reply) {
  std::memset(&reply, 0, sizeof reply);
  reply.header.unique = request.unique;
  std::size_t size = 0;
  switch (request.opcode) {
    case FUSE_INIT:
      reply.init.major = FUSE_KERNEL_VERSION;
      reply.init.minor = 31;
      reply.init.max_write = 4096;
      size = sizeof reply.init;
      break;
    case FUSE_LOOKUP:
      reply.entry.nodeid = kFile;
      reply.entry.entry_valid = kForever;
      reply.entry.attr = attributes_of(kFile);
      size = sizeof reply.entry;
      break;
    case FUSE_GETATTR:
      reply.attributes.attr = attributes_of(request.nodeid);
      reply.attributes.attr_valid = request.nodeid == kFile ? 0 : kForever;
      size = sizeof reply.attributes;
      break;
    default:
      reply.header.error = -ENOSYS;
  }
  reply.header.len = static_cast<std::uint32_t>(sizeof reply.header + size);
}

int failed(const char* what) {
  std::perror(what);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: bench_at_once MOUNTPOINT\n", stderr), 2;
  const int device = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0) return failed("/dev/fuse");
  const std::string options =
      "fd=" + std::to_string(device) + ",rootmode=40755,user_id=0,group_id=0,allow_other,default_permissions";
  if (::mount("at_once", argv[1], "fuse.at_once", MS_NOSUID | MS_NODEV, options.c_str()) != 0) return failed(argv[1]);
  std::vector<std::byte> request(kLargestRequest);
  for (;;) {
    const ssize_t length = ::read(device, request.data(), request.size());
    if (length < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT)) continue;
    if (length < 0) return errno == ENODEV ? 0 : failed("read /dev/fuse");
    const auto& header = *reinterpret_cast<const fuse_in_header*>(request.data());
    if (header.opcode == FUSE_FORGET || header.opcode == FUSE_BATCH_FORGET || header.opcode == FUSE_INTERRUPT) continue;
    Reply reply;
    answer(header, reply);
    if (::write(device, &reply, reply.header.len) < 0 && errno != ENOENT) return failed("write /dev/fuse");
  }
}
