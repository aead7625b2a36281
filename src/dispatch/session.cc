#include "dispatch/session.h"

#include <sys/mman.h>

#include <algorithm>
#include <functional>
#include <new>
#include <utility>

#include "dispatch/opcode_table.h"

namespace fusebox::dispatch {
namespace {

// Page-aligned memory that costs nothing until it is touched: most requests use a page of it.
class Buffer {
 public:
  explicit Buffer(std::size_t size) : size_(size) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    bytes_ = static_cast<std::byte*>(memory);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { ::munmap(bytes_, size_); }

  std::span<std::byte> span() const { return {bytes_, size_}; }

 private:
  std::byte* bytes_ = nullptr;
  std::size_t size_;
};

constexpr std::size_t kJobsKept = 16;

}  // namespace

// A request from its arrival to its reply.  The buffers outlive the call that refers to them.
struct Session::Job final : Serving {
  Job(Session& s, std::size_t size) : session(s), request(size), reply(size) {}

  std::stop_token cancelled() override {
    listed = true;
    return session.in_flight_.add(call->header.unique);
  }
  Executor& executor() override { return session.executor_; }

  Session& session;
  Buffer request;
  Buffer reply;
  door::Channel* channel = nullptr;
  std::optional<Call> call;
  Answer answer = Answer::reply;
  bool listed = false;  // in in_flight_
};

// The coroutine at the foot of a request: nobody awaits it, and it ends by giving the job back.
struct Session::Detached {
  struct promise_type final : detail::PromiseCommon<void> {
    Detached get_return_object() {
      self = std::coroutine_handle<promise_type>::from_promise(*this);
      return {};
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
  };
};

Session::Session(Ref<Node> root, SessionOptions options) : options_(options), tree_(std::move(root)) {}

Session::~Session() { end(); }

void Session::end() {
  notifications_.end();
  in_flight_.interrupt_all();
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return busy_jobs_ == 0; });
}

Negotiated Session::negotiated() const {
  const std::lock_guard lock(mutex_);
  return negotiated_;
}

std::vector<Session::Count> Session::counts() const {
  std::vector<Count> counts;
  for (std::uint32_t opcode = 0; opcode < requests_.size(); ++opcode) {
    const std::uint64_t count = requests_[opcode].load(std::memory_order_relaxed);
    const std::string_view name = row_of(opcode).name;
    if (count > 0) counts.push_back({name.empty() ? "unknown" : name, count});
  }
  std::ranges::sort(counts, std::ranges::greater{}, &Count::requests);
  return counts;
}

std::uint64_t Session::requests() const {
  std::uint64_t sum = 0;
  for (const std::atomic<std::uint64_t>& count : requests_) sum += count.load(std::memory_order_relaxed);
  return sum;
}

std::unique_ptr<Session::Job> Session::take_job() {
  {
    const std::lock_guard lock(mutex_);
    ++busy_jobs_;
    if (!free_jobs_.empty()) {
      std::unique_ptr<Job> job = std::move(free_jobs_.back());
      free_jobs_.pop_back();
      return job;
    }
  }
  return std::make_unique<Job>(*this, request_buffer_size(options_));
}

void Session::finish(std::unique_ptr<Job> job) {
  if (job->listed) in_flight_.remove(job->call->header.unique);
  job->listed = false;
  job->call.reset();
  std::unique_ptr<Job> surplus;
  const std::lock_guard lock(mutex_);
  if (free_jobs_.size() < kJobsKept) {
    free_jobs_.push_back(std::move(job));
  } else {
    surplus = std::move(job);
  }
  if (--busy_jobs_ == 0) idle_.notify_all();
}

void Session::serve(door::Channel& channel) {
  while (serve_one(channel)) {
  }
}

bool Session::serve_one(door::Channel& channel) {
  std::unique_ptr<Job> job = take_job();
  job->channel = &channel;
  const Result<std::size_t> length = channel.receive(job->request.span());
  if (!length) {
    finish(std::move(job));
    return false;
  }
  const Result<wire::Message> message = wire::decode_message(job->request.span().first(*length));
  if (!message) {
    // Bytes that are no request have no number to reply to: the connection cannot be trusted any more.
    finish(std::move(job));
    return false;
  }
  requests_[std::min<std::size_t>(message->header.opcode, wire::kOpcodeCount)].fetch_add(1, std::memory_order_relaxed);
  dispatch(std::move(job), *message);
  return true;
}

void Session::dispatch(std::unique_ptr<Job> job, const wire::Message& message) {
  Call& call = job->call.emplace(tree_, message, job->reply.span().subspan(sizeof(wire::OutHeader)));
  call.request.caller = {.uid = call.header.uid, .gid = call.header.gid, .tid = static_cast<pid_t>(call.header.pid)};
  call.request.unique = call.header.unique;
  call.request.serving = job.get();
  call.channel = job->channel;
  const OpcodeRow& row = row_of(call.header.opcode);
  job->answer = row.answer;
  if (row.serve != nullptr && !is_absent(static_cast<wire::Opcode>(call.header.opcode))) {
    run(*this, std::move(job), row.serve);
    return;
  }
  answer(*job, serve_itself(call));
  finish(std::move(job));
}

// What concerns the connection, not its files; ENOSYS for everything else.
Result<> Session::serve_itself(Call& call) {
  switch (static_cast<wire::Opcode>(call.header.opcode)) {
    case wire::Opcode::init:
      return init(call);
    case wire::Opcode::notify_reply:
      return take_retrieved(call);
    case wire::Opcode::interrupt: {
      const auto in = call.arguments.take<wire::InterruptIn>();
      if (in) in_flight_.interrupt(in->unique);
      return {};
    }
    default:
      return fail(Errno::not_implemented);
  }
}

// The kernel remembers the ENOSYS, and never asks for it again.
bool Session::is_absent(wire::Opcode opcode) const {
  switch (opcode) {
    case wire::Opcode::open:
      return !options_.opens_files;
    case wire::Opcode::opendir:
      return !options_.opens_directories;
    case wire::Opcode::getxattr:
    case wire::Opcode::setxattr:
    case wire::Opcode::listxattr:
    case wire::Opcode::removexattr:
      return !options_.extended_attributes;
    default:
      return false;
  }
}

Result<> Session::take_retrieved(Call& call) {
  const auto in = call.arguments.take<wire::NotifyRetrieveIn>();
  if (!in) return fail(in.error());
  const auto data = call.arguments.take_bytes(in->size);
  if (!data) return fail(data.error());
  notifications_.retrieved(call.header.unique, std::string(reinterpret_cast<const char*>(data->data()), data->size()));
  return {};
}

namespace {

// What the kernel remembers ENOSYS of: no node of the mount is asked again (fs/fuse/{dir,file,xattr}.c).  A handler
// answers for one node alone, so it is told apart here; what all nodes lack, Session::is_absent() says.
Errno for_one_node(wire::Opcode opcode, Errno error) {
  if (error != Errno::not_implemented) return error;
  switch (opcode) {
    case wire::Opcode::open:
    case wire::Opcode::opendir:
    case wire::Opcode::create:
    case wire::Opcode::tmpfile:
    case wire::Opcode::rename2:
    case wire::Opcode::fallocate:
    case wire::Opcode::getxattr:
    case wire::Opcode::setxattr:
    case wire::Opcode::listxattr:
    case wire::Opcode::removexattr:
      return Errno::not_supported;
    default:
      return error;
  }
}

}  // namespace

Session::Detached Session::run(Session& session, std::unique_ptr<Job> job, Task<> (*serve)(Call&)) {
  Result<> result = co_await attempt(serve(*job->call));
  if (!result) result = fail(for_one_node(static_cast<wire::Opcode>(job->call->header.opcode), result.error()));
  session.answer(*job, result);
  session.finish(std::move(job));
}

Result<> Session::init(Call& call) {
  const auto in = call.arguments.take<wire::InitIn>();
  if (!in) return fail(static_cast<Errno>(EPROTO));  // the 16-byte INIT of protocols before 7.36
  const Result<InitReply> reply = negotiate(*in, options_);
  if (!reply) return fail(reply.error());
  call.reply.put(reply->out);
  const std::lock_guard lock(mutex_);
  negotiated_ = reply->negotiated;
  return {};
}

void Session::answer(Job& job, Result<> result) {
  if (job.answer == Answer::none || job.call->is_answered) return;
  if (result) {
    send(job, Errno{}, job.call->reply.used());
  } else {
    job.call->undo();
    send(job, result.error(), 0);
  }
}

void Session::send(Job& job, Errno error, std::size_t payload) {
  const std::size_t length = sizeof(wire::OutHeader) + payload;
  const wire::OutHeader header{.len = static_cast<std::uint32_t>(length),
                               .error = -static_cast<std::int32_t>(error),
                               .unique = job.call->header.unique};
  std::memcpy(job.reply.span().data(), &header, sizeof(header));
  const Result<> sent = job.channel->send(job.reply.span().first(length));
  if (!sent) job.call->undo();
}

}  // namespace fusebox::dispatch
