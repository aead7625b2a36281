// A thread that acts as other users for the thread that made it (store layer).
//
// Whoever acts as another user takes on his supplementary groups.  Root of a user namespace cannot take its own back
// afterwards, where the namespace does not know them; so its threads never let go of theirs, and have a deputy each.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace fusebox {

class Deputy {
 public:
  // Null: there is no thread to be had.
  static std::unique_ptr<Deputy> start();
  ~Deputy();
  Deputy(const Deputy&) = delete;
  Deputy& operator=(const Deputy&) = delete;

  // Comes back when it is done.  For the thread that made it, one at a time.
  void have_done(const std::function<void()>& work);

 private:
  Deputy() = default;
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void()>* work_ = nullptr;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace fusebox
