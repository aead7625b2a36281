// Where bytes are UTF-8 and where they are not.
#pragma once

#include <cstddef>
#include <string_view>

namespace fusebox {

// Length of the valid UTF-8 sequence at the head of `bytes` (not empty), 0 if there is none (RFC 3629, section 4).
std::size_t utf8_length(std::string_view bytes);

bool is_utf8(std::string_view bytes);

}  // namespace fusebox
