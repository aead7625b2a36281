// Texts that are files of the source tree and part of the program: profiles, and what of our Ruby library is in Ruby.
//
//   constexpr char kProcess[] = {
//   #embed "prelude/process.rb"
//   };
//   constexpr EmbeddedText kText = embedded("fusebox:process.rb", kProcess);
#pragma once

#include <cstddef>
#include <string_view>

// #embed is C23; clang 19 takes it in C++ too and lists the files as dependencies.  For all of whoever includes this.
#pragma clang diagnostic ignored "-Wc23-extensions"

namespace fusebox {

struct EmbeddedText {
  std::string_view name;  // a profile's, or a Ruby file's as backtraces show it: "fusebox:process.rb"
  std::string_view text;
};

// All of the bytes: there is no NUL at their end.
template <std::size_t length>
constexpr EmbeddedText embedded(std::string_view name, const char (&bytes)[length]) {
  return {name, {bytes, length}};
}

}  // namespace fusebox
