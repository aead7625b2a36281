#include "audit/summary.h"

#include <utility>

namespace fusebox::audit {
namespace {

bool existed_before(const Touched& touched) {
  return !touched.created && (touched.read || touched.written || touched.attributes || touched.deleted);
}

}  // namespace

// Null where there is no room for another path.
Touched* Summary::touch(const std::string& path, const Event& event) {
  auto found = paths.find(path);
  if (found == paths.end()) {
    if (paths.size() >= kMostPaths || name_bytes_ >= kMostBytes) {
      ++left_out;
      return nullptr;
    }
    found = paths.emplace(path, Touched{}).first;
    name_bytes_ += path.size() + (event.process ? event.process->exe.size() : 0);
  }
  Touched& touched = found->second;
  touched.is_directory |= event.is_directory;
  // Who asked in vain is not who did it.
  const bool is_deed = is_permitted(event.verdict) && event.error == 0;
  const bool has_doer = touched.created || existed_before(touched);
  if (event.process && (touched.first_by.empty() || (is_deed && !has_doer))) touched.first_by = event.process->exe;
  return &touched;
}

void Summary::add_denied(const Event& event) {
  ++violations;
  auto found = denied.find(event.path);
  if (found == denied.end()) {
    if (denied.size() >= kMostDeniedPaths || name_bytes_ >= kMostBytes) {
      ++left_out;
      return;
    }
    found = denied.emplace(event.path, Denied{.count = 0, .first = event}).first;
    name_bytes_ += 2 * event.path.size() + event.to.size();
  }
  ++found->second.count;
}

// Asked for in vain: hidden, predicted, missing, or an error that leaves no trace.
void Summary::add_refused(const Event& event) {
  if (is_permitted(event.verdict) && event.error != ENOENT) return;
  Touched* touched = touch(event.path, event);
  if (touched == nullptr) return;
  if (event.verdict == Verdict::hide) {
    touched->hidden = true;
  } else if (event.verdict == Verdict::predict) {
    touched->predicted = true;
  } else if (!touched->created && !existed_before(*touched)) {
    touched->missing = true;
  }
}

void Summary::add_created(const std::string& path, const Event& event) {
  Touched* touched = touch(path, event);
  if (touched == nullptr) return;
  touched->missing = false;
  if (existed_before(*touched)) {
    touched->written = true;  // replaced
  } else {
    touched->created = true;
  }
  touched->deleted = false;
}

// What lies in a directory moves with it.
void Summary::add_renamed(const Event& event) {
  const std::string below = event.path + '/';
  std::vector<std::pair<std::string, Touched>> moved;
  for (auto found = paths.lower_bound(below); found != paths.end() && found->first.starts_with(below);) {
    Touched& touched = found->second;
    const bool ours = (touched.created || touched.written) && !touched.deleted;
    if (ours) moved.emplace_back(event.to + found->first.substr(event.path.size()), touched);
    if (ours && touched.created) {
      found = paths.erase(found);
    } else {
      touched.deleted |= ours;
      ++found;
    }
  }
  for (auto& [path, touched] : moved) {
    touched.created = true;
    paths.insert_or_assign(std::move(path), std::move(touched));
  }
  add_created(event.to, event);
  if (Touched* from = touch(event.path, event)) from->deleted = true;
}

void Summary::add(const Event& event) {
  ++events;
  if (event.verdict == Verdict::deny) return add_denied(event);
  if (!is_permitted(event.verdict) || event.error != 0) return add_refused(event);
  const Kind kind = kind_of(event.op, event.flags);
  // A symlink on the way to a file is not what was read.
  if (kind == Kind::look || event.op == Op::readlink) return;
  if (event.op == Op::rename) return add_renamed(event);
  if (kind == Kind::create) return add_created(event.op == Op::link ? event.to : event.path, event);
  Touched* touched = touch(event.path, event);
  if (touched == nullptr) return;
  touched->missing = false;
  touched->read |= kind == Kind::read || event.op == Op::read;
  touched->executed |= event.op == Op::exec;
  touched->written |= kind == Kind::write || event.op == Op::write;
  touched->attributes |= kind == Kind::attributes;
  touched->deleted |= kind == Kind::remove;
}

void Summary::add(Undelivered deed) {
  ++undelivered;
  if (not_done.size() < kMostUndelivered) not_done.push_back(std::move(deed));
}

}  // namespace fusebox::audit
