#include "gentoo/configuration.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "fusebox/fd.h"

namespace fusebox::gentoo {
namespace {

constexpr std::array<std::string_view, 4> kLists = {"SANDBOX_DENY", "SANDBOX_READ", "SANDBOX_WRITE", "SANDBOX_PREDICT"};
constexpr std::array<std::string_view, 4> kSwitches = {"SANDBOX_VERBOSE", "SANDBOX_DEBUG", "NOCOLOR", "SANDBOX_METHOD"};
constexpr std::size_t kLargestFile = 1u << 20;
constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// What stands between quotes, or up to a comment.
std::string_view value_of(std::string_view text) {
  if (text.starts_with('"') || text.starts_with('\'')) {
    const std::size_t end = text.find(text[0], 1);
    return text.substr(1, end == std::string_view::npos ? end : end - 1);
  }
  return trimmed(text.substr(0, text.find('#')));
}

void append(std::string& list, std::string_view more) {
  if (!list.empty()) list += ':';
  list += more;
}

// What sandbox.conf has as it is shipped.
constexpr std::string_view kShippedWrite =
    "/dev/fd:/proc/self/fd:/dev/zero:/dev/null:/dev/full:/dev/console:/dev/tty:/dev/vc/:/dev/pty:/dev/tts:"
    "/dev/ptmx:/dev/pts/:/dev/shm:/tmp/:/var/tmp/:/usr/tmp/:${HOME}/.bash_history";

// Nothing where there is none.
Outcome<std::optional<Environment>> read_file(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) return std::unexpected(fault_with_errno(path));
  std::string text(kLargestFile, '\0');
  const ssize_t length = ::read(file.get(), text.data(), text.size());
  if (length < 0) return std::unexpected(fault_with_errno(path));
  text.resize(static_cast<std::size_t>(length));
  return parse_configuration(text);
}

std::vector<std::string> files_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code unknown;
    if (!name.starts_with('.') && entry->is_regular_file(unknown)) names.push_back(entry->path().string());
  }
  std::ranges::sort(names);
  return names;
}

const std::string* find(const Environment& environment, std::string_view name) {
  const auto found = environment.find(name);
  return found == environment.end() ? nullptr : &found->second;
}

std::string list_of(std::string_view name, const Environment& environment, const Configuration& configuration) {
  std::string list;
  if (const std::string* text = find(configuration.main, name)) list = *text;
  if (const std::string* text = find(environment, name)) {
    append(list, *text);
    return list;
  }
  for (const Environment& part : configuration.parts) {
    if (const std::string* text = find(part, name)) append(list, *text);
  }
  return list;
}

}  // namespace

Environment parse_configuration(std::string_view text) {
  Environment values;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::string_view content = trimmed(line);
    const std::size_t equals = content.find('=');
    if (content.starts_with('#') || equals == std::string_view::npos) continue;
    const std::string name(trimmed(content.substr(0, equals)));
    const std::string_view value = value_of(trimmed(content.substr(equals + 1)));
    if (std::ranges::find(kLists, name) != kLists.end()) {
      append(values[name], value);
    } else {
      values[name] = value;
    }
  }
  return values;
}

Outcome<Configuration> read_configuration(const std::string& directory) {
  Configuration configuration;
  auto main = read_file(directory + "/sandbox.conf");
  if (!main) return std::unexpected(main.error());
  configuration.is_missing = !*main;
  if (*main) configuration.main = **std::move(main);
  for (const std::string& path : files_in(directory + "/sandbox.d")) {
    auto part = read_file(path);
    if (!part) return std::unexpected(part.error());
    configuration.is_missing = false;
    if (*part) configuration.parts.push_back(**std::move(part));
  }
  return configuration;
}

std::string substitute(std::string_view text, const Environment& environment) {
  std::string result;
  for (;;) {
    const std::size_t start = text.find("${");
    const std::size_t end = start == std::string_view::npos ? start : text.find('}', start);
    result += text.substr(0, end == std::string_view::npos ? end : start);
    if (end == std::string_view::npos) return result;
    if (const std::string* value = find(environment, text.substr(start + 2, end - start - 2))) result += *value;
    text.remove_prefix(end + 1);
  }
}

void add_configuration(Environment& environment, const Configuration& configuration,
                       const std::string& work_directory) {
  for (const std::string_view name : kSwitches) {
    if (const std::string* value = find(configuration.main, name)) environment.try_emplace(std::string(name), *value);
  }
  for (const std::string_view name : kLists) {
    const std::string list = list_of(name, environment, configuration);
    if (!list.empty()) environment.insert_or_assign(std::string(name), substitute(list, environment));
  }
  environment.try_emplace("SANDBOX_READ", "/");
  if (!work_directory.empty()) environment.try_emplace("SANDBOX_WRITE", work_directory);
  if (const std::string* home = find(environment, "HOME")) environment.try_emplace("SANDBOX_PREDICT", *home);
  if (configuration.is_missing) append(environment["SANDBOX_WRITE"], substitute(kShippedWrite, environment));
}

}  // namespace fusebox::gentoo
