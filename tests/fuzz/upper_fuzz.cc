// Any bytes as what the files of a box say of themselves: its marks, its origin, its description.
#include <cstdlib>
#include <string>
#include <string_view>

#include "review/box_place.h"
#include "review/marks.h"
#include "review/origin.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace fusebox::review;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto origin = parse_origin(text)) {
    const std::string written = to_text(*origin);
    const auto again = parse_origin(written);
    if (!again || to_text(*again) != written) std::abort();
  }
  const bool is_good = is_good_redirect(text);
  if (is_good && (text.find("/../") != std::string_view::npos || text.ends_with("/"))) std::abort();
  (void)parse_description(text);
  for (const Namespace space : {Namespace::trusted, Namespace::user}) {
    const std::string name = (space == Namespace::user ? "user." : "trusted.") + std::string(text);
    const Xattrs xattrs = {{name, std::string(text)},
                           {opaque_name(space), std::string(text)},
                           {applying_name(space), std::string(text)},
                           {moving_name(space), std::string(text)},
                           {origin_name(space), std::string(text)}};
    (void)marks_of(xattrs, space);
    for (const auto& [shown, value] : shown_xattrs(xattrs, space)) {
      if (shown == opaque_name(space) && !name.ends_with("overlay.opaque")) std::abort();
    }
  }
  return 0;
}
