// Changes of a box's upper layer that keep what the box shows, or take out what the host has by now (review layer).
//
// None makes a program in the box see anything else, however it is interrupted, but for drop().
#pragma once

#include <string>
#include <string_view>

#include "review/layers.h"

namespace fusebox::review {

class UpperWriter {
 public:
  // `work`: scratch on the file system of the upper layer; lives longer.
  UpperWriter(const Layers& layers, const Tree& work) : layers_(layers), work_(work) {}

  // An opaque directory becomes one that is merged with the host's at `host_path`, with a whiteout for each name that
  // it hid. Durable on return.
  Outcome<> merge(const Directory& directory, std::string_view host_path) const;

  // A renamed directory becomes one that needs the old one no more: what it showed of the host is copied into it.
  // Durable on return.
  Outcome<> fill(const Directory& directory, const Progress& progress) const;

  // Takes a file, a whiteout or an empty directory out; no error where it is not there.
  Result<> drop(std::string_view path, bool is_directory) const;

  Result<> set_mark(std::string_view path, const std::string& name, const std::string& value) const;
  Result<> remove_mark(std::string_view path, const std::string& name) const;

  const Tree& work() const { return work_; }

 private:
  Outcome<> hide_again(const Directory& directory, std::string_view host_path, const std::string& name,
                       bool is_there) const;

  const Layers& layers_;
  const Tree& work_;
};

}  // namespace fusebox::review
