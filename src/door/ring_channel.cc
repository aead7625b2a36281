#include "door/ring_channel.h"

#include <fcntl.h>
#include <liburing.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <fstream>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "wire/abi.h"
#include "wire/ring.h"

namespace fusebox::door {
namespace {

constexpr unsigned kMostQueues = 1024;
constexpr std::size_t kMostEntries = 512;             // of one channel: so many requests of its may wait for something
constexpr unsigned kSubmissions = 16;                 // at once
constexpr std::uint64_t kWakeUp = ~std::uint64_t{0};  // user data of the wake-up; entries have their number

// io_uring.h of liburing 2.3 has no room for the command of a 128-byte submission.
constexpr std::size_t kCommandOffset = 48;

struct Unmapper {
  std::size_t size = 0;
  void operator()(std::byte* memory) const { ::munmap(memory, size); }
};
using Memory = std::unique_ptr<std::byte, Unmapper>;

Memory map_memory(std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return Memory(memory == MAP_FAILED ? nullptr : static_cast<std::byte*>(memory), {size});
}

// One request at a time.
struct Entry {
  std::uint64_t unique = 0;  // of the request that the server has; 0 while the kernel has the entry
  std::uint64_t commit_id = 0;
  wire::RingHeader* header = nullptr;
  std::byte* payload = nullptr;
  std::array<iovec, 2> buffers{};
  Memory memory;
};

}  // namespace

std::optional<unsigned> ring_queues_needed() {
  std::string enabled;
  std::ifstream("/sys/module/fuse/parameters/enable_uring") >> enabled;
  if (enabled != "Y") return std::nullopt;
  // "0-7", or "0" where there is one.  With gaps we could not tell which queues there are.
  unsigned first = 1;
  unsigned last = 0;
  char dash = 0;
  std::ifstream possible("/sys/devices/system/cpu/possible");
  if (!(possible >> first) || first != 0) return std::nullopt;
  if (possible >> dash && (dash != '-' || !(possible >> last) || last >= kMostQueues)) return std::nullopt;
  if (possible >> dash) return std::nullopt;
  return last + 1;
}

struct RingChannel::Impl {
  ~Impl() {
    if (made) ::io_uring_queue_exit(&ring);
  }

  Outcome<> make(unsigned count, std::size_t max_write);
  bool add_entry();
  io_uring_sqe* next_submission();
  io_uring_sqe* prepare(std::size_t entry, wire::RingOperation operation);
  void give(std::size_t entry);
  void listen_for_wake_ups();
  void commit_replies();
  void keep_one_for_the_kernel();
  std::optional<std::size_t> take(const io_uring_cqe& completion);
  std::size_t copy_request(Entry& entry, std::span<std::byte> into) const;
  Result<> fill(Entry& entry, std::span<const std::byte> message) const;

  int device = -1;
  std::uint16_t number = 0;
  std::size_t payload_size = 0;

  // Of the thread that receives alone.
  io_uring ring{};
  std::thread::id owner;
  bool made = false;
  bool listens = false;
  std::uint64_t wake_ups = 0;
  std::vector<std::size_t> committed;  // empty but in commit_replies(); kept for its memory
  unsigned usable = 0;                 // entries that the kernel has taken, or was given

  std::mutex mutex;                  // guards all below; never held across a system call
  std::deque<Entry> entries;         // which stay where they are: the kernel is told where
  std::vector<std::size_t> replies;  // entries whose reply is written, and must be committed

  Fd wake;  // an eventfd: another thread has left a reply
};

Outcome<> RingChannel::Impl::make(unsigned count, std::size_t max_write) {
  payload_size = std::max(wire::kMinRingPayload, max_write);
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_SQE128 | IORING_SETUP_SUBMIT_ALL;
  const int error = ::io_uring_queue_init_params(std::max(2 * count, kSubmissions), &ring, &parameters);
  if (error < 0) {
    errno = -error;
    return std::unexpected(fault_with_errno("io_uring_setup", "sysctl kernel.io_uring_disabled=0"));
  }
  made = true;
  wake = Fd(::eventfd(0, EFD_CLOEXEC));
  if (!wake) return std::unexpected(fault_with_errno("eventfd"));
  for (unsigned i = 0; i < count; ++i) {
    if (!add_entry()) return std::unexpected(fault_with_errno("map the buffers of a ring"));
  }
  return {};
}

bool RingChannel::Impl::add_entry() {
  constexpr std::size_t kPage = 4096;  // for the header
  Entry entry;
  entry.memory = map_memory(kPage + payload_size);
  if (!entry.memory) return false;
  const std::lock_guard lock(mutex);
  entry.header = reinterpret_cast<wire::RingHeader*>(entry.memory.get());
  entry.payload = entry.memory.get() + kPage;
  entry.buffers = {{{entry.header, sizeof(wire::RingHeader)}, {entry.payload, payload_size}}};
  entries.push_back(std::move(entry));
  return true;
}

// Where there is no room for another, those before it go out.
io_uring_sqe* RingChannel::Impl::next_submission() {
  io_uring_sqe* submission = ::io_uring_get_sqe(&ring);
  while (submission == nullptr) {
    ::io_uring_submit(&ring);
    submission = ::io_uring_get_sqe(&ring);
  }
  std::memset(submission, 0, 2 * sizeof(*submission));
  return submission;
}

io_uring_sqe* RingChannel::Impl::prepare(std::size_t entry, wire::RingOperation operation) {
  io_uring_sqe* submission = next_submission();
  submission->opcode = IORING_OP_URING_CMD;
  submission->fd = device;
  submission->cmd_op = static_cast<std::uint32_t>(operation);
  submission->user_data = entry;
  const wire::RingCommand command{.flags = 0, .commit_id = entries[entry].commit_id, .qid = number, .padding = {}};
  std::memcpy(reinterpret_cast<std::byte*>(submission) + kCommandOffset, &command, sizeof(command));
  return submission;
}

void RingChannel::Impl::give(std::size_t entry) {
  io_uring_sqe* submission = prepare(entry, wire::RingOperation::register_entry);
  submission->addr = reinterpret_cast<std::uint64_t>(entries[entry].buffers.data());
  submission->len = 2;
}

void RingChannel::Impl::listen_for_wake_ups() {
  io_uring_sqe* submission = next_submission();
  ::io_uring_prep_read(submission, wake.get(), &wake_ups, sizeof(wake_ups), 0);
  submission->user_data = kWakeUp;
  listens = true;
}

void RingChannel::Impl::commit_replies() {
  {
    const std::lock_guard lock(mutex);
    committed.swap(replies);
  }
  for (const std::size_t entry : committed) prepare(entry, wire::RingOperation::commit_and_fetch);
  committed.clear();
}

// Requests that wait for something keep their entries.  Where all of them do, there is another for the requests to
// come.
void RingChannel::Impl::keep_one_for_the_kernel() {
  {
    const std::lock_guard lock(mutex);
    const auto is_ours = [](const Entry& entry) { return entry.unique != 0; };
    if (entries.size() >= kMostEntries || !std::ranges::all_of(entries, is_ours)) return;
  }
  if (!add_entry()) return;
  give(entries.size() - 1);
  ++usable;
}

// The entry in which a request has come.
std::optional<std::size_t> RingChannel::Impl::take(const io_uring_cqe& completion) {
  if (completion.user_data == kWakeUp) {
    listens = false;
    return std::nullopt;
  }
  const auto entry = static_cast<std::size_t>(completion.user_data);
  if (completion.res == 0) return entry;
  // EAGAIN, EINTR: the kernel asks for the same again.  It does so for a registration before INIT's reply is taken.
  const bool again = completion.res == -EAGAIN || completion.res == -EINTR;
  if (again && entries[entry].commit_id == 0) {
    give(entry);
  } else if (again) {
    prepare(entry, wire::RingOperation::commit_and_fetch);
  } else {
    --usable;  // the connection ends (ENOTCONN, ECONNABORTED, ECANCELED), or has no use for the entry
  }
  return std::nullopt;
}

// Puts the parts together as /dev/fuse would have delivered them; 0 where they do not fit together.
std::size_t RingChannel::Impl::copy_request(Entry& entry, std::span<std::byte> into) const {
  wire::InHeader header{};
  std::memcpy(&header, entry.header->in_out, sizeof(header));
  const std::size_t payload = entry.header->entry.payload_size;
  entry.commit_id = entry.header->entry.commit_id;
  entry.unique = header.unique;
  if (payload > payload_size || header.len < sizeof(header) + payload || header.len > into.size()) return 0;
  const std::size_t first = header.len - sizeof(header) - payload;
  if (first > sizeof(entry.header->op_in)) return 0;
  std::memcpy(into.data(), &header, sizeof(header));
  std::memcpy(into.data() + sizeof(header), entry.header->op_in, first);
  std::memcpy(into.data() + sizeof(header) + first, entry.payload, payload);
  return header.len;
}

Result<> RingChannel::Impl::fill(Entry& entry, std::span<const std::byte> message) const {
  const std::span<const std::byte> payload = message.subspan(sizeof(wire::OutHeader));
  if (payload.size() > payload_size) return fail(Errno::invalid);
  std::memcpy(entry.header->in_out, message.data(), sizeof(wire::OutHeader));
  std::memcpy(entry.payload, payload.data(), payload.size());
  entry.header->entry.payload_size = static_cast<std::uint32_t>(payload.size());
  entry.unique = 0;
  return {};
}

RingChannel::RingChannel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RingChannel::~RingChannel() = default;

Outcome<std::unique_ptr<RingChannel>> RingChannel::create(const Fd& device, unsigned queue, unsigned entries,
                                                          std::size_t max_write) {
  auto impl = std::make_unique<Impl>();
  impl->device = device.get();
  impl->number = static_cast<std::uint16_t>(queue);
  if (const Outcome<> made = impl->make(entries, max_write); !made) return std::unexpected(made.error());
  return std::unique_ptr<RingChannel>(new RingChannel(std::move(impl)));
}

Outcome<std::unique_ptr<RingChannel>> RingChannel::another() const {
  auto impl = std::make_unique<Impl>();
  impl->device = impl_->device;
  impl->number = impl_->number;
  if (const Outcome<> made = impl->make(1, impl_->payload_size); !made) return std::unexpected(made.error());
  return std::unique_ptr<RingChannel>(new RingChannel(std::move(impl)));
}

Outcome<Rings> create_rings(const Fd& device, unsigned queues, unsigned channels, std::size_t max_write) {
  Rings rings(queues);
  for (unsigned queue = 0; queue < queues; ++queue) {
    for (unsigned i = 0; i < channels; ++i) {
      auto channel = RingChannel::create(device, queue, 1, max_write);
      if (!channel) return std::unexpected(channel.error());
      rings[queue].push_back(*std::move(channel));
    }
  }
  return rings;
}

void RingChannel::register_entries() {
  impl_->owner = std::this_thread::get_id();
  impl_->usable = static_cast<unsigned>(impl_->entries.size());
  for (std::size_t i = 0; i < impl_->entries.size(); ++i) impl_->give(i);
  ::io_uring_submit(&impl_->ring);
}

Result<std::size_t> RingChannel::receive(std::span<std::byte> into) {
  for (;;) {
    if (impl_->usable == 0) return fail(Errno::no_device);
    if (!impl_->listens) impl_->listen_for_wake_ups();
    impl_->commit_replies();
    impl_->keep_one_for_the_kernel();
    io_uring_cqe* completion = nullptr;
    if (::io_uring_peek_cqe(&impl_->ring, &completion) == 0) {
      ::io_uring_submit(&impl_->ring);  // a reply must not wait for the request after it
    } else {
      const int done = ::io_uring_submit_and_wait(&impl_->ring, 1);
      if (done < 0 && done != -EINTR && done != -EAGAIN && done != -EBUSY) return fail(Errno::no_device);
      if (::io_uring_peek_cqe(&impl_->ring, &completion) != 0) continue;
    }
    const std::optional<std::size_t> entry = impl_->take(*completion);
    ::io_uring_cqe_seen(&impl_->ring, completion);
    if (!entry) continue;
    const std::lock_guard lock(impl_->mutex);
    const std::size_t length = impl_->copy_request(impl_->entries[*entry], into);
    if (length != 0) return length;
    const wire::OutHeader refusal{.len = sizeof(refusal), .error = -EIO, .unique = impl_->entries[*entry].unique};
    if (impl_->fill(impl_->entries[*entry], std::as_bytes(std::span(&refusal, 1)))) impl_->replies.push_back(*entry);
  }
}

Result<> RingChannel::send(std::span<const std::byte> message) {
  wire::OutHeader header{};
  std::memcpy(&header, message.data(), sizeof(header));
  {
    const std::lock_guard lock(impl_->mutex);
    const auto found = std::ranges::find(impl_->entries, header.unique, &Entry::unique);
    if (header.unique == 0 || found == impl_->entries.end()) return fail(Errno::no_entry);
    if (const Result<> filled = impl_->fill(*found, message); !filled) return filled;
    impl_->replies.push_back(static_cast<std::size_t>(found - impl_->entries.begin()));
  }
  if (impl_->owner == std::this_thread::get_id()) return {};
  const std::uint64_t one = 1;
  if (::write(impl_->wake.get(), &one, sizeof(one)) < 0) return fail_with_errno();
  return {};
}

}  // namespace fusebox::door
