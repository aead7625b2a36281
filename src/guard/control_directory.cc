#include "guard/control_directory.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <mutex>
#include <string>

#include "fusebox/bytes.h"

namespace fusebox::guard {
namespace {

constexpr std::size_t kLargestScript = 1024 * 1024;
constexpr std::string_view kVersion = "Fusebox version v" FUSEBOX_VERSION "\n";

enum class File : std::uint8_t { acl, acl_switch, lock, state, version };

struct Row {
  std::string_view name;
  File file;
  mode_t mode;
};
constexpr std::array<Row, 5> kRows = {{{"acl", File::acl, 0666},
                                       {"acl_switch", File::acl_switch, 0666},
                                       {"lock", File::lock, 0666},
                                       {"state", File::state, 0444},
                                       {"version", File::version, 0444}}};

std::string text_of(const ControlledPolicy& policy, File file) {
  switch (file) {
    case File::acl:
      return policy.script();
    case File::acl_switch:
      return policy.is_on() ? "1" : "0";
    case File::lock:
      return policy.is_locked() ? "1" : "0";
    case File::state:
      return policy.state();
    case File::version:
      return std::string(kVersion);
  }
  return {};
}

// What it was when it was opened; what is written counts at once.
class ControlHandle final : public Handle {
 public:
  ControlHandle(Guard& guard, ControlledPolicy& policy, File file, std::string path)
      : guard_(guard), policy_(policy), file_(file), path_(std::move(path)), text_(text_of(policy, file)) {}

  Task<std::size_t> read(const Request&, std::uint64_t offset, std::span<std::byte> into) override {
    const std::lock_guard lock(mutex_);
    co_return copy_from(text_, offset, into);
  }

  Task<std::size_t> write(const Request& request, std::uint64_t offset, std::span<const std::byte> data) override {
    const ControlledPolicy::Changed changed = co_await apply(offset, data);
    if (changed.answer == ControlledPolicy::Answer::not_understood) co_return Errno::invalid;
    if (changed.answer != ControlledPolicy::Answer::done) {
      const Place place = guard_.place(guard_.ruling(request), path_);
      const Act act{.op = audit::Op::write, .want = policy::Want::write};
      co_await guard_.refuse(request, place, place, act, changed.why);
    }
    co_return data.size();
  }

 private:
  Result<ControlledPolicy::Changed> apply(std::uint64_t offset, std::span<const std::byte> data) {
    const std::string_view written(reinterpret_cast<const char*>(data.data()), data.size());
    if (file_ == File::acl) return put(offset, written);
    if (written.empty() || (written[0] != '0' && written[0] != '1')) return fail(Errno::invalid);
    const bool on = written[0] == '1';
    if (file_ == File::acl_switch) return policy_.switch_to(on);
    if (on) policy_.lock();
    if (!on && policy_.is_locked()) {
      return ControlledPolicy::Changed{.answer = ControlledPolicy::Answer::locked, .why = "a lock is for good"};
    }
    return ControlledPolicy::Changed{};
  }

  // At the beginning it replaces everything, as after a truncation; further on it adds.
  Result<ControlledPolicy::Changed> put(std::uint64_t offset, std::string_view written) {
    if (offset > kLargestScript || written.size() > kLargestScript - offset) return fail(Errno{EFBIG});
    const std::lock_guard lock(mutex_);
    std::string script = offset == 0 ? std::string() : text_.substr(0, std::min<std::size_t>(offset, text_.size()));
    script += written;
    ControlledPolicy::Changed changed = policy_.replace(script);
    if (changed.answer == ControlledPolicy::Answer::done) text_ = std::move(script);
    return changed;
  }

  Guard& guard_;
  ControlledPolicy& policy_;
  const File file_;
  const std::string path_;
  std::mutex mutex_;
  std::string text_;
};

class ControlFile final : public Node {
 public:
  ControlFile(Guard& guard, ControlledPolicy& policy, const Row& row, std::string path)
      : guard_(guard), policy_(policy), row_(row), path_(std::move(path)) {}

  Task<Attr> getattr(const Request&, Ref<Handle>) override {
    co_return Attr::file(row_.mode, text_of(policy_, row_.file).size());
  }
  // O_TRUNC, which comes by itself: what is written next says all there is to say.  Nothing else can be set.
  Task<Attr> setattr(const Request& request, SetAttr change, Ref<Handle> open) override {
    if (change.mode || change.uid || change.gid || (change.size && *change.size != 0)) co_return Errno::not_permitted;
    co_return co_await getattr(request, std::move(open));
  }
  Task<Opened> open(const Request&, int flags) override {
    if ((flags & O_ACCMODE) != O_RDONLY && (row_.mode & 0222) == 0) co_return Errno::access;
    co_return Opened{.handle = make<ControlHandle>(guard_, policy_, row_.file, path_), .path = DataPath::direct};
  }

 private:
  Guard& guard_;
  ControlledPolicy& policy_;
  const Row& row_;
  const std::string path_;
};

class ControlDirectory final : public Node {
 public:
  ControlDirectory(Guard& guard, ControlledPolicy& policy, const std::string& path) {
    for (std::size_t i = 0; i < kRows.size(); ++i) {
      files_[i] = make<ControlFile>(guard, policy, kRows[i], path + "/" + std::string(kRows[i].name));
    }
  }

  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr::directory(0555); }

  Task<Entry> lookup(const Request& request, Name name) override {
    const auto row = std::ranges::find(kRows, name.text(), &Row::name);
    if (row == kRows.end()) co_return Errno::no_entry;
    const Ref<Node> file = files_[static_cast<std::size_t>(row - kRows.begin())];
    const Attr attr = co_await file->getattr(request, nullptr);
    co_return Entry{.node = file, .attr = attr};
  }

  Task<> unlink(const Request&, Name) override { co_return Errno::not_permitted; }

  Task<> readdir(const Request&, std::uint64_t offset, DirSink& sink) override {
    for (std::uint64_t i = offset; i < kRows.size() + 2; ++i) {
      const std::string_view name = i == 0 ? "." : i == 1 ? ".." : kRows[i - 2].name;
      if (!sink.add(name, 0, i < 2 ? DT_DIR : DT_REG, i + 1)) break;
    }
    co_return {};
  }

 private:
  std::array<Ref<Node>, kRows.size()> files_;
};

}  // namespace

Ref<Node> make_control_directory(Guard& guard, ControlledPolicy& policy, std::string_view name) {
  return make<ControlDirectory>(guard, policy, "/" + std::string(name));
}

}  // namespace fusebox::guard
