#include "seccomp/signals.h"

#include <signal.h>
#include <ucontext.h>

#include <array>
#include <atomic>
#include <cerrno>

namespace fusebox::seccomp {
namespace {

constexpr std::size_t kRoom = 256;

// A handler knows nothing but what is global.  Handlers of several threads may write at once: each claims a slot of its
// own, and `is_whole` says when it can be read.
struct Slot {
  CaughtSignal caught;
  std::atomic<bool> is_whole = false;
};
std::array<Slot, kRoom> slots;
std::atomic<std::size_t> claimed = 0;  // ever
std::atomic<std::size_t> taken = 0;    // ever

// What the trapped call returns.  The kernel leaves the call's own number there.
void fail_the_call(void* context) {
  [[maybe_unused]] auto* const machine = &static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  machine->gregs[REG_RAX] = -ENOSYS;
#elif defined(__aarch64__)
  machine->regs[0] = static_cast<unsigned long long>(-ENOSYS);
#endif
}

void write_down(int number, siginfo_t* info, void* context) {
  if (number == SIGSYS) fail_the_call(context);
  std::size_t mine = claimed.load();
  do {
    if (mine - taken.load() >= kRoom) return;
  } while (!claimed.compare_exchange_weak(mine, mine + 1));
  Slot& slot = slots[mine % kRoom];
  slot.caught = {.number = number, .code = info->si_code};
  if (number == SIGSYS) {
    slot.caught.call = info->si_syscall;
    slot.caught.architecture = info->si_arch;
    slot.caught.address = reinterpret_cast<std::uintptr_t>(info->si_call_addr);
  } else {
    slot.caught.pid = info->si_pid;
    slot.caught.uid = static_cast<int>(info->si_uid);
  }
  slot.is_whole = true;
}

}  // namespace

Result<> catch_signal(int signal) {
  struct sigaction action{};
  action.sa_sigaction = write_down;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (sigaction(signal, &action, nullptr) != 0) return fail_with_errno();
  return {};
}

std::optional<CaughtSignal> next_caught_signal() {
  Slot& slot = slots[taken.load() % kRoom];
  if (!slot.is_whole) return std::nullopt;
  const CaughtSignal caught = slot.caught;
  slot.is_whole = false;
  ++taken;
  return caught;
}

}  // namespace fusebox::seccomp
