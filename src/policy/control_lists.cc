#include "policy/control_lists.h"

#include <algorithm>
#include <cctype>

#include "fusebox/fault.h"

namespace fusebox::policy {
namespace {

struct Word {
  std::string_view name;
  std::optional<Verdict> reading;
  std::optional<Verdict> writing;
};

constexpr std::array<Word, 9> kWords = {{
    {"allowread", Verdict::allow, {}},
    {"denyread", Verdict::deny, {}},
    {"allowwrite", {}, Verdict::allow},
    {"denywrite", {}, Verdict::deny},
    {"discardwrite", {}, Verdict::predict},
    {"addread", Verdict::allow, {}},
    {"addwrite", Verdict::allow, Verdict::allow},
    {"adddeny", Verdict::deny, Verdict::deny},
    {"addpredict", Verdict::allow, Verdict::predict},
}};

constexpr std::string_view kBlanks = " \t\r";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// Absolute, and without ".." (where that leads is for the file system to say).
std::optional<std::string> canonical(std::string_view text) {
  if (!text.starts_with('/') || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::string path;
  while (!text.empty()) {
    const std::size_t end = text.find('/');
    const std::string_view name = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (name == "..") return std::nullopt;
    if (name.empty() || name == ".") continue;
    path += '/';
    path += name;
  }
  return path.empty() ? "/" : path;
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? std::string_view("/") : path.substr(0, slash);
}

bool is_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.size() > 1;
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

}  // namespace

void ControlLists::List::add(Verdict verdict, const std::string& path) {
  last[path] = orders.size();
  orders.push_back({verdict, path});
}

bool ControlLists::List::speaks_below(std::string_view path) const {
  return std::ranges::any_of(orders, [&](const Order& order) { return is_below(order.path, path); });
}

std::optional<std::size_t> ControlLists::List::deciding(std::string_view path) const {
  std::optional<std::size_t> found;
  if (orders.empty()) return found;
  for (std::string_view at = path;; at = parent_of(at)) {
    const auto here = last.find(at);
    if (here != last.end() && (!found || here->second > *found)) found = here->second;
    if (at.size() <= 1) return found;
  }
}

std::expected<ControlLists, std::string> ControlLists::parse(std::string_view text) {
  ControlLists lists;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t gap = std::min(line.find_first_of(kBlanks), line.size());
    const std::string name = lower(line.substr(0, gap));
    if (name == "clearall" && gap == line.size()) {
      lists.clear();
      continue;
    }
    const auto word = std::ranges::find(kWords, name, &Word::name);
    const std::string where = "line " + std::to_string(number) + ": ";
    if (word == kWords.end()) return std::unexpected(where + "no such order: " + printable(line.substr(0, gap)));
    const std::optional<std::string> path = canonical(trim(line.substr(gap)));
    if (!path) return std::unexpected(where + "not an absolute path without ..: " + printable(line.substr(gap)));
    if (word->reading) lists.lists_[0].add(*word->reading, *path);
    if (word->writing) lists.lists_[1].add(*word->writing, *path);
  }
  return lists;
}

void ControlLists::clear() {
  for (List& list : lists_) list = {};
}

std::string ControlLists::render() const {
  const auto word = [](const Order& order) {
    if (order.verdict == Verdict::allow) return "allow";
    return order.verdict == Verdict::deny ? "deny" : "discard";
  };
  std::string text = "# What this box was asked for; write it back to get the same.\nclearall\n\n";
  for (const Order& order : lists_[0].orders) text += std::string(word(order)) + "read " + order.path + "\n";
  for (const Order& order : lists_[1].orders) text += std::string(word(order)) + "write " + order.path + "\n";
  return text;
}

std::optional<std::size_t> ControlLists::deciding(std::string_view path, Want want) const {
  if (want == Want::stat) return std::nullopt;
  return lists_[want == Want::write ? 1 : 0].deciding(path);
}

bool ControlLists::same_below(std::string_view from, std::string_view to) const {
  return std::ranges::all_of(lists_, [&](const List& list) {
    const std::optional<std::size_t> here = list.deciding(from);
    const std::optional<std::size_t> there = list.deciding(to);
    if (here.has_value() != there.has_value()) return false;
    if (here && list.orders[*here].verdict != list.orders[*there].verdict) return false;
    return !list.speaks_below(from) && !list.speaks_below(to);
  });
}

}  // namespace fusebox::policy
