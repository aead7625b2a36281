#include "seccomp/circumstances.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "seccomp/architecture.h"

namespace fusebox::seccomp {
namespace {

// capabilities(7), by number.
constexpr std::array<std::string_view, 41> kCapabilities = {"CAP_CHOWN",
                                                            "CAP_DAC_OVERRIDE",
                                                            "CAP_DAC_READ_SEARCH",
                                                            "CAP_FOWNER",
                                                            "CAP_FSETID",
                                                            "CAP_KILL",
                                                            "CAP_SETGID",
                                                            "CAP_SETUID",
                                                            "CAP_SETPCAP",
                                                            "CAP_LINUX_IMMUTABLE",
                                                            "CAP_NET_BIND_SERVICE",
                                                            "CAP_NET_BROADCAST",
                                                            "CAP_NET_ADMIN",
                                                            "CAP_NET_RAW",
                                                            "CAP_IPC_LOCK",
                                                            "CAP_IPC_OWNER",
                                                            "CAP_SYS_MODULE",
                                                            "CAP_SYS_RAWIO",
                                                            "CAP_SYS_CHROOT",
                                                            "CAP_SYS_PTRACE",
                                                            "CAP_SYS_PACCT",
                                                            "CAP_SYS_ADMIN",
                                                            "CAP_SYS_BOOT",
                                                            "CAP_SYS_NICE",
                                                            "CAP_SYS_RESOURCE",
                                                            "CAP_SYS_TIME",
                                                            "CAP_SYS_TTY_CONFIG",
                                                            "CAP_MKNOD",
                                                            "CAP_LEASE",
                                                            "CAP_AUDIT_WRITE",
                                                            "CAP_AUDIT_CONTROL",
                                                            "CAP_SETFCAP",
                                                            "CAP_MAC_OVERRIDE",
                                                            "CAP_MAC_ADMIN",
                                                            "CAP_SYSLOG",
                                                            "CAP_WAKE_ALARM",
                                                            "CAP_BLOCK_SUSPEND",
                                                            "CAP_AUDIT_READ",
                                                            "CAP_PERFMON",
                                                            "CAP_BPF",
                                                            "CAP_CHECKPOINT_RESTORE"};

// Takes a number off the front of `text`.
bool take_number(std::string_view& text, unsigned& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

std::optional<KernelVersion> parse_kernel_version(std::string_view text) {
  KernelVersion version;
  if (!take_number(text, version.major) || !text.starts_with('.')) return std::nullopt;
  text.remove_prefix(1);
  if (!take_number(text, version.minor)) return std::nullopt;
  if (!text.empty() && text[0] != '.' && text[0] != '-') return std::nullopt;
  return version;
}

KernelVersion running_kernel() {
  utsname names{};
  if (uname(&names) != 0) return {};
  return parse_kernel_version(names.release).value_or(KernelVersion{});
}

std::vector<std::string> capability_names(std::uint64_t mask) {
  std::vector<std::string> names;
  for (std::size_t number = 0; number < kCapabilities.size(); ++number) {
    if ((mask >> number & 1) != 0) names.emplace_back(kCapabilities[number]);
  }
  return names;
}

Outcome<std::uint64_t> capability_mask(std::string_view names) {
  std::uint64_t mask = 0;
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    const auto found = std::ranges::find(kCapabilities, name);
    if (found == kCapabilities.end()) {
      return std::unexpected(Fault{.what = "unknown capability '" + std::string(name) + "'",
                                   .why = {},
                                   .remedy = "such as CAP_SYS_ADMIN",
                                   .code = ExitCode::usage});
    }
    mask |= std::uint64_t{1} << (found - kCapabilities.begin());
  }
  return mask;
}

bool is_capability_name(std::string_view name) { return std::ranges::find(kCapabilities, name) != kCapabilities.end(); }

Circumstances circumstances_here(std::uint64_t mask) {
  return {.capabilities = capability_names(mask),
          .architecture = std::string(native_architecture().docker),
          .kernel = running_kernel()};
}

}  // namespace fusebox::seccomp
