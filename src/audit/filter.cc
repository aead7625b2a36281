#include "audit/filter.h"

#include <fnmatch.h>

#include <algorithm>

#include "audit/event.h"

namespace fusebox::audit {
namespace {

bool is_change(const Record& record) {
  const auto op = parse_op(record.op);
  if (!op) return false;
  if (op == Op::write) return true;
  if (op == Op::open) {
    return std::ranges::any_of(record.flags, [](const std::string& flag) {
      return flag == "O_WRONLY" || flag == "O_RDWR" || flag == "O_TRUNC";
    });
  }
  switch (kind_of(*op, 0)) {
    case Kind::write:
    case Kind::create:
    case Kind::remove:
    case Kind::attributes:
      return true;
    case Kind::look:
    case Kind::read:
    case Kind::transfer:
      return false;
  }
  return false;
}

bool matches_path(const std::string& pattern, const std::string& path) {
  return !path.empty() && (::fnmatch(pattern.c_str(), path.c_str(), 0) == 0 ||
                           ::fnmatch((pattern + "/*").c_str(), path.c_str(), 0) == 0);
}

bool matches_process(const std::string& name, std::string_view exe) {
  // The kernel's mark of a program that was removed while it ran.
  static constexpr std::string_view kDeleted = " (deleted)";
  if (exe.ends_with(kDeleted)) exe.remove_suffix(kDeleted.size());
  return exe == name || exe.substr(exe.rfind('/') + 1) == name;
}

}  // namespace

bool Filter::matches(const Record& record) const {
  if (denied && record.verdict != to_string(Verdict::deny)) return false;
  if (written && (!is_change(record) || (!denied && !record.error.empty()))) return false;
  if (!path.empty() && !matches_path(path, record.path) && !matches_path(path, record.to)) return false;
  return process.empty() || matches_process(process, record.exe);
}

}  // namespace fusebox::audit
