// Open files and directories, extended attributes, the file system as a whole.
#include <dirent.h>
#include <fcntl.h>

#include <utility>

#include "fusebox/bytes.h"
#include "script/script_node.h"

namespace fusebox::script {
namespace {

// An open file whose object wants to know when it is closed.
class OpenFile final : public Handle {
 public:
  OpenFile(Script& script, Ref<ScriptNode> node, std::string path)
      : script_(script), node_(std::move(node)), path_(std::move(path)) {}
  ~OpenFile() override { script_.ask_aside({.hook = Hook::release, .path = path_}); }

  Task<std::size_t> read(const Request& request, std::uint64_t offset, std::span<std::byte> into) override {
    return node_->read(request, offset, into);
  }
  Task<std::size_t> write(const Request& request, std::uint64_t offset, std::span<const std::byte> data) override {
    return node_->write(request, offset, data);
  }
  Task<> fsync(const Request& request, bool data_only) override { return node_->fsync(request, data_only); }

 private:
  Script& script_;
  const Ref<ScriptNode> node_;
  const std::string path_;
};

// One reading of a directory: the names as they were when it began.
class Listing final : public Handle {
 public:
  Listing(Script& script, std::string path) : script_(script), path_(std::move(path)) {}

  Task<> readdir(const Request&, std::uint64_t offset, DirSink& sink) override {
    if (offset == 0) {
      Question question{.hook = Hook::readdir, .path = path_};
      Answer answer = co_await script_.ask_needed(std::move(question));
      names_ = std::move(answer.names);
      names_.insert(names_.begin(), {".", ".."});
    }
    for (; offset < names_.size(); ++offset) {
      const std::uint8_t type = offset < 2 ? DT_DIR : DT_UNKNOWN;
      if (!sink.add(names_[offset], 0, type, offset + 1)) break;
    }
    co_return {};
  }

 private:
  Script& script_;
  const std::string path_;
  std::vector<std::string> names_;
};

// What the kernel asks for its own sake, ACLs and capabilities, on most accesses: not the script's business.
bool is_kernels(const std::string& attribute) {
  return attribute.starts_with("system.") || attribute.starts_with("security.");
}

}  // namespace

Opened ScriptNode::opened(const std::string& path, bool has_release) {
  Opened opened;
  if (has_release) {
    auto node = std::static_pointer_cast<ScriptNode>(script_.nodes().find_or_make<ScriptNode>(path, script_));
    opened.handle = std::make_shared<OpenFile>(script_, std::move(node), path);
  }
  // Where nothing is to be remembered, a read is asked of the script whatever size it gave.
  opened.path = script_.settings().attributes_valid.count() > 0 ? DataPath::cached : DataPath::direct;
  return opened;
}

Task<Opened> ScriptNode::open(const Request&, int flags) {
  const std::string where = co_await path();
  Question question{.hook = Hook::open, .path = where};
  const Answer answer = co_await script_.ask_needed(std::move(question));
  Opened file = opened(where, answer.has_release);
  if ((flags & O_TRUNC) != 0) co_await truncate(where, 0);
  co_return file;
}

Task<Opened> ScriptNode::opendir(const Request&) {
  std::string where = co_await path();
  co_return Opened{.handle = std::make_shared<Listing>(script_, std::move(where))};
}

Task<std::size_t> ScriptNode::read(const Request&, std::uint64_t offset, std::span<std::byte> into) {
  std::string where = co_await path();
  Question question{.hook = Hook::read,  // or on_read_all
                    .path = std::move(where),
                    .arguments = {static_cast<std::int64_t>(into.size()), static_cast<std::int64_t>(offset)},
                    .offset = offset,
                    .size = into.size()};
  const Answer answer = co_await script_.ask_needed(std::move(question));
  co_return copy_from(answer.text, 0, into);
}

Task<std::size_t> ScriptNode::write(const Request&, std::uint64_t offset, std::span<const std::byte> data) {
  std::string where = co_await path();
  std::string text(reinterpret_cast<const char*>(data.data()), data.size());
  Question question{.hook = Hook::write,
                    .path = std::move(where),
                    .arguments = {std::move(text), static_cast<std::int64_t>(offset)},
                    .offset = offset,
                    .size = data.size()};
  const Answer answer = co_await script_.ask_needed(std::move(question));
  co_return static_cast<std::size_t>(answer.number);
}

Task<> ScriptNode::fsync(const Request&, bool data_only) {
  std::string where = co_await path();
  Question question{.hook = Hook::fsync, .path = std::move(where), .arguments = {data_only}};
  co_await script_.ask(std::move(question));  // absent: as if done
  co_return {};
}

Task<std::size_t> ScriptNode::getxattr(const Request&, const std::string& name, std::span<std::byte> into) {
  if (is_kernels(name)) co_return Errno::no_data;
  std::string where = co_await path();
  Question question{.hook = Hook::getxattr, .path = std::move(where), .arguments = {name}};
  const Answer answer = co_await must(std::move(question), Errno::not_implemented);
  co_return co_await copy_whole(bytes_of(answer.text), into);
}

Task<> ScriptNode::setxattr(const Request&, const std::string& name, std::span<const std::byte> value, int flags) {
  if (is_kernels(name)) co_return Errno::not_supported;
  std::string where = co_await path();
  std::string text(reinterpret_cast<const char*>(value.data()), value.size());
  Question question{.hook = Hook::setxattr,
                    .path = std::move(where),
                    .arguments = {name, std::move(text), static_cast<std::int64_t>(flags)}};
  co_await must(std::move(question), Errno::not_implemented);
  co_return {};
}

Task<std::size_t> ScriptNode::listxattr(const Request&, std::span<std::byte> into) {
  std::string where = co_await path();
  Question question{.hook = Hook::listxattr, .path = std::move(where)};
  const Answer answer = co_await must(std::move(question), Errno::not_implemented);
  std::string names;
  for (const std::string& name : answer.names) names.append(name).push_back('\0');
  co_return co_await copy_whole(bytes_of(names), into);
}

Task<> ScriptNode::removexattr(const Request&, const std::string& name) {
  if (is_kernels(name)) co_return Errno::not_supported;
  std::string where = co_await path();
  Question question{.hook = Hook::removexattr, .path = std::move(where), .arguments = {name}};
  co_await must(std::move(question), Errno::not_implemented);
  co_return {};
}

Task<struct statvfs> ScriptNode::statfs(const Request&) {
  std::string where = co_await path();
  Question question{.hook = Hook::statfs, .path = std::move(where)};
  const Answer answer = co_await script_.ask(std::move(question));
  co_return answer.statfs;
}

}  // namespace fusebox::script
