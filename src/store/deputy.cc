#include "store/deputy.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <system_error>

#include "base/quiet_thread.h"

namespace fusebox {
namespace {

// It is never anybody but a caller: all that it needs is to become one.  A failure would leave it powers that the
// caller lacks.
void give_up_powers() {
  constexpr std::uint32_t kBecoming = (1U << CAP_SETUID) | (1U << CAP_SETGID);
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) std::abort();
  const std::uint32_t kept = sets[0].permitted & kBecoming;
  sets = {};
  sets[0].effective = sets[0].permitted = kept;
  if (::syscall(SYS_capset, &header, sets.data()) != 0) std::abort();
}

}  // namespace

std::unique_ptr<Deputy> Deputy::start() {
  std::unique_ptr<Deputy> deputy(new Deputy);
  try {
    deputy->thread_ = start_without_signals([&self = *deputy] { self.serve(); });
  } catch (const std::system_error&) {
    return nullptr;
  }
  return deputy;
}

Deputy::~Deputy() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Deputy::have_done(const std::function<void()>& work) {
  std::unique_lock lock(mutex_);
  work_ = &work;
  changed_.notify_all();
  changed_.wait(lock, [this] { return work_ == nullptr; });
}

void Deputy::serve() {
  give_up_powers();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return work_ != nullptr || ends_; });
    if (work_ == nullptr) return;
    const std::function<void()>& work = *work_;
    lock.unlock();
    work();
    lock.lock();
    work_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace fusebox
