#include "seccomp/words.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <cstring>

namespace fusebox::seccomp {
namespace {

constexpr std::uint16_t kMaxErrno = 4095;  // linux/err.h; the kernel makes more of a larger one than anybody means
constexpr std::uint16_t kMaxDatum = 0xffff;
constexpr std::uint32_t kDataMask = 0xffff;

struct ActionWord {
  ActionKind kind;
  std::string_view oci;
  std::string_view plain;
  std::uint32_t number;
};

constexpr std::array<ActionWord, 8> kActions = {{
    {ActionKind::kill_process, "SCMP_ACT_KILL_PROCESS", "kill_process", SCMP_ACT_KILL_PROCESS},
    {ActionKind::kill_thread, "SCMP_ACT_KILL_THREAD", "kill", SCMP_ACT_KILL_THREAD},
    {ActionKind::trap, "SCMP_ACT_TRAP", "trap", SCMP_ACT_TRAP},
    {ActionKind::error, "SCMP_ACT_ERRNO", "errno", SCMP_ACT_ERRNO(0U)},
    {ActionKind::notify, "SCMP_ACT_NOTIFY", "notify", SCMP_ACT_NOTIFY},
    {ActionKind::trace, "SCMP_ACT_TRACE", "trace", SCMP_ACT_TRACE(0U)},
    {ActionKind::log, "SCMP_ACT_LOG", "log", SCMP_ACT_LOG},
    {ActionKind::allow, "SCMP_ACT_ALLOW", "allow", SCMP_ACT_ALLOW},
}};

struct ComparisonWord {
  Comparison comparison;
  std::string_view oci;
  scmp_compare number;
};

constexpr std::array<ComparisonWord, 7> kComparisons = {{
    {Comparison::ne, "SCMP_CMP_NE", SCMP_CMP_NE},
    {Comparison::lt, "SCMP_CMP_LT", SCMP_CMP_LT},
    {Comparison::le, "SCMP_CMP_LE", SCMP_CMP_LE},
    {Comparison::eq, "SCMP_CMP_EQ", SCMP_CMP_EQ},
    {Comparison::ge, "SCMP_CMP_GE", SCMP_CMP_GE},
    {Comparison::gt, "SCMP_CMP_GT", SCMP_CMP_GT},
    {Comparison::masked_eq, "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
}};

// Both tables are in the order of their enumerations.
const ActionWord& words_of(ActionKind kind) { return kActions.at(static_cast<std::size_t>(kind)); }
const ComparisonWord& words_of(Comparison comparison) { return kComparisons.at(static_cast<std::size_t>(comparison)); }

}  // namespace

std::string_view oci_word(ActionKind kind) { return words_of(kind).oci; }
std::string_view oci_word(Comparison comparison) { return words_of(comparison).oci; }

std::optional<ActionKind> action_kind_of(std::string_view oci_word) {
  if (oci_word == "SCMP_ACT_KILL") return ActionKind::kill_thread;  // the older word
  for (const ActionWord& words : kActions) {
    if (words.oci == oci_word) return words.kind;
  }
  return std::nullopt;
}

std::optional<Comparison> comparison_of(std::string_view oci_word) {
  for (const ComparisonWord& words : kComparisons) {
    if (words.oci == oci_word) return words.comparison;
  }
  return std::nullopt;
}

std::uint16_t largest_datum(ActionKind kind) { return kind == ActionKind::error ? kMaxErrno : kMaxDatum; }

std::string text_of(const Action& action) {
  const std::string_view word = words_of(action.kind).plain;
  if (action.kind == ActionKind::error) {
    return fmt::format("{} {} ({})", word, action.datum, std::strerror(action.datum));
  }
  if (action.kind == ActionKind::trace) return fmt::format("{} {}", word, action.datum);
  return std::string(word);
}

std::uint32_t number_of(const Action& action) { return words_of(action.kind).number | action.datum; }

std::optional<Action> action_of(std::uint32_t number) {
  const auto datum = static_cast<std::uint16_t>(number & kDataMask);
  for (const ActionWord& words : kActions) {
    if (words.number == number) return Action{.kind = words.kind};
    if (!takes_datum(words.kind) || words.number != (number & ~kDataMask)) continue;
    if (datum > largest_datum(words.kind)) return std::nullopt;
    return Action{.kind = words.kind, .datum = datum};
  }
  return std::nullopt;
}

scmp_compare number_of(Comparison comparison) { return words_of(comparison).number; }

std::optional<int> call_number(const std::string& name) {
  const int number = seccomp_syscall_resolve_name(name.c_str());
  if (number == __NR_SCMP_ERROR || name.find('\0') != std::string::npos) return std::nullopt;
  return number;
}

std::optional<std::string> call_name(int number) {
  char* const name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number);
  if (name == nullptr) return std::nullopt;
  std::string text = name;
  std::free(name);
  return text;
}

std::string libseccomp_version() {
  const scmp_version* version = seccomp_version();
  return fmt::format("libseccomp {}.{}.{}", version->major, version->minor, version->micro);
}

}  // namespace fusebox::seccomp
