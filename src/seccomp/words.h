// The words that OCI profiles, libseccomp and people have for actions, comparisons and calls.
#pragma once

#include <seccomp.h>

#include <optional>
#include <string>
#include <string_view>

#include "seccomp/profile.h"

namespace fusebox::seccomp {

std::string_view oci_word(ActionKind kind);  // "SCMP_ACT_ERRNO"
std::string_view oci_word(Comparison comparison);

std::optional<ActionKind> action_kind_of(std::string_view oci_word);
std::optional<Comparison> comparison_of(std::string_view oci_word);

constexpr bool takes_datum(ActionKind kind) { return kind == ActionKind::error || kind == ActionKind::trace; }
std::uint16_t largest_datum(ActionKind kind);

// For people: "allow", "errno 16 (Device or resource busy)".
std::string text_of(const Action& action);

// As libseccomp has them.
std::uint32_t number_of(const Action& action);
std::optional<Action> action_of(std::uint32_t number);
scmp_compare number_of(Comparison comparison);

// The number of a call here; below -1 where only other architectures have it. Nothing: libseccomp knows no such call.
std::optional<int> call_number(const std::string& name);
std::optional<std::string> call_name(int number);

// "libseccomp 2.5.4"
std::string libseccomp_version();

}  // namespace fusebox::seccomp
