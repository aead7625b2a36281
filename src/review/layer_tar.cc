#include "review/layer_tar.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "review/layers.h"

namespace fusebox::review {
namespace {

TarType type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return TarType::directory;
    case S_IFLNK:
      return TarType::symlink;
    case S_IFCHR:
      return TarType::character_device;
    case S_IFBLK:
      return TarType::block_device;
    case S_IFIFO:
      return TarType::fifo;
    default:
      return TarType::regular;
  }
}

}  // namespace

Outcome<> LayerTar::write(std::string_view bytes, std::string_view name) const {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(fault_with_errno("write " + std::string(name)));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Outcome<> LayerTar::add(const Tree& tree, std::string_view path, const Status& status, const Xattrs& xattrs,
                        const std::string& name) {
  TarMember member{.name = name,
                   .type = type_of(status.mode),
                   .permissions = status.permissions(),
                   .uid = status.uid,
                   .gid = status.gid,
                   .size = status.is_regular() ? status.size : 0,
                   .mtime = status.mtime,
                   .link = {},
                   .device = S_ISCHR(status.mode) || S_ISBLK(status.mode) ? status.rdev : 0,
                   .xattrs = xattrs};
  if (S_ISLNK(status.mode)) {
    Result<std::string> target = tree.readlink(path);
    if (!target) return std::unexpected(fault_at(path, target.error()));
    member.link = *std::move(target);
  }
  if (!status.is_directory() && status.links > 1) {
    const auto [first, is_first] = first_names_.try_emplace({status.device, status.inode}, name);
    if (!is_first) {
      member.type = TarType::hard_link;
      member.link = first->second;
      member.size = 0;
    }
  }
  if (const Outcome<> written = write(pax_header(member), name); !written) return written;
  return add_data(tree, path, member.size);
}

Outcome<> LayerTar::add_data(const Tree& tree, std::string_view path, std::uint64_t size) {
  if (size == 0) return {};
  constexpr std::size_t kPiece = 256 * 1024;
  const Result<Fd> file = tree.open(path, O_RDONLY | O_NONBLOCK);
  if (!file) return std::unexpected(fault_at(path, file.error()));
  std::string piece(std::min<std::uint64_t>(kPiece, size), '\0');
  for (std::uint64_t done = 0; done < size;) {
    const auto wanted = std::min<std::uint64_t>(piece.size(), size - done);
    const ssize_t count = ::pread(file->get(), piece.data(), wanted, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(fault_at(path, static_cast<Errno>(errno)));
    if (count == 0) return std::unexpected(fault_at(path, "became shorter while it was read"));
    const Outcome<> written = write(std::string_view(piece).substr(0, static_cast<std::size_t>(count)), path);
    if (!written) return written;
    done += static_cast<std::uint64_t>(count);
  }
  const std::string rest((kTarBlock - size % kTarBlock) % kTarBlock, '\0');
  return write(rest, path);
}

Outcome<> LayerTar::add_mark(const std::string& name) {
  return write(pax_header({.name = name, .permissions = 0644}), name);
}

Outcome<> LayerTar::close() { return write(std::string(2 * kTarBlock, '\0'), "the archive"); }

}  // namespace fusebox::review
