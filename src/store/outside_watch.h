// Finds the FIFOs and sockets of a directory that were made outside (store layer).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "fusebox/fd.h"
#include "fusebox/node.h"
#include "store/file_status.h"

namespace fusebox {

// The FIFOs and sockets that the tree's own users made: these work among them as they are.  Any thread.
class MadeInside {
 public:
  // Calls `make`, a function that makes one and returns its Result<Entry>.  Whoever sees the new name outside and asks
  // is_inside() gets the right answer.
  template <class Make>
  Result<Entry> make(Make make) {
    const std::lock_guard lock(mutex_);
    Result<Entry> made = make();
    if (made) remember(made->node->identity());
    return made;
  }

  // One that is to be treated as such.
  void adopt(const Identity& identity);

  bool is_inside(const Identity& identity) const;

 private:
  using Key = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;

  void remember(const std::optional<Identity>& identity);

  mutable std::mutex mutex_;
  std::set<Key> known_;
  bool is_full_ = false;
};

struct OutsideObject {
  std::string name;
  Identity identity;
  Fd fd;  // O_PATH
};

// What is known of one directory.  Any thread.
class OutsideWatch {
 public:
  // Looks again at a directory that changed, at most once in each `interval`.
  explicit OutsideWatch(Validity interval) : interval_(interval) {}

  // Has the directory, of which `status` was just taken, to be looked at before anybody walks through it?
  bool is_due(const FileStatus& status) const { return due_in(status) <= Validity::zero(); }
  // How long its attributes may be remembered: until it is due, but not longer than `most`.
  Validity valid_for(const FileStatus& status, Validity most) const { return std::min(due_in(status), most); }

  // The objects in the directory (`place`, any descriptor of it) that are not yet shown.  Where there are none, the
  // directory is no longer due.
  std::vector<OutsideObject> look(int place, const FileStatus& status, const MadeInside& made_inside);

  // The object shown as `name`, if there is one.
  std::optional<Identity> shown_as(std::string_view name) const;

  // The directory was just made, and is empty: no need to look at once.
  void begin_empty();

  // What look() found is dealt with, but for `failed` of them, which are not among `objects`.
  void shown(const std::vector<OutsideObject>& objects, std::size_t failed, const FileStatus& status);

 private:
  using Clock = std::chrono::steady_clock;

  Validity due_in(const FileStatus& status) const;
  void settle(const FileStatus& status);

  const Validity interval_;
  mutable std::mutex mutex_;  // guards what follows
  bool looked_ = false;
  Clock::time_point next_look_;
  statx_timestamp mtime_{};   // of the directory at the last look
  bool mtime_tells_ = false;  // a later change gives another mtime
  std::vector<std::pair<std::string, Identity>> shown_;
  std::size_t failures_ = 0;
};

}  // namespace fusebox
