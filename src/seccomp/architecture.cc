#include "seccomp/architecture.h"

#include <seccomp.h>

#include <array>

namespace fusebox::seccomp {
namespace {

// The second column is what the Go binding of libseccomp calls them, which Docker's profiles follow.
constexpr std::array kArchitectures = {
    Architecture{"SCMP_ARCH_X86_64", "amd64", SCMP_ARCH_X86_64},
    Architecture{"SCMP_ARCH_X86", "x86", SCMP_ARCH_X86},
    Architecture{"SCMP_ARCH_X32", "x32", SCMP_ARCH_X32},
    Architecture{"SCMP_ARCH_AARCH64", "arm64", SCMP_ARCH_AARCH64},
    Architecture{"SCMP_ARCH_ARM", "arm", SCMP_ARCH_ARM},
    Architecture{"SCMP_ARCH_MIPS", "mips", SCMP_ARCH_MIPS},
    Architecture{"SCMP_ARCH_MIPS64", "mips64", SCMP_ARCH_MIPS64},
    Architecture{"SCMP_ARCH_MIPS64N32", "mips64n32", SCMP_ARCH_MIPS64N32},
    Architecture{"SCMP_ARCH_MIPSEL", "mipsel", SCMP_ARCH_MIPSEL},
    Architecture{"SCMP_ARCH_MIPSEL64", "mipsel64", SCMP_ARCH_MIPSEL64},
    Architecture{"SCMP_ARCH_MIPSEL64N32", "mipsel64n32", SCMP_ARCH_MIPSEL64N32},
    Architecture{"SCMP_ARCH_PARISC", "parisc", SCMP_ARCH_PARISC},
    Architecture{"SCMP_ARCH_PARISC64", "parisc64", SCMP_ARCH_PARISC64},
    Architecture{"SCMP_ARCH_PPC", "ppc", SCMP_ARCH_PPC},
    Architecture{"SCMP_ARCH_PPC64", "ppc64", SCMP_ARCH_PPC64},
    Architecture{"SCMP_ARCH_PPC64LE", "ppc64le", SCMP_ARCH_PPC64LE},
    Architecture{"SCMP_ARCH_RISCV64", "riscv64", SCMP_ARCH_RISCV64},
    Architecture{"SCMP_ARCH_S390", "s390", SCMP_ARCH_S390},
    Architecture{"SCMP_ARCH_S390X", "s390x", SCMP_ARCH_S390X},
};

constexpr Architecture kUnnamed = {"SCMP_ARCH_NATIVE", "", SCMP_ARCH_NATIVE};

}  // namespace

const Architecture& native_architecture() {
  const std::uint32_t native = seccomp_arch_native();
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.token == native) return architecture;
  }
  return kUnnamed;
}

std::optional<Architecture> architecture_of(std::string_view oci) {
  if (oci == kUnnamed.oci) return kUnnamed;
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.oci == oci) return architecture;
  }
  return std::nullopt;
}

}  // namespace fusebox::seccomp
