#include "review/layer_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "review/layers.h"

namespace fusebox::review {
namespace {

struct FreeEntry {
  void operator()(archive_entry* entry) const { ::archive_entry_free(entry); }
};
using OwnedEntry = std::unique_ptr<archive_entry, FreeEntry>;

OwnedEntry entry_for(const std::string& name, mode_t mode) {
  OwnedEntry entry(::archive_entry_new());
  ::archive_entry_set_pathname(entry.get(), name.c_str());
  ::archive_entry_set_mode(entry.get(), mode);
  ::archive_entry_set_size(entry.get(), 0);
  return entry;
}

// The library writes names as UTF-8 and asks the locale what they are; ours are bytes, and mostly UTF-8 already. Others
// are written as they are, and marked as such (hdrcharset=BINARY).
class Utf8Locale {
 public:
  Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = ::uselocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }

 private:
  locale_t locale_;
  locale_t before_ = nullptr;
};

// A warning says that a name is no UTF-8.
bool write_header(archive* tar, archive_entry* entry) {
  const Utf8Locale locale;
  return ::archive_write_header(tar, entry) >= ARCHIVE_WARN;
}

}  // namespace

// What was not closed is not whole, and must not look so: no end is written.  (archive_write_fail() would see to it,
// too, but loses libarchive's own block.)
void LayerTar::Free::operator()(archive* tar) const {
  output->fd = -1;
  ::archive_write_free(tar);
}

LayerTar::LayerTar(int fd)
    : output_(std::make_unique<Output>(fd)), tar_(::archive_write_new(), Free{.output = output_.get()}) {}

Fault LayerTar::fault(const std::string& name) const {
  const char* reason = ::archive_error_string(tar_.get());
  return Fault{.what = "write " + name, .why = reason != nullptr ? reason : "failed", .remedy = {}};
}

Outcome<LayerTar> LayerTar::create(int fd) {
  LayerTar layer(fd);
  archive* tar = layer.tar_.get();
  const auto write = [](archive* to, void* output, const void* bytes, std::size_t size) -> la_ssize_t {
    const int into = static_cast<const Output*>(output)->fd;
    if (into < 0) return static_cast<la_ssize_t>(size);
    ssize_t written = 0;
    do {
      written = ::write(into, bytes, size);
    } while (written < 0 && errno == EINTR);
    if (written < 0) ::archive_set_error(to, errno, "%s", std::strerror(errno));
    return written;
  };
  const bool ready = ::archive_write_set_format_pax(tar) == ARCHIVE_OK &&
                     ::archive_write_set_format_option(tar, "pax", "xattrheader", "SCHILY") == ARCHIVE_OK &&
                     ::archive_write_add_filter_none(tar) == ARCHIVE_OK &&
                     // Into a pipe, too, no more zeros at the end than the format asks for.
                     ::archive_write_set_bytes_in_last_block(tar, 1) == ARCHIVE_OK &&
                     ::archive_write_open(tar, layer.output_.get(), nullptr, write, nullptr) == ARCHIVE_OK;
  if (!ready) return std::unexpected(layer.fault("the archive"));
  return layer;
}

Outcome<> LayerTar::add(const Tree& tree, std::string_view path, const Status& status, const Xattrs& xattrs,
                        const std::string& name) {
  const OwnedEntry entry = entry_for(name, status.mode);
  ::archive_entry_set_uid(entry.get(), status.uid);
  ::archive_entry_set_gid(entry.get(), status.gid);
  ::archive_entry_set_mtime(entry.get(), status.mtime.tv_sec, status.mtime.tv_nsec);
  for (const auto& [attribute, value] : xattrs) {
    ::archive_entry_xattr_add_entry(entry.get(), attribute.c_str(), value.data(), value.size());
  }
  bool has_data = status.is_regular();
  if (!status.is_directory() && status.links > 1) {
    const auto [first, is_first] = first_names_.try_emplace({status.device, status.inode}, name);
    if (!is_first) {
      ::archive_entry_set_hardlink(entry.get(), first->second.c_str());
      has_data = false;
    }
  }
  if (has_data) ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(status.size));
  if (S_ISCHR(status.mode) || S_ISBLK(status.mode)) ::archive_entry_set_rdev(entry.get(), status.rdev);
  if (S_ISLNK(status.mode)) {
    const Result<std::string> target = tree.readlink(path);
    if (!target) return std::unexpected(fault_at(path, target.error()));
    ::archive_entry_set_symlink(entry.get(), target->c_str());
  }
  if (!write_header(tar_.get(), entry.get())) return std::unexpected(fault(name));
  return has_data ? add_data(tree, path, status.size) : Outcome<>();
}

Outcome<> LayerTar::add_data(const Tree& tree, std::string_view path, std::uint64_t size) {
  constexpr std::size_t kPiece = 256 * 1024;
  const Result<Fd> file = tree.open_file(path);
  if (!file) return std::unexpected(fault_at(path, file.error()));
  std::vector<char> piece(std::min<std::uint64_t>(kPiece, size));
  for (std::uint64_t done = 0; done < size;) {
    const auto wanted = std::min<std::uint64_t>(piece.size(), size - done);
    const ssize_t count = ::pread(file->get(), piece.data(), wanted, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(fault_at(path, static_cast<Errno>(errno)));
    if (count == 0) return std::unexpected(fault_at(path, "became shorter while it was read"));
    if (::archive_write_data(tar_.get(), piece.data(), static_cast<std::size_t>(count)) != count) {
      return std::unexpected(fault(std::string(path)));
    }
    done += static_cast<std::uint64_t>(count);
  }
  return {};
}

Outcome<> LayerTar::add_mark(const std::string& name) {
  const OwnedEntry entry = entry_for(name, S_IFREG | 0644);
  ::archive_entry_set_mtime(entry.get(), 0, 0);
  if (!write_header(tar_.get(), entry.get())) return std::unexpected(fault(name));
  return {};
}

Outcome<> LayerTar::close() {
  if (::archive_write_close(tar_.get()) != ARCHIVE_OK) return std::unexpected(fault("the archive"));
  return {};
}

}  // namespace fusebox::review
