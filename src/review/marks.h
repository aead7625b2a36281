// The marks of overlayfs on the files of an upper layer (review layer).  Pure but for entry_of().
//
// Numbers and words are those of Documentation/filesystems/overlayfs.rst and fs/overlayfs/overlayfs.h in Linux.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "review/origin.h"
#include "review/tree.h"
#include "review/xattrs.h"

namespace fusebox::review {

// Where the marks of an upper layer are kept: only root may write trusted.*; user.* is for boxes made without root.
enum class Namespace { trusted, user };

struct Marks {
  bool opaque = false;                    // a directory that hides the lower one
  bool whiteouts_inside = false;          // a directory with whiteouts that are marked files
  bool whiteout = false;                  // such a file
  bool metacopy = false;                  // the data is still the lower file's
  std::optional<std::string> redirect{};  // a directory that is the lower one of this path, or of this name beside it
  // Fusebox's own:
  std::optional<Origin> origin{};
  std::optional<timespec> applying{};     // an apply has begun to change the host's directory; the mtime to give it
  std::optional<std::uint64_t> moving{};  // an apply is about to rename the host's directory of this inode number
};

// Their names in a namespace.
std::string opaque_name(Namespace space);
std::string redirect_name(Namespace space);
std::string origin_name(Namespace space);
std::string applying_name(Namespace space);
std::string moving_name(Namespace space);

Marks marks_of(const Xattrs& xattrs, Namespace space);

// What the file shows in the merged tree: without the marks, and with those unescaped that a box itself has set.
Xattrs shown_xattrs(const Xattrs& xattrs, Namespace space);

// Is it a redirect that leads to a place within the lower layer, by a path without "." and ".." or by a name?
bool is_good_redirect(std::string_view redirect);

// A file of an upper layer.
struct Entry {
  Status status{};
  Xattrs xattrs{};  // as shown
  Marks marks{};

  // `parent_marks` are those of the directory that it is in.
  bool is_whiteout(const Marks& parent_marks) const;
};

// Nothing where there is none.
Result<std::optional<Entry>> entry_of(const Tree& upper, std::string_view path, Namespace space);

}  // namespace fusebox::review
