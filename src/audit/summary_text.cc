#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>
#include <tuple>

#include "audit/directories.h"
#include "audit/summary.h"
#include "fusebox/fault.h"

namespace fusebox::audit {
namespace {

constexpr std::size_t kScreen = 40;       // lines
constexpr std::size_t kMostDenied = 10;   // lines of single denied paths
constexpr std::size_t kMostNotDone = 8;   // lines of single events
constexpr std::size_t kMostGroups = 12;   // lines of one section
constexpr std::size_t kMostDoers = 3;     // names behind a directory
constexpr std::size_t kWidestPlace = 60;  // columns

struct Style {
  std::string_view heading;
  std::string_view alarm;
  std::string_view faint;
  std::string_view end;
};
constexpr Style kPlain{};
constexpr Style kColoured{.heading = "\033[1m", .alarm = "\033[1;31m", .faint = "\033[2m", .end = "\033[0m"};

struct Section {
  explicit Section(std::string_view name) : title(name) {}

  std::string_view title;
  std::vector<Member> members;
  std::uint64_t directories = 0;
  std::size_t lines = 0;  // that it may have
};

std::string with_separators(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string amount(std::uint64_t number, std::string_view one, std::string_view many) {
  return with_separators(number) + " " + std::string(number == 1 ? one : many);
}

std::size_t columns(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(utf8, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string padded(std::string text, std::size_t width) {
  text.append(width - std::min(columns(text), width), ' ');
  return text;
}

// Printable, and cut in the front where it is too long: the end of a path says more.
std::string shortened(std::string_view path, std::size_t width) {
  std::string text = printable(path);
  if (columns(text) <= width) return text;
  std::size_t begin = 0;
  for (std::size_t over = columns(text) - width + 1; over > 0; --over) {
    ++begin;
    while (begin < text.size() && (text[begin] & 0xc0) == 0x80) ++begin;
  }
  return "…" + text.substr(begin);
}

std::string base_name(std::string_view path) {
  return path.empty() ? "?" : printable(path.substr(path.rfind('/') + 1));
}

// "cc1, as and 4 more", those with most first.
std::string doers(const Doers& by) {
  Doers names;
  for (const auto& [exe, count] : by) names[base_name(exe)] += count;
  std::vector<std::pair<std::uint64_t, std::string_view>> sorted;
  for (const auto& [name, count] : names) sorted.emplace_back(count, name);
  std::ranges::sort(
      sorted, [](const auto& a, const auto& b) { return std::tie(b.first, a.second) < std::tie(a.first, b.second); });
  std::string text;
  for (std::size_t i = 0; i < std::min(sorted.size(), kMostDoers); ++i) {
    if (i > 0) text += ", ";
    text += sorted[i].second;
  }
  if (sorted.size() > kMostDoers) text += fmt::format(" and {} more", sorted.size() - kMostDoers);
  return text;
}

class Text {
 public:
  Text(const Summary& summary, bool colour) : summary_(summary), style_(colour ? kColoured : kPlain) {}

  std::string render() {
    collect();
    add_totals();
    add_denied();
    add_not_done();
    share_lines();
    for (const Section& section : sections_) add_section(section);
    return std::move(text_);
  }

 private:
  enum { kRead, kWritten, kCreated, kDeleted, kMissing };

  void collect();
  void put(std::size_t section, const std::string& path, const Touched& touched);
  void add_totals();
  void add_denied();
  void add_not_done();
  void share_lines();
  void add_section(const Section& section);
  void add_line(const std::string& line) {
    text_ += line;
    text_ += '\n';
    ++lines_;
  }

  const Summary& summary_;
  const Style& style_;
  std::array<Section, 5> sections_{Section("Read"), Section("Written"), Section("Created"), Section("Deleted"),
                                   Section("Missing")};
  std::uint64_t scratch_ = 0;
  std::uint64_t hidden_ = 0;
  std::uint64_t predicted_ = 0;
  std::string text_;
  std::size_t lines_ = 0;
};

void Text::put(std::size_t section, const std::string& path, const Touched& touched) {
  sections_[section].members.push_back({.path = path, .by = touched.first_by});
  if (touched.is_directory) ++sections_[section].directories;
}

void Text::collect() {
  for (const auto& [path, touched] : summary_.paths) {
    hidden_ += touched.hidden ? 1 : 0;
    predicted_ += touched.predicted ? 1 : 0;
    if (touched.created && touched.deleted) {
      ++scratch_;
    } else if (touched.created) {
      put(kCreated, path, touched);
    } else {
      if (touched.read) put(kRead, path, touched);
      if (touched.deleted) {
        put(kDeleted, path, touched);
      } else if (touched.written || touched.attributes) {
        put(kWritten, path, touched);
      }
      if (touched.missing) put(kMissing, path, touched);
    }
  }
}

void Text::add_totals() {
  std::string totals = fmt::format("{}fusebox:{} {}", style_.heading, style_.end,
                                   amount(summary_.events, "access recorded", "accesses recorded"));
  const auto add = [&](std::uint64_t count, std::string_view what) {
    if (count != 0) totals += fmt::format(", {} {}", with_separators(count), what);
  };
  add(scratch_, scratch_ == 1 ? "scratch file" : "scratch files");
  add(hidden_, "hidden");
  add(predicted_, "refused quietly");
  add(summary_.delivered, summary_.delivered == 1 ? "action done" : "actions done");
  if (summary_.violations != 0) {
    totals += fmt::format(", {}{} denied{}", style_.alarm, with_separators(summary_.violations), style_.end);
  }
  add_line(totals);
  if (summary_.left_out != 0) {
    add_line(fmt::format("  not complete: {} more than fit here; the log has all",
                         amount(summary_.left_out, "access", "accesses")));
  }
}

void Text::add_denied() {
  if (summary_.denied.empty()) return;
  std::vector<const Denied*> sorted;
  sorted.reserve(summary_.denied.size());
  for (const auto& [path, denied] : summary_.denied) sorted.push_back(&denied);
  std::ranges::sort(sorted, [](const Denied* a, const Denied* b) {
    const auto key = [](const Event& event) { return std::tie(event.time.tv_sec, event.time.tv_nsec, event.path); };
    return key(a->first) < key(b->first);
  });
  add_line(fmt::format("{}Denied{}  {} to {}", style_.alarm, style_.end,
                       amount(summary_.violations, "access", "accesses"), amount(sorted.size(), "path", "paths")));
  const std::size_t shown = sorted.size() <= kMostDenied ? sorted.size() : kMostDenied - 1;
  std::size_t width = 0;
  std::size_t doer_width = 0;
  const auto place = [](const Denied& denied) { return shortened(denied.first.path, kWidestPlace); };
  const auto doer = [](const Denied& denied) {
    if (!denied.first.process) return std::string("?");
    return fmt::format("{}[{}]", base_name(denied.first.process->exe), denied.first.process->pid);
  };
  for (std::size_t i = 0; i < shown; ++i) {
    width = std::max(width, columns(place(*sorted[i])));
    doer_width = std::max(doer_width, columns(doer(*sorted[i])));
  }
  for (std::size_t i = 0; i < shown; ++i) {
    const Denied& denied = *sorted[i];
    const std::string times = denied.count > 1 ? fmt::format("  ({} times)", with_separators(denied.count)) : "";
    const std::string rule = denied.first.rule.empty() ? "no rule" : printable(denied.first.rule);
    add_line(fmt::format("  {:<11}  {}  {}{}  {}{}{}", to_string(denied.first.op), padded(place(denied), width),
                         style_.faint, padded(doer(denied), doer_width), rule, style_.end, times));
  }
  if (shown < sorted.size()) add_line(fmt::format("  … and {} more", amount(sorted.size() - shown, "path", "paths")));
}

// What rules that act should have done.
void Text::add_not_done() {
  if (summary_.undelivered == 0) return;
  add_line(fmt::format("{}Not done{}  {} of {}", style_.alarm, style_.end, with_separators(summary_.undelivered),
                       amount(summary_.undelivered + summary_.delivered, "action", "actions")));
  const bool is_all = summary_.undelivered <= kMostNotDone;
  const std::size_t shown = is_all ? summary_.not_done.size() : kMostNotDone - 1;
  std::size_t width = 0;
  const auto place = [](const Undelivered& deed) { return shortened(deed.path, kWidestPlace); };
  for (std::size_t i = 0; i < shown; ++i) width = std::max(width, columns(place(summary_.not_done[i])));
  for (std::size_t i = 0; i < shown; ++i) {
    const Undelivered& deed = summary_.not_done[i];
    add_line(fmt::format("  {:<11}  {}  {}{}{}: {}", deed.op, padded(place(deed), width), style_.faint,
                         printable(deed.rule), style_.end, printable(deed.why)));
  }
  if (!is_all) {
    add_line(fmt::format("  … and {} more; the log names each", with_separators(summary_.undelivered - shown)));
  }
}

// One line in turn for each section that can use more, until the screen is full.
void Text::share_lines() {
  const auto used = std::ranges::count_if(sections_, [](const Section& s) { return !s.members.empty(); });
  std::size_t left = kScreen - std::min(kScreen, lines_ + static_cast<std::size_t>(used));
  bool shared = true;
  while (shared && left > 0) {
    shared = false;
    for (Section& section : sections_) {
      if (left == 0 || section.lines >= std::min(kMostGroups, section.members.size())) continue;
      ++section.lines;
      --left;
      shared = true;
    }
  }
}

void Text::add_section(const Section& section) {
  if (section.members.empty() || section.lines == 0) return;
  const std::uint64_t files = section.members.size() - section.directories;
  std::string heading = fmt::format("{}{}{}  ", style_.heading, section.title, style_.end);
  // What is missing might have been anything.
  const bool is_missing = &section == &sections_[kMissing];
  if (files != 0) heading += is_missing ? amount(files, "path", "paths") : amount(files, "file", "files");
  if (files != 0 && section.directories != 0) heading += ", ";
  if (section.directories != 0) heading += amount(section.directories, "directory", "directories");
  add_line(heading);

  auto groups = group_by_directory(section.members, section.lines);
  std::size_t shown = groups.size();
  if (shown > section.lines) {
    std::ranges::sort(
        groups, [](const Group& a, const Group& b) { return std::tie(b.count, a.place) < std::tie(a.count, b.place); });
    shown = section.lines - 1;
  }
  const auto place = [](const Group& group) {
    return shortened(group.place, kWidestPlace) + (group.is_deep ? "…" : "");
  };
  std::size_t width = 0;
  for (std::size_t i = 0; i < shown; ++i) width = std::max(width, columns(place(groups[i])));
  for (std::size_t i = 0; i < shown; ++i) {
    const std::string by = doers(groups[i].by);
    std::string line = fmt::format("{:>9}  ", with_separators(groups[i].count));
    line += by.empty() ? place(groups[i]) : padded(place(groups[i]), width);
    if (!by.empty()) line += fmt::format("  {}{}{}", style_.faint, by, style_.end);
    add_line(line);
  }
  if (shown == groups.size()) return;
  const auto rest = std::accumulate(groups.begin() + static_cast<std::ptrdiff_t>(shown), groups.end(), std::uint64_t{0},
                                    [](std::uint64_t sum, const Group& group) { return sum + group.count; });
  add_line(fmt::format("{:>9}  … in {} more", with_separators(rest),
                       amount(groups.size() - shown, "directory", "directories")));
}

}  // namespace

std::string render(const Summary& summary, bool colour) { return Text(summary, colour).render(); }

}  // namespace fusebox::audit
