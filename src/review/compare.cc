#include "review/compare.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace fusebox::review {
namespace {

constexpr std::size_t kPiece = 256 * 1024;

// Where the next data begins, at or after `offset`; `size` where only a hole is left.
std::uint64_t next_data(int fd, std::uint64_t offset, std::uint64_t size) {
  const off_t data = ::lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
  if (data < 0) return errno == ENXIO ? size : offset;
  return static_cast<std::uint64_t>(data);
}

Result<std::size_t> read_piece(int fd, std::uint64_t offset, std::vector<char>& into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t count = ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_with_errno();
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

// Of two files of one size.  Holes in both are passed over.
Result<bool> have_same_bytes(int a, int b, std::uint64_t size) {
  std::vector<char> piece_a(kPiece);
  std::vector<char> piece_b(kPiece);
  std::uint64_t offset = 0;
  while (offset < size) {
    offset = std::min(next_data(a, offset, size), next_data(b, offset, size));
    if (offset >= size) break;
    const Result<std::size_t> count_a = read_piece(a, offset, piece_a);
    const Result<std::size_t> count_b = read_piece(b, offset, piece_b);
    if (!count_a) return fail(count_a.error());
    if (!count_b) return fail(count_b.error());
    if (*count_a != *count_b || std::memcmp(piece_a.data(), piece_b.data(), *count_a) != 0) return false;
    if (*count_a == 0) break;
    offset += *count_a;
  }
  return true;
}

Result<bool> have_same_content(const Tree& upper, std::string_view path, const Status& box, const Tree& host,
                               std::string_view host_path, const Status& host_status, Thoroughness thoroughness) {
  if (S_ISLNK(box.mode)) {
    const Result<std::string> ours = upper.readlink(path);
    const Result<std::string> theirs = host.readlink(host_path);
    if (!ours) return fail(ours.error());
    if (!theirs) return fail(theirs.error());
    return *ours == *theirs;
  }
  if (S_ISCHR(box.mode) || S_ISBLK(box.mode)) return box.rdev == host_status.rdev;
  if (!box.is_regular()) return true;
  if (box.size != host_status.size) return false;
  if (thoroughness == Thoroughness::quick && is_same(box.mtime, host_status.mtime)) return true;
  const Result<Fd> ours = upper.open_file(path);
  if (!ours) return fail(ours.error());
  const Result<Fd> theirs = host.open_file(host_path);
  if (!theirs) return fail(theirs.error());
  return have_same_bytes(ours->get(), theirs->get(), box.size);
}

Result<Xattrs> host_xattrs(const Tree& host, std::string_view path) {
  const Result<Fd> file = host.open(path, O_PATH);
  if (!file) return fail(file.error());
  Result<Xattrs> xattrs = read_xattrs(file->get());
  if (xattrs) std::erase_if(*xattrs, [](const auto& attribute) { return !is_carried(attribute.first); });
  return xattrs;
}

}  // namespace

Result<Aspects> differences(const Tree& upper, std::string_view path, const Entry& entry, const Tree& host,
                            std::string_view host_path, const Status& host_status, Thoroughness thoroughness) {
  const Status& box = entry.status;
  const Result<Xattrs> xattrs = host_xattrs(host, host_path);
  if (!xattrs) return fail(xattrs.error());
  const Result<bool> same = have_same_content(upper, path, box, host, host_path, host_status, thoroughness);
  if (!same) return fail(same.error());
  return Aspects{.content = !*same,
                 .mode = !S_ISLNK(box.mode) && box.permissions() != host_status.permissions(),
                 .owner = box.uid != host_status.uid || box.gid != host_status.gid,
                 .times = !box.is_directory() && !is_same(box.mtime, host_status.mtime),
                 .xattrs = *xattrs != entry.xattrs};
}

}  // namespace fusebox::review
