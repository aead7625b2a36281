#include "audit/process_table.h"

#include <fcntl.h>
#include <time.h>

#include <array>
#include <atomic>
#include <mutex>
#include <utility>

#include "audit/process_file.h"
#include "audit/recent.h"

namespace fusebox::audit {
namespace {

using Milliseconds = std::int64_t;

constexpr Milliseconds kTrusted = 1000;
constexpr Milliseconds kExecTakesAtMost = 1000;

// A few milliseconds coarse, and without a look at the hardware's clock.
Milliseconds now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  return time.tv_sec * Milliseconds{1000} + time.tv_nsec / 1'000'000;
}

// The kernel opens the dynamic loader on the way into a program, before the thread is that program; all ABIs name it
// ld-linux.so, ld-musl.so, ld.so or ld64.so with a machine and a number.
bool is_dynamic_loader(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.starts_with("ld-") || name.starts_with("ld.so") || name.starts_with("ld64.so");
}

// What is known of a thread.
struct Known {
  std::shared_ptr<const Process> process;
  Milliseconds checked = 0;
  Milliseconds executes_until = 0;

  bool shows(const Image& image) const {
    return process && process->pid == image.pid && process->exe == image.exe &&
           process->start_time == image.start_time && process->start_stack == image.start_stack;
  }
};

}  // namespace

// No lock is held across a system call, and never two.
class ProcessTable::Impl {
 public:
  explicit Impl(Fd proc) : proc_(std::move(proc)) {}

  std::shared_ptr<const Process> find(pid_t tid, std::string_view executes);
  void executes(pid_t tid);

 private:
  struct alignas(64) Shard {
    std::mutex mutex;
    Recent<pid_t, Known> threads{1024};
  };

  Shard& shard_of(pid_t tid) { return shards_[static_cast<unsigned>(tid) % shards_.size()]; }
  std::shared_ptr<const Process> create_process(const Image& image);
  std::shared_ptr<const Process> process_of(const Image& image, Milliseconds time);
  std::shared_ptr<const Process> look(pid_t tid, Milliseconds time);
  std::shared_ptr<const Process> mark_executing(pid_t tid);

  Fd proc_;
  std::atomic<std::uint64_t> next_id_ = 1;
  const std::shared_ptr<const Process> nobody_ = std::make_shared<const Process>();
  std::array<Shard, 16> shards_;
};

std::shared_ptr<const Process> ProcessTable::Impl::create_process(const Image& image) {
  return std::make_shared<const Process>(Process{.pid = image.pid,
                                                 .id = next_id_++,
                                                 .exe = image.exe,
                                                 .parent = image.parent,
                                                 .start_time = image.start_time,
                                                 .start_stack = image.start_stack});
}

std::shared_ptr<const Process> ProcessTable::Impl::find(pid_t tid, std::string_view executes) {
  if (tid == 0) return nobody_;
  const Milliseconds time = now();
  {
    Shard& shard = shard_of(tid);
    const std::scoped_lock lock(shard.mutex);
    const Known* known = shard.threads.find(tid);
    if (known != nullptr && known->process && time < known->checked + kTrusted &&
        (time >= known->executes_until || is_dynamic_loader(executes))) {
      return known->process;
    }
  }
  return look(tid, time);
}

std::shared_ptr<const Process> ProcessTable::Impl::look(pid_t tid, Milliseconds time) {
  auto image = look_at(proc_, tid);
  if (!image) return create_process({.pid = tid});
  auto process = process_of(*image, time);
  if (tid == image->pid) return process;
  Shard& shard = shard_of(tid);
  const std::scoped_lock lock(shard.mutex);
  Known& known = shard.threads[tid];
  if (known.process && known.process != process) known.executes_until = 0;
  known.process = process;
  known.checked = time;
  return process;
}

// The leader's entry stands for all threads of its process.
std::shared_ptr<const Process> ProcessTable::Impl::process_of(const Image& image, Milliseconds time) {
  Shard& shard = shard_of(image.pid);
  const std::scoped_lock lock(shard.mutex);
  Known& known = shard.threads[image.pid];
  known.checked = time;
  if (known.shows(image)) return known.process;
  // Had it been seen before, then this is what it was about to execute.
  if (known.process) known.executes_until = 0;
  known.process = create_process(image);
  return known.process;
}

std::shared_ptr<const Process> ProcessTable::Impl::mark_executing(pid_t tid) {
  Shard& shard = shard_of(tid);
  const std::scoped_lock lock(shard.mutex);
  Known& known = shard.threads[tid];
  known.executes_until = now() + kExecTakesAtMost;
  return known.process;
}

// A thread that executes takes the leader's number on the way (execve(2)).
void ProcessTable::Impl::executes(pid_t tid) {
  const auto process = mark_executing(tid);
  if (process && process->pid != tid) mark_executing(process->pid);
}

ProcessTable::ProcessTable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProcessTable::~ProcessTable() = default;

Outcome<std::unique_ptr<ProcessTable>> ProcessTable::create() {
  Fd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!proc) return std::unexpected(fault_with_errno("/proc"));
  return std::unique_ptr<ProcessTable>(new ProcessTable(std::make_unique<Impl>(std::move(proc))));
}

std::shared_ptr<const Process> ProcessTable::find(pid_t tid, std::string_view executes) {
  return impl_->find(tid, executes);
}

void ProcessTable::executes(pid_t tid) { impl_->executes(tid); }

}  // namespace fusebox::audit
