// A tar file as container tools read one layer of an image (review layer).
//
// In the order of the calls; nothing of the machine gets in but what is handed in: no times of access or change, no
// names of users, no inode numbers.  Format: POSIX pax, extended attributes as SCHILY.xattr.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "fusebox/fault.h"
#include "review/pax_header.h"
#include "review/tree.h"
#include "review/xattrs.h"

namespace fusebox::review {

class LayerTar {
 public:
  // Writes to `fd`, which outlives this and need not be a file.
  explicit LayerTar(int fd) : fd_(fd) {}

  // The file `path` of `tree`, under the name `name`; another name of one that is there becomes a hard link.
  Outcome<> add(const Tree& tree, std::string_view path, const Status& status, const Xattrs& xattrs,
                const std::string& name);

  // An empty file: the mark of a removal, or of an opaque directory.
  Outcome<> add_mark(const std::string& name);

  // Nothing is whole before this.
  Outcome<> close();

 private:
  Outcome<> add_data(const Tree& tree, std::string_view path, std::uint64_t size);
  Outcome<> write(std::string_view bytes, std::string_view name) const;

  int fd_;
  std::map<std::pair<dev_t, std::uint64_t>, std::string> first_names_;
};

}  // namespace fusebox::review
