#include "fusebox/name.h"

#include <climits>

namespace fusebox {

Result<Name> Name::parse(std::string_view text) {
  if (text.size() > NAME_MAX) return fail(Errno::name_too_long);
  if (text.empty() || text == "." || text == "..") return fail(Errno::invalid);
  if (text.find_first_of(std::string_view("/\0", 2)) != std::string_view::npos) return fail(Errno::invalid);
  return Name(text);
}

}  // namespace fusebox
