// Making and removing names in a merged directory.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "cow/cow_file.h"
#include "cow/cow_node.h"
#include "cow/file_copy.h"
#include "cow/upper_files.h"

namespace fusebox {

// A name that is free, for as long as CowCore::names is held.
struct CowNode::Vacated {
  Ref<HostNode> directory;
  Lease place;
  std::string name;
  std::string whiteout;  // its name in the scratch directory; empty: there was none
  bool hides_directory = false;
  FileStatus before{};
};

// A whiteout steps aside for what is made as the caller, in its place, with all that the directory hands down.
Result<CowNode::Vacated> CowNode::vacate(const Request& request, Name name) {
  if (const Result<> may_write = may(request, W_OK | X_OK); !may_write) return fail(may_write.error());
  if (const Result<> can = check_changeable(); !can) return fail(can.error());
  const Result<Ref<HostNode>> directory = make_upper();
  if (!directory) return fail(directory.error());
  const Result<CowChild> there = child(name, true);
  if (!there) return fail(there.error());
  if (there->exists()) return fail(Errno::exists);
  const Result<Lease> place = (*directory)->acquire(HostNode::Need::place);
  const Result<FileStatus> before = place ? status_of((*place)->fd.get()) : fail(place.error());
  if (!before) return fail(before.error());
  Vacated vacated{.directory = *directory,
                  .place = *place,
                  .name = std::string(name.text()),
                  .whiteout = {},
                  .hides_directory = there->hides_directory,
                  .before = *before};
  if (!there->is_whiteout) return vacated;
  const Result<Lease> scratch = core_.scratch->acquire(HostNode::Need::place);
  if (!scratch) return fail(scratch.error());
  std::string aside = core_.scratch_name();
  const Result<> moved = rename_at((*place)->fd.get(), name.c_str(), (*scratch)->fd.get(), aside.c_str());
  if (!moved) return fail(moved.error());
  vacated.whiteout = std::move(aside);
  return vacated;
}

void CowNode::settle(const Vacated& vacated, bool is_made) {
  if (vacated.whiteout.empty()) return;
  const Result<Lease> scratch = core_.scratch->acquire(HostNode::Need::place);
  if (!scratch) return;
  const int aside = (*scratch)->fd.get();
  if (is_made) {
    (void)unlink_at(aside, vacated.whiteout.c_str());
    return;
  }
  (void)rename_at(aside, vacated.whiteout.c_str(), vacated.place->fd.get(), vacated.name.c_str());
  (void)set_times(vacated.place->fd.get(), vacated.before);
}

template <class Make>
Result<Entry> CowNode::make_new(const Request& request, Name name, Make make) {
  const std::unique_lock lock(core_.names);
  const Result<Vacated> vacated = vacate(request, name);
  if (!vacated) return fail(vacated.error());
  Result<Entry> made = make(*vacated->directory);
  if (made && vacated->hides_directory && made->attr.is_directory()) {
    auto& directory = static_cast<HostNode&>(*made->node);
    const Result<Lease> own = directory.acquire(HostNode::Need::place);
    const Result<> marked =
        own ? core_.format.set_opaque(XattrTarget(directory.core(), **own)) : Result<>(fail(own.error()));
    if (!marked) {
      (void)unlink_at(vacated->place->fd.get(), name.c_str(), AT_REMOVEDIR);
      made = fail(marked.error());
    }
  }
  settle(*vacated, made.has_value());
  if (!made) return made;
  if (made->attr.is_directory()) forget_subdirectories();
  CowChild child;
  child.upper = std::static_pointer_cast<HostNode>(made->node);
  child.is_named_above = true;
  child.attr = made->attr;
  child.valid_for = made->valid_for;
  return entry_of(child, name.text());
}

Task<Entry> CowNode::mknod(const Request& request, Name name, NewMode mode, dev_t device) {
  if (is_whiteout(mode.mode, device)) co_return Errno::not_permitted;
  co_return make_new(request, name, [&](HostNode& upper) { return upper.mknod(request, name, mode, device).run(); });
}

Task<Entry> CowNode::mkdir(const Request& request, Name name, NewMode mode) {
  co_return make_new(request, name, [&](HostNode& upper) { return upper.mkdir(request, name, mode).run(); });
}

Task<Entry> CowNode::symlink(const Request& request, Name name, std::string target) {
  co_return make_new(request, name, [&](HostNode& upper) { return upper.symlink(request, name, target).run(); });
}

Task<Created> CowNode::create(const Request& request, Name name, NewMode mode, int flags) {
  co_return create_now(request, name, mode, flags);
}

Result<Created> CowNode::create_now(const Request& request, Name name, NewMode mode, int flags) {
  Result<Opened> opened = fail(Errno::io);
  Result<Entry> entry = make_new(request, name, [&](HostNode& upper) -> Result<Entry> {
    Result<Created> created = upper.create(request, name, mode, flags).run();
    if (!created) return fail(created.error());
    opened = std::move(created->opened);
    return std::move(created->entry);
  });
  // As HostNode::create: the kernel looks again, and opens what it finds.
  if (!entry && entry.error() == Errno::exists && (flags & O_EXCL) == 0) return fail(Errno::stale);
  if (!entry) return fail(entry.error());
  const auto node = std::static_pointer_cast<CowNode>(entry->node);
  return Created{.entry = *std::move(entry), .opened = node->wrap(*std::move(opened))};
}

Task<Created> CowNode::tmpfile(const Request& request, NewMode mode, int flags) {
  co_return tmpfile_now(request, mode, flags);
}

Result<Created> CowNode::tmpfile_now(const Request& request, NewMode mode, int flags) {
  const std::unique_lock lock(core_.names);
  if (const Result<> may_write = may(request, W_OK | X_OK); !may_write) return fail(may_write.error());
  if (const Result<> can = check_changeable(); !can) return fail(can.error());
  const Result<Ref<HostNode>> directory = make_upper();
  if (!directory) return fail(directory.error());
  Result<Created> created = (*directory)->tmpfile(request, mode, flags).run();
  if (!created) return created;
  CowChild child;
  child.upper = std::static_pointer_cast<HostNode>(created->entry.node);
  child.attr = created->entry.attr;
  const auto node = CowNode::make_known(core_, child, mount_);
  created->opened = node->wrap(std::move(created->opened));
  created->entry.node = node;
  created->entry.attr = node->shown(child.attr);
  return created;
}

Task<Entry> CowNode::link(const Request& request, Ref<Node> existing, Name name) {
  const Ref<CowNode> source = merged_node(existing);
  if (source == nullptr || source->mount_ != mount_) co_return Errno::cross_device;
  co_return link_now(request, source, name);
}

Result<Entry> CowNode::link_now(const Request& request, const Ref<CowNode>& source, Name name) {
  if (const Result<> copied = source->copy_up(); !copied) return fail(copied.error());
  const std::unique_lock lock(core_.names);
  const Result<Vacated> vacated = vacate(request, name);
  if (!vacated) return fail(vacated.error());
  Result<Entry> made = vacated->directory->link(request, source->upper(), name).run();
  settle(*vacated, made.has_value());
  if (!made) return made;
  source->place(shared_from_this(), name.text());
  return Entry{.node = source, .attr = source->shown(made->attr), .valid_for = made->valid_for};
}

// A lower file with several names is copied before it loses one: the copy keeps count of them.
Result<> CowNode::copy_up_linked(Name name) {
  Ref<CowNode> node;
  {
    const std::shared_lock lock(core_.names);
    const Result<CowChild> found = child(name, false);
    if (!found) return fail(found.error());
    const bool is_linked = found->lower != nullptr && !found->attr.is_directory() && found->attr.nlink > 1;
    // Overlayfs's own whiteouts, where the host keeps such a layer, are links of one node, which cannot be copied.
    if (!is_linked || found->is_border || is_whiteout(found->attr.mode, found->attr.rdev)) return {};
    node = node_of(*found, name.text());
  }
  return node->upper() == nullptr ? node->copy_up() : Result<>();
}

Task<> CowNode::unlink(const Request& request, Name name) { co_return remove(request, name, false); }
Task<> CowNode::rmdir(const Request& request, Name name) { co_return remove(request, name, true); }

Result<> CowNode::check_removable(CowNode& node, bool is_directory) const {
  if (const Result<> can = check_changeable(); !can) return can;
  if (const Result<> can = node.check_changeable(); !can) return can;
  if (!is_directory) return {};
  const Result<bool> is_empty = node.is_empty();
  if (!is_empty) return fail(is_empty.error());
  return *is_empty ? Result<>() : fail(Errno{ENOTEMPTY});
}

Result<> CowNode::remove(const Request& request, Name name, bool wants_directory) {
  if (const Result<> may_write = may(request, W_OK | X_OK); !may_write) return may_write;
  if (const Result<> counted = copy_up_linked(name); !counted) return counted;
  const std::unique_lock lock(core_.names);
  const Result<CowChild> found = child(name, true);
  if (!found) return fail(found.error());
  if (!found->exists()) return fail(Errno::no_entry);
  if (found->is_border) return fail(Errno{EBUSY});
  const bool is_directory = found->attr.is_directory();
  if (is_directory != wants_directory) return fail(is_directory ? Errno::is_directory : Errno::not_directory);
  const Ref<CowNode> node = node_of(*found, name.text());
  if (const Result<> can = check_removable(*node, is_directory); !can) return can;
  const Result<Ref<HostNode>> directory = make_upper();
  if (!directory) return fail(directory.error());
  const Result<Lease> place = (*directory)->acquire(HostNode::Need::place);
  // It stays reachable when the name goes, for those who have it open.
  const Result<Lease> kept = found->upper != nullptr ? found->upper->acquire(HostNode::Need::place) : place;
  if (!place) return fail(place.error());
  if (!kept) return fail(kept.error());
  Result<> gone;
  if (found->hides) {
    const Covered file = is_directory ? Covered::directory : Covered::file;
    gone = cover(core_, (*place)->fd.get(), name.c_str(), found->is_named_above ? file : Covered::nothing);
  } else if (is_directory) {
    gone = remove_whiteouts((*kept)->fd.get());
    if (gone) gone = (*directory)->rmdir(request, name).run();
  } else {
    gone = (*directory)->unlink(request, name).run();
  }
  if (!gone) return gone;
  node->unplace(this, name.text());
  if (is_directory) {
    forget_subdirectories();
  } else {
    node->lost_name(found->is_named_above);
  }
  return {};
}

}  // namespace fusebox
