// Architectures as profiles name them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fusebox::seccomp {

struct Architecture {
  std::string_view oci;     // "SCMP_ARCH_X86_64"
  std::string_view docker;  // "amd64", as in `includes` and `excludes`
  std::uint32_t token;      // libseccomp's
};

const Architecture& native_architecture();

// Nothing: not one that this libseccomp can make a filter for.
std::optional<Architecture> architecture_of(std::string_view oci);

}  // namespace fusebox::seccomp
