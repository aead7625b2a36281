// Any bytes as a seccomp profile: read, checked, written, built.  Nothing may crash, and what is written is read as the
// same profile again.
#include <cstdlib>

#include "seccomp/check.h"
#include "seccomp/filter.h"
#include "seccomp/oci_read.h"
#include "seccomp/oci_write.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace fusebox::seccomp;
  const Circumstances circumstances{.capabilities = {"CAP_CHOWN"}, .architecture = "amd64", .kernel = {5, 10}};
  const auto read = read_oci({reinterpret_cast<const char*>(data), size}, "fuzz.json", circumstances);
  if (!read) return 0;
  const std::string written = write_oci(read->profile);
  const auto again = read_oci(written, "again.json", circumstances);
  if (!again || again->profile != tidied(read->profile)) std::abort();
  if (!check(read->profile, "fuzz.json")) return 0;
  if (const auto context = build(read->profile)) (void)compile(*context);
  return 0;
}
