// A tar file as container tools read one layer of an image (review layer).
//
// In the order of the calls; nothing of the machine gets in but what is handed in: no times of access or change, no
// names of users, no inode numbers.  Format: POSIX pax, extended attributes as SCHILY.xattr.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "fusebox/fault.h"
#include "review/tree.h"
#include "review/xattrs.h"

struct archive;

namespace fusebox::review {

class LayerTar {
 public:
  // Writes to `fd`, which outlives this and need not be a file.
  static Outcome<LayerTar> create(int fd);

  // The file `path` of `tree`, under the name `name`; another name of one that is there becomes a hard link.
  Outcome<> add(const Tree& tree, std::string_view path, const Status& status, const Xattrs& xattrs,
                const std::string& name);

  // An empty file: the mark of a removal, or of an opaque directory.
  Outcome<> add_mark(const std::string& name);

  // Nothing is whole before this.
  Outcome<> close();

 private:
  // Where the bytes go; its address is libarchive's.
  struct Output {
    int fd;  // -1: nowhere
  };
  struct Free {
    void operator()(archive* tar) const;
    Output* output = nullptr;
  };

  explicit LayerTar(int fd);

  Outcome<> add_data(const Tree& tree, std::string_view path, std::uint64_t size);
  Fault fault(const std::string& name) const;

  std::unique_ptr<Output> output_;
  std::unique_ptr<archive, Free> tar_;  // goes first
  std::map<std::pair<dev_t, std::uint64_t>, std::string> first_names_;
};

}  // namespace fusebox::review
