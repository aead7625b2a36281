#include "audit/record_text.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cmath>

#include "audit/event.h"
#include "fusebox/fault.h"

namespace fusebox::audit {
namespace {

constexpr std::size_t kProcessColumns = 24;

std::string clock_time(double seconds) {
  // Cut, not rounded: 59.9996 s is not yet the next minute.
  const auto milliseconds = static_cast<std::int64_t>(std::floor(seconds * 1000));
  const time_t whole = milliseconds / 1000;
  tm local{};
  ::localtime_r(&whole, &local);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec, milliseconds % 1000);
}

// At most kProcessColumns; where the name is too long for that, its beginning.
std::string process(const Record& record) {
  const std::string_view exe = record.exe;
  std::string name = exe.empty() ? "?" : printable(exe.substr(exe.rfind('/') + 1));
  const std::string number = record.pid == 0 ? "" : fmt::format("[{}]", record.pid);
  const std::size_t room = kProcessColumns - number.size();
  if (name.size() > room) {
    std::size_t end = room - 1;
    while (end > 0 && (name[end] & 0xc0) == 0x80) --end;
    name.replace(end, std::string::npos, "…");
  }
  return name + number;
}

std::string operation(const Record& record) {
  if (record.op != to_string(Op::open)) return printable(record.op);
  const auto has = [&](const char* flag) { return std::ranges::find(record.flags, flag) != record.flags.end(); };
  if (has("O_RDWR")) return "open rw";
  return has("O_WRONLY") || has("O_TRUNC") ? "open w" : "open";
}

}  // namespace

std::string render(const Record& record) {
  const std::string verdict = record.verdict == to_string(Verdict::allow) ? "" : printable(record.verdict);
  std::string line = fmt::format("{}  {:<{}}  {:<11}  {:<7}  {}", clock_time(record.time), process(record),
                                 kProcessColumns, operation(record), verdict, printable(record.path));
  if (!record.to.empty()) line += " → " + printable(record.to);
  if (record.bytes) line += fmt::format("  {} B", *record.bytes);
  if (!record.error.empty()) line += "  " + printable(record.error);
  if (!verdict.empty() && !record.rule.empty()) line += "  " + printable(record.rule);
  if (!record.why.empty()) line += ": " + printable(record.why);
  return line + '\n';
}

}  // namespace fusebox::audit
