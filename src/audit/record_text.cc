#include "audit/record_text.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cmath>

#include "audit/event.h"
#include "base/fault.h"

namespace fusebox::audit {
namespace {

std::string clock_time(double seconds) {
  // Cut, not rounded: 59.9996 s is not yet the next minute.
  const auto milliseconds = static_cast<std::int64_t>(std::floor(seconds * 1000));
  const time_t whole = milliseconds / 1000;
  tm local{};
  ::localtime_r(&whole, &local);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec, milliseconds % 1000);
}

std::string process(const Record& record) {
  const std::string_view exe = record.exe;
  const std::string name = exe.empty() ? "?" : printable(exe.substr(exe.rfind('/') + 1));
  return record.pid == 0 ? name : fmt::format("{}[{}]", name, record.pid);
}

std::string operation(const Record& record) {
  if (record.op != to_string(Op::open)) return printable(record.op);
  const auto has = [&](const char* flag) { return std::ranges::find(record.flags, flag) != record.flags.end(); };
  if (has("O_RDWR")) return "open rw";
  return has("O_WRONLY") || has("O_TRUNC") ? "open w" : "open";
}

}  // namespace

std::string render(const Record& record) {
  const std::string verdict = record.verdict == to_string(Outcome::allow) ? "" : printable(record.verdict);
  std::string line = fmt::format("{}  {:<20}  {:<11}  {:<7}  {}", clock_time(record.time), process(record),
                                 operation(record), verdict, printable(record.path));
  if (!record.to.empty()) line += " → " + printable(record.to);
  if (record.bytes) line += fmt::format("  {} B", *record.bytes);
  if (!record.error.empty()) line += "  " + printable(record.error);
  if (!verdict.empty() && !record.rule.empty()) line += "  " + printable(record.rule);
  return line + '\n';
}

}  // namespace fusebox::audit
