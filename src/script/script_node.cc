// Names, attributes, and what makes and removes; script_files.cc has the rest.
#include "script/script_node.h"

#include <fcntl.h>
#include <linux/fs.h>

#include <optional>
#include <utility>

namespace fusebox::script {
namespace {

constexpr std::int64_t kBillion = 1'000'000'000;

std::string joined(const std::string& directory, std::string_view name) {
  std::string path = directory == "/" ? directory : directory + "/";
  return path.append(name);
}

// Nanoseconds since 1970; none: it stays as it is.
std::optional<std::int64_t> nanoseconds(const std::optional<SetTime>& time) {
  if (!time) return std::nullopt;
  timespec moment = time->moment;
  if (time->now) ::clock_gettime(CLOCK_REALTIME, &moment);
  return moment.tv_sec * kBillion + moment.tv_nsec;
}

template <class T>
std::optional<std::int64_t> maybe(const std::optional<T>& value) {
  return value ? std::optional<std::int64_t>(*value) : std::nullopt;
}

}  // namespace

Ref<Node> root_of(Script& script) { return script.nodes().find_or_make<ScriptNode>("/", script); }

Result<std::string> ScriptNode::child(Name name) const {
  const Result<std::string> directory = path();
  if (!directory) return directory;
  return joined(*directory, name.text());
}

// The answer of a hook that a file system may do without, but then the operation fails.
Task<Answer> ScriptNode::must(Question question, Errno when_absent) {
  Answer answer = co_await script_.ask(std::move(question));
  if (answer.absent) co_return when_absent;
  co_return answer;
}

Task<Attr> ScriptNode::getattr(const Request&, Ref<Handle>) {
  std::string where = co_await path();
  Question question{.hook = Hook::getattr, .path = std::move(where)};
  const Answer answer = co_await script_.ask_needed(std::move(question));
  co_return answer.attr;
}

Task<Entry> ScriptNode::found(std::string path) {
  Question question{.hook = Hook::getattr, .path = path};
  const Answer answer = co_await script_.ask_needed(std::move(question));
  co_return Entry{.node = script_.nodes().find_or_make<ScriptNode>(path, script_),
                  .attr = answer.attr,
                  .valid_for = script_.settings().entries_valid};
}

Task<Entry> ScriptNode::lookup(const Request&, Name name) {
  std::string where = co_await child(name);
  co_return co_await found(std::move(where));
}

Task<> ScriptNode::truncate(std::string path, std::uint64_t size) {
  Question question{.hook = Hook::truncate, .path = std::move(path), .arguments = {static_cast<std::int64_t>(size)}};
  co_await script_.ask(std::move(question));  // absent: as if done
  co_return {};
}

Task<Attr> ScriptNode::setattr(const Request& request, SetAttr change, Ref<Handle> open) {
  const std::string where = co_await path();
  if (change.mode) {
    const std::int64_t mode = *change.mode & 07777;
    co_await must({.hook = Hook::chmod, .path = where, .arguments = {mode}}, Errno::not_permitted);
  }
  if (change.uid || change.gid) {
    Question question{.hook = Hook::chown, .path = where, .arguments = {maybe(change.uid), maybe(change.gid)}};
    co_await must(std::move(question), Errno::not_permitted);
  }
  if (change.size) co_await truncate(where, *change.size);
  if (change.atime || change.mtime) {
    Question question{
        .hook = Hook::utimens, .path = where, .arguments = {nanoseconds(change.atime), nanoseconds(change.mtime)}};
    co_await script_.ask(std::move(question));  // absent: as if done
  }
  co_return co_await getattr(request, std::move(open));
}

Task<std::string> ScriptNode::readlink(const Request&) {
  std::string where = co_await path();
  Question question{.hook = Hook::readlink, .path = std::move(where)};
  Answer answer = co_await must(std::move(question), Errno::invalid);
  co_return std::move(answer.text);
}

Task<Created> ScriptNode::create(const Request&, Name name, NewMode mode, int) {
  const std::string where = co_await child(name);
  const std::int64_t permissions = mode.masked() & 07777;
  Question question{.hook = Hook::create, .path = where, .arguments = {permissions}};
  const Answer answer = co_await must(std::move(question), Errno::not_permitted);
  Entry entry = co_await found(where);
  co_return Created{.entry = std::move(entry), .opened = opened(where, answer.has_release)};
}

Task<Entry> ScriptNode::mknod(const Request& request, Name name, NewMode mode, dev_t) {
  if (!S_ISREG(mode.mode)) co_return Errno::not_permitted;
  Created created = co_await create(request, name, mode, O_RDONLY);
  co_return std::move(created.entry);
}

Task<Entry> ScriptNode::mkdir(const Request&, Name name, NewMode mode) {
  const std::string where = co_await child(name);
  const std::int64_t permissions = mode.masked() & 07777;
  Question question{.hook = Hook::mkdir, .path = where, .arguments = {permissions}};
  co_await must(std::move(question), Errno::not_permitted);
  co_return co_await found(where);
}

Task<Entry> ScriptNode::symlink(const Request&, Name name, std::string target) {
  const std::string where = co_await child(name);
  Question question{.hook = Hook::symlink, .path = where, .arguments = {std::move(target)}};
  co_await must(std::move(question), Errno::not_permitted);
  co_return co_await found(where);
}

Task<Entry> ScriptNode::link(const Request&, Ref<Node> existing, Name name) {
  const std::string from = co_await static_cast<ScriptNode&>(*existing).path();
  const std::string to = co_await child(name);
  Question question{.hook = Hook::link, .path = from, .arguments = {to}};
  co_await must(std::move(question), Errno::not_permitted);
  co_return co_await found(to);
}

Task<> ScriptNode::remove(Hook hook, Name name) {
  const std::string where = co_await child(name);
  Question question{.hook = hook, .path = where};
  co_await must(std::move(question), Errno::not_permitted);
  script_.drop(where);
  script_.nodes().removed(where);
  co_return {};
}

Task<> ScriptNode::unlink(const Request&, Name name) { return remove(Hook::unlink, name); }
Task<> ScriptNode::rmdir(const Request&, Name name) { return remove(Hook::rmdir, name); }

Task<> ScriptNode::rename(const Request&, Name from, Ref<Node> to_directory, Name to, unsigned flags) {
  if ((flags & ~static_cast<unsigned>(RENAME_NOREPLACE)) != 0) co_return Errno::invalid;
  const std::string old_path = co_await child(from);
  const std::string new_path = co_await static_cast<ScriptNode&>(*to_directory).child(to);
  Question question{.hook = Hook::rename, .path = old_path, .arguments = {new_path}};
  co_await must(std::move(question), Errno::not_permitted);
  script_.drop(old_path);
  script_.drop(new_path);
  script_.nodes().renamed(old_path, new_path);
  co_return {};
}

}  // namespace fusebox::script
