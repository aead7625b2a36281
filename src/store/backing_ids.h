// Backing ids that outlive the last close, because registering costs several microseconds (store layer).
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

namespace fusebox {

class BackingIdOwner {
 public:
  // Unregisters the id, unless the file is open again.  It may then be told idle() again.
  virtual void drop_idle_backing_id() = 0;

 protected:
  ~BackingIdOwner() = default;
};

// Any thread; calls owners with no lock held.
class BackingIds {
 public:
  // The file was closed and keeps its id.  The one idle for longest may have to give up its own.
  void idle(std::weak_ptr<BackingIdOwner> owner);

 private:
  // Each is a file kept open in the kernel, beyond what RLIMIT_NOFILE counts.
  static constexpr std::size_t kKept = 512;

  std::mutex mutex_;
  std::deque<std::weak_ptr<BackingIdOwner>> idle_;
};

}  // namespace fusebox
