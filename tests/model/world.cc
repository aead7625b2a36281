// What worlds have in common; the operations are in data.cc and names.cc.
#include "world.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "both.h"

namespace fusebox::model {
namespace {

constexpr std::size_t kRemembered = 20;

// Other users than root, for whom permissions mean something.
constexpr uid_t kUsers[] = {1001, 1002};

// This thread alone as another user, without root's capabilities: by the system calls, since libc changes all threads.
class AsUser {
 public:
  explicit AsUser(uid_t user) {
    if (user != 0) become(user, user);
  }
  ~AsUser() {
    if (::geteuid() != 0) become(0, 0);
  }
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;

 private:
  static constexpr uid_t kKept = static_cast<uid_t>(-1);

  static void become(uid_t user, gid_t group) {
    // Who is root changes the group; so the group goes first, and comes back last.
    if (user != 0) set(SYS_setresgid, group);
    set(SYS_setresuid, user);
    if (user == 0) set(SYS_setresgid, group);
  }
  static void set(long call, unsigned id) {
    if (::syscall(call, kKept, id, kKept) != 0) std::abort();
  }
};

}  // namespace

Outcome Outcome::of(long returned) {
  if (returned < 0) return {-1, errno, {}};
  return {returned, 0, {}};
}

Outcome Outcome::read(long returned, const std::string& buffer) {
  Outcome outcome = of(returned);
  if (returned > 0) outcome.data = buffer.substr(0, static_cast<std::size_t>(returned));
  return outcome;
}

std::string text_of(const Outcome& outcome) {
  if (outcome.error != 0) return strerrorname_np(outcome.error);
  std::string text = fmt::format("{}", outcome.value);
  if (outcome.data.size() > 600) {
    text += fmt::format(" {} bytes, hash {}", outcome.data.size(), hash_of(outcome.data));
  } else if (!outcome.data.empty()) {
    text += " ";
    for (const char byte : outcome.data) {
      text += byte >= ' ' && byte <= '~' ? std::string(1, byte)
                                         : fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    }
  }
  return text;
}

World::World(std::string name, std::string mirrored, std::string plain, std::string host, std::uint64_t seed,
             std::uint64_t key, Traits traits, bool continues)
    : name_(std::move(name)), host_(std::move(host)), seed_(seed), key_(key), traits_(traits) {
  sides_[0].top = std::move(mirrored);
  sides_[1].top = std::move(plain);
  for (Side& side : sides_) {
    side.files.fill(-1);
    if (::mkdir(side.top.c_str(), 0777) != 0 && !(continues && errno == EEXIST))
      throw std::runtime_error("cannot make " + side.top);
    if (!continues) ::chmod(side.top.c_str(), 0777);
  }
}

World::~World() {
  for (Side& side : sides_) {
    for (const int file : side.files) {
      if (file >= 0) ::close(file);
    }
    for (const Mapping& mapping : side.mappings) {
      if (mapping.at != nullptr) ::munmap(mapping.at, mapping.length);
      if (mapping.file >= 0) ::close(mapping.file);
    }
  }
}

void World::perform(std::uint64_t number) {
  number_ = number;
  ++performed_;
  random_ = Random{seed_, key_, number};
  user_ = random_.percent(12) ? random_.pick(kUsers) : 0;
  unsigned total = 0;
  for (const Kind* kind = kKinds; kind->weight != 0; ++kind) total += kind->weight;
  std::size_t drawn = random_.below(total);
  const Kind* kind = kKinds;
  for (; drawn >= kind->weight; ++kind) drawn -= kind->weight;
  if (traits_.sets_ids && kind->writes && user_ == 0) user_ = random_.pick(kUsers);
  const AsUser as_user(user_);
  (this->*kind->perform)();
}

void World::remember(const std::string& what, const Outcome& outcome) {
  const std::string who = user_ != 0 ? fmt::format(" as {}", user_) : "";
  last_.push_back(fmt::format("{}:{} {} = {}", number_, who, what, text_of(outcome)));
  if (last_.size() > kRemembered) last_.pop_front();
}

void World::differ(const std::string& what, const std::string& mirror, const std::string& plain) const {
  std::string text = fmt::format("seed {}, world {}, operation {}\n", seed_, name_, number_);
  for (const std::string& one : last_) text += "  " + one + "\n";
  throw Difference(text + fmt::format("{}\n  mirror: {}\n  plain:  {}", what, mirror, plain));
}

void World::compare_trees() {
  if (traits_.is_lazy) {
    for (const Side& side : sides_) {
      for (const Mapping& mapping : side.mappings) {
        if (mapping.at != nullptr) ::msync(mapping.at, mapping.length, MS_SYNC);
      }
    }
    sync_files_of(sides_[0].top);
  }
  const Tree mirrored = tree_of(sides_[0].top, times());
  const std::string beside = difference_of(mirrored, tree_of(sides_[1].top, times()));
  if (!beside.empty()) differ("the trees differ, the mirror's and the plain one:\n" + beside, "above", "below");
  const Times all = traits_.writes_mappings ? Times::none : Times::all;
  const std::string beneath = difference_of(tree_of(sides_[0].top, all), tree_of(host_, all));
  if (!beneath.empty()) differ("the trees differ, the mirror's and what it shows:\n" + beneath, "above", "below");
}

std::string World::any_directory() {
  static constexpr const char* kDirectories[] = {"", "", "", "/d0", "/d1", "/d0/d1", "/d1/d2"};
  return random_.pick(kDirectories);
}

std::string World::any_path() {
  static constexpr const char* kNames[] = {"n0", "n1", "n2", "n3", "n4", "n5"};
  // The directories, too, may be removed, replaced and moved, but not so often that most paths lead nowhere.
  static constexpr const char* kDirectories[] = {"d0", "d1", "d2"};
  const std::string directory = any_directory();
  if (random_.percent(8)) return directory + "/" + random_.pick(kDirectories);
  return directory + "/" + random_.pick(kNames);
}

off_t World::any_offset() {
  const std::size_t reach = random_.below(100);
  if (reach < 30) return 0;
  if (reach < 75) return static_cast<off_t>(random_.below(20'000));
  if (reach < 85) return static_cast<off_t>(random_.below(64) * 4096);
  if (reach < 93) return static_cast<off_t>(random_.below(1'000'000));
  return static_cast<off_t>((std::size_t{4} << 20) - 100'000 + random_.below(1'000'000));
}

std::size_t World::any_length() {
  const std::size_t reach = random_.below(100);
  if (reach < 50) return random_.below(512);
  if (reach < 85) return random_.below(20'000);
  if (reach < 93) return random_.below(16) * 4096;
  if (reach < 98) return random_.below(300'000);
  return random_.below(2'500'000);
}

}  // namespace fusebox::model
