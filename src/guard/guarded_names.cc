// The operations of GuardedNode that make, move and remove names.
#include <utility>

#include "guard/guarded_node.h"

namespace fusebox::guard {
namespace {

using audit::Op;
using policy::Want;

constexpr unsigned kExchange = 2;  // RENAME_EXCHANGE of rename(2)

Errno error_of(const auto& result) { return result.has_value() ? Errno{} : result.error(); }

// What is kept in the box and what is on the host are as two file systems.
bool are_apart(const Place& from, const Place& to) {
  const bool keeps_from = from.decision(Want::write).verdict == policy::Verdict::discard;
  const bool keeps_to = to.decision(Want::write).verdict == policy::Verdict::discard;
  return keeps_from != keeps_to;
}

}  // namespace

// Runs `making`, which has not begun, if the place may be written.  The node that makes it lives as long.
Task<Entry> GuardedNode::finish_new(const Request& request, Place at, Act act, Ref<Node>, Task<Entry> making,
                                    std::string name, std::string target) {
  co_await guard_.permit(request, at, act, target);
  Result<Entry> made = co_await attempt(std::move(making));
  co_await guard_.report(request, at, act, error_of(made), target);
  if (!made) co_return made;
  co_return wrap(*std::move(made), name, at.asks);
}

Task<Entry> GuardedNode::mknod(const Request& request, Name name, NewMode mode, dev_t device) {
  Place at = child_place(request, name.text());
  const Ref<Node> inner = inner_at(at);
  return finish_new(request, std::move(at), {.op = Op::mknod, .want = Want::write}, inner,
                    inner->mknod(request, name, mode, device), std::string(name.text()), {});
}

Task<Entry> GuardedNode::mkdir(const Request& request, Name name, NewMode mode) {
  Place at = child_place(request, name.text());
  const Ref<Node> inner = inner_at(at);
  return finish_new(request, std::move(at), {.op = Op::mkdir, .want = Want::write, .is_directory = true}, inner,
                    inner->mkdir(request, name, mode), std::string(name.text()), {});
}

Task<Entry> GuardedNode::symlink(const Request& request, Name name, std::string target) {
  std::string text = target;
  Place at = child_place(request, name.text());
  const Ref<Node> inner = inner_at(at);
  return finish_new(request, std::move(at), {.op = Op::symlink, .want = Want::write}, inner,
                    inner->symlink(request, name, std::move(target)), std::string(name.text()), std::move(text));
}

Task<Entry> GuardedNode::link(const Request& request, Ref<Node> existing, Name name) {
  // A link makes the file writable under its new name, so its old name must be writable as well.
  auto source = std::static_pointer_cast<GuardedNode>(std::move(existing));
  const std::shared_ptr<const Place> from = source->place_used_by(request);
  const Place to = child_place(request, name.text());
  const Act act{.op = Op::link, .want = Want::write};
  co_await guard_.permit_both(request, *from, to, act);
  const Ref<Node> inner = inner_at(to);
  const bool apart = are_apart(*from, to);
  Result<Entry> made = apart ? Result<Entry>(fail(Errno::cross_device))
                             : co_await attempt(inner->link(request, source->inner_at(*from), name));
  co_await guard_.report(request, *from, act, error_of(made), to.path);
  if (!made) co_return made;
  co_return wrap(*std::move(made), name.text(), to.asks);
}

Task<> GuardedNode::finish_removal(const Request& request, Place at, Act act, Ref<Node>, Task<> removing) {
  co_await guard_.permit(request, at, act);
  const Result<> removed = co_await attempt(std::move(removing));
  co_await guard_.report(request, at, act, error_of(removed));
  co_return removed;
}

Task<> GuardedNode::unlink(const Request& request, Name name) {
  Place at = child_place(request, name.text());
  const Ref<Node> inner = inner_at(at);
  return finish_removal(request, std::move(at), {.op = Op::unlink, .want = Want::write}, inner,
                        inner->unlink(request, name));
}

Task<> GuardedNode::rmdir(const Request& request, Name name) {
  Place at = child_place(request, name.text());
  const Ref<Node> inner = inner_at(at);
  return finish_removal(request, std::move(at), {.op = Op::rmdir, .want = Want::write, .is_directory = true}, inner,
                        inner->rmdir(request, name));
}

Task<> GuardedNode::rename(const Request& request, Name from, Ref<Node> to_directory, Name to, unsigned flags) {
  auto target = std::static_pointer_cast<GuardedNode>(std::move(to_directory));
  const Place source_place = child_place(request, from.text());
  const Place target_place = target->child_place(request, to.text());
  Act act{.op = Op::rename, .want = Want::write};
  co_await guard_.permit_both(request, source_place, target_place, act);

  // A directory carries its whole subtree to other rules.
  const Entry moved = co_await inner_->lookup(request, from);
  act.is_directory = moved.node && moved.attr.is_directory();
  bool carries_rules = act.is_directory;
  if ((flags & kExchange) != 0 && !carries_rules) {
    const Entry other = co_await target->inner_->lookup(request, to);
    carries_rules = other.node && other.attr.is_directory();
  }
  if (carries_rules && !source_place.ruling.policy->same_below(source_place.path, target_place.path)) {
    co_await guard_.refuse(request, source_place, target_place, act, "rules inside the directory decide otherwise");
  }

  const Ref<Node> inner = inner_at(source_place);
  const Ref<Node> target_inner = target->inner_at(target_place);
  const bool apart = are_apart(source_place, target_place);
  const Result<> result = apart ? Result<>(fail(Errno::cross_device))
                                : co_await attempt(inner->rename(request, from, target_inner, to, flags));
  co_await guard_.report(request, source_place, act, error_of(result), target_place.path);
  co_return result;
}

}  // namespace fusebox::guard
