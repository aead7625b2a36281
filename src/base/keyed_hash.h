// A hash of bytes that nobody outside can predict: for tables whose keys a hostile program chooses.
#pragma once

#include <cstdint>
#include <string_view>

namespace fusebox {

// SipHash-1-3 (Aumasson and Bernstein, 2012) under a key that is drawn once per process.  Any thread.
std::uint64_t keyed_hash(std::string_view bytes);

}  // namespace fusebox
