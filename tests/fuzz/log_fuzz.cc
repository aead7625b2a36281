// Any bytes as a line of a log: read, filtered, shown to people.  Nothing may crash, and nothing that is shown may
// command the terminal.
#include <cstdlib>

#include "audit/filter.h"
#include "audit/record.h"
#include "audit/record_text.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace fusebox::audit;
  const auto record = parse_line({reinterpret_cast<const char*>(data), size});
  if (!record) return 0;
  const Filter filter{.denied = false, .written = true, .path = "/e*", .process = "sh"};
  filter.matches(*record);
  const std::string text = render(*record);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_end = byte == '\n' && i + 1 == text.size();
    if ((byte < 0x20 && !is_end) || byte == 0x7f) std::abort();
  }
  return 0;
}
