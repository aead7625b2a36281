// Changes of the host, one file at a time, each of which is there whole or not at all (review layer).
//
// What is new is made under a temporary name in the directory where it belongs and renamed from there, so that neither
// a kill nor a loss of power leaves half a file under its name.  The temporary name follows from a word that nobody
// else knows and the inode number of the box's file: who comes back after a kill finds it and takes it away.
#pragma once

#include <string>
#include <string_view>

#include "review/layers.h"

namespace fusebox::review {

class HostWriter {
 public:
  HostWriter(const Layers& layers, std::string word) : layers_(layers), word_(std::move(word)) {}

  // Takes away what was left of an interrupted change of `path` by the box's file of this inode number.
  Result<> clear(std::string_view path, std::uint64_t inode) const;

  // Makes the host's `path` what the box has there, in place of whatever it is; a directory comes without its entries.
  Result<> put(std::string_view path, const Entry& entry) const;

  // Makes it another name of the host's `existing`.
  Result<> link(std::string_view path, const Entry& entry, std::string_view existing) const;

  // A directory with all below it disappears at once.
  Result<> remove(std::string_view path, std::uint64_t inode) const;

  // Makes the names in the host's directory durable.
  Result<> sync(std::string_view directory) const;

 private:
  struct Place {
    Fd parent;
    std::string name;
    std::string temporary;
  };

  Result<Place> place_of(std::string_view path, std::uint64_t inode) const;
  static Result<> install(const Place& place, bool is_directory);

  const Layers& layers_;
  std::string word_;
};

}  // namespace fusebox::review
