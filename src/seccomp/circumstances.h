// What decides which of a Docker profile's rules hold: capabilities, architecture, kernel.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fusebox/fault.h"

namespace fusebox::seccomp {

struct KernelVersion {
  unsigned major = 0;
  unsigned minor = 0;

  auto operator<=>(const KernelVersion&) const = default;
};

// "4.8", "6.1.0-13-amd64": two numbers, and whatever follows them after a dot, a dash or nothing.
std::optional<KernelVersion> parse_kernel_version(std::string_view text);

KernelVersion running_kernel();

// "CAP_CHOWN" and so on, in the kernel's order, of a mask as in capget(2); bits without a name are left out.
std::vector<std::string> capability_names(std::uint64_t mask);

// Of names with commas between them.
Outcome<std::uint64_t> capability_mask(std::string_view names);

bool is_capability_name(std::string_view name);

struct Circumstances {
  std::vector<std::string> capabilities;  // by name
  std::string architecture;               // "amd64"
  KernelVersion kernel;
};

// This machine, for somebody with the capabilities of `mask`.
Circumstances circumstances_here(std::uint64_t mask);

}  // namespace fusebox::seccomp
