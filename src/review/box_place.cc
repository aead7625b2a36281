#include "review/box_place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/boxes.h"
#include "review/copy.h"
#include "review/remove.h"

namespace fusebox::review {
namespace {

constexpr const char* kApplying = "applying";
constexpr const char* kDiscarded = ".discarded-";
constexpr std::size_t kWord = 16;  // hexadecimal digits

Outcome<std::string> read_small_file(int directory, const char* name) {
  constexpr std::size_t kLargest = 1024 * 1024;
  const Fd file(::openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return std::unexpected(fault_with_errno(name));
  std::string text(kLargest, '\0');
  const ssize_t length = ::read(file.get(), text.data(), text.size());
  if (length < 0) return std::unexpected(fault_with_errno(name));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

// Of RFC 3339; a fraction of a second is left out.
std::optional<timespec> parse_moment(const std::string& text) {
  tm parts{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return std::nullopt;
  if (*rest == '.') rest += 1 + std::strspn(rest + 1, "0123456789");
  tm zone{};
  if (std::strcmp(rest, "Z") != 0 && ::strptime(rest, "%z", &zone) == nullptr) return std::nullopt;
  return timespec{.tv_sec = ::timegm(&parts) - zone.tm_gmtoff, .tv_nsec = 0};
}

Outcome<Fd> open_directory(int at, const char* name) {
  Fd directory(::openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return std::unexpected(fault_with_errno(name));
  return directory;
}

Fault fault_of(std::string what, Errno error) {
  return Fault{.what = std::move(what), .why = std::strerror(std::to_underlying(error)), .remedy = {}};
}

std::string called(const std::string& name) { return "box '" + name + "'"; }

Fault of_box(const std::string& name, const Fault& fault) {
  return Fault{.what = called(name), .why = fault.what + ": " + fault.why, .remedy = fault.remedy};
}

}  // namespace

Outcome<std::vector<std::string>> box_names() {
  const auto directory = boxes_directory();
  if (!directory) return std::unexpected(directory.error());
  Fd opened(::open(directory->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened && errno == ENOENT) return std::vector<std::string>();
  if (!opened) return std::unexpected(fault_with_errno(*directory));
  auto names = names_in(std::move(opened));
  if (!names) return std::unexpected(fault_of(*directory, names.error()));
  std::erase_if(*names, [](const std::string& name) { return !check_box_name(name); });
  return *std::move(names);
}

Outcome<Description> parse_description(std::string_view json) {
  const auto bad = [](const char* why) { return std::unexpected(Fault{.what = "box.json", .why = why, .remedy = {}}); };
  const auto object = nlohmann::json::parse(json, nullptr, false);
  if (!object.is_object()) return bad("is no JSON object");
  const auto text = [&](const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto version = object.find("version");
  if (version == object.end() || *version != 1) return bad("of another version of Fusebox");
  Description description{.created = text("created")};
  const auto created_at = parse_moment(description.created);
  if (!created_at) return bad("'created' is no time");
  description.created_at = *created_at;
  const std::string space = text("xattrs");
  if (space != "trusted" && space != "user") return bad("'xattrs' is neither 'trusted' nor 'user'");
  description.space = space == "trusted" ? Namespace::trusted : Namespace::user;
  const auto command = object.find("command");
  if (command == object.end() || !command->is_array()) return description;
  for (const auto& word : *command) {
    if (word.is_string()) description.command.push_back(word.get<std::string>());
  }
  return description;
}

Outcome<Box> Box::open(const std::string& name) {
  if (const Outcome<> good = check_box_name(name); !good) return std::unexpected(good.error());
  const auto boxes = boxes_directory();
  if (!boxes) return std::unexpected(boxes.error());
  auto directory = open_box(*boxes + "/" + name, called(name));
  if (!directory) return std::unexpected(directory.error());
  auto upper = open_directory(directory->get(), "upper");
  if (!upper) return std::unexpected(of_box(name, upper.error()));
  auto work = open_directory(directory->get(), "work");
  if (!work) return std::unexpected(of_box(name, work.error()));
  const auto json = read_small_file(directory->get(), "box.json");
  if (!json) return std::unexpected(of_box(name, json.error()));
  auto description = parse_description(*json);
  if (!description) return std::unexpected(of_box(name, description.error()));
  return Box(name, *std::move(directory), Tree(*std::move(upper)), Tree(*std::move(work)), *std::move(description));
}

Outcome<bool> Box::try_lock() {
  auto lock = try_lock_box(directory_, called(name_));
  if (!lock) return std::unexpected(lock.error());
  if (!*lock) return false;
  lock_ = **std::move(lock);
  return true;
}

Outcome<> Box::lock() {
  const auto locked = try_lock();
  if (!locked) return std::unexpected(locked.error());
  if (*locked) return {};
  return std::unexpected(box_in_use(called(name_)));
}

std::optional<std::string> Box::word_of_apply() const {
  auto word = read_small_file(directory_.get(), kApplying);
  if (!word || word->size() != kWord) return std::nullopt;
  return *std::move(word);
}

Outcome<std::string> Box::begin_apply() const {
  if (auto word = word_of_apply()) return *std::move(word);
  std::uint64_t drawn = 0;
  if (::getrandom(&drawn, sizeof drawn, 0) != sizeof drawn) return std::unexpected(fault_with_errno("random numbers"));
  std::string word = fmt::format("{:016x}", drawn);
  const std::string temporary = std::string(kApplying) + ".new";
  const Fd file(
      ::openat(directory_.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  const bool written = file && ::write(file.get(), word.data(), word.size()) == static_cast<ssize_t>(word.size()) &&
                       ::fsync(file.get()) == 0 &&
                       ::renameat(directory_.get(), temporary.c_str(), directory_.get(), kApplying) == 0 &&
                       ::fsync(directory_.get()) == 0;
  if (!written) return std::unexpected(of_box(name_, fault_with_errno(kApplying)));
  return word;
}

Outcome<> Box::end_apply() const {
  if (::unlinkat(directory_.get(), kApplying, 0) < 0 && errno != ENOENT) {
    return std::unexpected(of_box(name_, fault_with_errno(kApplying)));
  }
  return {};
}

// Renamed first: nobody meets half a box.
Outcome<> Box::discard() {
  const auto boxes = boxes_directory();
  if (!boxes) return std::unexpected(boxes.error());
  const Fd all(::open(boxes->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!all) return std::unexpected(fault_with_errno(*boxes));
  std::string gone = kDiscarded + name_;
  for (int attempt = 0; ::renameat2(all.get(), name_.c_str(), all.get(), gone.c_str(), RENAME_NOREPLACE) < 0;) {
    if (errno != EEXIST) return std::unexpected(fault_with_errno(called(name_)));
    gone = kDiscarded + std::to_string(++attempt) + "-" + name_;
  }
  Fd listed(::open(boxes->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!listed) return std::unexpected(fault_with_errno(*boxes));
  const auto names = names_in(std::move(listed));
  if (!names) return std::unexpected(fault_of(*boxes, names.error()));
  for (const std::string& name : *names) {
    if (!name.starts_with(kDiscarded)) continue;
    const Result<> removed = remove_tree(all.get(), name);
    if (!removed) {
      return std::unexpected(fault_of(*boxes + "/" + name, removed.error()));
    }
  }
  return {};
}

}  // namespace fusebox::review
