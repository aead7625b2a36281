// Renaming in the merged tree.
#include <fcntl.h>
#include <linux/fs.h>
#include <unistd.h>

#include <utility>

#include "cow/cow_node.h"
#include "cow/upper_files.h"

namespace fusebox {
namespace {

// Between copying and renaming others may change the same names; whoever loses this often meets no ordinary program.
constexpr int kMostTries = 16;

Result<> set_opaque_on(const CowCore& core, HostNode& directory) {
  const Result<Lease> own = directory.acquire(HostNode::Need::place);
  if (!own) return fail(own.error());
  return core.format.set_opaque(XattrTarget(directory.core(), **own));
}

// Is it in the upper directory with all that belongs to it?
bool is_movable(const CowChild& child) {
  return child.is_named_above && (child.lower == nullptr || !child.attr.is_directory());
}

}  // namespace

// What is moved where, while CowCore::names is held.
struct CowNode::Move {
  Name from;
  Ref<CowNode> target;
  Name to;
  bool exchanges;
  CowChild moved;
  CowChild replaced;
};

Task<> CowNode::rename(const Request& request, Name from, Ref<Node> to_directory, Name to, unsigned flags) {
  const Ref<CowNode> target = merged_node(to_directory);
  // RENAME_WHITEOUT makes a device.
  if ((flags & ~unsigned{RENAME_NOREPLACE | RENAME_EXCHANGE}) != 0) co_return Errno::invalid;
  if (target == nullptr || target->mount_ != mount_) co_return Errno::cross_device;
  co_return rename_now(request, from, target, to, flags);
}

Result<> CowNode::rename_now(const Request& request, Name from, const Ref<CowNode>& target, Name to, unsigned flags) {
  for (const CowNode* one : {static_cast<const CowNode*>(this), static_cast<const CowNode*>(target.get())}) {
    if (const Result<> may_write = one->may(request, W_OK | X_OK); !may_write) return may_write;
  }
  for (int tries = 0; tries < kMostTries; ++tries) {
    {
      const std::shared_lock lock(core_.names);
      const Result<CowChild> moved = child(from, true);
      const Result<CowChild> replaced = moved ? target->child(to, true) : fail(moved.error());
      if (!replaced) return fail(replaced.error());
      if (const Result<> may = check_move(*moved, *replaced, target, to, flags); !may) return may;
    }
    if (const Result<> copied = bring_up(from); !copied) return copied;
    const Result<> ready = (flags & RENAME_EXCHANGE) != 0 ? target->bring_up(to) : target->copy_up_linked(to);
    if (!ready) return ready;
    const Result<bool> done = rename_if_ready(from, target, to, flags);
    if (!done) return fail(done.error());
    if (*done) return {};
  }
  return fail(Errno{EBUSY});
}

// False: something changed since it was copied.
Result<bool> CowNode::rename_if_ready(Name from, const Ref<CowNode>& target, Name to, unsigned flags) {
  const std::unique_lock lock(core_.names);
  const Result<CowChild> moved = child(from, true);
  const Result<CowChild> replaced = moved ? target->child(to, true) : fail(moved.error());
  if (!replaced) return fail(replaced.error());
  if (const Result<> may = check_move(*moved, *replaced, target, to, flags); !may) return fail(may.error());
  const bool exchanges = (flags & RENAME_EXCHANGE) != 0;
  if (!is_movable(*moved) || (exchanges && !is_movable(*replaced))) return false;
  const Result<> done = move({from, target, to, exchanges, *moved, *replaced});
  if (!done) return fail(done.error());
  return true;
}

Result<> CowNode::check_move(const CowChild& moved, const CowChild& replaced, const Ref<CowNode>& target, Name to,
                             unsigned flags) {
  const bool exchanges = (flags & RENAME_EXCHANGE) != 0;
  if (!moved.exists() || (exchanges && !replaced.exists())) return fail(Errno::no_entry);
  if ((flags & RENAME_NOREPLACE) != 0 && replaced.exists()) return fail(Errno::exists);
  if (moved.is_border || replaced.is_border) return fail(Errno{EBUSY});
  for (const CowNode* one : {static_cast<const CowNode*>(this), static_cast<const CowNode*>(target.get())}) {
    if (const Result<> can = one->check_changeable(); !can) return can;
  }
  if (!replaced.exists() || exchanges) return {};
  if (moved.attr.is_directory() != replaced.attr.is_directory()) {
    return fail(moved.attr.is_directory() ? Errno::not_directory : Errno::is_directory);
  }
  if (!replaced.attr.is_directory()) return {};
  const Result<bool> is_empty = target->node_of(replaced, to.text())->is_empty();
  if (!is_empty) return fail(is_empty.error());
  return *is_empty ? Result<>() : Result<>(fail(Errno{ENOTEMPTY}));
}

namespace {

// An ordinary rename; where the lower directory has the old name, a whiteout takes its place.
Result<> rename_leaving(int from, const char* name, int to, const char* new_name, bool leaves_whiteout) {
  if (!leaves_whiteout) return rename_at(from, name, to, new_name);
  const Result<> renamed = rename_at(from, name, to, new_name, RENAME_WHITEOUT);
  if (renamed || renamed.error() != Errno::invalid) return renamed;
  // A file system that cannot do both at once.
  const Result<> plain = rename_at(from, name, to, new_name);
  return plain ? make_whiteout(from, name) : plain;
}

}  // namespace

// What a directory comes to cover must not shine through.
Result<> CowNode::cover_below(const Move& move) {
  if (move.moved.attr.is_directory() && move.replaced.hides_directory) {
    if (const Result<> set = set_opaque_on(core_, *move.moved.upper); !set) return set;
  }
  if (!move.exchanges || !move.replaced.attr.is_directory() || !move.moved.hides_directory) return {};
  return set_opaque_on(core_, *move.replaced.upper);
}

// What was under the new name is under the old one now, in the directory `from`: a whiteout, or a directory, open as
// `kept`, that is empty to the box.
Result<> CowNode::clear_old_name(const Move& move, int from, int kept) {
  const char* name = move.from.c_str();
  if (move.replaced.is_whiteout) return move.moved.hides ? Result<>() : unlink_at(from, name);
  if (const Result<> cleared = remove_whiteouts(kept); !cleared) return cleared;
  return move.moved.hides ? cover(core_, from, name, Covered::directory) : unlink_at(from, name, AT_REMOVEDIR);
}

Result<> CowNode::move(const Move& move) {
  const CowChild& moved = move.moved;
  const CowChild& replaced = move.replaced;
  const bool is_directory = moved.attr.is_directory();
  const Ref<CowNode> node = node_of(moved, move.from.text());
  const Ref<CowNode> other = replaced.exists() ? move.target->node_of(replaced, move.to.text()) : nullptr;
  const Result<Ref<HostNode>> above = make_upper();
  const Result<Ref<HostNode>> target_above = above ? move.target->make_upper() : above;
  if (!target_above) return fail(target_above.error());
  const Result<Lease> place = (*above)->acquire(HostNode::Need::place);
  const Result<Lease> target_place = (*target_above)->acquire(HostNode::Need::place);
  const Result<Lease> kept = replaced.upper != nullptr ? replaced.upper->acquire(HostNode::Need::place) : place;
  if (!place || !target_place || !kept) return fail(Errno::io);
  const int from = (*place)->fd.get();
  const int to = (*target_place)->fd.get();
  const char* name = move.from.c_str();
  const char* new_name = move.to.c_str();

  if (const Result<> set = cover_below(move); !set) return set;
  const bool swaps = move.exchanges || (is_directory && (replaced.is_named_above || replaced.is_whiteout));
  Result<> done = swaps ? rename_at(from, name, to, new_name, RENAME_EXCHANGE)
                        : rename_leaving(from, name, to, new_name, moved.hides);
  if (!done) return done;
  if (swaps && !move.exchanges) done = clear_old_name(move, from, (*kept)->fd.get());
  node->place(move.target, move.to.text());
  moved.upper->located(*target_above, move.to.text());
  forget_subdirectories();
  move.target->forget_subdirectories();
  if (other == nullptr) return done;
  if (move.exchanges) {
    other->place(shared_from_this(), move.from.text());
    replaced.upper->located(*above, move.from.text());
    return done;
  }
  other->unplace(move.target.get(), move.to.text());
  if (!replaced.attr.is_directory()) other->lost_name(replaced.is_named_above);
  return done;
}

}  // namespace fusebox
