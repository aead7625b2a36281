#include "seccomp/filter.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "fusebox/fd.h"
#include "seccomp/architecture.h"
#include "seccomp/oci_write.h"
#include "seccomp/words.h"

namespace fusebox::seccomp {
namespace {

constexpr const char* kBuild = "build the system call filter";

Fault no_memory() { return fault_of_libseccomp(kBuild, -ENOMEM); }

int add_architectures(const Profile& profile, const Context& context) {
  for (const std::string& word : profile.architectures) {
    const auto architecture = architecture_of(word);
    if (!architecture) continue;
    const int code = seccomp_arch_add(context.get(), architecture->token);
    if (code != 0 && code != -EEXIST) return code;
  }
  return 0;
}

int set_attributes(const Profile& profile, const Context& context) {
  constexpr std::array<std::pair<const char*, scmp_filter_attr>, 3> kAttributes = {
      {{"SECCOMP_FILTER_FLAG_TSYNC", SCMP_FLTATR_CTL_TSYNC},
       {"SECCOMP_FILTER_FLAG_LOG", SCMP_FLTATR_CTL_LOG},
       {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SCMP_FLTATR_CTL_SSB}}};
  // Says what the kernel said where it refuses the filter, instead of ECANCELED for all.
  if (const int code = seccomp_attr_set(context.get(), SCMP_FLTATR_API_SYSRAWRC, 1); code != 0) return code;
  for (const auto& [word, attribute] : kAttributes) {
    if (std::ranges::find(profile.flags, word) == profile.flags.end()) continue;
    if (const int code = seccomp_attr_set(context.get(), attribute, 1); code != 0) return code;
  }
  return 0;
}

std::vector<scmp_arg_cmp> comparisons_of(const Rule& rule) {
  std::vector<scmp_arg_cmp> comparisons;
  comparisons.reserve(rule.conditions.size());
  for (const Condition& condition : rule.conditions) {
    comparisons.push_back({.arg = condition.argument,
                           .op = number_of(condition.comparison),
                           .datum_a = condition.value,
                           .datum_b = condition.value_two});
  }
  return comparisons;
}

// Each takes about five instructions, and libseccomp the cube of their number in time: 1000 are 4 seconds.
constexpr std::size_t kMostConditionalRules = 800;

Outcome<> check_size(const Profile& profile) {
  std::size_t conditional = 0;
  for (const Rule& rule : profile.rules) conditional += rule.conditions.empty() ? 0 : rule.names.size();
  if (conditional <= kMostConditionalRules) return {};
  return std::unexpected(Fault{.what = kBuild,
                               .why = "more than 800 calls with conditions, and the kernel takes 4096 instructions",
                               .remedy = "write fewer rules with conditions",
                               .code = ExitCode::usage});
}

Outcome<> add_rule(const Rule& rule, const Context& context) {
  const auto comparisons = comparisons_of(rule);
  for (const std::string& name : rule.names) {
    const auto call = call_number(name);
    if (!call) continue;
    const int code = seccomp_rule_add_array(context.get(), number_of(rule.action), *call,
                                            static_cast<unsigned>(comparisons.size()), comparisons.data());
    if (code == 0 || code == -EEXIST) continue;
    Fault fault = fault_of_libseccomp("rule " + text_of(rule.action) + " for " + name, code);
    fault.code = ExitCode::usage;
    return std::unexpected(fault);
  }
  return {};
}

// What an export function of libseccomp writes to a descriptor.
Outcome<std::string> exported(const Context& context, int (*export_to)(const scmp_filter_ctx, int)) {
  const Fd memory(memfd_create("filter", MFD_CLOEXEC));
  if (!memory) return std::unexpected(fault_with_errno(kBuild));
  if (const int code = export_to(context.get(), memory.get()); code != 0) {
    return std::unexpected(fault_of_libseccomp(kBuild, code));
  }
  struct stat status{};
  if (fstat(memory.get(), &status) != 0) return std::unexpected(fault_with_errno(kBuild));
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  if (pread(memory.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return std::unexpected(fault_with_errno(kBuild));
  }
  return bytes;
}

}  // namespace

Fault fault_of_libseccomp(std::string what, int code) {
  return Fault{.what = std::move(what), .why = std::strerror(-code), .remedy = {}};
}

Outcome<Context> build(const Profile& untidy) {
  const Profile profile = tidied(untidy);
  if (auto fits = check_size(profile); !fits) return std::unexpected(fits.error());
  Context context(seccomp_init(number_of(profile.default_action)));
  if (!context) return std::unexpected(no_memory());
  if (const int code = add_architectures(profile, context); code != 0) {
    return std::unexpected(fault_of_libseccomp("the profile's architectures", code));
  }
  if (const int code = set_attributes(profile, context); code != 0) {
    return std::unexpected(fault_of_libseccomp("the profile's flags", code));
  }
  for (const Rule& rule : profile.rules) {
    if (rule.action == profile.default_action) continue;
    if (auto added = add_rule(rule, context); !added) return std::unexpected(added.error());
  }
  return context;
}

Outcome<Program> compile(const Context& context) {
  const auto bytes = exported(context, seccomp_export_bpf);
  if (!bytes) return std::unexpected(bytes.error());
  Program program(bytes->size() / sizeof(sock_filter));
  std::memcpy(program.data(), bytes->data(), program.size() * sizeof(sock_filter));
  if (program.size() > BPF_MAXINSNS) {
    return std::unexpected(Fault{.what = kBuild,
                                 .why = std::to_string(program.size()) + " instructions, and the kernel takes 4096",
                                 .remedy = "write fewer rules with conditions"});
  }
  return program;
}

Outcome<std::string> pseudo_code(const Context& context) { return exported(context, seccomp_export_pfc); }

}  // namespace fusebox::seccomp
