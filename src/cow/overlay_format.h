// What an upper directory says beside its files: the marks of overlayfs (cow layer).
//
// Documentation/filesystems/overlayfs.rst of the kernel describes them.  Their names begin with "trusted.overlay."
// where the server may write such attributes, else with "user.overlay.".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fusebox/result.h"
#include "store/file_status.h"
#include "store/xattr.h"

namespace fusebox {

// A file of the layer below, as a copy of it remembers it.
struct Origin {
  std::uint64_t device = 0;  // st_dev as the kernel numbers it (12 + 20 bits)
  std::uint64_t inode = 0;
  std::uint64_t generation = 0;

  std::string text() const;
  static std::optional<Origin> parse(std::string_view text);
};

// The mark of a removal: a character device 0:0.
inline bool is_whiteout(mode_t mode, std::uint64_t device) { return S_ISCHR(mode) && device == 0; }

Result<> make_whiteout(int directory, const char* name);

// Immutable; any thread.
class OverlayFormat {
 public:
  // `word`: "trusted" or "user".
  explicit OverlayFormat(std::string_view word)
      : word_(word), own_(word_ + ".overlay."), reserved_(word_ + ".fusebox.") {}

  // The first of the two that can be written to `directory`, which is open; EOPNOTSUPP where neither can.
  static Result<OverlayFormat> that_works_on(int directory);

  const std::string& word() const { return word_; }

  // The box's own attributes of such names are stored with "overlay." put in between, as overlayfs does for layers that
  // are overlays themselves.
  std::string stored(std::string_view name) const;
  // Attributes that say what is known of the upper files, and are not the box's to see or set.
  bool is_reserved(std::string_view name) const { return name.starts_with(reserved_); }
  // What the box sees of a stored name; nullopt: nothing.
  std::optional<std::string> shown(std::string_view name) const;

  // A directory that shows nothing of the one below it.
  Result<bool> is_opaque(const XattrTarget& directory) const;
  Result<> set_opaque(const XattrTarget& directory) const;

  std::optional<Origin> origin(const XattrTarget& file) const;
  Result<> set_origin(const XattrTarget& file, const Origin& origin) const;

  // What the file was when it was copied, by which `fusebox apply` can tell whether the host changed it since:
  // DEVICE:INODE:SIZE:MTIME:CTIME:MODE:UID:GID:PATH, in decimal, MODE in octal, times as SECONDS.NANOSECONDS with nine
  // digits.  `path` is left out where it is too long to keep.
  Result<> set_source(const XattrTarget& file, const FileStatus& status, const std::string& path) const;

  // Takes both away, or the latter alone; false: there was none.
  bool drop_origins(const XattrTarget& file, bool source_alone) const;

  // How many more links a file has in the box than its copy has: those names that only the layer below holds.
  std::optional<int> more_links(const XattrTarget& file) const;
  Result<> set_more_links(const XattrTarget& file, int count) const;

 private:
  std::optional<std::string> text_of(const XattrTarget& file, const char* name) const;
  Result<> set_text(const XattrTarget& file, const char* name, std::string_view text) const;

  std::string word_;
  std::string own_;
  std::string reserved_;
};

}  // namespace fusebox
