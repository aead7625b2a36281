#include "store/box_place.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/boxes.h"

namespace fusebox {
namespace {

constexpr unsigned kOpenTreeClone = 1;  // OPEN_TREE_CLONE of linux/mount.h, which does not go with sys/mount.h
constexpr std::string_view kTemporary = ".run-";
constexpr std::size_t kLongestRecord = std::size_t{1} << 20;
constexpr int kVersion = 1;

Outcome<> make_directories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return {};
  return std::unexpected(Fault{.what = "make " + path, .why = error.message(), .remedy = "make it yourself"});
}

Fd as_own_mount(Fd directory) {
  const long fd = ::syscall(SYS_open_tree, directory.get(), "", AT_EMPTY_PATH | kOpenTreeClone | O_CLOEXEC);
  return fd >= 0 ? Fd(static_cast<int>(fd)) : std::move(directory);
}

Outcome<OpenBox> take(const std::string& path, const std::string& called, bool is_new) {
  auto directory = open_box(path, called);
  if (!directory) return std::unexpected(directory.error());
  auto lock = try_lock_box(*directory, called);
  if (!lock) return std::unexpected(lock.error());
  if (!*lock) return std::unexpected(box_in_use(called));
  return OpenBox{
      .path = path, .directory = as_own_mount(*std::move(directory)), .lock = **std::move(lock), .is_new = is_new};
}

void remove_tree(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

// A temporary box whose lock is free belonged to a run that was killed.
void sweep(const std::string& boxes) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(boxes, ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kTemporary)) continue;
    const Fd lock(::open((entry.path() / "lock").c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) remove_tree(entry.path());
  }
}

}  // namespace

Outcome<OpenBox> open_named_box(std::string_view name) {
  if (const Outcome<> good = check_box_name(name); !good) return std::unexpected(good.error());
  const auto boxes = boxes_directory();
  if (!boxes) return std::unexpected(boxes.error());
  if (const Outcome<> made = make_directories(*boxes); !made) return std::unexpected(made.error());
  const std::string path = *boxes + "/" + std::string(name);
  const bool is_new = ::mkdir(path.c_str(), 0700) == 0;
  if (!is_new && errno != EEXIST) return std::unexpected(fault_with_errno("make " + path));
  return take(path, "box '" + std::string(name) + "'", is_new);
}

Outcome<OpenBox> open_temporary_box(const std::string& boxes) {
  if (const Outcome<> made = make_directories(boxes); !made) return std::unexpected(made.error());
  sweep(boxes);
  // Another run may sweep between the two steps: then this one tries again.
  for (int tries = 0; tries < 8; ++tries) {
    std::string path = boxes + "/" + std::string(kTemporary) + "XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) return std::unexpected(fault_with_errno("make a box in " + boxes));
    auto box = take(path, "the box's directory", true);
    if (box && ::access((path + "/lock").c_str(), F_OK) == 0) return box;
  }
  return std::unexpected(Fault{.what = "make a box in " + boxes, .why = "others remove it", .remedy = "try again"});
}

void drop_temporary_box(OpenBox box) {
  box.directory.reset();
  remove_tree(box.path);
}

bool holds_changes(const OpenBox& box) {
  struct stat upper{};
  if (::fstatat(box.directory.get(), "upper", &upper, AT_SYMLINK_NOFOLLOW) != 0) return errno != ENOENT;
  Fd directory(::openat(box.directory.get(), "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(directory.get()), ::closedir);
  if (!stream) return true;
  directory.release();
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return true;
  }
  return false;
}

std::optional<BoxRecord> read_box_record(const OpenBox& box) {
  const Fd file(::openat(box.directory.get(), "box.json", O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::string text(kLongestRecord, '\0');
  const ssize_t length = ::read(file.get(), text.data(), text.size());
  if (length < 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(length));
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("version", 0) != kVersion) return std::nullopt;
  BoxRecord record;
  try {
    record.created = json.at("created").get<std::string>();
    record.xattrs = json.at("xattrs").get<std::string>();
    record.command = json.at("command").get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  return record;
}

Outcome<> write_box_record(const OpenBox& box, const BoxRecord& record) {
  const nlohmann::ordered_json json = {
      {"version", kVersion}, {"created", record.created}, {"xattrs", record.xattrs}, {"command", record.command}};
  const std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  const Fd file(::openat(box.directory.get(), "box.json.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const bool written = file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(file.get()) == 0 &&
                       ::renameat(box.directory.get(), "box.json.new", box.directory.get(), "box.json") == 0;
  if (!written) return std::unexpected(fault_with_errno("write " + box.path + "/box.json"));
  return {};
}

std::string time_of_creation() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace fusebox
